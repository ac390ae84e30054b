//! What became of each package, and of the run as a whole.

use dls_model::{
    ErrorCode, ErrorIssuer, PackageDetail, PackageId, ServiceError, Status, Timestamp,
};

use crate::guard::{Guard, holds};

/// What became of one package since its baseline, the state observed before anything was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PackageOutcome {
    /// It moved after the baseline and the service reports it as released.
    Succeeded {
        /// Names of the jobs that were released and did not start.
        start_failures: Vec<String>,
    },
    /// It moved after the baseline and the service reports the release as failed.
    Failed {
        /// Names of the tasks that failed, where the service says which.
        tasks: Vec<String>,
    },
    /// The service accepted the release, and nobody asked to wait for its end.
    Accepted,
    /// It had been released before; nothing was sent for it.
    AlreadyReleased {
        /// Who released it, as the service reports it.
        by: Option<String>,
        /// When, as the service reports it.
        at: Option<Timestamp>,
    },
    /// The service or its gateway refused it.
    Refused {
        /// The error of the answer.
        error: Box<ServiceError>,
        /// Whether that proves that nothing was accepted. A refusal of several packages at once proves nothing about one
        /// of them: it was only not observed to move.
        proved: bool,
    },
    /// Proved: no deploy request that names it was sent.
    NotSent(NotSent),
    /// A request that names it may have been received. Check its status before anything is sent again.
    Unknown {
        /// What is known of the request, in one line.
        evidence: String,
    },
    /// It is being released, and we stopped waiting.
    StillRunning {
        /// Why we stopped, in one line.
        why: String,
    },
    /// The service knows no such package.
    Gone {
        /// Whether a request that names it may have been received before.
        sent: bool,
    },
}

/// Why a package was not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotSent {
    /// Nothing could be reached.
    Unreachable(String),
    /// The service was reached, and never returned the package.
    Unavailable(String),
    /// The service refused to show it.
    ObserveRefused(Box<ServiceError>),
    /// No request could be signed: no credentials, or stopped after a 401.
    NotAuthenticated(String),
    /// Its last release failed, and sending it once more was not asked for.
    LastReleaseFailed,
    /// Its status is none from which a release may start.
    WrongStatus(Option<Status>),
    /// It had been released before, and the options say that this stops the run.
    ReleasedBefore {
        /// Who released it, as the service reports it.
        by: Option<String>,
        /// When, as the service reports it.
        at: Option<Timestamp>,
    },
    /// It has changed since the plan. The change in one line.
    Drifted(String),
    /// It removes these from production, and the options do not allow that.
    Deletes(Vec<String>),
    /// It changes an object that other packages of the run change, and the packages are not sent in order.
    Overlaps {
        /// The name of the job, script or resource.
        name: String,
        /// The other packages.
        with: Vec<PackageId>,
    },
    /// Another package stopped the run.
    RunStopped,
    /// The time to wait was over first.
    OutOfTime,
    /// The caller ended the run first. Why, in one line.
    Left(String),
    /// The intention to send it could not be recorded. Why, in one line.
    NotRecorded(String),
}

impl PackageOutcome {
    /// The outcome of a run of this package alone; `None` if the outcome of another package is the reason for this one.
    fn alone(&self) -> Option<RunOutcome> {
        Some(match self {
            Self::Succeeded { start_failures } if start_failures.is_empty() => {
                RunOutcome::Successful
            }
            Self::Succeeded { .. } => RunOutcome::Partial,
            Self::Failed { .. } => RunOutcome::Failed,
            Self::Accepted => RunOutcome::Accepted,
            Self::AlreadyReleased { .. } => RunOutcome::NothingToDo,
            Self::Unknown { .. }
            | Self::Refused { proved: false, .. }
            | Self::Gone { sent: true } => RunOutcome::Unknown,
            Self::NotSent(NotSent::RunStopped) => return None,
            Self::NotSent(NotSent::OutOfTime | NotSent::Left(_)) | Self::StillRunning { .. } => {
                RunOutcome::Pending
            }
            Self::NotSent(_) | Self::Refused { .. } | Self::Gone { .. } => RunOutcome::Refused,
        })
    }

    /// Whether observing it again may still lead to another outcome: the release goes on, or the effect of the request
    /// [is unknown](Self::is_unsettled).
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Accepted | Self::StillRunning { .. })
            || self.is_unsettled() && holds(Guard::OpenUntilSettled)
    }

    /// Whether a request that names it may have had an effect that is not known: unknown, a refusal that proves nothing,
    /// or a package that was not found any more.
    #[must_use]
    pub fn is_unsettled(&self) -> bool {
        matches!(
            self,
            Self::Unknown { .. } | Self::Refused { proved: false, .. } | Self::Gone { sent: true }
        )
    }

    fn is_shortfall(&self) -> bool {
        matches!(self, Self::Failed { .. } | Self::Refused { .. } | Self::NotSent(_))
    }
}

