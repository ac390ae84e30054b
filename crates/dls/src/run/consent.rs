//! Consent to sending a package again whose first request may still arrive: when it may be given.

use std::fmt;
use std::time::Duration;

use dls_model::PackageId;
use dls_rollout::{LookFailure, Verdict, What};

use super::Run;

impl Run {
    /// How long after it was signed a request may still be accepted, wherever a copy of it is: 15
    /// minutes, and one for clocks to differ. [`allow_resend`](Self::allow_resend) adds how far
    /// they do.
    pub const RESEND_FENCE: Duration = Duration::from_secs(15 * 60 + 60);

    /// Consents to sending these packages once more, although what became of the first request is
    /// not known. They are looked at once more before.
    ///
    /// # Errors
    ///
    /// One of them is not unknown, or a copy of its first request could still be accepted: its
    /// signature is good for 15 minutes. With a token instead of a pair of keys there is no
    /// signature, and the fence proves less.
    pub async fn allow_resend(&mut self, packages: &[PackageId]) -> Result<(), ResendRefused> {
        let report = self.report();
        let mut last = None;
        for id in packages {
            let package = report.packages.iter().find(|package| package.id == *id);
            // Taken up again, it has no verdict until it was looked at.
            let package =
                package.filter(|it| it.sent && it.verdict.as_ref().is_none_or(is_unknown));
            let signed_at = package.and_then(|package| package.signed_at);
            let signed_at = signed_at.ok_or(ResendRefused::NotUnknown { package: *id })?;
            last = last.max(Some((signed_at, *id)));
        }
        let Some((signed_at, package)) = last else {
            return Ok(());
        };
        let skew = self.service.clock_skew(package).await;
        let skew = skew.map_err(|failure| ResendRefused::NoClock(text(failure)))?;
        // A status may lag by as much as the grace, should that be longer.
        let wait = Self::RESEND_FENCE.max(self.began().options.grace) + skew.unwrap_or_default();
        let fence = signed_at.to_system_time() + wait;
        if let Ok(left) = fence.duration_since(self.clock.wall()) {
            let left = Duration::from_secs(left.as_secs() + 1);
            return Err(ResendRefused::TooEarly { package, left });
        }
        self.note(What::ResendAllowed {
            packages: packages.to_vec(),
            no_fence: false,
        });
        Ok(())
    }
}

fn is_unknown(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Unknown { .. })
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
    /// Its first request could still be accepted.
    TooEarly {
        /// The package.
        package: PackageId,
        /// How long yet.
        left: Duration,
    },
    /// How far our clock is from the service's could not be asked.
    NoClock(String),
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
                "the first request for package {package} could still be accepted for {} s",
                left.as_secs()
            ),
            Self::NoClock(why) => write!(f, "the service's clock could not be asked: {why}"),
        }
    }
}

impl std::error::Error for ResendRefused {}
