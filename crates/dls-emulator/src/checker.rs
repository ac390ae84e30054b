//! What a client promises, checked against the ledger after the fact. A pure function: it knows no client,
//! only what one wrote, said and took.

use std::collections::BTreeSet;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::core::timestamp;
use crate::ledger::{By, Ledger, LedgerRelease, LedgerRequest};
use crate::refusal::THROTTLED;

/// A run may take so much longer than its limit.
const GRACE: Duration = Duration::from_secs(1);

/// The words of [`Claim::verdict`].
const VERDICTS: [&str; 9] = [
    "successful",
    "failed",
    "accepted",
    "already-released",
    "refused",
    "not-sent",
    "unknown",
    "pending",
    "gone",
];

/// One run that released packages (or one that was taken up again, with all that it did before), and the ledger
/// of the emulator that it ran against. Nobody else sends requests to that one: everything in the ledger is this
/// run's, but what [`By::Other`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// When it began, by the emulator's clock. What was released before proves nothing.
    pub began: SystemTime,
    /// The packages that it was to release.
    pub ids: Vec<String>,
    /// The deploy requests that it wrote.
    pub sends: Vec<Sent>,
    /// What it said of packages in the end.
    pub claims: Vec<Claim>,
    /// The truth, read when all that may still come has come.
    pub ledger: Ledger,
    /// How long it took.
    pub ended_in: Duration,
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
            began: UNIX_EPOCH,
            ids: Vec::new(),
            sends: Vec::new(),
            claims: Vec::new(),
            ledger: Ledger::default(),
            ended_in: Duration::ZERO,
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
    /// Whether the user had said that they may be sent again.
    pub consented: bool,
}

/// What a client says of a package in the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The package.
    pub package: String,
    /// `successful`, `failed`, `accepted`, `already-released`, `refused`, `not-sent`, `unknown`, `pending` or `gone`.
    pub verdict: String,
    /// When it was said, by the emulator's clock.
    pub at: SystemTime,
}

/// A promise that was not kept. `Display` is one line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Violation {
    /// It was named in more than one deploy request, without consent, and without the gateway having
    /// thrown away all but one (429 `APIGW.0308`).
    SentAgain {
        /// The package.
        package: String,
        /// In how many.
        sends: usize,
    },
    /// More deploy requests that name it arrived than the client says that it wrote.
    NotTold {
        /// The package.
        package: String,
        /// How many arrived.
        arrived: usize,
        /// How many the client says.
        told: usize,
    },
    /// It is said to be released, and was not by then.
    FalseSuccess {
        /// The package.
        package: String,
    },
    /// Its release is said to have failed, and did not, or a later one succeeded.
    FalseFailure {
        /// The package.
        package: String,
    },
    /// It is said that nothing was accepted, and a request of ours, or a copy of one, released it.
    FalseRefusal {
        /// The package.
        package: String,
        /// What was said.
        verdict: String,
    },
    /// It has no verdict, or several.
    Verdicts {
        /// The package.
        package: String,
        /// How many.
        count: usize,
    },
    /// A verdict on a package that nobody asked for.
    Unasked {
        /// The package.
        package: String,
    },
    /// A word that is no verdict.
    NoVerdict {
        /// The package.
        package: String,
        /// The word.
        verdict: String,
    },
    /// It took longer than its limit and a second.
    Late {
        /// How long it took.
        took: Duration,
        /// The limit.
        limit: Duration,
    },
    /// A secret stands in a text. Neither is shown.
    SecretTold {
        /// The place of the text in [`History::texts`].
        text: usize,
        /// The place of the secret in [`History::secrets`].
        secret: usize,
    },
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SentAgain { package, sends } => write!(
                f,
                "package {package} was named in {sends} deploy requests without consent"
            ),
            Self::NotTold {
                package,
                arrived,
                told,
            } => write!(
                f,
                "{arrived} deploy requests that name package {package} arrived, and {told} are said to have been written"
            ),
            Self::FalseSuccess { package } => write!(
                f,
                "package {package} is said to be released, and was not by then"
            ),
            Self::FalseFailure { package } => write!(
                f,
                "the release of package {package} is said to have failed, and had not, or a later one had succeeded"
            ),
            Self::FalseRefusal { package, verdict } => write!(
                f,
                "package {package} is said to be {verdict}, and a request of ours or a copy of one released it"
            ),
            Self::Verdicts { package, count } => {
                write!(f, "package {package} has {count} verdicts instead of one")
            }
            Self::Unasked { package } => {
                write!(
                    f,
                    "package {package} has a verdict, and nobody asked for it"
                )
            }
            Self::NoVerdict { package, verdict } => {
                write!(f, "{verdict:?}, said of package {package}, is no verdict")
            }
            Self::Late { took, limit } => {
                write!(f, "it took {took:?}, and its limit was {limit:?}")
            }
            Self::SecretTold { text, secret } => {
                write!(
                    f,
                    "secret {secret} stands in text {text} (both counted from 0)"
                )
            }
        }
    }
}

