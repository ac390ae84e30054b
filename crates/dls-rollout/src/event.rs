//! What happened, as the driver tells it to the fold. The events of a run are its journal.

use std::time::Duration;

use dls_model::{
    AnswerError, DeployAnswer, ErrorIssuer, Meaning, Package, PackageDetail, PackageId, PackageIds,
    ServiceError, Timestamp, meaning,
};
use serde::{Deserialize, Serialize};

use crate::options::Options;
use crate::plan::{Destination, Plan};
use crate::poll_interval::PollInterval;
use crate::selection::Selection;

/// Something that happened. A [`Rollout`](crate::Rollout) has no state that its events do not give
/// back, and no clock but their times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Event {
    /// When it was over.
    pub at: Timestamp,
    /// What it was.
    #[serde(alias = "what")]
    pub kind: EventKind,
}

impl Event {
    /// Something that was over at this time.
    #[must_use]
    pub fn new(at: Timestamp, kind: EventKind) -> Self {
        Self { at, kind }
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum EventKind {
    /// The run was created. Always the first event, and never another one.
    #[serde(alias = "began")]
    RunCreated(Box<RunSpec>),
    /// A look at a package came back. Made by [`Rollout::observed`](crate::Rollout::observed).
    #[serde(alias = "looked")]
    Observed {
        /// The package.
        package: PackageId,
        /// What it is like; absent if it is as it was at the last look.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seen: Option<Box<PackageDetail>>,
        /// When the look began, which is how old the state is that it shows; when it was over if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        began_at: Option<Timestamp>,
    },
    /// A look at a package did not come back with the package.
    #[serde(alias = "look-failed")]
    ObserveFailed {
        /// The package.
        package: PackageId,
        /// Why.
        failure: ObserveError,
    },
    /// A list came back. Made by [`Rollout::listed`](crate::Rollout::listed).
    Listed {
        /// The packages of this run that are not as they were at the last look.
        rows: Vec<Package>,
        /// Those that were looked for and not found. That proves nothing.
        missing: Vec<PackageId>,
    },
    /// A list could not be read.
    ListFailed {
        /// Why.
        failure: ObserveError,
    },
    /// The deploy request is about to be signed and written. From here on no replay may send it
    /// again on its own account.
    SendIntended {
        /// The packages that it names.
        packages: PackageIds,
        /// The time that its signature bears (`X-Sdk-Date`).
        signed_at: Timestamp,
        /// Whether it bears a token instead of a signature. Then no time proves that a copy of it can no longer
        /// be accepted.
        #[serde(default, skip_serializing_if = "is_false")]
        with_token: bool,
    },
    /// The service answered the deploy request with a decoded 2xx.
    Accepted {
        /// The answer.
        answer: DeployAnswer,
        /// Its request id.
        request_id: Option<String>,
    },
    /// The deploy request came to no decoded 2xx.
    SendFailed {
        /// What it came to.
        failure: SendError,
    },
    /// The time of an [`Action::Wait`](crate::Action::Wait) has passed.
    Waited,
    /// The caller's patience is over. Neither a failure nor a success.
    OutOfTime,
    /// The run is taken up again. Nothing that was seen before counts as a look any more.
    Resumed {
        /// The grace from now on.
        grace: Duration,
        /// The pace from now on.
        #[serde(alias = "pace")]
        poll_interval: PollInterval,
        /// Another address than the run was created for, which leads to the same service as its user says.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        other_endpoint: Option<String>,
    },
    /// The caller consents to sending these packages once more although what became of the first
    /// request is unknown.
    ResendAllowed {
        /// The packages.
        packages: Vec<PackageId>,
        /// Whether the caller consents without proof that an earlier request can no longer arrive.
        #[serde(default, skip_serializing_if = "is_false")]
        no_fence: bool,
    },
    /// Somebody gives up these packages: this run claims them no longer, so that another run may send them.
    /// What was sent and is not known stays unknown.
    Forgotten {
        /// The packages.
        packages: Vec<PackageId>,
        /// Who gave them up, as that person is known to this machine.
        by: String,
        /// Whether that was without proof that an earlier request can no longer arrive.
        #[serde(default, skip_serializing_if = "is_false")]
        no_fence: bool,
    },
}

impl EventKind {
    /// The same event of a look that began at this time. Any other event stays as it is.
    #[must_use]
    pub fn with_began_at(self, at: Timestamp) -> Self {
        match self {
            Self::Observed { package, seen, .. } => {
                Self::Observed { package, seen, began_at: Some(at) }
            }
            other => other,
        }
    }

    /// Whether it decides something that has to outlive the machine: a record of it must be durable before anything
    /// follows from it. What was merely observed can be observed again.
    #[must_use]
    pub fn is_decision(&self) -> bool {
        match self {
            Self::RunCreated(_)
            | Self::SendIntended { .. }
            | Self::Resumed { .. }
            | Self::ResendAllowed { .. }
            | Self::Forgotten { .. } => true,
            Self::Observed { .. }
            | Self::ObserveFailed { .. }
            | Self::Listed { .. }
            | Self::ListFailed { .. }
            | Self::Accepted { .. }
            | Self::SendFailed { .. }
            | Self::Waited
            | Self::OutOfTime => false,
        }
    }
}

fn is_false(value: &bool) -> bool {
    !value
}

/// The first event: all that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunSpec {
    /// The version of the events' form, [`RunSpec::VERSION`].
    pub version: u32,
    /// Where.
    #[serde(alias = "place")]
    pub destination: Destination,
    /// Which packages.
    pub packages: Selection,
    /// How.
    pub options: Options,
    /// The plan that was consented to, if one was made before.
    pub plan: Option<Plan>,
    /// The hash of that plan, as whoever made the plan computed it.
    pub plan_hash: Option<String>,
}

impl RunSpec {
    /// The version of the events' form that this crate writes. It reads all before it, too.
    pub const VERSION: u32 = 2;

