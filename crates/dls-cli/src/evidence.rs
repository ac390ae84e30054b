//! `--evidence FILE`: what was released, where, by which request and with which outcome, for a change board. It contains
//! no secret. The file is read before anything is sent, and written before each request and at the end.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dls::model::{PackageDetail, Task};
use dls::rollout::{PackageReport, Report, RunOutcome, RunSpec};
use dls::store::{BoxFuture, Position};
use dls::{FileStore, Run, RunId, RunStore as _, StoreError};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::clock;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::journal_location::JournalLocation;
use crate::json::{display, user_name, with};
use crate::text::{reason, report_outcome, run_outcome, start};

const SCHEMA: &str = "dls.evidence/1";

/// Evidence of a hundred thousand packages is shorter.
const LONGEST: u64 = 64 << 20;

/// The file, opened before anything is sent.
pub(crate) struct EvidenceFile {
    path: PathBuf,
    file: Arc<File>,
    is_new: bool,
    /// What an earlier command wrote there.
    earlier: Option<Position>,
}

impl EvidenceFile {
    /// Proves that the file can be written. What is in it stays until there is something new.
    pub(crate) fn at(path: &Path) -> Result<Self, Failure> {
        let is_new = !path.exists();
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(path);
        let opened = file.and_then(|file| Ok((earlier(path)?, Arc::new(file))));
        let (earlier, file) = opened.map_err(|error| {
            Failure::refused(format!("evidence {}: {error}", path.display()))
                .with_next("give --evidence another FILE, in a directory that can be written")
        })?;
        Ok(Self { path: path.to_owned(), file, is_new, earlier })
    }

    /// What the journal must hold of this run. Evidence of another run is refused: it would be overwritten.
    pub(crate) fn of_run(&self, run: &RunId) -> Result<Option<&Position>, Failure> {
        match &self.earlier {
            Some(earlier) if earlier.run != *run => Err(Failure::refused(format!(
                "evidence {}: it is of run {}, not of {run}",
                self.path.display(),
                earlier.run
            ))
            .with_next("give --evidence another file, or name that run")),
            earlier => Ok(earlier.as_ref()),
        }
    }

    /// Refuses a journal that is older than this evidence, or another one: it may not know what was sent.
    pub(crate) async fn refuse_older(
        &self,
        journal: &JournalLocation,
        store: &FileStore,
    ) -> Result<(), Failure> {
        let Some(earlier) = &self.earlier else { return Ok(()) };
        match store.load(&earlier.run).await {
            Ok(stored) if stored.contains(earlier) => return Ok(()),
            Ok(_) | Err(StoreError::NoSuchRun(_)) => {}
            // A broken run blocks other runs by itself.
            Err(_) => return Ok(()),
        }
        Err(Failure::refused(format!(
            "the journal {} does not have entry {} of run {}, which evidence {} names: it is \
             older, or another one, and may not know what was sent",
            store.path().display(),
            earlier.entry,
            earlier.run,
            self.path.display()
        ))
        .with_next(journal.here("dls history"))
        .with_next("give the journal that was kept with the evidence, or --evidence another file"))
    }

    /// Writes each intention of this run into the file, too.
    pub(crate) fn witness(&self, run: Run) -> Run {
        let (file, path, spec) = (self.file.clone(), self.path.clone(), run.spec().clone());
        run.with_evidence(Witness { file, path, spec })
    }

    /// Removes the file if no run was created.
    pub(crate) fn forget(self) {
        if self.is_new {
            drop(std::fs::remove_file(&self.path));
        }
    }

    /// Writes how the run ended.
    pub(crate) fn write(
        self,
        run: &Run,
        report: &Report,
        exit_code: ExitCode,
        interrupted_by: Option<&str>,
    ) -> Result<(), Failure> {
        let end = json!({
            "began_at": run.created_at().to_string(),
            "ended_at": clock::timestamp().to_string(),
            "outcome": run_outcome(report.outcome),
            "exit_code": exit_code.code(),
            "interrupted_by": interrupted_by,
            "packages": report.packages.iter().map(package).collect::<Value>(),
        });
        let header = header(run.spec(), run.id(), run.position().as_ref());
        replace(&self.file, &with(header, end)).map_err(|error| {
            let path = self.path.display();
            Failure::internal(format!("the evidence was not written to {path}: {error}"))
                .with_next("keep the document on stdout instead")
        })
    }
}