impl std::error::Error for Violation {}

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
///         verdict: "successful".to_owned(),
///         at: SystemTime::UNIX_EPOCH,
///     }],
///     ..History::default()
/// };
/// let broken: Vec<String> = check(&history).iter().map(ToString::to_string).collect();
/// assert_eq!(broken, [
///     "package 24 has 0 verdicts instead of one",
///     "package 23 is said to be released, and was not by then",
/// ]);
/// ```
#[must_use]
pub fn check(history: &History) -> Vec<Violation> {
    let sends = history.packages_sent().into_iter();
    let mut broken: Vec<Violation> = sends.flat_map(|id| history.check_sends(id)).collect();
    broken.extend(history.ids.iter().filter_map(|id| history.check_count(id)));
    broken.extend(
        history
            .claims
            .iter()
            .filter_map(|it| history.check_claim(it)),
    );
    if history.ended_in > history.limit.saturating_add(GRACE) {
        broken.push(Violation::Late {
            took: history.ended_in,
            limit: history.limit,
        });
    }
    broken.extend(history.secrets_told());
    broken
}

impl History {
    fn packages_sent(&self) -> BTreeSet<&str> {
        let told = self.sends.iter().flat_map(|sent| &sent.packages);
        let arrived = self.ledger.requests.iter();
        let arrived = arrived.flat_map(|request| &request.packages);
        told.chain(arrived).map(String::as_str).collect()
    }

    fn check_sends(&self, package: &str) -> Vec<Violation> {
        let names = |packages: &[String]| packages.iter().any(|id| id == package);
        let sends = || self.sends.iter().filter(|sent| names(&sent.packages));
        let requests = self.ledger.requests.iter();
        let arrived: Vec<&LedgerRequest> = requests
            .filter(|request| request.by == By::Client && names(&request.packages))
            .collect();
        let thrown_away = arrived
            .iter()
            .filter(|request| was_throttled(request))
            .count();

        let told = sends().count();
        let unasked = sends().filter(|sent| !sent.consented).count();
        let mut broken = Vec::new();
        if unasked > thrown_away.saturating_add(1) {
            broken.push(Violation::SentAgain {
                package: package.to_owned(),
                sends: unasked,
            });
        }
        if arrived.len() > told {
            broken.push(Violation::NotTold {
                package: package.to_owned(),
                arrived: arrived.len(),
                told,
            });
        }
        broken
    }

    fn check_count(&self, id: &str) -> Option<Violation> {
        let claims = self.claims.iter().filter(|claim| claim.package == id);
        let count = claims.count();
        (count != 1).then(|| Violation::Verdicts {
            package: id.to_owned(),
            count,
        })
    }

    fn check_claim(&self, claim: &Claim) -> Option<Violation> {
        let package = claim.package.clone();
        if !self.ids.contains(&package) {
            return Some(Violation::Unasked { package });
        }
        let last = |outcome| self.last_end(&package, outcome, claim.at);
        match claim.verdict.as_str() {
            "successful" if last("succeeded").is_none() => {
                Some(Violation::FalseSuccess { package })
            }
            // No end at all is before any.
            "failed" if last("failed").is_none() || last("failed") < last("succeeded") => {
                Some(Violation::FalseFailure { package })
            }
            "not-sent" | "refused" | "already-released" if self.is_released_by_us(&package) => {
                let verdict = claim.verdict.clone();
                Some(Violation::FalseRefusal { package, verdict })
            }
            verdict if !VERDICTS.contains(&verdict) => {
                let verdict = verdict.to_owned();
                Some(Violation::NoVerdict { package, verdict })
            }
            _ => None,
        }
    }

    /// When a release of this package last ended so, between the beginning and then.
    fn last_end(&self, package: &str, outcome: &str, then: SystemTime) -> Option<i64> {
        let releases = self.ledger.releases.iter();
        let of_package = releases.filter(|release| release.package_id == package);
        let ended_so = of_package.filter(|release| release.outcome == Some(outcome));
        let ends = ended_so.filter_map(|release| release.finished_ms);
        let period = millis(self.began)..=millis(then);
        ends.filter(|end| period.contains(end)).max()
    }

    /// By a request of ours or a copy of one, at any time since the beginning.
    ///
    /// A copy of a request that was turned away is the network's doing alone: to the first one the
    /// client got its no, and that was the truth.
    fn is_released_by_us(&self, package: &str) -> bool {
        let began = millis(self.began);
        let mut releases = self.ledger.releases.iter();
        releases.any(|release| {
            release.package_id == package
                && release.accepted_ms >= began
                && match release.by {
                    By::Client => true,
                    By::Copy => !self.is_of_one_turned_away(release),
                    By::Other => false,
                }
        })
    }

    fn is_of_one_turned_away(&self, release: &LedgerRelease) -> bool {
        let mut requests = self.ledger.requests.iter();
        let first = requests.find(|it| Some(&it.request_id) == release.copy_of.as_ref());
        first.is_some_and(|it| was_throttled(it) || (it.answered && it.status >= Some(400)))
    }

    fn secrets_told(&self) -> impl Iterator<Item = Violation> {
        let texts = self.texts.iter().enumerate();
        texts.flat_map(move |(text, told)| {
            let secrets = self.secrets.iter().enumerate();
            let found = secrets.filter(|(_, secret)| !secret.is_empty() && told.contains(*secret));
            found.map(move |(secret, _)| Violation::SecretTold { text, secret })
        })
    }
}

/// Whether the gateway threw it away and said so: then it may be sent once more.
fn was_throttled(request: &LedgerRequest) -> bool {
    let by_rate = request.error_code == Some(THROTTLED) && request.answered;
    by_rate || request.faults.iter().any(|word| word == "throttle")
}

fn millis(time: SystemTime) -> i64 {
    timestamp(time).as_millis()
}

#[cfg(test)]
mod tests;
