//! The JSON documents: their field names are part of the command's contract.

use dls::model::{Package, PackageDetail, ServiceError, Task, Timestamp};
use dls::rollout::{NotSent, PackageReport, Report, Verdict};
use serde::Serialize;

use crate::config::Place;

/// What `deploy` prints.
#[derive(Serialize)]
pub(crate) struct Run<'a> {
    schema: &'static str,
    workspace: Option<&'a str>,
    endpoint: String,
    run_id: Option<String>,
    outcome: &'static str,
    packages: Vec<PackageRun>,
}

#[derive(Serialize)]
struct PackageRun {
    id: String,
    name: Option<String>,
    outcome: &'static str,
    status: Option<String>,
    status_code: Option<i64>,
    asy_task_id: Option<String>,
    subtasks: Option<i64>,
    tasks: Vec<TaskRow>,
    ours: bool,
    released_by: Option<String>,
    released_at: Option<String>,
    released_at_ms: Option<i64>,
    request_id: Option<String>,
    why: Option<String>,
    error: Option<ErrorRow>,
}

/// A package as a look saw it.
#[derive(Serialize)]
pub(crate) struct PackageRow {
    pub(crate) id: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) status: Option<String>,
    status_code: Option<i64>,
    applied_by: Option<String>,
    applied_at: Option<String>,
    applied_at_ms: Option<i64>,
    pub(crate) released_by: Option<String>,
    pub(crate) released_at: Option<String>,
    released_at_ms: Option<i64>,
    reviewers: Vec<Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tasks: Option<Vec<TaskRow>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorRow>,
}

#[derive(Serialize)]
pub(crate) struct TaskRow {
    id: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) kind: Option<String>,
    pub(crate) change: Option<String>,
    pub(crate) status: Option<String>,
    status_code: Option<i64>,
    start_status: Option<String>,
    pub(crate) deployed_version: Option<i64>,
    pub(crate) pending_version: Option<i64>,
}

#[derive(Serialize)]
pub(crate) struct ErrorRow {
    code: Option<String>,
    message: String,
}

/// What `list`, `view` and `status` print.
#[derive(Serialize)]
pub(crate) struct Packages<'a> {
    pub(crate) schema: &'static str,
    pub(crate) workspace: Option<&'a str>,
    pub(crate) endpoint: String,
    pub(crate) packages: Vec<PackageRow>,
}

impl<'a> Packages<'a> {
    pub(crate) fn new(schema: &'static str, place: &'a Place, packages: Vec<PackageRow>) -> Self {
        let workspace = place.workspace.as_ref().map(|workspace| workspace.as_str());
        Self {
            schema,
            workspace,
            endpoint: place.endpoints.v2().to_string(),
            packages,
        }
    }
}

impl<'a> Run<'a> {
    pub(crate) fn new(place: &'a Place, report: &Report) -> Self {
        Self {
            schema: "dls.deploy/1",
            workspace: place.workspace.as_ref().map(|workspace| workspace.as_str()),
            endpoint: place.endpoints.v2().to_string(),
            run_id: None,
            outcome: report.outcome.word(),
            packages: report.packages.iter().map(PackageRun::new).collect(),
        }
    }
}

impl PackageRun {
    fn new(report: &PackageReport) -> Self {
        let package = report.latest.as_ref().map(|detail| &detail.package);
        let released_at = package.and_then(|package| package.deployed_at);
        let error = match &report.verdict {
            Some(
                Verdict::Refused { error, .. } | Verdict::NotSent(NotSent::LookRefused(error)),
            ) => Some(ErrorRow::of(error)),
            _ => None,
        };
        Self {
            id: report.id.to_string(),
            name: package.and_then(|package| package.name.clone()),
            outcome: report.verdict.as_ref().map_or("pending", Verdict::word),
            status: package
                .and_then(|package| package.status)
                .map(|status| status.to_string()),
            status_code: package
                .and_then(|package| package.status)
                .map(|status| status.code()),
            asy_task_id: report.background_task.clone(),
            subtasks: report.subtasks,
            tasks: report.latest.as_ref().map(task_rows).unwrap_or_default(),
            ours: report.ours,
            released_by: package
                .and_then(|package| package.deployer.as_ref())
                .and_then(|user| user.name.clone()),
            released_at: time(released_at),
            released_at_ms: released_at.map(Timestamp::as_millis),
            request_id: report.request_id.clone(),
            why: report.verdict.as_ref().and_then(why),
            error,
        }
    }
}

