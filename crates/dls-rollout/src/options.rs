//! What the caller wants of a rollout.

use std::time::Duration;

use dls_model::{Deploy, DeployOptions, JobStart, PackageIds};
use serde::{Deserialize, Serialize};

use crate::guard::{Guard, holds};
use crate::poll_interval::PollInterval;

/// What the caller wants of a rollout.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Options {
    /// What the deploy requests say besides their packages. `None` sends nothing at all and only watches. Stored events
    /// must say which: a member that is missing, or cannot be read, is an error.
    #[serde(deserialize_with = "Option::deserialize")]
    pub deploy: Option<DeployOptions>,
    /// Whether to observe the packages until their releases are over.
    pub wait: bool,
    /// Whether a package whose last release failed is sent once more.
    pub redeploy_failed: bool,
    /// Whether packages that remove something from production may be sent.
    pub allow_delete: bool,
    /// Sends one package after the other, each once the one before has succeeded. Needed for packages that change the
    /// same object. Implies [`wait`](Self::wait).
    pub in_order: bool,
    /// Whether the next batch is sent after a refused one. It never is after an unknown one.
    pub keep_going: bool,
    /// Whether a package that is released already stops the run.
    pub if_released: IfReleased,
    /// What a lost answer leads to.
    pub on_lost_answer: OnLostAnswer,
    /// How long the status of a package may lag: a package that has not moved so long after a lost answer is unknown.
    pub grace: Duration,
    /// How long to wait between observations.
    pub poll_interval: PollInterval,
}

/// What a package that is released already leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum IfReleased {
    /// There is nothing to do for it.
    Ok,
    /// The run is refused.
    Fail,
}

/// What a lost answer leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum OnLostAnswer {
    /// The packages are observed until each has moved or the grace is over.
    Reconcile,
    /// The packages are unknown at once.
    Stop,
}

impl Options {
    /// The default of [`grace`](Self::grace): 120 s.
    pub const GRACE: Duration = Duration::from_secs(120);

    /// The shortest status lag that is assumed, whatever the [grace](Self::grace): 10 s. A shorter grace ends the
    /// observation after a lost answer sooner, and proves nothing about a status that may be old.
    pub const LEAST_LAG: Duration = Duration::from_secs(10);

    /// Waits for the end, reconciles a lost answer, and consents to nothing beyond the release.
    #[must_use]
    pub fn new(deploy: impl Into<DeployOptions>) -> Self {
        Self {
            deploy: Some(deploy.into()),
            wait: true,
            redeploy_failed: false,
            allow_delete: false,
            in_order: false,
            keep_going: false,
            if_released: IfReleased::Ok,
            on_lost_answer: OnLostAnswer::Reconcile,
            grace: Self::GRACE,
            poll_interval: PollInterval::default(),
        }
    }

    /// Only watches: nothing is sent.
    #[must_use]
    pub fn watch_only() -> Self {
        Self { deploy: None, ..Self::new(JobStart::Later) }
    }

    /// Whether jobs start once they are released; `None` if nothing is to be sent.
    #[must_use]
    pub fn start(&self) -> Option<JobStart> {
        self.deploy.as_ref().map(|it| it.start)
    }

    /// How long a status may lag.
    pub(crate) fn lag(&self) -> Duration {
        match holds(Guard::MinimumLag) {
            true => self.grace.max(Self::LEAST_LAG),
            false => self.grace,
        }
    }

    /// The request that releases these packages, with all that these options say; `None` if nothing is to be sent.
    #[must_use]
    pub fn request(&self, packages: PackageIds) -> Option<Deploy> {
        self.deploy.as_ref().map(|deploy| Deploy::new(packages, deploy.clone()))
    }

    /// Whether to wait: always in order, and when nothing is sent.
    pub(crate) fn waits(&self) -> bool {
        self.wait || self.in_order || self.deploy.is_none()
    }
}
