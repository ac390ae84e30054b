//! Helpers of the tests that cross crates.
#![allow(
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::unwrap_used,
    missing_debug_implementations,
    missing_docs,
    reason = "only tests use it, and they may fail loudly"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use dls::rollout::{Event, EventKind, PackageOutcome, SendError};
use dls::transport::credentials::{AccessKey, Credentials, SecretKey};
use dls::{Client, ClientBuilder};
use dls_emulator::{Emulator, EmulatorBuilder, RateLimit, Sent};
use tokio::runtime::Runtime;

/// The path of the command, which is built first, or why it cannot be built.
pub static COMMAND: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build
        .args(["build", "--quiet", "--locked", "--package", "dls-cli"])
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    // They describe this package, and build scripts that read them would run again each time.
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

/// The project, and the secret key of a user of it, in the emulator's built-in state.
pub const PROJECT: &str = "b384b9e9ab9b4ee8994c8633aabc9505";
pub const SECRET: &str = "example-secret-key";

/// The command without any settings.
pub fn bare_command() -> Command {
    let mut command = Command::new(COMMAND.as_ref().unwrap());
    command.env_clear();
    command
}

/// The command with the settings of a user of the emulator at this address.
pub fn command(url: &str, journal: &Path) -> Command {
    let mut command = bare_command();
    command
        .env("DLS_ENDPOINT", url)
        .env("DLS_WORKSPACE", "default")
        .env("DLS_JOURNAL", journal)
        .env("HUAWEICLOUD_SDK_PROJECT_ID", PROJECT)
        .env("HUAWEICLOUD_SDK_AK", "AKIDEXAMPLE")
        .env("HUAWEICLOUD_SDK_SK", SECRET);
    command
}

/// The text of all runs in a journal.
pub fn journal_text(journal: &Path) -> String {
    let texts = run_files(journal).into_iter().map(std::fs::read_to_string);
    texts.map(Result::unwrap_or_default).collect()
}

/// The files of all runs in a journal, finished or not.
pub fn run_files(journal: &Path) -> Vec<PathBuf> {
    let files = std::fs::read_dir(journal).into_iter().flatten();
    let paths = files.map(|file| file.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|it| it == "jsonl")).collect()
}

/// An emulator on a runtime of its own.
pub struct Service {
    pub emulator: Emulator,
    // Dropped after the emulator, which runs on it.
    pub runtime: Runtime,
}

impl Service {
    /// An emulator without a rate limit.
    pub fn start(builder: EmulatorBuilder) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let builder = builder.rate_limit(RateLimit::Off);
        let emulator = builder.start(([127, 0, 0, 1], 0).into());
        Self { emulator: runtime.block_on(emulator).unwrap(), runtime }
    }

    /// How many requests of this kind arrived.
    pub fn requests_to(&self, operation: &str) -> usize {
        let requests = self.emulator.ledger().requests;
        requests.iter().filter(|it| it.operation == Some(operation)).count()
    }
}

/// The deploy requests of which a byte may have left, from the events of a run.
pub fn sends<'a>(events: impl IntoIterator<Item = &'a Event>) -> Vec<Sent> {
    let mut sends = Vec::new();
    // A request without a connection was never intended.
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

/// The name of an outcome in the output of the command, and in the emulator's checker.
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

/// How many there are of each, in one line.
pub fn count(outcomes: impl IntoIterator<Item: Into<String>>) -> String {
    let mut counts = BTreeMap::<String, usize>::new();
    for outcome in outcomes {
        *counts.entry(outcome.into()).or_default() += 1;
    }
    let counts = counts.iter().map(|(outcome, count)| format!("{count} {outcome}"));
    counts.collect::<Vec<_>>().join(" ")
}

/// A client of the emulator at this address.
pub fn client(url: &str, credentials: Credentials) -> ClientBuilder {
    Client::builder()
        .endpoint(url.parse().unwrap())
        .project_id(PROJECT.parse().unwrap())
        .workspace("default".parse().unwrap())
        .credentials(credentials)
}

/// The key of a user in the emulator's built-in state, with a secret that may be wrong.
pub fn key(id: &str, secret: &str) -> Credentials {
    AccessKey::new(id, SecretKey::new(secret).unwrap()).unwrap().into()
}

/// The examples of the front page compile, too.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct FrontPage;
