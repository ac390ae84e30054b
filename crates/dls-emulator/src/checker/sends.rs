//! Checks that no package is sent again without consent, and that every request is reported.

use std::collections::BTreeSet;
use std::time::SystemTime;

use dls_model::{ErrorCode, ErrorIssuer};

use super::{
    ConsentKind, History, Violation, ViolationKind, arrived, is_answered, millis, names,
    was_throttled,
};
use crate::ledger::LedgerRequest;

/// What changes the right to send a package.
enum Step {
    /// A user consents.
    Consented(ConsentKind),
    /// A request that names it is sent.
    Sent,
}

impl History {
    pub(super) fn check_sends(&self) -> Vec<Violation> {
        let reported = self.sends.iter().flat_map(|sent| &sent.packages);
        let arrived = self.ledger.requests.iter();
        let arrived = arrived.flat_map(|request| &request.packages);
        let packages: BTreeSet<&str> = reported.chain(arrived).map(String::as_str).collect();
        let checks = packages.into_iter().map(|package| {
            let again = self.check_sent_again(package);
            again.into_iter().chain(self.check_reported(package))
        });
        checks.flatten().collect()
    }

    /// A package may be sent once, once more for each request that the gateway threw away, and once more for each earlier
    /// consent that covers it.
    fn check_sent_again(&self, package: &str) -> Option<Violation> {
        let mut allowed = 1_usize;
        let mut sends = 0;
        let steps = self.steps(package);
        for (number, (at, step)) in steps.iter().enumerate() {
            match step {
                Step::Consented(ConsentKind::Resend) => allowed += 1,
                // A new run gives a right only if the last one was used.
                Step::Consented(ConsentKind::NewRun) if self.is_settled(package, *at) => {
                    allowed = allowed.max(1);
                }
                Step::Consented(ConsentKind::NewRun) => {}
                Step::Sent => {
                    match allowed.checked_sub(1) {
                        Some(rest) => allowed = rest,
                        None => sends += 1,
                    }
                    let mut later = steps.iter().skip(number + 1);
                    let next = later.find(|(_, step)| matches!(step, Step::Sent));
                    if self.had_no_effect(package, *at, next.map(|(at, _)| *at)) {
                        allowed += 1;
                    }
                }
            }
        }
        (sends > 0).then(|| {
            let what = format_args!("was sent again {sends} times without consent");
            Violation::of(package, ViolationKind::SentAgain, what)
        })
    }

    /// In order of time; at the same time, consents come first.
    fn steps(&self, package: &str) -> Vec<(SystemTime, Step)> {
        let consents = self.consents.iter();
        let consents = consents.filter(|consent| consent.package == package);
        let consents = consents.map(|consent| (consent.at, Step::Consented(consent.kind)));
        let sends = self.sends.iter().filter(|sent| names(&sent.packages, package));
        let sends = sends.map(|sent| (sent.at, Step::Sent));
        let mut steps: Vec<_> = consents.chain(sends).collect();
        steps.sort_by_key(|(at, _)| *at);
        steps
    }

    /// Whether a request that was sent then, before the next one, arrived and was thrown away or refused with proof. Such a
    /// request has no effect and uses up no right.
    pub(super) fn had_no_effect(
        &self,
        package: &str,
        from: SystemTime,
        to: Option<SystemTime>,
    ) -> bool {
        let to = to.map_or(i64::MAX, millis);
        let mut of_it = arrived(self, package)
            .filter(|request| (millis(from)..to).contains(&request.at_ms))
            .peekable();
        let is_void = |it: &LedgerRequest| was_throttled(it) || is_refused_with_proof(it);
        of_it.peek().is_some() && of_it.all(is_void)
    }

    /// Whether the effect of each request so far that names the package is known.
    fn is_settled(&self, package: &str, then: SystemTime) -> bool {
        let then = millis(then);
        let mut earlier = arrived(self, package).filter(|request| request.at_ms <= then);
        let arrived_since = |from: SystemTime| {
            let mut arrived = arrived(self, package);
            arrived.any(|request| (millis(from)..=then).contains(&request.at_ms))
        };
        let sends = self.sends.iter();
        let mut sends =
            sends.filter(|sent| millis(sent.at) <= then && names(&sent.packages, package));
        sends.all(|sent| arrived_since(sent.at))
            && earlier.all(|request| {
                was_throttled(request)
                    || is_refused_with_proof(request)
                    || self.has_ended(package, request.at_ms, then)
            })
    }

    /// Whether a release of the package ended in this time. It may have begun before, because the service accepts no
    /// request for a package that is being released.
    fn has_ended(&self, package: &str, since: i64, by: i64) -> bool {
        let mut releases = self.ledger.releases.iter();
        releases.any(|release| {
            let ended = release.finished_ms;
            release.package_id == package && ended.is_some_and(|end| (since..=by).contains(&end))
        })
    }

    /// No more deploy requests that name it may arrive than the client reported.
    fn check_reported(&self, package: &str) -> Option<Violation> {
        let reported = self.sends.iter().filter(|sent| names(&sent.packages, package));
        let (reported, arrived) = (reported.count(), arrived(self, package).count());
        (arrived > reported).then(|| {
            let what = format_args!(
                "is named in {arrived} deploy requests that arrived, and the client reported {reported}"
            );
            Violation::of(package, ViolationKind::UnreportedRequest, what)
        })
    }
}

/// Whether the response proves that nothing was accepted: a refusal by the gateway, or by the service of one package.
fn is_refused_with_proof(request: &LedgerRequest) -> bool {
    let is_refusal =
        is_answered(request) && request.status.is_some_and(|it| (400..500).contains(&it));
    let origin = request.error_code.map(|code| ErrorCode::new(code).issuer());
    is_refusal
        && match origin {
            Some(ErrorIssuer::Gateway) => true,
            Some(ErrorIssuer::Service) => request.packages.len() == 1,
            _ => false,
        }
}
