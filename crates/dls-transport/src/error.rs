//! The one error of this crate: what failed, where, and what is proved about delivery.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use http::StatusCode;

use crate::response::Head;
use crate::retry_after::ClockSkew;

/// Why a call brought no answer.
///
/// `Display` is one line that names the host, what was being done, and the limit that ended it. The cause
/// is its [`source`](StdError::source). Neither contains a secret, a header or a query.
///
/// There is no `is_retryable`: whether a call may be repeated depends on what it does and on its
/// [`delivery`](Self::delivery).
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    phase: Phase,
    delivery: Delivery,
    attempts: u32,
    message: String,
    head: Option<Head>,
    location: Option<String>,
    source: Option<Source>,
}

pub(crate) type Source = Box<dyn StdError + Send + Sync>;

/// What is proved about the delivery of a request, over all attempts of a call.
///
/// No value will be added, so a `match` needs no wildcard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// No byte of the request left: nobody can have acted on it.
    ///
    /// Name resolution, connecting or the TLS handshake failed; or the HTTP layer handed the
    /// request back; or a counter on the socket saw no byte go out.
    NotSent,
    /// Neither is proved. The server may have read the request, and may have done what it asks.
    Unknown,
    /// The head of a usable answer arrived: the server, or a gateway before it, has read the
    /// request.
    Answered,
}

impl Delivery {
    /// What is proved about two attempts of one call.
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::NotSent, Self::NotSent) => Self::NotSent,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            _ => Self::Answered,
        }
    }
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotSent => "not sent",
            Self::Unknown => "unknown",
            Self::Answered => "answered",
        })
    }
}

/// How far a call had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Checking settings and the request.
    Prepare,
    /// Waiting for a free connection, and for the rate limit.
    Queue,
    /// Asking the provider for credentials.
    Credentials,
    /// Resolving the host name.
    Resolve,
    /// Opening a TCP connection.
    Connect,
    /// The TLS handshake.
    Tls,
    /// Writing the request and waiting for the head of the answer.
    Answer,
    /// Reading the body of the answer.
    Body,
}

