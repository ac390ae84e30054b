//! What happened. The events of a run are its journal.

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

/// Something that happened. A [`Rollout`](crate::Rollout) is a fold of its events: it has no other state, and no clock
/// but their times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Event {
    /// When it was over.
    pub at: Timestamp,
    /// What it was.
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
    RunCreated(Box<RunSpec>),
    /// A package was read. Made by [`Rollout::observed`](crate::Rollout::observed).
    Observed {
        /// The package.
        package: PackageId,
        /// What was read; absent if it has not changed since the last observation.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seen: Option<Box<PackageDetail>>,
        /// When the read started, which is how old the state may be.
        started_at: Timestamp,
    },
    /// A package could not be read.
    ObserveFailed {
        /// The package.
        package: PackageId,
        /// Why.
        failure: ObserveError,
    },
    /// A list was read. Made by [`Rollout::listed`](crate::Rollout::listed).
    Listed {
        /// The packages of this run that have changed since the last observation.
        rows: Vec<Package>,
        /// Those that were not in the list, which proves nothing.
        missing: Vec<PackageId>,
    },
    /// A list could not be read.
    ListFailed {
        /// Why.
        failure: ObserveError,
    },
    /// The deploy request is about to be signed and written. From here on no replay sends it again by itself.
    SendIntended {
        /// The packages that it names.
        packages: PackageIds,
        /// The time of its signature (`X-Sdk-Date`).
        signed_at: Timestamp,
        /// Whether it carries a token instead of a signature, so that a copy of it never expires.
        with_token: bool,
    },
    /// The service answered the deploy request with a decoded 2xx.
    Accepted {
        /// The answer.
        answer: DeployAnswer,
        /// Its request id.
        request_id: Option<String>,
    },
    /// The deploy request did not lead to a decoded 2xx.
    SendFailed {
        /// What it led to.
        failure: SendError,
    },
    /// The time of an [`Action::Wait`](crate::Action::Wait) has passed.
    Waited,
    /// The time that the caller waits is over, which is neither a failure nor a success.
    OutOfTime,
    /// The run is resumed. No earlier observation counts any more.
    Resumed {
        /// The [grace](Options::grace) from now on.
        grace: Duration,
        /// The time between observations from now on.
        poll_interval: PollInterval,
        /// The endpoint if it is another one than the run was created for, which the user says leads to the same service.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        other_endpoint: Option<String>,
    },
    /// The caller consents to sending these packages once more although the effect of the first request is unknown.
    ResendAllowed {
        /// The packages.
        packages: Vec<PackageId>,
        /// Whether the caller consents although an earlier request may still be accepted.
        no_fence: bool,
    },
    /// These packages are given up: this run claims them no longer, so that another run may send them. Unknown outcomes
    /// stay unknown.
    Forgotten {
        /// The packages.
        packages: Vec<PackageId>,
        /// Who gave them up: a user name of this machine.
        by: String,
        /// Whether they were given up although an earlier request may still be accepted.
        no_fence: bool,
    },
}

impl EventKind {
    /// Whether it is a decision, whose record must be durable before anything follows from it. What was only observed can
    /// be observed again.
    #[must_use]
    pub fn is_decision(&self) -> bool {
        !matches!(
            self,
            Self::Observed { .. }
                | Self::ObserveFailed { .. }
                | Self::Listed { .. }
                | Self::ListFailed { .. }
                | Self::Accepted { .. }
                | Self::SendFailed { .. }
                | Self::Waited
                | Self::OutOfTime
        )
    }
}

/// The first event: all that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunSpec {
    /// The version of the event format, [`RunSpec::VERSION`].
    pub version: u32,
    /// Where the packages are released.
    pub destination: Destination,
    /// The packages.
    pub packages: Selection,
    /// What the caller wants.
    pub options: Options,
    /// The plan that was approved, if one was made.
    pub plan: Option<Plan>,
    /// The hash of that plan.
    pub plan_hash: Option<String>,
}

impl RunSpec {
    /// The version of the event format. [`Rollout::replay`](crate::Rollout::replay) refuses later ones.
    pub const VERSION: u32 = 2;

    /// A run without a plan.
    #[must_use]
    pub fn new(destination: Destination, packages: Selection, options: Options) -> Self {
        Self { version: Self::VERSION, destination, packages, options, plan: None, plan_hash: None }
    }

    /// Compares the packages with a plan: nothing is sent if one has changed since.
    #[must_use]
    pub fn with_plan(self, plan: Plan, hash: impl Into<String>) -> Self {
        Self { plan: Some(plan), plan_hash: Some(hash.into()), ..self }
    }
}

/// Why a package or a list could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ObserveError {
    /// The service says that there is no such package.
    NotFound(Box<ServiceError>),
    /// Any other 4xx. After a 401 or 403 the rollout reads nothing more: failed signatures in a row lock the access
    /// key.
    Refused(Box<ServiceError>),
    /// No request can be signed any more: no credentials, or stopped after a 401. One line.
    NotAuthenticated(String),
    /// Nothing was reached: DNS, connect, TLS, a reset, a time limit. One line.
    Unreachable(String),
    /// There was no usable answer: 429, 5xx, an undecodable 2xx. One line.
    Unavailable(String),
}

impl ObserveError {
    /// The error of an answer that is no package, or no list.
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

/// The gateway's "no such API" is about the address, not about the package.
fn is_about_a_missing_package(error: &ServiceError) -> bool {
    error.code().is_some_and(|code| {
        code.issuer() == ErrorIssuer::Service && meaning(code) == Meaning::NotFound
    })
}

/// Why a deploy request did not lead to a decoded 2xx.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SendError {
    /// Proved: no byte of the request left. One line.
    NotSent(String),
    /// No request can be signed any more, and nothing left. One line.
    NotAuthenticated(String),
    /// The intention could not be recorded, so nothing was sent. One line.
    NotRecorded(String),
    /// An error answer with a code, or at least a status. Whether it is a refusal depends on its origin and on how many
    /// packages the request named.
    Answered(Box<ServiceError>),
    /// The request may have been read, and no usable answer came. The evidence in one line.
    Lost(String),
}

impl SendError {
    /// The error of an answer that is no decoded 2xx.
    #[must_use]
    pub fn of_answer(error: AnswerError) -> Self {
        match error {
            AnswerError::Service(service) => Self::Answered(Box::new(service)),
            error => Self::Lost(error.to_string()),
        }
    }
}
