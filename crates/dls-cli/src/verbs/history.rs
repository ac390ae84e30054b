//! `dls history`: the runs that are in the journal.

use dls::{JournalError, StoredRun};
use serde_json::{Value, json};

use crate::args;
use crate::exit::Failure;
use crate::keep::Keep;
use crate::output::{Output, note};
use crate::words;

pub(crate) fn run(global: &args::Global, output: Output) -> Result<u8, Failure> {
    let keep = Keep::to_read(global)?;
    let Some(journal) = keep.journal() else {
        return Err(Failure::usage("--journal off: there is no history")
            .with_next("give --journal DIR, or leave it away"));
    };
    if !journal.path().exists() {
        note(&format!(
            "there is no journal at {}",
            journal.path().display()
        ));
    }
    let runs = journal.runs().map_err(|error| keep.failure(&error))?;
    let (mut read, mut broken) = (Vec::new(), None);
    for run in runs {
        match run {
            Ok(run) => read.push(run),
            // It ended before anything had happened.
            Err(JournalError::Empty { .. }) => {}
            Err(error) => broken = Some(broken.unwrap_or(error)),
        }
    }
    // Names tell the second; of runs in the same one, any may come first.
    read.sort_by_key(|run| run.began_at);
    if output.is_json() {
        Output::json(&json!({
            "schema": "dls.history/1",
            "journal": journal.path().display().to_string(),
            "runs": read.iter().map(document).collect::<Vec<_>>(),
        }));
    } else {
        let head = ["run", "began at", "workspace", "packages", "outcome"];
        output.rows(&head, read.iter().map(row).collect());
    }
    match broken {
        None => Ok(0),
        Some(error) => Err(keep.failure(&error)),
    }
}

fn document(run: &StoredRun) -> Value {
    let began = &run.began;
    json!({
        "run_id": run.id.as_str(),
        "began_at": run.began_at.to_string(),
        "began_at_ms": run.began_at,
        "endpoint": began.place.endpoint,
        "project_id": began.place.project.as_str(),
        "workspace": began.place.workspace.as_str(),
        "start": words::start(began.options.start),
        "plan_hash": began.plan_hash,
        "packages": began.packages,
        "open": run.is_open(),
        "outcome": outcome(run),
    })
}

fn row(run: &StoredRun) -> Vec<String> {
    let outcome = match (run.is_open(), outcome(run)) {
        (true, Some(outcome)) => format!("open: {outcome}"),
        (true, None) => "open".to_owned(),
        (false, outcome) => outcome.unwrap_or_default().to_owned(),
    };
    vec![
        run.id.to_string(),
        run.began_at.to_string(),
        run.began.place.workspace.to_string(),
        packages(run),
        outcome,
    ]
}

/// Nothing is said of a run in which a package has no verdict yet.
fn outcome(run: &StoredRun) -> Option<&'static str> {
    let mut packages = run.report.packages.iter();
    let is_told = packages.all(|it| it.verdict.is_some());
    is_told.then(|| run.report.outcome.word())
}

/// A few by name, many by number.
fn packages(run: &StoredRun) -> String {
    match run.began.packages.len() {
        few @ ..=5 => words::ids(run.began.packages.iter().take(few)),
        many => words::count(many, "package"),
    }
}
