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

use dls::rollout::{Event, EventKind, PackageOutcome, SendError};
use dls::transport::credentials::{AccessKey, Credentials, SecretKey};
use dls::{Client, ClientBuilder};
use dls_emulator::Sent;

/// The project, and the secret key of a user of it, in the emulator's built-in state.
pub const PROJECT: &str = "b384b9e9ab9b4ee8994c8633aabc9505";
pub const SECRET: &str = "example-secret-key";

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
