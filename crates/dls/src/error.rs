//! One error for all that a call can come to.

use std::error::Error as _;
use std::fmt;

use dls_model::{
    AnswerError, InvalidPackageIds, InvalidRequest, PackageId, PageError, ServiceError, Undecodable,
};
use dls_transport::Delivery;
use http::StatusCode;

use crate::endpoint::InvalidEndpoint;

/// Why a call brought no answer that can be used.
///
/// Its `Display` is one line and leaves its source to [`source`](std::error::Error::source).
///
/// There is no `is_retryable`: whether a call may be repeated depends on the call. Look at
/// [`delivery`](Self::delivery): a write may be sent again only if it is [`Delivery::NotSent`].
#[derive(Debug)]
pub struct Error {
    cause: Box<Cause>,
    /// Where one call is about several.
    package: Option<PackageId>,
}

#[derive(Debug, thiserror::Error)]
enum Cause {
    #[error("{0}")]
    Setup(&'static str),
    #[error(transparent)]
    Endpoint(#[from] InvalidEndpoint),
    #[error(transparent)]
    Invalid(#[from] InvalidRequest),
    #[error(transparent)]
    Transport(#[from] dls_transport::Error),
    #[error(transparent)]
    Service(ServiceError),
    #[error(transparent)]
    Undecodable(Undecodable),
    #[error(transparent)]
    Answer(AnswerError),
    #[error("the answer describes package {0}, which was not asked for")]
    OtherPackage(PackageId),
    #[error("the answer does not say which package it is of")]
    NoPackage,
    #[error(transparent)]
    Paging(#[from] PageError),
    #[error(transparent)]
    Plan(#[from] PlanMismatch),
}

/// Why a plan cannot be carried out here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PlanMismatch {
    #[error("the plan is of another endpoint, project or workspace")]
    Destination,
    #[error("the plan was made for another choice of whether jobs start")]
    Start,
    #[error("the plan: {0}")]
    Packages(InvalidPackageIds),
}

/// What kind of thing went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The client cannot be built from what it was given.
    ///
    /// *Troubleshooting*: nothing was sent. The message names the setting.
    Setup,
    /// The request cannot be made, a write without a workspace for example.
    ///
    /// *Troubleshooting*: nothing was sent. The message names what is missing.
    InvalidRequest,
    /// No answer came back whole.
    ///
    /// *Troubleshooting*: [`Error::delivery`] says whether the service can have seen the request,
    /// and [`Error::transport`] what happened on the way.
    Transport,
    /// The service, or the gateway in front of it, answered with an error.
    ///
    /// *Troubleshooting*: see [`Error::service`] for its code, text and request id. A 4xx means
    /// that it was refused; after a 5xx a write may still have been done.
    Service,
    /// An answer of the 2xx kind that cannot be read.
    ///
    /// *Troubleshooting*: the service did see the request. A write was probably done; look before
    /// doing anything again.
    Undecodable,
    /// A list that does not behave as any reading of its documentation allows.
    ///
    /// *Troubleshooting*: the rows handed out so far are sound; the rest could not be reached. Set
    /// a filter that makes the list shorter.
    Paging,
    /// A plan that cannot be carried out as it is asked for.
    ///
    /// *Troubleshooting*: nothing was sent. Make another plan, or take the client and the options
    /// that it was made with.
    Plan,
}

impl Error {
    /// What kind of thing went wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match &*self.cause {
            Cause::Setup(_) | Cause::Endpoint(_) => ErrorKind::Setup,
            Cause::Invalid(_) => ErrorKind::InvalidRequest,
            Cause::Transport(_) => ErrorKind::Transport,
            Cause::Service(_) => ErrorKind::Service,
            Cause::Undecodable(_)
            | Cause::Answer(_)
            | Cause::OtherPackage(_)
            | Cause::NoPackage => ErrorKind::Undecodable,
            Cause::Paging(_) => ErrorKind::Paging,
            Cause::Plan(_) => ErrorKind::Plan,
        }
    }

    /// What is proved about the delivery of the request.
    #[must_use]
    pub fn delivery(&self) -> Delivery {
        match &*self.cause {
            Cause::Setup(_) | Cause::Endpoint(_) | Cause::Invalid(_) | Cause::Plan(_) => {
                Delivery::NotSent
            }
            Cause::Transport(error) => error.delivery(),
            Cause::Service(_)
            | Cause::Undecodable(_)
            | Cause::Answer(_)
            | Cause::OtherPackage(_)
            | Cause::NoPackage
            | Cause::Paging(_) => Delivery::Answered,
        }
    }

    /// The HTTP status, if an answer had one.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        match &*self.cause {
            Cause::Transport(error) => error.status(),
            Cause::Service(error) => Some(error.status()),
            Cause::Undecodable(error) => Some(error.status()),
            _ => None,
        }
    }

    /// The request id, if an answer named one. Support asks for it.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        match &*self.cause {
            Cause::Transport(error) => error.request_id(),
            Cause::Service(error) => error.request_id(),
            Cause::Undecodable(error) => error.request_id(),
            _ => None,
        }
    }

    /// The package that it is about, where a call looks at several.
    #[must_use]
    pub fn package(&self) -> Option<PackageId> {
        self.package
    }

    /// The error answer, if the service or its gateway gave one.
    #[must_use]
    pub fn service(&self) -> Option<&ServiceError> {
        match &*self.cause {
            Cause::Service(error) => Some(error),
            _ => None,
        }
    }

    /// What happened on the way, if no answer came back whole.
    #[must_use]
    pub fn transport(&self) -> Option<&dls_transport::Error> {
        match &*self.cause {
            Cause::Transport(error) => Some(error),
            _ => None,
        }
    }

    /// The error and its causes in one line, for a report. `Display` alone leaves the causes out.
    #[must_use]
    pub fn in_full(&self) -> String {
        let mut line = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            line.push_str(": ");
            line.push_str(&error.to_string());
            cause = error.source();
        }
        line
    }

    pub(crate) fn setup(what: &'static str) -> Self {
        Cause::Setup(what).into()
    }

    /// The answer to a question about one package names another one, or none.
    pub(crate) fn other_package(named: Option<PackageId>) -> Self {
        named.map_or(Cause::NoPackage, Cause::OtherPackage).into()
    }

    pub(crate) fn about(self, package: PackageId) -> Self {
        Self { package: Some(package), ..self }
    }

    pub(crate) fn into_service(self) -> Result<ServiceError, Self> {
        match *self.cause {
            Cause::Service(error) => Ok(error),
            cause => Err(cause.into()),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(package) = self.package {
            write!(f, "package {package}: ")?;
        }
        self.cause.fmt(f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.source()
    }
}

impl From<Cause> for Error {
    fn from(cause: Cause) -> Self {
        Self { cause: Box::new(cause), package: None }
    }
}

impl From<AnswerError> for Cause {
    fn from(error: AnswerError) -> Self {
        match error {
            AnswerError::Service(error) => Self::Service(error),
            AnswerError::Undecodable(error) => Self::Undecodable(error),
            // A kind of a later version of the model.
            other => Self::Answer(other),
        }
    }
}

macro_rules! from_causes {
    ($($error:ty),+) => {
        $(impl From<$error> for Error {
            fn from(error: $error) -> Self {
                Cause::from(error).into()
            }
        })+
    };
}

from_causes!(
    AnswerError,
    InvalidEndpoint,
    InvalidRequest,
    PageError,
    PlanMismatch,
    dls_transport::Error
);