    /// A run without a plan that was made before.
    #[must_use]
    pub fn new(destination: Destination, packages: Selection, options: Options) -> Self {
        Self { version: Self::VERSION, destination, packages, options, plan: None, plan_hash: None }
    }

    /// Holds the packages against a plan: nothing is sent for one that has changed since.
    #[must_use]
    pub fn with_plan(self, plan: Plan, hash: impl Into<String>) -> Self {
        Self { plan: Some(plan), plan_hash: Some(hash.into()), ..self }
    }
}

/// Why a look brought nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ObserveError {
    /// The service says that there is no such package.
    NotFound(Box<ServiceError>),
    /// Any other refusal with a 4xx. After a 401 or 403 the rollout asks nothing more: failed
    /// signatures in a row lock the access key.
    Refused(Box<ServiceError>),
    /// No request can be signed any more: no credentials, or stopped after a 401. One line.
    NotAuthenticated(String),
    /// Nothing was reached: DNS, connect, TLS, a reset, a time limit. One line.
    Unreachable(String),
    /// What came is no answer: 429, 5xx, an undecodable 2xx. One line.
    Unavailable(String),
}

impl ObserveError {
    /// What an answer that is no package, or no list, comes to.
    #[must_use]
    pub fn of_answer(error: AnswerError) -> Self {
        let service = match error {
            AnswerError::Service(service) => service,
            error => return Self::Unavailable(error.to_string()),
        };
        match service.status().as_u16() {
            408 | 429 | 500.. | ..400 => Self::Unavailable(service.to_string()),
            _ if is_about_a_missing_package(&service) => Self::NotFound(Box::new(service)),
            _ => Self::Refused(Box::new(service)),
        }
    }
}

/// A gateway's "no such API" is about the address, not about the package.
fn is_about_a_missing_package(error: &ServiceError) -> bool {
    error.code().is_some_and(|code| {
        code.issuer() == ErrorIssuer::Service && meaning(code) == Meaning::NotFound
    })
}

/// What a deploy request came to when it did not come to a decoded 2xx.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SendError {
    /// Proved: no byte of the request left. One line.
    NotSent(String),
    /// No request can be signed any more, and nothing left. One line.
    NotAuthenticated(String),
    /// The intention could not be written down, so nothing was sent. One line.
    NotRecorded(String),
    /// An error answer with a code, or at least a status. Whether it is a refusal depends on who
    /// said it and on how many packages the request named.
    Answered(Box<ServiceError>),
    /// The request may have been read, and no usable answer came. The evidence in one line.
    Lost(String),
}

impl SendError {
    /// What an answer that is no decoded 2xx comes to.
    #[must_use]
    pub fn of_answer(error: AnswerError) -> Self {
        match error {
            AnswerError::Service(service) => Self::Answered(Box::new(service)),
            error => Self::Lost(error.to_string()),
        }
    }
}