/// What kind of thing went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The transport cannot be built from its settings.
    ///
    /// *Troubleshooting*: nothing was sent. The message names the setting.
    Setup,
    /// The request cannot be sent as it is.
    ///
    /// *Troubleshooting*: nothing was sent. The message names the part: a URI that is not absolute
    /// or names a user, plain `http://` to a host that is not this machine, a header that the
    /// transport sets itself, percent-escapes that are not UTF-8, or something that cannot be signed.
    InvalidRequest,
    /// There are no credentials, or their provider failed.
    ///
    /// *Troubleshooting*: nothing was sent. The source says what is wrong with the provider's
    /// configuration; without a source, none is configured.
    Credentials,
    /// An earlier request was refused with 401, so this transport and all its clones send no more.
    ///
    /// *Troubleshooting*: nothing was sent. The service locks an access key after a few failures in
    /// a row. Repair the credentials (or the clock, see
    /// [`ResponseMeta::clock_skew`](crate::ResponseMeta::clock_skew) of the 401), then build a new transport.
    Stopped,
    /// The host name has no address.
    ///
    /// *Troubleshooting*: nothing was sent. Check the spelling of the name, and whether this machine
    /// can resolve names at all. Reads are repeated.
    Resolve,
    /// No TCP connection: refused, unreachable, or out of sockets.
    ///
    /// *Troubleshooting*: nothing was sent. Check address and port, firewalls, and the limit of
    /// open files; the source says which it is. Reads are repeated.
    Connect,
    /// The server's certificate is not trusted, or the two sides do not agree on TLS.
    ///
    /// *Troubleshooting*: mostly nothing was sent; [`delivery`](Error::delivery) says so. An
    /// expired or not yet valid certificate may mean that the *local* clock is wrong. An unknown issuer
    /// is often a company's proxy: pass its certificate as [`Roots::Pem`](crate::Roots::Pem), or
    /// install it on this machine. Never repeated: nothing would change.
    Tls,
    /// A time limit was reached; [`phase`](Error::phase) says in which step.
    ///
    /// *Troubleshooting*: before [`Phase::Answer`] nothing was sent; a write is not sent, either, when
    /// too little time is left for its answer ([`Limits::write_head`](crate::Limits::write_head)). Later the
    /// server may have read the request: [`delivery`](Error::delivery) is `Unknown`, or `Answered` while the
    /// body was being read. Check whether a write was done before repeating it. Reads are
    /// repeated while there is time. See [`Limits`](crate::Limits).
    Timeout,
    /// The connection was lost before an answer came, or was not usable: it was closed before the
    /// request, or the server had sent data before the request, which could be mistaken for the answer.
    ///
    /// *Troubleshooting*: the server may have read nothing, or have read and done everything; only
    /// [`delivery`](Error::delivery) tells. If it is `Unknown`, check whether a write was done before
    /// repeating it. Reads are repeated.
    Interrupted,
    /// What came back is not an HTTP/1.1 answer to the request: other bytes, a head that is too large,
    /// or a status below 200 or above 599.
    ///
    /// *Troubleshooting*: something read the request, so delivery is `Unknown`. Check that host
    /// and port are those of the service. Never repeated.
    Protocol,
    /// The answer is a redirect (status 3xx), which is never followed: it would carry credentials
    /// to another address.
    ///
    /// *Troubleshooting*: the server read the request; whether it did anything is not known.
    /// [`location`](Error::location) says where it points. Usually the endpoint is wrong
    /// (`http` for `https`, or a portal in between). Never repeated.
    Redirect,
    /// The answer began and broke off in its body.
    ///
    /// *Troubleshooting*: the request was [`Answered`](Delivery::Answered), and the
    /// [`status`](Error::status) holds: after a 2xx a write was done, though the details are lost.
    /// Reads are repeated.
    Body,
    /// The body of the answer is larger than [`Limits::body_bytes`](crate::Limits::body_bytes), or
    /// comes in more chunks than that allows.
    ///
    /// *Troubleshooting*: as for [`Body`](Self::Body), the status holds. Ask for less at a time, or
    /// raise the limit. Never repeated. If the head announces 2^64 − 2 bytes or more, there is no
    /// status, and delivery is `Unknown`.
    TooLarge,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, phase: Phase, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            phase,
            delivery: Delivery::NotSent,
            attempts: 0,
            message: message.into(),
            head: None,
            location: None,
            source: None,
        }))
    }

    pub(crate) fn setup(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Setup, Phase::Prepare, message)
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidRequest, Phase::Prepare, message)
    }

    pub(crate) fn with_delivery(mut self, delivery: Delivery) -> Self {
        self.0.delivery = delivery;
        self
    }

    pub(crate) fn with_source(mut self, source: impl Into<Source>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What the head of the answer said.
    pub(crate) fn with_head(mut self, head: Head) -> Self {
        self.0.head = Some(head);
        self
    }

    pub(crate) fn with_location(mut self, location: Option<String>) -> Self {
        self.0.location = location;
        self
    }

    /// The error of a call: this one is of its last attempt, of `attempts`.
    pub(crate) fn of_call(mut self, attempts: u32, earlier: Delivery) -> Self {
        self.0.attempts = attempts;
        self.0.delivery = self.0.delivery.and(earlier);
        self
    }

    /// What kind of thing went wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// How far the last attempt had come.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.0.phase
    }

    /// What is proved about the delivery of the request, over all attempts.
    #[must_use]
    pub fn delivery(&self) -> Delivery {
        self.0.delivery
    }

    /// How many attempts were begun, 0 if the request was refused before the first.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// The status of the last attempt, if its answer got so far as to have one.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        self.0.head.as_ref().map(|head| head.status)
    }

    /// `X-Request-Id` (or IAM's `X-IAM-Trace-Id`) of the last answer. Support asks for it.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.0.head.as_ref()?.request_id.as_deref()
    }

    /// Where a redirect points, without user, query and fragment.
    #[must_use]
    pub fn location(&self) -> Option<&str> {
        self.0.location.as_deref()
    }

    /// How long the server asked us to wait (`Retry-After`).
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.head.as_ref()?.meta.retry_after()
    }

    /// How far our clock is from the server's, by the `Date` of the answer. `None` means that it is
    /// not known; see [`ResponseMeta::clock_skew`](crate::ResponseMeta::clock_skew).
    #[must_use]
    pub fn clock_skew(&self) -> Option<ClockSkew> {
        self.0.head.as_ref()?.meta.clock_skew()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubt_about_one_attempt_is_doubt_about_the_call() {
        use Delivery::{Answered, NotSent, Unknown};
        for (one, other, both) in [
            (NotSent, NotSent, NotSent),
            (NotSent, Answered, Answered),
            (Answered, Answered, Answered),
            (NotSent, Unknown, Unknown),
            (Answered, Unknown, Unknown),
            (Unknown, Unknown, Unknown),
        ] {
            assert_eq!(one.and(other), both);
            assert_eq!(other.and(one), both);
        }
    }

    #[test]
    fn display_leaves_the_source_to_the_chain() {
        let error = Error::setup("no roots").with_source("cause");
        assert_eq!(error.to_string(), "no roots");
        assert_eq!(error.source().unwrap().to_string(), "cause");
        assert_eq!(
            format!("{error:?}"),
            "Error(Inner { kind: Setup, phase: Prepare, delivery: NotSent, attempts: 0, message: \
             \"no roots\", head: None, location: None, source: Some(\"cause\") })",
        );
    }
}
