//! Consent to send a package again whose first request may still arrive.

use std::time::{Duration, SystemTime};

use dls_model::{PackageId, Timestamp};
use dls_rollout::{Claim, EventKind};

use super::Run;

/// Whether consent needs a proof that no earlier request can arrive any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fence {
    /// The signatures of all earlier requests must have expired, by the service's clock.
    Needed,
    /// No proof is possible: the service does not send its time, or a request has no signature. An earlier request may still
    /// arrive. Refused where a proof is possible.
    Waived,
}

impl Run {
    /// How long after its signature a request may still be accepted: 15 minutes, and one as a margin.
    /// [`allow_resend`](Self::allow_resend) adds the difference of the clocks.
    pub const RESEND_FENCE: Duration = Duration::from_secs(15 * 60 + 60);

    /// Consents to send these packages once more although the outcome of their first request is unknown. They are observed
    /// first.
    ///
    /// # Errors
    ///
    /// The outcome of one of them is known; an earlier request could still be accepted, or nothing proves that it could
    /// not; the fence is [waived](Fence::Waived) where a proof is possible; or the consent cannot be recorded.
    pub async fn allow_resend(
        &mut self,
        packages: &[PackageId],
        fence: Fence,
    ) -> Result<(), ResendRefused> {
        let requests = packages.iter().map(|package| self.request_of(*package));
        let requests: Vec<Request> = requests.collect::<Result<_, _>>()?;
        if requests.is_empty() {
            return Ok(());
        }
        self.check_fence(&requests, fence).await?;
        let consent = EventKind::ResendAllowed {
            packages: packages.to_vec(),
            no_fence: fence == Fence::Waived,
        };
        self.decide(consent).await.map_err(ResendRefused::NotRecorded)
    }

    /// Releases the claim on these packages, so that another run may send them. Nothing is sent. `by` is recorded.
    ///
    /// # Errors
    ///
    /// As [`allow_resend`](Self::allow_resend), for each package that may have been sent. An unsent package has no fence.
    pub async fn forget(
        &mut self,
        packages: &[PackageId],
        by: &str,
        fence: Fence,
    ) -> Result<(), ResendRefused> {
        let is_sent =
            |package: &&PackageId| self.rollout.claim(**package) != Some(Claim::NeverSent);
        let requests = packages.iter().filter(is_sent).map(|package| self.request_of(*package));
        let requests: Vec<Request> = requests.collect::<Result<_, _>>()?;
        self.check_fence(&requests, fence).await?;
        let forgotten = EventKind::Forgotten {
            packages: packages.to_vec(),
            by: by.to_owned(),
            no_fence: fence == Fence::Waived,
        };
        self.decide(forgotten).await.map_err(ResendRefused::NotRecorded)
    }

    /// The last request that may have had an effect on a package.
    fn request_of(&self, package: PackageId) -> Result<Request, ResendRefused> {
        match self.rollout.claim(package) {
            Some(Claim::Unsettled { signed_at, with_token }) => {
                Ok(Request { signed_at, package, with_token })
            }
            _ => Err(ResendRefused::NotUnknown(package)),
        }
    }

    /// Fails if one of these requests may still be accepted, by the service's clock.
    async fn check_fence(&self, requests: &[Request], fence: Fence) -> Result<(), ResendRefused> {
        let mut why_no_proof = None;
        if let Some(request) = requests.iter().find(|request| request.with_token) {
            why_no_proof = Some(ResendRefused::NoSignature(request.package));
        }
        let signed = requests.iter().filter(|request| !request.with_token);
        if let Some(last) = signed.max_by_key(|request| request.signed_at) {
            let skew = self.service.clock_skew(last.package).await;
            let skew = skew.map_err(ResendRefused::Unreachable)?;
            match skew {
                None => why_no_proof = Some(ResendRefused::NoClock),
                Some(_) if fence == Fence::Waived && why_no_proof.is_none() => {}
                Some(skew) => self.check_expired(last, skew)?,
            }
        }
        match (why_no_proof, fence) {
            (Some(why), Fence::Needed) => Err(why),
            (None, Fence::Waived) => Err(ResendRefused::ProofPossible),
            (Some(_), Fence::Waived) | (None, Fence::Needed) => Ok(()),
        }
    }

    fn check_expired(&self, last: &Request, skew: Duration) -> Result<(), ResendRefused> {
        // A status may lag by the grace, which may be longer.
        let lives = Self::RESEND_FENCE.max(self.spec().options.grace);
        let lives = lives.saturating_add(skew);
        let package = last.package;
        match time_left(last.signed_at.to_system_time(), lives, self.clock.wall()) {
            None => Ok(()),
            Some(left) => Err(ResendRefused::TooEarly { package, left }),
        }
    }
}

/// A request that may have been accepted, or may still be.
struct Request {
    package: PackageId,
    signed_at: Timestamp,
    with_token: bool,
}

/// How long a signature is still valid, in whole seconds; `None` once it has expired.
fn time_left(signed_at: SystemTime, lives: Duration, now: SystemTime) -> Option<Duration> {
    let left = match signed_at.checked_add(lives) {
        Some(ends) => ends.duration_since(now).ok()?,
        None => lives,
    };
    Some(Duration::from_secs(left.as_secs().saturating_add(1)))
}

/// Why consent is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResendRefused {
    /// The outcome of the package is known, or the run does not contain it.
    #[error(
        "the outcome of package {0} in this run is known or can still be observed, so no consent is needed"
    )]
    NotUnknown(PackageId),
    /// An earlier request could still be accepted.
    #[error(
        "an earlier request for package {package} could still be accepted for {} s",
        left.as_secs()
    )]
    TooEarly {
        /// The package that was sent last.
        package: PackageId,
        /// The remaining time, in whole seconds.
        left: Duration,
    },
    /// The service's answers have no `Date` header, so nothing proves that an earlier request has expired. The fence can be
    /// [waived](Fence::Waived).
    #[error(
        "the service does not tell the time (no Date header), so nothing proves that an earlier request can no \
         longer be accepted"
    )]
    NoClock,
    /// An earlier request contains a token instead of a signature, so it never expires. The fence can be
    /// [waived](Fence::Waived).
    #[error(
        "an earlier request for package {0} was sent with a token, which does not expire like a signature, \
         so nothing proves that it can no longer be accepted"
    )]
    NoSignature(PackageId),
    /// The service's time could not be read, for this reason in one line.
    #[error("the service's clock could not be read: {0}")]
    Unreachable(String),
    /// The fence was waived although a proof is possible.
    #[error(
        "the fence is waived only if the service sends no Date header or a request has no signature, and neither is \
         the case"
    )]
    ProofPossible,
    /// The store failed, for this reason in one line. It is unknown whether the decision was recorded.
    #[error(
        "it is unknown whether the decision was recorded ({0}); if it was, it counts when the run is resumed"
    )]
    NotRecorded(String),
}
