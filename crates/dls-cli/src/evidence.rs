//! `--evidence FILE`: what was released, where, by which request and with which outcome, for a change board. It contains
//! no secret.

use dls::model::{PackageDetail, Status, Task, Timestamp};
use dls::rollout::{PackageReport, Report, RunOutcome, RunSpec};
use dls::store::Position;
use dls::{Run, RunId};
use serde::Serialize;

use crate::exit_code::ExitCode;
use crate::text::{reason, report_outcome, run_outcome, start};

mod file;

pub(crate) use file::EvidenceFile;

const SCHEMA: &str = "dls.evidence/1";

/// Which run it is about.
#[derive(Serialize)]
struct Header<'a> {
    schema: &'static str,
    tool: Tool,
    run_id: Option<String>,
    /// The last entry of the journal: a journal without it is older, or another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    journal: Option<Position>,
    plan_hash: Option<&'a str>,
    endpoint: &'a str,
    project_id: &'a str,
    workspace: &'a str,
    start: &'static str,
}

impl<'a> Header<'a> {
    fn new(spec: &'a RunSpec, run: Option<&RunId>, journal: Option<Position>) -> Self {
        Self {
            schema: SCHEMA,
            tool: Tool::THIS,
            run_id: run.map(ToString::to_string),
            journal,
            plan_hash: spec.plan_hash.as_deref(),
            endpoint: &spec.destination.endpoint,
            project_id: spec.destination.project.as_str(),
            workspace: spec.destination.workspace.as_str(),
            start: start(spec.options.start()),
        }
    }
}

/// What the file contains while a request is being sent: its outcome is not known yet.
#[derive(Serialize)]
struct IntentDocument<'a> {
    #[serde(flatten)]
    header: Header<'a>,
    outcome: &'static str,
    packages: Vec<String>,
}

impl<'a> IntentDocument<'a> {
    fn new(spec: &'a RunSpec, journal: &Position) -> Self {
        Self {
            header: Header::new(spec, Some(&journal.run), Some(journal.clone())),
            outcome: run_outcome(RunOutcome::Unknown),
            packages: spec.packages.iter().map(ToString::to_string).collect(),
        }
    }
}

/// What the file contains in the end.
#[derive(Serialize)]
pub(crate) struct EvidenceDocument<'a> {
    #[serde(flatten)]
    header: Header<'a>,
    began_at: String,
    ended_at: String,
    outcome: &'static str,
    exit_code: u8,
    interrupted_by: Option<&'static str>,
    packages: Vec<PackageEvidence<'a>>,
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

impl Tool {
    const THIS: Self = Self { name: "dls", version: env!("CARGO_PKG_VERSION") };
}

#[derive(Serialize)]
struct PackageEvidence<'a> {
    id: String,
    name: Option<&'a str>,
    outcome: &'static str,
    why: Option<String>,
    sent: bool,
    signed_at: Option<String>,
    ours: bool,
    request_id: Option<&'a str>,
    asy_task_id: Option<&'a str>,
    applied_by: Option<&'a str>,
    released_by: Option<&'a str>,
    released_at: Option<String>,
    status_before: Option<String>,
    status_after: Option<String>,
    tasks: Vec<TaskEvidence<'a>>,
}

#[derive(Serialize)]
struct TaskEvidence<'a> {
    name: Option<&'a str>,
    kind: Option<String>,
    change: Option<String>,
    /// In production before the release.
    version_before: Option<i64>,
    /// In production after it, if it succeeds; absent for what it deletes.
    version_after: Option<i64>,
    status: Option<String>,
    start_status: Option<String>,
}

impl<'a> EvidenceDocument<'a> {
    pub(crate) fn new(
        run: &'a Run,
        report: &'a Report,
        exit_code: ExitCode,
        interrupted_by: Option<&'static str>,
    ) -> Self {
        Self {
            header: Header::new(run.spec(), run.id(), run.position()),
            began_at: run.created_at().to_string(),
            ended_at: crate::clock::timestamp().to_string(),
            outcome: run_outcome(report.outcome),
            exit_code: exit_code.code(),
            interrupted_by,
            packages: report.packages.iter().map(PackageEvidence::of).collect(),
        }
    }
}

impl<'a> PackageEvidence<'a> {
    fn of(report: &'a PackageReport) -> Self {
        let (before, after) = (report.baseline.as_ref(), report.latest.as_ref());
        let package = after.map(|detail| &detail.package);
        let applicant = package.and_then(|it| it.applicant.as_ref());
        let deployer = package.and_then(|it| it.deployer.as_ref());
        let released_at = package.and_then(|it| it.deployed_at);
        Self {
            id: report.id.to_string(),
            name: package.and_then(|it| it.name.as_deref()),
            outcome: report_outcome(report),
            why: report.outcome.as_ref().and_then(reason),
            sent: report.sent,
            signed_at: report.signed_at.map(|at: Timestamp| at.to_string()),
            ours: report.ours,
            request_id: report.request_id.as_deref(),
            asy_task_id: report.background_task.as_deref(),
            applied_by: applicant.and_then(|user| user.name.as_deref()),
            released_by: deployer.and_then(|user| user.name.as_deref()),
            released_at: released_at.map(|at| at.to_string()),
            status_before: before.and_then(status),
            status_after: after.and_then(status),
            tasks: tasks(before, after),
        }
    }
}

fn status(detail: &PackageDetail) -> Option<String> {
    detail.package.status.map(|status: Status| status.to_string())
}

/// The tasks as they are now, with the version that each had in production before.
fn tasks<'a>(
    before: Option<&'a PackageDetail>,
    after: Option<&'a PackageDetail>,
) -> Vec<TaskEvidence<'a>> {
    let was = |task: &Task| {
        let tasks = before.map(|detail| detail.tasks.as_slice());
        let mut tasks = tasks.unwrap_or_default().iter();
        tasks.find(|it| (it.kind, &it.name) == (task.kind, &task.name))
    };
    let tasks = after.map(|detail| detail.tasks.as_slice());
    let rows = tasks.unwrap_or_default().iter().map(|task| TaskEvidence {
        name: task.name.as_deref(),
        kind: task.kind.map(|it| it.to_string()),
        change: task.change.map(|it| it.to_string()),
        version_before: was(task).unwrap_or(task).deployed_version,
        version_after: task.pending_version,
        status: task.status.map(|it| it.to_string()),
        start_status: task.start_status.map(|it| it.to_string()),
    });
    rows.collect()
}