/// Writes each intention before its request is.
#[derive(Debug)]
struct Witness {
    file: Arc<File>,
    path: PathBuf,
    spec: RunSpec,
}

impl dls::run::Evidence for Witness {
    fn record<'a>(&'a mut self, intention: &'a Position) -> BoxFuture<'a, Result<(), String>> {
        let file = self.file.clone();
        // The outcome is not known yet.
        let document = with(
            header(&self.spec, Some(&intention.run), Some(intention)),
            json!({
                "outcome": run_outcome(RunOutcome::Unknown),
                "packages": self.spec.packages,
            }),
        );
        Box::pin(async move {
            let written = tokio::task::spawn_blocking(move || replace(&file, &document)).await;
            written.map_err(io::Error::from).flatten().map_err(|error| {
                format!("the evidence {} cannot be written: {error}", self.path.display())
            })
        })
    }
}

/// Which run it is about.
fn header(spec: &RunSpec, run: Option<&RunId>, journal: Option<&Position>) -> Value {
    let header = json!({
        "schema": SCHEMA,
        "tool": {"name": "dls", "version": env!("CARGO_PKG_VERSION")},
        "run_id": display(run),
        "plan_hash": spec.plan_hash,
        "endpoint": spec.destination.endpoint,
        "project_id": spec.destination.project,
        "workspace": spec.destination.workspace,
        "start": start(spec.options.start()),
    });
    match journal {
        // The last entry of the journal: a journal without it is older, or another one.
        Some(journal) => with(header, json!({ "journal": journal })),
        None => header,
    }
}

fn package(report: &PackageReport) -> Value {
    let before = report.baseline.clone().unwrap_or_default();
    let PackageDetail { package, tasks, .. } = report.latest.clone().unwrap_or_default();
    json!({
        "id": report.id,
        "name": package.name,
        "outcome": report_outcome(report),
        "why": report.outcome.as_ref().and_then(reason),
        "sent": report.sent,
        "signed_at": display(report.signed_at),
        "ours": report.ours,
        "request_id": report.request_id,
        "asy_task_id": report.background_task,
        "applied_by": user_name(package.applicant.as_ref()),
        "released_by": user_name(package.deployer.as_ref()),
        "released_at": display(package.deployed_at),
        "status_before": display(before.package.status),
        "status_after": display(package.status),
        "tasks": tasks.iter().map(|it| task(it, &before.tasks)).collect::<Value>(),
    })
}

/// A task as it is now, with the version that it had in production before.
fn task(task: &Task, before: &[Task]) -> Value {
    let was = before.iter().find(|it| (it.kind, &it.name) == (task.kind, &task.name));
    json!({
        "name": task.name,
        "kind": display(task.kind),
        "change": display(task.change),
        "version_before": was.unwrap_or(task).deployed_version,
        // In production if it succeeds; absent for what it deletes.
        "version_after": task.pending_version,
        "status": display(task.status),
        "start_status": display(task.start_status),
    })
}

/// Replaces the content of the file, durably.
fn replace(mut file: &File, document: &Value) -> io::Result<()> {
    let text = format!("{document:#}\n");
    // A pipe or a terminal has no length, and nothing to be durable.
    if !file.metadata()?.is_file() {
        file.write_all(text.as_bytes())?;
        return file.flush();
    }
    file.rewind()?;
    file.write_all(text.as_bytes())?;
    file.set_len(u64::try_from(text.len()).unwrap_or(u64::MAX))?;
    file.sync_all()
}

#[derive(Deserialize)]
struct Earlier {
    schema: String,
    journal: Option<Position>,
}

/// The entry that evidence in this file names. A file that holds anything else is refused: half-written evidence would
/// count as none, and what is not evidence would be overwritten.
fn earlier(path: &Path) -> io::Result<Option<Position>> {
    if !path.is_file() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(LONGEST).read_to_end(&mut bytes)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    match serde_json::from_slice::<Earlier>(&bytes) {
        Ok(earlier) if earlier.schema == SCHEMA => Ok(earlier.journal),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "it holds something that is not evidence, or not all of it",
        )),
    }
}
