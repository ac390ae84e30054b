//! The error of the client's calls.

use std::error::Error as _;
use std::fmt;

use dls_model::{
    AnswerError, InvalidPackageIds, InvalidRequest, PackageId, PageError, ServiceError,
};
use dls_transport::Delivery;
use http::StatusCode;

use crate::endpoint::InvalidEndpoint;

/// Why a call has no usable answer.
///
/// `Display` is one line without the [`source`](std::error::Error::source).
///
/// There is no `is_retryable`: whether a call may be repeated depends on the operation. A write may be sent again only
/// if its [`delivery`](Self::delivery) is [`Delivery::NotSent`].
#[derive(Debug)]
pub struct Error {
    cause: Box<Cause>,
    /// For calls about several packages.
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
    Answer(#[from] AnswerError),
    #[error("the answer describes package {0}, which was not asked for")]
    OtherPackage(PackageId),
    #[error("the answer does not say which package it describes")]
    NoPackage,
    #[error(transparent)]
    Paging(#[from] PageError),
    #[error(transparent)]
    Plan(#[from] PlanMismatch),
}

/// Why a plan cannot be used here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PlanMismatch {
    #[error("the plan belongs to another endpoint, project or workspace")]
    Destination,
    #[error("the plan was made for another choice of whether jobs start")]
    Start,
    #[error("the plan: {0}")]
    Packages(InvalidPackageIds),
}

/// The kind of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The settings of the client are incomplete or invalid.
    ///
    /// *Troubleshooting*: nothing was sent. The message names the setting.
    Setup,
    /// The request is incomplete or invalid, for example a write without a workspace.
    ///
    /// *Troubleshooting*: nothing was sent. The message names what is missing.
    InvalidRequest,
    /// No complete answer was received.
    ///
    /// *Troubleshooting*: [`Error::delivery`] says whether the service may have received the request,
    /// [`Error::transport`] what failed.
    Transport,
    /// The service or its gateway answered with an error.
    ///
    /// *Troubleshooting*: see [`Error::service`] for the code, message and request id. A 4xx is a refusal; after a 5xx a write
    /// may have been done.
    Service,
    /// A 2xx answer that cannot be decoded.
    ///
    /// *Troubleshooting*: the service received the request, and probably did a write. Read the state before you repeat it.
    Undecodable,
    /// The pages of a list contradict its documentation.
    ///
    /// *Troubleshooting*: the rows so far are correct; the rest cannot be reached. Narrow the filter.
    Paging,
    /// The plan does not fit the client or the options.
    ///
    /// *Troubleshooting*: nothing was sent. Make another plan, or use the client and options that it was made with.
    Plan,
}

impl Error {
    /// The kind of an error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match &*self.cause {
            Cause::Setup(_) | Cause::Endpoint(_) => ErrorKind::Setup,
            Cause::Invalid(_) => ErrorKind::InvalidRequest,
            Cause::Transport(_) => ErrorKind::Transport,
            Cause::Answer(AnswerError::Service(_)) => ErrorKind::Service,
            Cause::Answer(_) | Cause::OtherPackage(_) | Cause::NoPackage => ErrorKind::Undecodable,
            Cause::Paging(_) => ErrorKind::Paging,
            Cause::Plan(_) => ErrorKind::Plan,
        }
    }

    /// Whether the service may have received the request.
    #[must_use]
    pub fn delivery(&self) -> Delivery {
        match &*self.cause {
            Cause::Setup(_) | Cause::Endpoint(_) | Cause::Invalid(_) | Cause::Plan(_) => {
                Delivery::NotSent
            }
            Cause::Transport(error) => error.delivery(),
            Cause::Answer(_) | Cause::OtherPackage(_) | Cause::NoPackage | Cause::Paging(_) => {
                Delivery::Answered
            }
        }
    }

    /// The HTTP status of the answer.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        match &*self.cause {
            Cause::Transport(error) => error.status(),
            Cause::Answer(error) => Some(error.status()),
            _ => None,
        }
    }

    /// The request id of the answer, for support.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        match &*self.cause {
            Cause::Transport(error) => error.request_id(),
            Cause::Answer(error) => error.request_id(),
            _ => None,
        }
    }

    /// The package, if the call was about several.
    #[must_use]
    pub fn package(&self) -> Option<PackageId> {
        self.package
    }

    /// The error answer of the service or its gateway.
    #[must_use]
    pub fn service(&self) -> Option<&ServiceError> {
        match &*self.cause {
            Cause::Answer(error) => error.service(),
            _ => None,
        }
    }

    /// The transport's error.
    #[must_use]
    pub fn transport(&self) -> Option<&dls_transport::Error> {
        match &*self.cause {
            Cause::Transport(error) => Some(error),
            _ => None,
        }
    }

    /// The error and its causes in one line. `Display` omits the causes.
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

    /// The answer about one package names another one, or none.
    pub(crate) fn other_package(named: Option<PackageId>) -> Self {
        named.map_or(Cause::NoPackage, Cause::OtherPackage).into()
    }

    pub(crate) fn about(self, package: PackageId) -> Self {
        Self { package: Some(package), ..self }
    }

    pub(crate) fn into_service(self) -> Result<ServiceError, Self> {
        match *self.cause {
            Cause::Answer(AnswerError::Service(error)) => Ok(error),
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

impl<E> From<E> for Error
where
    Cause: From<E>,
{
    fn from(error: E) -> Self {
        Self { cause: Box::new(error.into()), package: None }
    }
}
