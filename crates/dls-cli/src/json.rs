//! The JSON documents: their field names are part of the command's contract.

mod run;

use dls::model::{Package, PackageDetail, ServiceError, Task, Timestamp};
use dls::rollout::PlannedPackage;
use serde::Serialize;

use crate::config::Settings;
use crate::document::{Block, Document};

pub(crate) use run::RunDocument;

/// A package as an observation saw it.
#[derive(Serialize)]
pub(crate) struct PackageRow {
    pub(crate) id: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) status: Option<String>,
    status_code: Option<i64>,
    pub(crate) applied_by: Option<String>,
    applied_at: Option<String>,
    pub(crate) applied_at_ms: Option<i64>,
    pub(crate) released_by: Option<String>,
    pub(crate) released_at: Option<String>,
    pub(crate) released_at_ms: Option<i64>,
    pub(crate) reviewers: Vec<Option<String>>,
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
    request_id: Option<String>,
}

/// What `list`, `view` and `status` print.
#[derive(Serialize)]
pub(crate) struct PackageList<'a> {
    pub(crate) schema: &'static str,
    pub(crate) workspace: Option<&'a str>,
    pub(crate) endpoint: String,
    pub(crate) packages: Vec<PackageRow>,
}

impl Document for PackageList<'_> {
    fn json(&self) -> impl Serialize {
        self
    }

    fn text(&self) -> Vec<Block> {
        let rows = self.packages.iter().map(|package| {
            let cells = [
                &package.id,
                &package.name,
                &package.status,
                &package.released_by,
                &package.released_at,
            ];
            cells.map(|cell| cell.clone().unwrap_or_default()).to_vec()
        });
        let head = &["id", "name", "status", "released by", "released at"];
        let mut blocks = vec![Block::Table { head, rows: rows.collect() }];
        blocks
            .extend(self.packages.iter().filter_map(|package| package.tasks.as_deref()).map(tasks));
        blocks
    }
}

impl<'a> PackageList<'a> {
    pub(crate) fn new(
        schema: &'static str,
        settings: &'a Settings,
        packages: Vec<PackageRow>,
    ) -> Self {
        let workspace = settings.workspace.as_ref().map(|workspace| workspace.as_str());
        Self { schema, workspace, endpoint: settings.endpoints.v2().to_string(), packages }
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
            reviewers: package.reviewers.iter().map(|user| user.name.clone()).collect(),
            tasks: None,
            error: None,
        }
    }

    pub(crate) fn of_detail(detail: &PackageDetail) -> Self {
        Self { tasks: Some(task_rows(detail)), ..Self::of(&detail.package) }
    }

    pub(crate) fn of_plan(planned: &PlannedPackage) -> Self {
        Self { id: Some(planned.id.to_string()), ..Self::of_detail(&planned.seen) }
    }

    /// A package that could not be read.
    pub(crate) fn unread(id: String, error: &dls::Error) -> Self {
        let error = match error.service() {
            Some(error) => ErrorRow::of(error),
            None => ErrorRow {
                code: None,
                message: error.in_full(),
                request_id: error.request_id().map(str::to_owned),
            },
        };
        Self { id: Some(id), error: Some(error), ..Self::of(&Package::default()) }
    }
}

fn tasks(tasks: &[TaskRow]) -> Block {
    let version = |version: Option<i64>| version.map_or("-".to_owned(), |it| format!("v{it}"));
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let rows = tasks.iter().map(|task| {
        vec![
            text(&task.change),
            text(&task.kind),
            text(&task.name),
            format!("{} -> {}", version(task.deployed_version), version(task.pending_version)),
            text(&task.status),
        ]
    });
    let head = &["change", "kind", "task", "version", "status"];
    Block::Table { head, rows: rows.collect() }
}

impl ErrorRow {
    fn of(error: &ServiceError) -> Self {
        let code = error.code().map(|code| code.as_str().to_owned());
        Self {
            code,
            message: error.message().to_owned(),
            request_id: error.request_id().map(str::to_owned),
        }
    }
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
