//! Checks the promises of a client against the ledger after a run. A pure function: it knows no client, only what one
//! sent, reported and printed.

mod claims;
mod sends;
mod violation;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::ledger::{Initiator, Ledger, LedgerRequest, timestamp};
use crate::refusal::THROTTLED;

pub use violation::{Violation, ViolationKind};

/// How much longer than its limit a run may take.
const GRACE: Duration = Duration::from_secs(1);

/// One run that released packages (if it was resumed, with everything that it did before), and the ledger of the emulator
/// that it ran against. Nobody else sends requests to that emulator: everything in the ledger belongs to this run, except
/// what [`Initiator::Other`] did.
///
/// Several runs in sequence have one history each. They differ in [`started_at`](Self::started_at), [`ids`](Self::ids) and
/// [`claims`](Self::claims); requests and consents are those of all runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// When the run started, by the emulator's clock. Earlier releases prove nothing.
    pub started_at: SystemTime,
    /// The packages that it should release.
    pub ids: Vec<String>,
    /// The deploy requests that the client sent, in any order.
    pub sends: Vec<Sent>,
    /// The consents to send packages again, in any order.
    pub consents: Vec<Consent>,
    /// The outcomes that it reported at the end.
    pub claims: Vec<Claim>,
    /// The ledger, read after all copies and releases are complete.
    pub ledger: Ledger,
    /// How long it took.
    pub elapsed: Duration,
    /// How long it was allowed to take; [`Duration::MAX`] for no limit.
    pub limit: Duration,
    /// Everything that it printed, logged or stored.
    pub texts: Vec<String>,
    /// The secrets that must not occur in them.
    pub secrets: Vec<String>,
}

impl Default for History {
    /// Nothing happened, without a time limit.
    fn default() -> Self {
        Self {
            started_at: UNIX_EPOCH,
            ids: Vec::new(),
            sends: Vec::new(),
            consents: Vec::new(),
            claims: Vec::new(),
            ledger: Ledger::default(),
            elapsed: Duration::ZERO,
            limit: Duration::MAX,
            texts: Vec::new(),
            secrets: Vec::new(),
        }
    }
}

/// A deploy request of which at least one byte left the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The packages that it names.
    pub packages: Vec<String>,
    /// When it was sent, by the emulator's clock: not later than it arrived.
    pub at: SystemTime,
}

/// A user's consent that a package may be sent once more. It covers one later request that names the package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    /// The package.
    pub package: String,
    /// When it was given, by the emulator's clock.
    pub at: SystemTime,
    /// What it covers.
    pub kind: ConsentKind,
}

/// What a [`Consent`] covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConsentKind {
    /// One more request, whatever the effect of the earlier ones was: `dls resume --resend` or `--forget`.
    Resend,
    /// A new run that names the package. It covers a request only if the effect of each earlier one that names the package
    /// is known: thrown away, refused with proof, or followed by a release of the package that had ended by then.
    ///
    /// The first run needs no consent.
    NewRun,
}

/// The outcome that a client reports for a package at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The package.
    pub package: String,
    /// `successful`, `failed`, `accepted`, `already-released`, `refused`, `not-sent`, `unknown`, `pending` or `gone`.
    pub outcome: String,
    /// When it was reported, by the emulator's clock.
    pub at: SystemTime,
}

/// Checks every promise, and returns the broken ones.
///
/// ```
/// use std::time::SystemTime;
/// use dls_emulator::{Claim, History, check};
///
/// let history = History {
///     ids: vec!["23".to_owned(), "24".to_owned()],
///     claims: vec![Claim {
///         package: "23".to_owned(),
///         outcome: "successful".to_owned(),
///         at: SystemTime::UNIX_EPOCH,
///     }],
///     ..History::default()
/// };
/// let broken: Vec<String> = check(&history).iter().map(ToString::to_string).collect();
/// assert_eq!(broken, [
///     "package 24 has 0 outcomes instead of one",
///     "package 23 was reported as \"successful\", but it was not released by then",
/// ]);
/// ```
#[must_use]
pub fn check(history: &History) -> Vec<Violation> {
    let mut broken = history.check_sends();
    broken.extend(history.ids.iter().filter_map(|id| history.check_count(id)));
    broken.extend(history.claims.iter().filter_map(|it| history.check_claim(it)));
    if history.elapsed > history.limit.saturating_add(GRACE) {
        let message =
            format!("the run took {:?}, and its limit was {:?}", history.elapsed, history.limit);
        broken.push(Violation::new(ViolationKind::OverTimeLimit, message));
    }
    broken.extend(history.leaked_secrets());
    broken
}

impl History {
    fn check_count(&self, id: &str) -> Option<Violation> {
        let count = self.claims.iter().filter(|claim| claim.package == id).count();
        let what = format_args!("has {count} outcomes instead of one");
        (count != 1).then(|| Violation::of(id, ViolationKind::OutcomeCount, what))
    }

    fn leaked_secrets(&self) -> impl Iterator<Item = Violation> {
        let texts = self.texts.iter().enumerate();
        texts.flat_map(move |(text_index, text)| {
            let secrets = self.secrets.iter().enumerate();
            let found = secrets.filter(|(_, secret)| !secret.is_empty() && text.contains(*secret));
            found.map(move |(index, _)| {
                let message =
                    format!("secret {index} is in text {text_index} (both counted from 0)");
                Violation::new(ViolationKind::SecretLeaked, message)
            })
        })
    }
}

/// The deploy requests of a client that name a package, in the order in which they arrived.
fn arrived<'h>(
    history: &'h History,
    package: &'h str,
) -> impl Iterator<Item = &'h LedgerRequest> + Clone {
    let requests = history.ledger.requests.iter();
    requests.filter(move |it| it.by == Initiator::Client && names(&it.packages, package))
}

fn names(packages: &[String], package: &str) -> bool {
    packages.iter().any(|id| id == package)
}

/// Faults that leave the service's response complete.
const COMPLETE: [&str; 3] = ["overlong", "padded", "drip"];

/// Whether the client could read the service's response.
fn is_answered(request: &LedgerRequest) -> bool {
    let mut faults = request.faults.iter();
    request.answered || faults.any(|fault| COMPLETE.contains(&fault.as_str()))
}

/// Whether the gateway threw it away and said so. Then it may be sent once more.
fn was_throttled(request: &LedgerRequest) -> bool {
    let by_rate = request.error_code == Some(THROTTLED) && is_answered(request);
    by_rate || request.faults.iter().any(|fault| fault == "throttle")
}

fn millis(time: SystemTime) -> i64 {
    timestamp(time).as_millis()
}

#[cfg(test)]
mod tests;
