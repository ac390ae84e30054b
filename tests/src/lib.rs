//! What the tests that cross crates share.

use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use dls::rollout::{Event, EventKind, PackageOutcome, SendError};
use dls_emulator::Sent;

/// The command, built; it lies beside the tests. An error says why it does not.
pub static COMMAND: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build
        .args(["build", "--quiet", "--locked", "--package", "dls-cli"])
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    // They tell of this package, and build scripts that look at them would run again each time.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            build.env_remove(name);
        }
    }
    match build.status() {
        Ok(status) if status.success() => {}
        outcome => return Err(format!("the command cannot be built: {outcome:?}")),
    }
    let test = std::env::current_exe().map_err(|error| error.to_string())?;
    let folder = test.ancestors().nth(2).ok_or("the tests lie nowhere")?;
    Ok(folder.join("dls"))
});

/// The deploy requests of which a byte may have left, as the events of a run tell it.
pub fn sends<'a>(events: impl IntoIterator<Item = &'a Event>) -> Vec<Sent> {
    let mut sends = Vec::new();
    // A request that found no connection was not even intended.
    let mut is_intended = false;
    for event in events {
        match &event.kind {
            EventKind::SendIntended { packages, .. } => {
                is_intended = true;
                sends.push(Sent {
                    packages: packages.iter().map(ToString::to_string).collect(),
                    at: event.at.into(),
                });
            }
            EventKind::SendFailed {
                failure: SendError::NotSent(_) | SendError::NotAuthenticated(_),
            } if is_intended => {
                is_intended = false;
                sends.pop();
            }
            _ => is_intended = false,
        }
    }
    sends
}

/// The word of the command, and of the emulator's checker, for what became of a package.
pub fn outcome(outcome: &PackageOutcome) -> &'static str {
    match outcome {
        PackageOutcome::Succeeded { .. } => "successful",
        PackageOutcome::Failed { .. } => "failed",
        PackageOutcome::Accepted => "accepted",
        PackageOutcome::AlreadyReleased { .. } => "already-released",
        PackageOutcome::Refused { .. } => "refused",
        PackageOutcome::NotSent(_) => "not-sent",
        PackageOutcome::StillRunning { .. } => "pending",
        PackageOutcome::Gone { .. } => "gone",
        _ => "unknown",
    }
}

/// The examples of the front page compile, too.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct FrontPage;
