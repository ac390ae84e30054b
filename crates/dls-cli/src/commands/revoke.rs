//! `dls revoke`: take packages back before they are released.

use serde_json::{Value, json};

use crate::args;
use crate::config::Settings;
use crate::exit::Failure;
use crate::exit_code::ExitCode;
use crate::ids;
use crate::output::Output;
use crate::progress::{Signals, StopSignal};
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
    let outcome = match &failure {
        None => "successful",
        Some(failure) if is_unknown(failure) => "unknown",
        Some(_) => "refused",
    };
    if output.is_json() {
        let row = |id: &dls::PackageId| json!({"id": id.to_string(), "outcome": outcome});
        let rows: Vec<Value> = ids.iter().map(row).collect();
        Output::json(&json!({
            "schema": "dls.revoke/1",
            "workspace": settings.workspace.as_ref().map(|workspace| workspace.as_str()),
            "endpoint": settings.endpoints.v2().to_string(),
            "outcome": outcome,
            "packages": rows,
        }));
    } else {
        let rows = ids.iter().map(|id| vec![id.to_string(), outcome.to_owned()]).collect();
        output.rows(&["id", "outcome"], rows);
    }
    match failure {
        None => Ok(ExitCode::Success),
        Some(failure) if is_unknown(&failure) => {
            let ids = text::ids(ids.iter());
            Err(failure.with_next(format!(
                "look before doing it again: dls status {ids}{}",
                global.destination_flags()
            )))
        }
        Some(failure) => Err(failure),
    }
}

/// The request may be on its way, and nothing takes it back.
fn interrupted(signal: StopSignal) -> Failure {
    let name = signal.name();
    let message = format!("interrupted by {name}; unknown whether it was done");
    Failure::new(signal.exit_code(), message)
}

/// Whether the request may have been read, without an answer that says what came of it.
fn is_unknown(failure: &Failure) -> bool {
    matches!(failure.code, ExitCode::Unknown | ExitCode::Interrupted | ExitCode::Terminated)
}
