//! `--evidence FILE`: what was released, where, by which request and with what outcome, for whoever
//! has to answer for it. It holds no secret.

use std::fs::{File, OpenOptions};
use std::io::{Seek as _, Write as _};
use std::path::{Path, PathBuf};

use dls::Run;
use dls::model::{PackageDetail, Status, Task, Timestamp};
use dls::rollout::{PackageReport, Report};
use serde::Serialize;

use crate::document::outcome;
use crate::exit::Failure;
use crate::words::{start, why};

/// The file, opened before anything is sent.
pub(crate) struct Evidence {
    path: PathBuf,
    file: File,
    is_new: bool,
}

impl Evidence {
    /// Proves that the file can be written. What is in it stays until there is something new.
    pub(crate) fn at(path: &Path) -> Result<Self, Failure> {
        let is_new = !path.exists();
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(path);
        let file = file.map_err(|error| {
            Failure::new(
                9,
                format!("evidence {}: {error}; nothing was sent", path.display()),
            )
            .with_next("give --evidence FILE in a directory that can be written")
        })?;
        Ok(Self {
            path: path.to_owned(),
            file,
            is_new,
        })
    }

    /// Leaves nothing behind where nothing was begun.
    pub(crate) fn forget(self) {
        if self.is_new {
            drop(std::fs::remove_file(&self.path));
        }
    }

    pub(crate) fn write(mut self, facts: &Facts<'_>) -> Result<(), Failure> {
        let mut write = || {
            let mut text = serde_json::to_vec_pretty(facts)?;
            text.push(b'\n');
            // A pipe or a terminal has no length.
            if self.file.metadata()?.is_file() {
                self.file.set_len(0)?;
                self.file.rewind()?;
            }
            self.file.write_all(&text)?;
            self.file.flush()
        };
        write().map_err(|error| {
            let path = self.path.display();
            Failure::new(
                1,
                format!("the evidence was not written to {path}: {error}"),
            )
            .with_next("keep the document on stdout instead")
        })
    }
}

/// What the file holds.
#[derive(Serialize)]
pub(crate) struct Facts<'a> {
    schema: &'static str,
    tool: Tool,
    run_id: Option<String>,
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
    packages: Vec<PackageFacts<'a>>,
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct PackageFacts<'a> {
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
    tasks: Vec<TaskFacts<'a>>,
}

#[derive(Serialize)]
struct TaskFacts<'a> {
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

impl<'a> Facts<'a> {
    pub(crate) fn new(
        run: &'a Run,
        report: &'a Report,
        exit_code: u8,
        interrupted_by: Option<&'static str>,
    ) -> Self {
        let began = run.began();
        Self {
            schema: "dls.evidence/1",
            tool: Tool {
                name: "dls",
                version: env!("CARGO_PKG_VERSION"),
            },
            run_id: run.id().map(ToString::to_string),
            plan_hash: began.plan_hash.as_deref(),
            endpoint: &began.place.endpoint,
            project_id: began.place.project.as_str(),
            workspace: began.place.workspace.as_str(),
            start: start(began.options.start),
            began_at: run.began_at().to_string(),
            ended_at: crate::clock::timestamp().to_string(),
            outcome: report.outcome.word(),
            exit_code,
            interrupted_by,
            packages: report.packages.iter().map(PackageFacts::of).collect(),
        }
    }
}

impl<'a> PackageFacts<'a> {
    fn of(report: &'a PackageReport) -> Self {
        let (before, after) = (report.baseline.as_ref(), report.latest.as_ref());
        let package = after.map(|detail| &detail.package);
        let applicant = package.and_then(|it| it.applicant.as_ref());
        let deployer = package.and_then(|it| it.deployer.as_ref());
        let released_at = package.and_then(|it| it.deployed_at);
        Self {
            id: report.id.to_string(),
            name: package.and_then(|it| it.name.as_deref()),
            outcome: outcome(report),
            why: report.verdict.as_ref().and_then(why),
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
    detail
        .package
        .status
        .map(|status: Status| status.to_string())
}

/// The tasks as they are now, with the version that each had in production before.
fn tasks<'a>(
    before: Option<&'a PackageDetail>,
    after: Option<&'a PackageDetail>,
) -> Vec<TaskFacts<'a>> {
    let was = |task: &Task| {
        let tasks = before.map(|detail| detail.tasks.as_slice());
        let mut tasks = tasks.unwrap_or_default().iter();
        tasks.find(|it| (it.kind, &it.name) == (task.kind, &task.name))
    };
    let tasks = after.map(|detail| detail.tasks.as_slice());
    let facts = tasks.unwrap_or_default().iter().map(|task| TaskFacts {
        name: task.name.as_deref(),
        kind: task.kind.map(|it| it.to_string()),
        change: task.change.map(|it| it.to_string()),
        version_before: was(task).unwrap_or(task).deployed_version,
        version_after: task.pending_version,
        status: task.status.map(|it| it.to_string()),
        start_status: task.start_status.map(|it| it.to_string()),
    });
    facts.collect()
}
