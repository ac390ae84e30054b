//! `dls journal`: what is wrong with the record of a run, and how to take it out of the way.

use dls::store::Check;
use serde_json::{Value, json};

use super::resume::{run_id, store, user};
use crate::args;
use crate::exit::Failure;
use crate::exit_code::ExitCode;
use crate::journal_location::JournalLocation;
use crate::output::{Output, note, print};

pub(crate) async fn check(
    global: &args::Global,
    args: &args::JournalCheck,
    output: Output,
) -> Result<ExitCode, Failure> {
    let journal = JournalLocation::to_read(global).await?;
    let run = run_id(&journal, &args.run)?;
    let check = store(&journal)?.check(&run).await;
    let check = check.map_err(|error| journal.failure(&error))?;
    if output.is_json() {
        Output::json(&document(&check));
    } else {
        lines(&check).iter().for_each(|line| print(line));
    }
    match &check.problem {
        None => Ok(ExitCode::Success),
        Some(problem) => Err(journal.failure(problem)),
    }
}

pub(crate) async fn set_aside(
    global: &args::Global,
    args: &args::SetAside,
) -> Result<ExitCode, Failure> {
    let journal = JournalLocation::to_read(global).await?;
    let run = run_id(&journal, &args.run)?;
    let by = args.by.clone().unwrap_or_else(user);
    let aside = store(&journal)?.set_aside(&run, &by, crate::clock::timestamp()).await;
    let aside = aside.map_err(|error| journal.failure(&error))?;
    print(&aside.display().to_string());
    note(&format!(
        "run {run} claims its packages no longer, and another run may send them: {by} has consented to that"
    ));
    Ok(ExitCode::Success)
}

fn document(check: &Check) -> Value {
    json!({
        "schema": "dls.journal-check/1",
        "run_id": check.run.as_str(),
        "file": check.path.display().to_string(),
        "version": check.version,
        "entries": check.entries,
        "names_its_packages": check.names_its_packages,
        "unfinished": check.unfinished,
        "problem": check.problem.as_ref().map(ToString::to_string),
    })
}

fn lines(check: &Check) -> Vec<String> {
    let mut lines = vec![format!(
        "{}: version {}, valid up to entry {}",
        check.path.display(),
        check.version,
        check.entries
    )];
    if let Some(unfinished) = &check.unfinished {
        lines
            .push(format!("after them: {unfinished}. A crash left it, and it was never relied on"));
    }
    lines.push(match (&check.problem, check.names_its_packages) {
        (None, _) => "nothing is wrong with it".to_owned(),
        (Some(_), true) => {
            "it keeps other runs away from the packages that it began with".to_owned()
        }
        (Some(_), false) => {
            "what it may have sent is not known, so it keeps away every other run".to_owned()
        }
    });
    lines
}