/// What became of the run as a whole. Where several apply, it is the first of them in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RunOutcome {
    /// The outcome of at least one package is unknown.
    Unknown,
    /// Some succeeded, and some did not, or a released job did not start.
    Partial,
    /// At least one package failed, and none succeeded.
    Failed,
    /// Not over when we stopped waiting.
    Pending,
    /// Nothing was accepted.
    Refused,
    /// Accepted, and nobody asked to wait.
    Accepted,
    /// Everything asked for is in the asked state, and at least one package is so by this run.
    Successful,
    /// Every package had been released before.
    NothingToDo,
}

impl RunOutcome {
    /// What these outcomes of packages come to together.
    #[must_use]
    pub fn of<'a>(packages: impl IntoIterator<Item = &'a PackageOutcome>) -> Self {
        let packages: Vec<_> = packages.into_iter().collect();
        let is_mixed = packages.iter().any(|it| matches!(it, PackageOutcome::Succeeded { .. }))
            && packages.iter().any(|it| it.is_shortfall());
        let each = packages.iter().filter_map(|it| it.alone());
        each.chain(is_mixed.then_some(Self::Partial)).min().unwrap_or(Self::NothingToDo)
    }
}

/// What a run came to: its packages in the order in which they were asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// One state a package.
    pub packages: Vec<PackageReport>,
    /// The run as a whole.
    pub outcome: RunOutcome,
}

/// What a run came to for one package.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PackageReport {
    /// The package.
    pub id: PackageId,
    /// Its outcome; `None` while there is none yet.
    pub outcome: Option<PackageOutcome>,
    /// The last observation; `None` if none ever succeeded.
    pub latest: Option<PackageDetail>,
    /// The last observation before the request.
    pub baseline: Option<PackageDetail>,
    /// Whether a request of ours that names it may have been read.
    pub sent: bool,
    /// The latest signature time of a request that was to name it.
    pub signed_at: Option<Timestamp>,
    /// Whether a decoded 2xx to *our* request names it. Anything else is "released by …, as the
    /// service reports it".
    pub ours: bool,
    /// The background task that the service named for it (wire: `asy_task_id`).
    pub background_task: Option<String>,
    /// How many subtasks it named (wire: `asy_subtask_num`).
    pub subtasks: Option<i64>,
    /// The request id of the answer to our deploy request.
    pub request_id: Option<String>,
    /// Who gave it up, if anybody did: the run claims it no longer.
    pub forgotten: Option<Forgotten>,
}

/// Who gave up a package whose end was not known, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Forgotten {
    /// Who, as that person is known to the machine.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// What a run has to do with a package that another request would name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Claim {
    /// No request of this run that names it can have been read, and the run has not ended.
    NeverSent,
    /// A request may have been read, and its effect is unknown.
    Unsettled {
        /// The latest signature time of such a request (`X-Sdk-Date`).
        signed_at: Timestamp,
        /// Whether such a request carries a token, so that it never expires.
        with_token: bool,
    },
    /// It was accepted, or is being released.
    UnderWay,
    /// Its end is known, or it was given up.
    Settled,
}

impl Claim {
    /// Whether the package may be given up: it is not known to be being released.
    pub(crate) fn may_be_given_up(self) -> bool {
        matches!(self, Self::NeverSent | Self::Unsettled { .. })
    }
}

impl PackageReport {
    /// Whether the run claims it, so that no other run may send it: it has no outcome yet, or one that
    /// [is open](PackageOutcome::is_open), and nobody gave it up.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.forgotten.is_none() && self.outcome.as_ref().is_none_or(PackageOutcome::is_open)
    }
}

impl Report {
    /// Whether the run claims any of its packages.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.packages.iter().any(PackageReport::is_open)
    }
}

/// Whether an error answer to a write that names so many packages proves that nothing was done.
///
/// It does if it is a 4xx whose body contains [nothing but an error](ServiceError::is_flat), of the gateway, or of the
/// service to a request that names one package. Of several packages the service may have refused one and accepted
/// another; and an answer that says anything else besides may report what was done.
#[must_use]
pub fn is_refusal(error: &ServiceError, packages: usize) -> bool {
    error.status().is_client_error()
        && says_nothing_else(error)
        && match error.code().map(ErrorCode::issuer) {
            Some(ErrorIssuer::Gateway) => true,
            Some(ErrorIssuer::Service) => packages == 1 || !holds(Guard::RefusalOfOnePackage),
            _ => false,
        }
}

/// Whether an error answer may be a refusal by the service of several packages, some of which may be released all the
/// same.
pub(crate) fn is_partial_refusal(error: &ServiceError) -> bool {
    error.status().is_client_error()
        && error.code().map(ErrorCode::issuer) == Some(ErrorIssuer::Service)
}

fn says_nothing_else(error: &ServiceError) -> bool {
    error.is_flat() || !holds(Guard::NothingButAnError)
}

/// Whether the gateway throttled the request before it reached the service.
pub(crate) fn is_throttled_by_gateway(error: &ServiceError) -> bool {
    error.status().as_u16() == 429
        && says_nothing_else(error)
        && error.code().is_some_and(|code| {
            code.issuer() == ErrorIssuer::Gateway && code.as_str().ends_with(".0308")
        })
}
