//! What is said of packages in the end is true.

use std::time::SystemTime;

use dls_model::{ErrorCode, ErrorIssuer, Meaning, Operation, ShowPackage, meaning};

use super::{Claim, History, Violation, arrived, is_answered, millis, was_throttled};
use crate::ledger::{Initiator, LedgerRelease, LedgerRequest};

/// The words of [`Claim::outcome`].
const OUTCOMES: [&str; 9] = [
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

/// So many answers must say that a package is not there, once a request that names it was sent.
const ABSENCES: usize = 3;

impl History {
    pub(super) fn check_claim(&self, claim: &Claim) -> Option<Violation> {
        let package = claim.package.clone();
        let outcome = claim.outcome.clone();
        if !self.ids.contains(&package) {
            return Some(Violation::UnexpectedPackage { package });
        }
        let last = |outcome| self.last_end(&package, outcome, claim.at);
        match claim.outcome.as_str() {
            "successful" if last("succeeded").is_none() => {
                Some(Violation::FalseSuccess { package })
            }
            // No end at all is before any.
            "failed" if last("failed").is_none() || last("failed") < last("succeeded") => {
                Some(Violation::FalseFailure { package })
            }
            "not-sent" | "refused" | "already-released" if self.is_released_by_us(&package) => {
                Some(Violation::FalseRefusal { package, outcome })
            }
            "accepted" | "pending" if !self.is_begun(&package, claim.at) => {
                Some(Violation::FalseAcceptance { package, outcome })
            }
            "gone" => self.check_absence(&package, claim.at),
            word if !OUTCOMES.contains(&word) => {
                Some(Violation::UnknownOutcome { package, outcome })
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
        let period = millis(self.started_at)..=millis(then);
        ends.filter(|end| period.contains(end)).max()
    }

    /// By a request of ours or a copy of one, at any time since the beginning.
    ///
    /// A copy of a request that was turned away is the network's doing alone: to the first one the
    /// client got its no, and that was the truth.
    fn is_released_by_us(&self, package: &str) -> bool {
        let began = millis(self.started_at);
        let mut releases = self.ledger.releases.iter();
        releases.any(|release| {
            release.package_id == package
                && release.accepted_ms >= began
                && match release.by {
                    Initiator::Client => true,
                    Initiator::Copy => !self.is_of_one_turned_away(release),
                    Initiator::Other => false,
                }
        })
    }

    fn is_of_one_turned_away(&self, release: &LedgerRelease) -> bool {
        let mut requests = self.ledger.requests.iter();
        let first = requests.find(|it| Some(&it.request_id) == release.copy_of.as_ref());
        first.is_some_and(|it| was_throttled(it) || (is_answered(it) && it.status >= Some(400)))
    }

    /// Whether somebody had released the package by then, or the service had taken a request of ours for it.
    fn is_begun(&self, package: &str, then: SystemTime) -> bool {
        let then = millis(then);
        let mut releases = self.ledger.releases.iter();
        let is_taken = |request: &LedgerRequest| {
            // Of the packages of one that was partly done, the releases tell.
            let is_whole = !request.faults.iter().any(|word| word == "partly-done");
            let is_success = request.status.is_some_and(|it| (200..300).contains(&it));
            request.at_ms <= then && is_success && is_whole
        };
        self.ledger.running_before.iter().any(|id| id == package)
            || releases.any(|it| it.package_id == package && it.accepted_ms <= then)
            || arrived(self, package).any(is_taken)
    }

    /// It was asked for and not found: once, or more often if a request that names it may have changed that.
    fn check_absence(&self, package: &str, then: SystemTime) -> Option<Violation> {
        let names = |packages: &[String]| packages.iter().any(|id| id == package);
        let mut sends = self.sends.iter();
        // What had no effect for sure was not sent as far as this counts.
        let is_sent = sends.any(|sent| {
            (self.started_at..=then).contains(&sent.at)
                && names(&sent.packages)
                && !self.had_no_effect(package, sent.at, None)
        });
        let needed = if is_sent { ABSENCES } else { 1 };
        let period = millis(self.started_at)..=millis(then);
        let requests = self.ledger.requests.iter();
        let answers = requests.filter(|request| {
            period.contains(&request.at_ms) && is_answered_with_absence(request, package)
        });
        let answers = answers.count();
        (answers < needed).then(|| Violation::FalseAbsence {
            package: package.to_owned(),
            answers,
            needed,
        })
    }
}

/// Whether the client asked for this package, and the service said that there is none.
fn is_answered_with_absence(request: &LedgerRequest, package: &str) -> bool {
    let code = request.error_code.map(ErrorCode::new);
    request.by == Initiator::Client
        && request.operation == Some(ShowPackage::NAME)
        && request.path.rsplit('/').next() == Some(package)
        && is_answered(request)
        && code.is_some_and(|code| {
            code.issuer() == ErrorIssuer::Service && meaning(&code) == Meaning::NotFound
        })
}
