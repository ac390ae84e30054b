//! What a client promises, checked against the ledger after the fact. A pure function: it knows no client,
//! only what one wrote, said and took.

mod claims;
mod sends;
mod violation;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::ledger::{Initiator, Ledger, LedgerRequest, timestamp};
use crate::refusal::THROTTLED;

pub use violation::Violation;

/// A run may take so much longer than its limit.
const GRACE: Duration = Duration::from_secs(1);

/// One run that released packages (or one that was taken up again, with all that it did before), and the ledger
/// of the emulator that it ran against. Nobody else sends requests to that one: everything in the ledger is this
/// run's, but what [`Initiator::Other`] did.
///
/// Several runs in a row are one history each, which differ in [`started_at`](Self::started_at), [`ids`](Self::ids) and
/// [`claims`](Self::claims); requests and consents are those of all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// When it started, by the emulator's clock. What was released before proves nothing.
    pub started_at: SystemTime,
    /// The packages that it was to release.
    pub ids: Vec<String>,
    /// The deploy requests that were written, in any order.
    pub sends: Vec<Sent>,
    /// What people said of sending packages again, in any order.
    pub consents: Vec<Consent>,
    /// What it said of packages in the end.
    pub claims: Vec<Claim>,
    /// The truth, read when all that may still come has come.
    pub ledger: Ledger,
    /// How long it took.
    pub elapsed: Duration,
    /// How long it was allowed to take; [`Duration::MAX`] for ever.
    pub limit: Duration,
    /// Everything that it printed, logged or stored.
    pub texts: Vec<String>,
    /// What must not occur in them.
    pub secrets: Vec<String>,
}

impl Default for History {
    /// Nothing happened, and there was no limit.
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
    /// When it was written, by the emulator's clock: not later than it arrived.
    pub at: SystemTime,
}

/// A person's word that a package may be sent once more. It covers one request that names the package, then or
/// later, and no second one.
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
    /// One more request, whatever became of the earlier ones: `dls resume --resend` or `--forget`.
    Resend,
    /// A new run that names the package, without a word about an earlier one. It covers a request only if each
    /// earlier one that names the package is settled: thrown away, refused in a way that is proof, or followed
    /// by a release of the package that had ended by then.
    ///
    /// The first run needs none.
    NewRun,
}

/// What a client says of a package in the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The package.
    pub package: String,
    /// `successful`, `failed`, `accepted`, `already-released`, `refused`, `not-sent`, `unknown`, `pending` or `gone`.
    pub outcome: String,
    /// When it was said, by the emulator's clock.
    pub at: SystemTime,
}

/// Checks every promise; what comes back is what was not kept.
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
///     "package 23 was reported as released, and was not by then",
/// ]);
/// ```
#[must_use]
pub fn check(history: &History) -> Vec<Violation> {
    let mut broken = history.check_sends();
    broken.extend(history.ids.iter().filter_map(|id| history.check_count(id)));
    broken.extend(history.claims.iter().filter_map(|it| history.check_claim(it)));
    if history.elapsed > history.limit.saturating_add(GRACE) {
        broken.push(Violation::OverTimeLimit { took: history.elapsed, limit: history.limit });
    }
    broken.extend(history.secrets_told());
    broken
}

impl History {
    fn check_count(&self, id: &str) -> Option<Violation> {
        let claims = self.claims.iter().filter(|claim| claim.package == id);
        let count = claims.count();
        (count != 1).then(|| Violation::OutcomeCount { package: id.to_owned(), count })
    }

    fn secrets_told(&self) -> impl Iterator<Item = Violation> {
        let texts = self.texts.iter().enumerate();
        texts.flat_map(move |(text, told)| {
            let secrets = self.secrets.iter().enumerate();
            let found = secrets.filter(|(_, secret)| !secret.is_empty() && told.contains(*secret));
            found.map(move |(secret, _)| Violation::SecretLeaked { text, secret })
        })
    }
}

/// The deploy requests of a client that name a package, in the order in which they arrived.
fn arrived<'h>(
    history: &'h History,
    package: &'h str,
) -> impl Iterator<Item = &'h LedgerRequest> + Clone {
    let requests = history.ledger.requests.iter();
    requests.filter(move |request| {
        request.by == Initiator::Client && request.packages.iter().any(|id| id == package)
    })
}

/// Faults under which the service's answer goes back whole, if in another form.
const WHOLE: [&str; 3] = ["overlong", "padded", "drip"];

/// Whether the client could read what the service answered.
fn is_answered(request: &LedgerRequest) -> bool {
    let mut faults = request.faults.iter();
    request.answered || faults.any(|word| WHOLE.contains(&word.as_str()))
}

/// Whether the gateway threw it away and said so: then it may be sent once more.
fn was_throttled(request: &LedgerRequest) -> bool {
    let by_rate = request.error_code == Some(THROTTLED) && is_answered(request);
    by_rate || request.faults.iter().any(|word| word == "throttle")
}

fn millis(time: SystemTime) -> i64 {
    timestamp(time).as_millis()
}

#[cfg(test)]
mod tests;
