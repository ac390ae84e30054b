//! What became of each package, and of the run as a whole.

use dls_model::{
    ErrorCode, ErrorIssuer, PackageDetail, PackageId, ServiceError, Status, Timestamp,
};

use crate::entry::Entry;
use crate::guard::{Guard, holds};

/// What became of one package since its baseline, the state read before anything was sent.
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
    /// It was released before this run came; nothing was sent for it.
    AlreadyReleased {
        /// Who released it, as the service reports it.
        by: Option<String>,
        /// When, as the service reports it.
        at: Option<Timestamp>,
    },
    /// The service or its gateway said no.
    Refused {
        /// What it said.
        error: Box<ServiceError>,
        /// Whether that proves that nothing was accepted. A no to several packages at once proves
        /// nothing about one of them: it has only not been seen to move.
        proved: bool,
    },
    /// Proved: no deploy request that names it was sent.
    NotSent(NotSent),
    /// A request that names it may have been received. Look before sending anything again.
    Unknown {
        /// What is known of the request, in one line.
        evidence: String,
    },
    /// Its release is under way, and we stopped waiting.
    StillRunning {
        /// Why we stopped, in one line.
        why: String,
    },
    /// The service knows no such package.
    Gone {
        /// Whether it vanished only after a request that names it was sent.
        sent: bool,
    },
}

/// Why a package was not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotSent {
    /// Nothing could be reached.
    Unreachable(String),
    /// The service answered, and never with the package.
    Unavailable(String),
    /// The service refused to let us look.
    ObserveRefused(Box<ServiceError>),
    /// No request could be signed: no credentials, or stopped after a 401.
    NotAuthenticated(String),
    /// Its last release failed, and sending it once more was not asked for.
    LastReleaseFailed,
    /// It is neither to be reviewed nor anything else that a release may start from.
    WrongStatus(Option<Status>),
    /// Somebody had released it before, and that was to stop the run.
    ReleasedBefore {
        /// Who released it, as the service reports it.
        by: Option<String>,
        /// When, as the service reports it.
        at: Option<Timestamp>,
    },
    /// It is not as it was planned. What has changed, in one line.
    Drifted(String),
    /// It removes these from production, and nobody consented to that.
    Deletes(Vec<String>),
    /// It touches what other packages of the run touch, and they were not to be sent in order.
    Overlaps {
        /// The name of the job, script or resource.
        name: String,
        /// The other packages.
        with: Vec<PackageId>,
    },
    /// Another package of the same run stood in the way.
    RunStopped,
    /// The caller's patience was over first.
    OutOfTime,
    /// The caller left before its turn came. Why, in one line.
    Left(String),
    /// The intention to send it could not be written down. Why, in one line.
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

    /// Whether looking again may still bring another verdict: the release goes on, or what became
    /// of the request [is not known](Self::is_unsettled).
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Accepted | Self::StillRunning { .. })
            || self.is_unsettled() && holds(Guard::SentStaysOpen)
    }

    /// Whether a request that names it may have had an effect, and what that was is not known: unknown, a refusal
    /// that proves nothing, or a package that was not found any more.
    #[must_use]
    pub fn is_unsettled(&self) -> bool {
        matches!(
            self,
            Self::Unknown { .. } | Self::Refused { proved: false, .. } | Self::Gone { sent: true }
        )
    }

    fn is_success(&self) -> bool {
        matches!(self, Self::Succeeded { .. })
    }

    fn is_shortfall(&self) -> bool {
        matches!(self, Self::Failed { .. } | Self::Refused { .. } | Self::NotSent(_))
    }
}

/// What became of the run as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RunOutcome {
    /// Everything asked for is in the asked state, and at least one package is so by this run.
    Successful,
    /// Every package had been released before.
    NothingToDo,
    /// Accepted, and nobody asked to wait.
    Accepted,
    /// At least one package failed, and none succeeded.
    Failed,
    /// Some succeeded, and some did not, or a released job did not start.
    Partial,
    /// At least one package's fate is not known.
    Unknown,
    /// Not over when we stopped waiting.
    Pending,
    /// Nothing was accepted.
    Refused,
}

impl RunOutcome {
    /// What these outcomes of packages come to together. Where several apply, the first of these does: unknown, partial,
    /// failed, pending, refused, accepted, successful, nothing to do.
    #[must_use]
    pub fn of<'a>(packages: impl IntoIterator<Item = &'a PackageOutcome>) -> Self {
        const PRECEDENCE: [RunOutcome; 7] = [
            RunOutcome::Unknown,
            RunOutcome::Partial,
            RunOutcome::Failed,
            RunOutcome::Pending,
            RunOutcome::Refused,
            RunOutcome::Accepted,
            RunOutcome::Successful,
        ];
        let packages: Vec<_> = packages.into_iter().collect();
        let is_mixed = packages.iter().any(|it| it.is_success())
            && packages.iter().any(|it| it.is_shortfall());
        let mut found: Vec<Self> = packages.iter().filter_map(|it| it.alone()).collect();
        found.extend(is_mixed.then_some(Self::Partial));
        PRECEDENCE.into_iter().find(|it| found.contains(it)).unwrap_or(Self::NothingToDo)
    }
}

