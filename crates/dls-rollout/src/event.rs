//! What happened, as the driver tells it to the fold.

use dls_model::{DeployAnswer, PackageDetail, PackageId, ServiceError};

/// Something that happened. A [`Rollout`] has no state that its events do not give back.
///
/// [`Rollout`]: crate::Rollout
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// A look at a package came back.
    Looked(PackageId, Box<PackageDetail>),
    /// A look at a package did not come back with the package.
    LookFailed(PackageId, LookFailure),
    /// The deploy request is about to be signed and written. From here on no replay may send it
    /// again on its own account.
    SendIntended,
    /// The service answered the deploy request with a decoded 2xx.
    Accepted(DeployAnswer),
    /// The deploy request came to no decoded 2xx.
    SendFailed(SendFailure),
    /// The time of an [`Action::Wait`] has passed.
    ///
    /// [`Action::Wait`]: crate::Action::Wait
    Waited,
    /// The caller's patience is over. Neither a failure nor a success.
    OutOfTime,
}

/// Why a look brought nothing.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum LookFailure {
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

/// What a deploy request came to when it did not come to a decoded 2xx.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum SendFailure {
    /// Proved: no byte of the request left. One line.
    NotSent(String),
    /// No request can be signed any more, and nothing left. One line.
    NotAuthenticated(String),
    /// An error answer with a code, or at least a status. Whether it is a refusal depends on who
    /// said it and on how many packages the request named.
    Answered(Box<ServiceError>),
    /// The request may have been read, and no usable answer came. The evidence in one line.
    Lost(String),
}
