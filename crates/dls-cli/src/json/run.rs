//! What `deploy`, `resume`, `watch` and `wait` print: one entry for each package, whatever happened.

use dls::rollout::{NotSent, PackageOutcome, PackageReport, Report, RunOutcome, RunSpec};
use dls::{Run, RunId};
use serde::Serialize;

use super::{ErrorRow, TaskRow, task_rows, time};
use crate::document::{Block, Document};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::text::{reason, report_outcome, run_outcome};

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

#[derive(Default, Serialize)]
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
    pub(crate) fn of(run: &Run, report: &Report) -> Self {
        Self::new(run.spec(), run.id(), report)
    }

    pub(crate) fn new(spec: &RunSpec, run: Option<&RunId>, report: &Report) -> Self {
        Self {
            run_id: run.map(ToString::to_string),
            plan_hash: spec.plan_hash.clone(),
            outcome: run_outcome(overall(report)),
            packages: report.packages.iter().map(PackageRun::of).collect(),
            ..Self::empty(spec)
        }
    }

    /// A run that was refused before its first request.
    pub(crate) fn refused(spec: &RunSpec, failure: &Failure) -> Self {
        let packages = spec.packages.iter().map(|id| PackageRun {
            id: id.to_string(),
            outcome: "not-sent",
            why: Some(failure.message.clone()),
            ..PackageRun::default()
        });
        Self {
            outcome: run_outcome(match failure.code {
                ExitCode::Unknown => RunOutcome::Unknown,
                _ => RunOutcome::Refused,
            }),
            packages: packages.collect(),
            ..Self::empty(spec)
        }
    }

    fn empty(spec: &RunSpec) -> Self {
        Self {
            schema: match spec.options.start() {
                Some(_) => "dls.deploy/1",
                None => "dls.watch/1",
            },
            endpoint: spec.destination.endpoint.clone(),
            project_id: spec.destination.project.to_string(),
            workspace: spec.destination.workspace.to_string(),
            run_id: None,
            plan_hash: None,
            outcome: "",
            packages: Vec::new(),
        }
    }
}

impl Document for RunDocument {
    fn json(&self) -> impl Serialize {
        self
    }

    fn text(&self) -> Vec<Block> {
        let row = |package: &PackageRun| {
            vec![
                package.id.clone(),
                package.name.clone().unwrap_or_default(),
                package.outcome.to_owned(),
                package.why.clone().unwrap_or_default(),
            ]
        };
        let rows = self.packages.iter().map(row).collect();
        vec![Block::Table { head: &["id", "name", "outcome", ""], rows }]
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
            outcome: report_outcome(report),
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
            why: report.outcome.as_ref().and_then(reason),
            error,
        }
    }
}

/// What became of the whole run, also if some packages were not observed.
fn overall(report: &Report) -> RunOutcome {
    let open = || report.packages.iter().filter(|it| it.outcome.is_none());
    match open().next() {
        None => report.outcome,
        Some(_) if open().any(|it| it.sent) => RunOutcome::Unknown,
        Some(_) => RunOutcome::Pending,
    }
}
