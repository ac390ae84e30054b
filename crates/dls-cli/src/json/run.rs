//! What `deploy`, `resume`, `watch` and `wait` print: one entry for each package, whatever happened.

use dls::rollout::{Destination, NotSent, PackageOutcome, PackageReport, Report, RunSpec};
use dls::{PackageId, RunId, Selection};
use serde::Serialize;

use super::{ErrorRow, TaskRow, task_rows, time};
use crate::exit::Failure;
use crate::exit_code::ExitCode;
use crate::text::{package_outcome, run_outcome, why};

/// A run, as far as it came.
#[derive(Serialize)]
pub(crate) struct RunDocument {
    schema: &'static str,
    endpoint: String,
    project_id: String,
    workspace: String,
    run_id: Option<String>,
    plan_hash: Option<String>,
    outcome: &'static str,
    packages: Vec<PackageRun>,
}

#[derive(Serialize)]
struct PackageRun {
    id: String,
    name: Option<String>,
    outcome: &'static str,
    /// Of a refusal: whether it proves that nothing was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    proved: Option<bool>,
    /// Who gave it up, if somebody did: its run claims it no longer.
    #[serde(skip_serializing_if = "Option::is_none")]
    given_up_by: Option<String>,
    status: Option<String>,
    status_code: Option<i64>,
    asy_task_id: Option<String>,
    subtasks: Option<i64>,
    tasks: Vec<TaskRow>,
    /// Whether a request of ours that names it may have been read.
    sent: bool,
    ours: bool,
    released_by: Option<String>,
    released_at: Option<String>,
    released_at_ms: Option<i64>,
    request_id: Option<String>,
    why: Option<String>,
    error: Option<ErrorRow>,
}

impl RunDocument {
    pub(crate) fn new(began: &RunSpec, run: Option<&RunId>, report: &Report) -> Self {
        let packages = report.packages.iter().map(PackageRun::of).collect();
        Self {
            run_id: run.map(ToString::to_string),
            plan_hash: began.plan_hash.clone(),
            ..Self::at(
                &began.destination,
                began.options.deploy.is_some(),
                overall(report),
                packages,
            )
        }
    }

    /// A run that did not come to its first request.
    pub(crate) fn refused(
        destination: &Destination,
        is_release: bool,
        packages: &Selection,
        failure: &Failure,
    ) -> Self {
        let row = |id: &PackageId| PackageRun::unsent(*id, &failure.message);
        let outcome = match failure.code {
            ExitCode::Unknown => "unknown",
            _ => "refused",
        };
        Self::at(destination, is_release, outcome, packages.iter().map(row).collect())
    }

    fn at(
        destination: &Destination,
        is_release: bool,
        outcome: &'static str,
        packages: Vec<PackageRun>,
    ) -> Self {
        Self {
            schema: match is_release {
                true => "dls.deploy/1",
                false => "dls.watch/1",
            },
            endpoint: destination.endpoint.clone(),
            project_id: destination.project.to_string(),
            workspace: destination.workspace.to_string(),
            run_id: None,
            plan_hash: None,
            outcome,
            packages,
        }
    }

    /// Id, name, outcome and the reason of each package.
    pub(crate) fn rows(&self) -> Vec<Vec<String>> {
        let row = |package: &PackageRun| {
            vec![
                package.id.clone(),
                package.name.clone().unwrap_or_default(),
                package.outcome.to_owned(),
                package.why.clone().unwrap_or_default(),
            ]
        };
        self.packages.iter().map(row).collect()
    }
}

impl PackageRun {
    fn of(report: &PackageReport) -> Self {
        let package = report.latest.as_ref().map(|detail| &detail.package);
        let released_at = package.and_then(|package| package.deployed_at);
        let error = match &report.outcome {
            Some(
                PackageOutcome::Refused { error, .. }
                | PackageOutcome::NotSent(NotSent::ObserveRefused(error)),
            ) => Some(ErrorRow::of(error)),
            _ => None,
        };
        Self {
            id: report.id.to_string(),
            name: package.and_then(|package| package.name.clone()),
            outcome: outcome(report),
            proved: match &report.outcome {
                Some(PackageOutcome::Refused { proved, .. }) => Some(*proved),
                _ => None,
            },
            given_up_by: report.forgotten.as_ref().map(|it| it.by.clone()),
            status: package.and_then(|package| package.status).map(|status| status.to_string()),
            status_code: package.and_then(|package| package.status).map(|status| status.code()),
            asy_task_id: report.background_task.clone(),
            subtasks: report.subtasks,
            tasks: report.latest.as_ref().map(task_rows).unwrap_or_default(),
            sent: report.sent,
            ours: report.ours,
            released_by: package
                .and_then(|package| package.deployer.as_ref())
                .and_then(|user| user.name.clone()),
            released_at: time(released_at),
            released_at_ms: released_at.map(dls::model::Timestamp::as_millis),
            request_id: report.request_id.clone(),
            why: report.outcome.as_ref().and_then(why),
            error,
        }
    }

    fn unsent(id: PackageId, why: &str) -> Self {
        Self {
            id: id.to_string(),
            name: None,
            outcome: "not-sent",
            proved: None,
            given_up_by: None,
            status: None,
            status_code: None,
            asy_task_id: None,
            subtasks: None,
            tasks: Vec::new(),
            sent: false,
            ours: false,
            released_by: None,
            released_at: None,
            released_at_ms: None,
            request_id: None,
            why: Some(why.to_owned()),
            error: None,
        }
    }
}

/// The word for the whole run, also when nobody could look.
fn overall(report: &Report) -> &'static str {
    let untold = || report.packages.iter().filter(|it| it.outcome.is_none());
    match untold().next() {
        None => run_outcome(report.outcome),
        Some(_) if untold().any(|it| it.sent) => "unknown",
        Some(_) => "pending",
    }
}

/// The word for what became of a package, also when nobody could look.
pub(crate) fn outcome(report: &PackageReport) -> &'static str {
    match &report.outcome {
        Some(outcome) => package_outcome(outcome),
        None if report.sent => "unknown",
        None => "not-sent",
    }
}
