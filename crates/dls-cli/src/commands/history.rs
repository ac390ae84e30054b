//! `dls history`: the runs that are in the journal.

use std::path::Path;

use dls::{RunId, RunStore as _, StoreError, StoredRun};
use serde_json::{Value, json};

use crate::args;
use crate::document::{Block, Document};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::journal_location::JournalLocation;
use crate::output::Output;
use crate::stdio::note;
use crate::text;

pub(crate) async fn run(global: &args::Global, output: Output) -> Result<ExitCode, Failure> {
    let journal = JournalLocation::to_read(global).await?;
    let store = journal.existing()?;
    if !store.path().exists() {
        note(&format!("there is no journal at {}", store.path().display()));
    }
    let runs = store.list().await.map_err(|error| journal.failure(&error))?;
    let (mut read, mut broken) = (Vec::new(), Vec::new());
    for run in runs {
        match run {
            Ok(run) => read.push(run),
            Err(error) => broken.push(error),
        }
    }
    // Names have a resolution of a second; runs of the same second are in any order.
    read.sort_by_key(|run| run.created_at);
    let history = History { journal: store.path(), runs: read, broken };
    output.show(&history);
    match history.broken.first() {
        None => Ok(ExitCode::Success),
        Some(error) => Err(journal.failure(error)),
    }
}

struct History<'a> {
    journal: &'a Path,
    runs: Vec<StoredRun>,
    broken: Vec<StoreError>,
}

impl Document for History<'_> {
    fn json(&self) -> Value {
        json!({
            "schema": "dls.history/1",
            "journal": self.journal.display().to_string(),
            "runs": self.runs.iter().map(document).collect::<Value>(),
            "broken": self.broken.iter().map(broken_document).collect::<Value>(),
        })
    }

    fn text(&self) -> Vec<Block> {
        let head = &["run", "began at", "workspace", "packages", "outcome"];
        let rows = self.runs.iter().map(row).chain(self.broken.iter().map(broken_row)).collect();
        vec![Block::Table { head, rows }]
    }
}

fn document(run: &StoredRun) -> Value {
    let spec = &run.spec;
    json!({
        "run_id": run.id.as_str(),
        "began_at": run.created_at.to_string(),
        "began_at_ms": run.created_at,
        "endpoint": spec.destination.endpoint,
        "project_id": spec.destination.project,
        "workspace": spec.destination.workspace,
        "start": text::start(spec.options.start()),
        "plan_hash": spec.plan_hash,
        "packages": spec.packages,
        "open": run.is_open(),
        "outcome": outcome(run),
    })
}

fn broken_document(error: &StoreError) -> Value {
    json!({"run_id": error.run().map(RunId::as_str), "why": error.to_string()})
}

fn broken_row(error: &StoreError) -> Vec<String> {
    let run = error.run().map_or_else(|| "-".to_owned(), ToString::to_string);
    let unknown = || "-".to_owned();
    vec![run, unknown(), unknown(), unknown(), "broken".to_owned()]
}

fn row(run: &StoredRun) -> Vec<String> {
    let outcome = match (run.is_open(), outcome(run)) {
        (true, Some(outcome)) => format!("open: {outcome}"),
        (true, None) => "open".to_owned(),
        (false, outcome) => outcome.unwrap_or_default().to_owned(),
    };
    vec![
        run.id.to_string(),
        run.created_at.to_string(),
        run.spec.destination.workspace.to_string(),
        packages(run),
        outcome,
    ]
}

/// Nothing is shown for a run in which a package has no outcome yet.
fn outcome(run: &StoredRun) -> Option<&'static str> {
    let mut packages = run.report.packages.iter();
    let is_told = packages.all(|it| it.outcome.is_some());
    is_told.then(|| text::run_outcome(run.report.outcome))
}

/// A few by name, many by number.
fn packages(run: &StoredRun) -> String {
    match run.spec.packages.len() {
        few @ ..=5 => text::ids(run.spec.packages.iter().take(few)),
        many => text::count(many, "package"),
    }
}