/// What a run came to: its packages in the order in which they were asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// One entry a package.
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
    /// What became of it; `None` while nobody knows yet.
    pub outcome: Option<PackageOutcome>,
    /// What the last look saw of it; `None` if no look ever came back.
    pub latest: Option<PackageDetail>,
    /// What the last look before the request saw of it.
    pub baseline: Option<PackageDetail>,
    /// Whether a request of ours that names it may have been read.
    pub sent: bool,
    /// The time that the signature of the last request bears that was to name it.
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
    /// Who gave it up, if somebody did: the run claims it no longer.
    pub forgotten: Option<Forgotten>,
}

/// That somebody gave up a package whose end was not known.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Forgotten {
    /// Who, as that person is known to the machine.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// What another request for a package would be up against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Claim {
    /// No request of this run that names it can have been read, and the run has not ended.
    NeverSent,
    /// A request may have been read, and nobody knows what became of it.
    Unsettled {
        /// The latest time that the signature of such a request bears (`X-Sdk-Date`).
        signed_at: Timestamp,
        /// Whether such a request bears a token, so that no time ends it.
        with_token: bool,
    },
    /// It was accepted, or is being released.
    UnderWay,
    /// Its end is known, or it was given up.
    Settled,
}

impl Claim {
    /// Whether somebody may give the package up: nothing of it is known to be under way.
    #[must_use]
    pub fn may_be_given_up(self) -> bool {
        matches!(self, Self::NeverSent | Self::Unsettled { .. })
    }
}

impl PackageReport {
    pub(crate) fn of(entry: &Entry) -> Self {
        let accepted = entry.accepted.as_ref();
        Self {
            id: entry.id,
            outcome: entry.outcome().cloned(),
            latest: entry.latest.clone(),
            baseline: entry.baseline.clone(),
            sent: entry.sent,
            signed_at: entry.signed_at,
            ours: accepted.is_some(),
            background_task: accepted.and_then(|detail| detail.task_id.clone()),
            subtasks: accepted.and_then(|detail| detail.subtask_count),
            request_id: entry.request_id.clone(),
            forgotten: entry.forgotten.clone(),
        }
    }

    /// Whether the run claims it: no verdict yet, or one that [is open](PackageOutcome::is_open), and nobody gave it
    /// up. No other run may send it then.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.forgotten.is_none() && self.outcome.as_ref().is_none_or(PackageOutcome::is_open)
    }
}

impl Report {
    /// Whether the story of any package is not over.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.packages.iter().any(PackageReport::is_open)
    }

    pub(crate) fn new(packages: Vec<PackageReport>) -> Self {
        let outcome = RunOutcome::of(packages.iter().filter_map(|it| it.outcome.as_ref()));
        Self { packages, outcome }
    }
}

/// Whether an error answer to a write that names so many packages proves that nothing was done.
///
/// It does if it is a 4xx whose body holds [nothing but an error](ServiceError::is_flat), of the gateway, or of
/// the service to a request that names one package. To several packages the service may have said no to one
/// and yes to another; and an answer that says anything else besides may report what was done.
#[must_use]
pub fn is_refusal(error: &ServiceError, packages: usize) -> bool {
    error.status().is_client_error()
        && says_nothing_else(error)
        && match error.code().map(ErrorCode::issuer) {
            Some(ErrorIssuer::Gateway) => true,
            Some(ErrorIssuer::Service) => packages == 1 || !holds(Guard::RefusalNeedsProof),
            _ => false,
        }
}

/// Whether an error answer may be a no of the service to several packages, of which some may have
/// been released all the same.
pub(crate) fn is_partial_refusal(error: &ServiceError) -> bool {
    error.status().is_client_error()
        && error.code().map(ErrorCode::issuer) == Some(ErrorIssuer::Service)
}

fn says_nothing_else(error: &ServiceError) -> bool {
    error.is_flat() || !holds(Guard::ProofIsFlat)
}

/// Whether the gateway turned a request away before it reached the service, only because there were
/// too many.
pub(crate) fn is_throttled_by_gateway(error: &ServiceError) -> bool {
    error.status().as_u16() == 429
        && says_nothing_else(error)
        && error.code().is_some_and(|code| {
            code.issuer() == ErrorIssuer::Gateway && code.as_str().ends_with(".0308")
        })
}
