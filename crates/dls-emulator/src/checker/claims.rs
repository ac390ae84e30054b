//! Checks that the reported outcomes are true.

use std::time::SystemTime;

use dls_model::{ErrorCode, ErrorIssuer, Meaning, Operation, ShowPackage, meaning};

use super::{
    Claim, History, Violation, ViolationKind, arrived, is_answered, millis, names, was_throttled,
};
use crate::ledger::{Initiator, LedgerRelease, LedgerRequest};

/// How many responses must say that a package is not found, after a request that names it was sent.
const ABSENCES: usize = 3;

impl History {
    pub(super) fn check_claim(&self, claim: &Claim) -> Option<Violation> {
        let Claim { package, outcome, at } = claim;
        let last = |outcome| self.last_end(package, outcome, *at);
        let (kind, why) = match outcome.as_str() {
            _ if !self.ids.contains(package) => {
                (ViolationKind::UnexpectedPackage, "the run did not include it")
            }
            "successful" if last("succeeded").is_none() => {
                (ViolationKind::FalseSuccess, "it was not released by then")
            }
            // `None` is less than any time.
            "failed" if last("failed").is_none() || last("failed") < last("succeeded") => (
                ViolationKind::FalseFailure,
                "its release had not failed, or a later one had succeeded",
            ),
            "not-sent" | "refused" | "already-released" if self.is_released_by_client(package) => (
                ViolationKind::FalseRefusal,
                "a request of the client or a copy of one released it",
            ),
            "accepted" | "pending" if !self.is_accepted(package, *at) => (
                ViolationKind::FalseAcceptance,
                "nobody had released it, nor was a request of the client accepted",
            ),
            "gone" => return self.check_absence(package, *at),
            "successful" | "failed" | "accepted" | "already-released" | "refused" | "not-sent"
            | "unknown" | "pending" => return None,
            _ => (ViolationKind::UnknownOutcome, "there is no such outcome"),
        };
        let what = format_args!("was reported as {outcome:?}, but {why}");
        Some(Violation::of(package, kind, what))
    }

    /// When a release of this package last ended so, between the start of the run and `then`.
    fn last_end(&self, package: &str, outcome: &str, then: SystemTime) -> Option<i64> {
        let releases = self.ledger.releases.iter();
        let of_package = releases.filter(|release| release.package_id == package);
        let ended_so = of_package.filter(|release| release.outcome == Some(outcome));
        let ends = ended_so.filter_map(|release| release.finished_ms);
        let period = millis(self.started_at)..=millis(then);
        ends.filter(|end| period.contains(end)).max()
    }

    /// Whether a request of the client, or a copy of one, released it at any time since the start of the run.
    ///
    /// A copy of a refused request comes from the network: the answer to the first one was true.
    fn is_released_by_client(&self, package: &str) -> bool {
        let started = millis(self.started_at);
        let mut releases = self.ledger.releases.iter();
        releases.any(|release| {
            release.package_id == package
                && release.accepted_ms >= started
                && match release.by {
                    Initiator::Client => true,
                    Initiator::Copy => !self.is_copy_of_refused(release),
                    Initiator::Other => false,
                }
        })
    }

    fn is_copy_of_refused(&self, release: &LedgerRelease) -> bool {
        let mut requests = self.ledger.requests.iter();
        let first = requests.find(|it| Some(&it.request_id) == release.copy_of.as_ref());
        first.is_some_and(|it| was_throttled(it) || (is_answered(it) && it.status >= Some(400)))
    }

    /// Whether somebody had released the package by then, or the service had accepted a request of the client for it.
    fn is_accepted(&self, package: &str, then: SystemTime) -> bool {
        let then = millis(then);
        let mut releases = self.ledger.releases.iter();
        let is_accepted_request = |request: &LedgerRequest| {
            // For a partly executed request the releases tell.
            let is_whole = !request.faults.iter().any(|fault| fault == "partly-done");
            let is_success = request.status.is_some_and(|it| (200..300).contains(&it));
            request.at_ms <= then && is_success && is_whole
        };
        self.ledger.running_before.iter().any(|id| id == package)
            || releases.any(|it| it.package_id == package && it.accepted_ms <= then)
            || arrived(self, package).any(is_accepted_request)
    }

    /// Whether the client asked for it and did not find it: once, or more often after a request that names it.
    fn check_absence(&self, package: &str, then: SystemTime) -> Option<Violation> {
        let mut sends = self.sends.iter();
        // A request that certainly had no effect does not count.
        let is_sent = sends.any(|sent| {
            (self.started_at..=then).contains(&sent.at)
                && names(&sent.packages, package)
                && !self.had_no_effect(package, sent.at, None)
        });
        let needed = if is_sent { ABSENCES } else { 1 };
        let period = millis(self.started_at)..=millis(then);
        let requests = self.ledger.requests.iter();
        let answers = requests.filter(|request| {
            period.contains(&request.at_ms) && is_answered_with_absence(request, package)
        });
        let answers = answers.count();
        (answers < needed).then(|| {
            let what = format_args!(
                "was reported as \"gone\", but {answers} answers say so and {needed} are required"
            );
            Violation::of(package, ViolationKind::FalseAbsence, what)
        })
    }
}

/// Whether the client asked for this package, and the service did not find it.
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
