//! `--evidence FILE`: what was released, where, by which request and with what outcome, for whoever
//! has to answer for it. It holds no secret.

use dls::Run;
use dls::model::{PackageDetail, Status, Task, Timestamp};
use dls::rollout::{PackageReport, Report, RunSpec};
use dls::store::Position;
use serde::Serialize;

use crate::exit_code::ExitCode;
use crate::text::{reason, report_outcome, run_outcome, start};

mod file;

pub(crate) use file::EvidenceFile;

const SCHEMA: &str = "dls.evidence/1";

/// What the file holds while a request is being sent: nobody knows yet what becomes of it.
#[derive(Serialize)]
struct IntentDocument<'a> {
    schema: &'static str,
    tool: Tool,
    run_id: &'a str,
    journal: &'a Position,
    plan_hash: Option<&'a str>,
    endpoint: &'a str,
    project_id: &'a str,
    workspace: &'a str,
    start: &'static str,
    outcome: &'static str,
    packages: Vec<String>,
}

impl<'a> IntentDocument<'a> {
    fn new(began: &'a RunSpec, journal: &'a Position) -> Self {
        Self {
            schema: SCHEMA,
            tool: Tool::THIS,
            run_id: journal.run.as_str(),
            journal,
            plan_hash: began.plan_hash.as_deref(),
            endpoint: &began.destination.endpoint,
            project_id: began.destination.project.as_str(),
            workspace: began.destination.workspace.as_str(),
            start: start(began.options.start()),
            outcome: "unknown",
            packages: began.packages.iter().map(ToString::to_string).collect(),
        }
    }
}

/// What the file holds in the end.
#[derive(Serialize)]
pub(crate) struct EvidenceDocument<'a> {
    schema: &'static str,
    tool: Tool,
    run_id: Option<String>,
    /// The last entry of the journal: one that does not hold it is older, or another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    journal: Option<Position>,
    plan_hash: Option<&'a str>,
    endpoint: &'a str,
    project_id: &'a str,
    workspace: &'a str,
    start: &'static str,
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
        let began = run.spec();
        Self {
            schema: SCHEMA,
            tool: Tool::THIS,
            run_id: run.id().map(ToString::to_string),
            journal: run.position(),
            plan_hash: began.plan_hash.as_deref(),
            endpoint: &began.destination.endpoint,
            project_id: began.destination.project.as_str(),
            workspace: began.destination.workspace.as_str(),
            start: start(began.options.start()),
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
