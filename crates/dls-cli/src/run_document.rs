//! What `deploy`, `resume`, `watch` and `wait` show: one entry for each package, whatever happened.

use dls::rollout::{NotSent, PackageOutcome, PackageReport, Report, RunOutcome, RunSpec};
use dls::{Run, RunId};
use serde_json::{Value, json};

use crate::document::{Block, Document};
use crate::json::{display, service_error, tasks, user_name, with};
use crate::text::{reason, report_outcome, run_outcome};

/// A run, as far as it came.
pub(crate) struct RunDocument<'a> {
    spec: &'a RunSpec,
    run: Option<&'a RunId>,
    outcome: RunOutcome,
    packages: &'a [PackageReport],
}

impl<'a> RunDocument<'a> {
    pub(crate) fn of(run: &'a Run, report: &'a Report) -> Self {
        Self::new(run.spec(), run.id(), report)
    }

    pub(crate) fn new(spec: &'a RunSpec, run: Option<&'a RunId>, report: &'a Report) -> Self {
        Self { spec, run, outcome: overall(report), packages: &report.packages }
    }

    pub(crate) fn with_outcome(self, outcome: RunOutcome) -> Self {
        Self { outcome, ..self }
    }
}

impl Document for RunDocument<'_> {
    fn json(&self) -> Value {
        let destination = &self.spec.destination;
        json!({
            "schema": match self.spec.options.start() {
                Some(_) => "dls.deploy/1",
                None => "dls.watch/1",
            },
            "endpoint": destination.endpoint,
            "project_id": destination.project,
            "workspace": destination.workspace,
            "run_id": display(self.run),
            "plan_hash": self.spec.plan_hash,
            "outcome": run_outcome(self.outcome),
            "packages": self.packages.iter().map(package).collect::<Value>(),
        })
    }

    fn text(&self) -> Vec<Block> {
        let rows = self.packages.iter().map(|it| {
            let name = it.latest.as_ref().and_then(|detail| detail.package.name.clone());
            let why = it.outcome.as_ref().and_then(reason);
            let outcome = report_outcome(it).to_owned();
            vec![it.id.to_string(), name.unwrap_or_default(), outcome, why.unwrap_or_default()]
        });
        vec![Block::Table { head: &["id", "name", "outcome", ""], rows: rows.collect() }]
    }
}

fn package(report: &PackageReport) -> Value {
    let seen = report.latest.clone().unwrap_or_default();
    let package = &seen.package;
    let error = match &report.outcome {
        Some(
            PackageOutcome::Refused { error, .. }
            | PackageOutcome::NotSent(NotSent::ObserveRefused(error)),
        ) => Some(service_error(error)),
        _ => None,
    };
    let mut row = json!({
        "id": report.id,
        "name": package.name,
        "outcome": report_outcome(report),
        "status": display(package.status),
        "status_code": package.status,
        "asy_task_id": report.background_task,
        "subtasks": report.subtasks,
        "tasks": tasks(&seen.tasks),
        // Whether a request of ours that names it may have been read.
        "sent": report.sent,
        "ours": report.ours,
        "released_by": user_name(package.deployer.as_ref()),
        "released_at": display(package.deployed_at),
        "released_at_ms": package.deployed_at,
        "request_id": report.request_id,
        "why": report.outcome.as_ref().and_then(reason),
        "error": error,
    });
    // Of a refusal: whether it proves that nothing was done.
    if let Some(PackageOutcome::Refused { proved, .. }) = report.outcome {
        row = with(row, json!({ "proved": proved }));
    }
    // Who gave it up, if somebody did: its run claims it no longer.
    if let Some(forgotten) = &report.forgotten {
        row = with(row, json!({ "given_up_by": forgotten.by }));
    }
    row
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
