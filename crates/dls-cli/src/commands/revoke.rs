//! `dls revoke`: take packages back before they are released.

use dls::rollout::RunOutcome;
use dls::{PackageId, PackageIds};
use serde_json::{Value, json};

use crate::args;
use crate::config::Settings;
use crate::document::{Block, Document};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::ids;
use crate::output::Output;
use crate::signals::{Signals, StopSignal};
use crate::text;

pub(crate) async fn run(
    global: &args::Global,
    args: &args::Revoke,
    output: Output,
) -> Result<ExitCode, Failure> {
    let ids = ids::of_one_request(&args.ids)?;
    let settings = Settings::resolve(global)?;
    settings.workspace_for_a_write()?;
    let client = settings.client()?;
    let mut signals = Signals::new()?;
    let failure = tokio::select! {
        biased;
        signal = signals.next() => Some(interrupted(signal)),
        result = client.revoke(ids.clone()) => {
            result.err().map(|error| Failure::of_write(&error, ids.len()))
        }
    };
    let outcome = match failure.as_ref().map(|failure| failure.code) {
        None => RunOutcome::Successful,
        Some(ExitCode::Unknown | ExitCode::Interrupted | ExitCode::Terminated) => {
            RunOutcome::Unknown
        }
        Some(_) => RunOutcome::Refused,
    };
    output.show(&Revocation { settings: &settings, ids: &ids, outcome });
    let Some(failure) = failure else { return Ok(ExitCode::Success) };
    Err(match outcome {
        RunOutcome::Unknown => failure.with_next(format!(
            "check before repeating it: dls status {}{}",
            text::ids(ids.iter()),
            global.destination_flags()
        )),
        _ => failure,
    })
}

struct Revocation<'a> {
    settings: &'a Settings<'a>,
    ids: &'a PackageIds,
    outcome: RunOutcome,
}

impl Document for Revocation<'_> {
    fn json(&self) -> Value {
        let outcome = text::run_outcome(self.outcome);
        let row = |id: &PackageId| json!({"id": id, "outcome": outcome});
        json!({
            "schema": "dls.revoke/1",
            "workspace": self.settings.workspace,
            "endpoint": self.settings.endpoints.v2.to_string(),
            "outcome": outcome,
            "packages": self.ids.iter().map(row).collect::<Value>(),
        })
    }

    fn text(&self) -> Vec<Block> {
        let outcome = text::run_outcome(self.outcome);
        let rows = self.ids.iter().map(|id| vec![id.to_string(), outcome.to_owned()]).collect();
        vec![Block::Table { head: &["id", "outcome"], rows }]
    }
}

/// The request may be on its way, and nothing takes it back.
fn interrupted(signal: StopSignal) -> Failure {
    let message = format!("interrupted by {}; unknown whether it was done", signal.name());
    Failure::new(signal.exit_code(), message)
}