impl PackageRow {
    pub(crate) fn of(package: &Package) -> Self {
        let user = |user: &Option<dls::model::User>| user.as_ref().and_then(|it| it.name.clone());
        Self {
            id: package.id.map(|id| id.to_string()),
            name: package.name.clone(),
            status: package.status.map(|status| status.to_string()),
            status_code: package.status.map(|status| status.code()),
            applied_by: user(&package.applicant),
            applied_at: time(package.applied_at),
            applied_at_ms: package.applied_at.map(Timestamp::as_millis),
            released_by: user(&package.deployer),
            released_at: time(package.deployed_at),
            released_at_ms: package.deployed_at.map(Timestamp::as_millis),
            reviewers: package
                .reviewers
                .iter()
                .map(|user| user.name.clone())
                .collect(),
            tasks: None,
            error: None,
        }
    }

    pub(crate) fn of_detail(detail: &PackageDetail) -> Self {
        Self {
            tasks: Some(task_rows(detail)),
            ..Self::of(&detail.package)
        }
    }

    /// A package that could not be read.
    pub(crate) fn unread(id: String, error: &dls::Error) -> Self {
        let error = match error.service() {
            Some(error) => ErrorRow::of(error),
            None => ErrorRow {
                code: None,
                message: error.in_full(),
            },
        };
        Self {
            id: Some(id),
            error: Some(error),
            ..Self::of(&Package::default())
        }
    }
}

impl ErrorRow {
    fn of(error: &ServiceError) -> Self {
        let code = error.code().map(|code| code.as_str().to_owned());
        Self {
            code,
            message: error.message().to_owned(),
        }
    }
}

/// What a verdict has to say beyond its word.
pub(crate) fn why(verdict: &Verdict) -> Option<String> {
    Some(match verdict {
        Verdict::Succeeded { start_failures } if start_failures.is_empty() => return None,
        Verdict::Succeeded { start_failures } => {
            format!("released, but not started: {}", start_failures.join(", "))
        }
        Verdict::Failed { tasks } if tasks.is_empty() => return None,
        Verdict::Failed { tasks } => format!("failed: {}", tasks.join(", ")),
        Verdict::AlreadyReleased { by: Some(by), .. } => {
            format!("released by {by} before this run")
        }
        Verdict::Refused {
            error,
            proved: true,
        } => error.to_string(),
        Verdict::Refused { error, .. } => {
            format!("{error}; it was one of several, and no release of it was seen")
        }
        Verdict::Unknown { evidence } => evidence.clone(),
        Verdict::StillRunning { why } => why.clone(),
        Verdict::Gone { .. } => "the service knows no such package".to_owned(),
        Verdict::NotSent(why) => match why {
            NotSent::Unreachable(why) | NotSent::Unavailable(why) => why.clone(),
            NotSent::NotAuthenticated(why) => why.clone(),
            NotSent::LookRefused(error) => error.to_string(),
            NotSent::LastReleaseFailed => "its last release failed; --again sends it".to_owned(),
            NotSent::WrongStatus(Some(status)) => format!("its status is {status}"),
            NotSent::WrongStatus(None) => "the service reports no status".to_owned(),
            NotSent::ReleasedBefore { by: Some(by), .. } => format!("released by {by} before"),
            NotSent::ReleasedBefore { .. } => "it was released before".to_owned(),
            NotSent::Drifted(what) => format!("not as planned: {what}"),
            NotSent::Deletes(names) => {
                format!(
                    "it deletes {} in production; --allow-delete sends it",
                    names.join(", ")
                )
            }
            NotSent::Overlaps { name, with } => {
                let with: Vec<String> = with.iter().map(ToString::to_string).collect();
                format!(
                    "{name} is also in package {}; --in-order sends one after the other",
                    with.join(", ")
                )
            }
            NotSent::OutOfTime => "the time to wait was over first".to_owned(),
            _ => "another package stopped the run".to_owned(),
        },
        _ => return None,
    })
}

fn task_rows(detail: &PackageDetail) -> Vec<TaskRow> {
    detail.tasks.iter().map(task_row).collect()
}

fn task_row(task: &Task) -> TaskRow {
    TaskRow {
        id: task.id.clone(),
        name: task.name.clone(),
        kind: task.kind.map(|kind| kind.to_string()),
        change: task.change.map(|change| change.to_string()),
        status: task.status.map(|status| status.to_string()),
        status_code: task.status.map(|status| status.code()),
        start_status: task.start_status.map(|status| status.to_string()),
        deployed_version: task.deployed_version,
        pending_version: task.pending_version,
    }
}

fn time(at: Option<Timestamp>) -> Option<String> {
    at.map(|at| at.to_string())
}

impl PackageRow {
    pub(crate) fn task_rows(&self) -> &[TaskRow] {
        self.tasks.as_deref().unwrap_or_default()
    }
}
