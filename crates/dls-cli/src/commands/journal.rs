//! `dls journal`: what is wrong with the record of a run, and how to take it out of the way.

use dls::RunId;
use dls::store::Check;
use serde_json::{Value, json};

use crate::args;
use crate::clock;
use crate::config::user;
use crate::document::{Block, Document};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::journal_location::JournalLocation;
use crate::output::Output;
use crate::stdio::{note, print};

pub(crate) async fn check(
    global: &args::Global,
    run: &RunId,
    output: Output,
) -> Result<ExitCode, Failure> {
    let journal = JournalLocation::to_read(global).await?;
    let check = journal.existing()?.check(run).await;
    let check = check.map_err(|error| journal.failure(&error))?;
    output.show(&check);
    match &check.problem {
        None => Ok(ExitCode::Success),
        Some(problem) => Err(journal.failure(problem)),
    }
}

pub(crate) async fn set_aside(
    global: &args::Global,
    run: &RunId,
    by: Option<&str>,
) -> Result<ExitCode, Failure> {
    let journal = JournalLocation::to_read(global).await?;
    let by = by.map_or_else(user, str::to_owned);
    let aside = journal.existing()?.set_aside(run, &by, clock::timestamp()).await;
    let aside = aside.map_err(|error| journal.failure(&error))?;
    print(&aside.display().to_string());
    note(&format!(
        "run {run} no longer claims its packages, and another run may send them: {by} has consented to that"
    ));
    Ok(ExitCode::Success)
}

impl Document for Check {
    fn json(&self) -> Value {
        json!({
            "schema": "dls.journal-check/1",
            "run_id": self.run.as_str(),
            "file": self.path.display().to_string(),
            "version": self.version,
            "entries": self.entries,
            "names_its_packages": self.names_its_packages,
            "unfinished": self.unfinished,
            "problem": self.problem.as_ref().map(ToString::to_string),
        })
    }

    fn text(&self) -> Vec<Block> {
        let (path, version, entries) = (self.path.display(), self.version, self.entries);
        let mut lines = vec![format!("{path}: version {version}, valid up to entry {entries}")];
        lines.extend(self.unfinished.as_ref().map(|unfinished| {
            format!("after them: {unfinished}. A crash left it, and it was never relied on")
        }));
        let summary = match (&self.problem, self.names_its_packages) {
            (None, _) => "nothing is wrong with it",
            (Some(_), true) => "it blocks other runs of the packages that it was created with",
            (Some(_), false) => "what it may have sent is not known, so it blocks every other run",
        };
        lines.push(summary.to_owned());
        lines.into_iter().map(Block::Lines).collect()
    }
}
