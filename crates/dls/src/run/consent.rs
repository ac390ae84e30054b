//! Consent to sending a package again whose first request may still arrive: when it may be given.

use std::fmt;
use std::time::{Duration, SystemTime};

use dls_model::{PackageId, Timestamp};
use dls_rollout::{LookFailure, PackageReport, Verdict, What};

use super::Run;

/// Whether consent needs the proof that no earlier request can arrive any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fence {
    /// It does: the signatures of all earlier requests have expired, by the service's clock.
    Needed,
    /// It does not, because there can be no such proof: the service does not tell the time, or a
    /// request bears no signature. An earlier request may still arrive. Refused where proof can be had.
    Waived,
}

impl Run {
    /// How long after it was signed a request may still be accepted, wherever a copy of it is: 15
    /// minutes, and one for clocks to differ. [`allow_resend`](Self::allow_resend) adds how far
    /// they do.
    pub const RESEND_FENCE: Duration = Duration::from_secs(15 * 60 + 60);

    /// Consents to sending these packages once more, although what became of the first request is
    /// not known. They are observed once more before.
    ///
    /// # Errors
    ///
    /// One of them is not unknown; a copy of an earlier request could still be accepted, or nothing
    /// proves that it could not; or the fence is [waived](Fence::Waived) and need not be.
    pub async fn allow_resend(
        &mut self,
        packages: &[PackageId],
        fence: Fence,
    ) -> Result<(), ResendRefused> {
        let report = self.report();
        let mut last: Option<(Timestamp, PackageId)> = None;
        for id in packages {
            let package = report.packages.iter().find(|package| package.id == *id);
            let signed_at = package.and_then(unknown_since);
            let signed_at = signed_at.ok_or(ResendRefused::NotUnknown { package: *id })?;
            last = last.max(Some((signed_at, *id)));
        }
        let Some(last) = last else {
            return Ok(());
        };
        self.check_fence(last, fence).await?;
        self.note(What::ResendAllowed {
            packages: packages.to_vec(),
            no_fence: false,
        });
        Ok(())
    }

    /// Whether the last signature has expired, by the service's clock.
    async fn check_fence(
        &self,
        (signed_at, package): (Timestamp, PackageId),
        fence: Fence,
    ) -> Result<(), ResendRefused> {
        let skew = self.service.clock_skew(package).await;
        let skew = skew.map_err(|failure| ResendRefused::Unreachable(text(failure)))?;
        match (skew, fence) {
            (None, Fence::Needed) => Err(ResendRefused::NoClock),
            (None, Fence::Waived) => Ok(()),
            (Some(_), Fence::Waived) => Err(ResendRefused::ProofCanBeHad),
            (Some(skew), Fence::Needed) => {
                // A status may lag by as much as the grace, should that be longer.
                let lives = Self::RESEND_FENCE.max(self.began().options.grace);
                let lives = lives.saturating_add(skew);
                match time_left(signed_at.to_system_time(), lives, self.clock.wall()) {
                    None => Ok(()),
                    Some(left) => Err(ResendRefused::TooEarly { package, left }),
                }
            }
        }
    }
}

/// When the last request was signed that names a package, if what became of it is unknown.
fn unknown_since(package: &PackageReport) -> Option<Timestamp> {
    // Taken up again, it has no verdict until it was observed.
    let is_unknown = match &package.verdict {
        None | Some(Verdict::Unknown { .. }) => package.sent,
        Some(_) => false,
    };
    package.signed_at.filter(|_| is_unknown)
}

/// How long a signature is still good, in whole seconds; `None` once it has expired.
fn time_left(signed_at: SystemTime, lives: Duration, now: SystemTime) -> Option<Duration> {
    let left = match signed_at.checked_add(lives) {
        Some(ends) => ends.duration_since(now).ok()?,
        None => lives,
    };
    Some(Duration::from_secs(left.as_secs().saturating_add(1)))
}

fn text(failure: LookFailure) -> String {
    match failure {
        LookFailure::NotFound(error) | LookFailure::Refused(error) => error.to_string(),
        LookFailure::NotAuthenticated(why)
        | LookFailure::Unreachable(why)
        | LookFailure::Unavailable(why) => why,
        // A kind of a later version of the rollout.
        other => format!("{other:?}"),
    }
}

/// Why a package is not sent once more.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResendRefused {
    /// What became of it is known, or it is not of this run.
    NotUnknown {
        /// The package.
        package: PackageId,
    },
    /// An earlier request could still be accepted.
    TooEarly {
        /// The package that was sent last.
        package: PackageId,
        /// How long yet, in whole seconds.
        left: Duration,
    },
    /// The service's answers do not say what time it is (no `Date` header), so nothing proves that an
    /// earlier request has expired, however long ago it was. The fence can be [waived](Fence::Waived).
    NoClock,
    /// The service's clock could not be asked, for this reason in one line.
    Unreachable(String),
    /// The fence was waived, and the service tells the time: the proof can be had.
    ProofCanBeHad,
}

impl fmt::Display for ResendRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUnknown { package } => write!(
                f,
                "package {package} is not unknown in this run, so there is nothing to send again"
            ),
            Self::TooEarly { package, left } => write!(
                f,
                "an earlier request for package {package} could still be accepted for {} s",
                left.as_secs()
            ),
            Self::NoClock => f.write_str(
                "the service does not tell the time (no Date header), so nothing proves that an \
                 earlier request can no longer be accepted",
            ),
            Self::Unreachable(why) => write!(f, "the service's clock could not be asked: {why}"),
            Self::ProofCanBeHad => f.write_str(
                "the fence can be waived only where the service does not tell the time or a request \
                 bears no signature, and neither is so here",
            ),
        }
    }
}

impl std::error::Error for ResendRefused {}
