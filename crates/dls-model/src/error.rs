//! Answers that are not usable: errors of the service or of a gateway or proxy in front of it, and successes
//! that cannot be decoded.

use std::fmt;
use std::time::Duration;

use http::StatusCode;
use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize, Serializer};

use crate::error_body::{self, Members};
use crate::error_codes::{ErrorCode, Meaning, meaning};
use crate::lenient::{MOST_ELEMENTS, Unreadable};
use crate::raw::{Raw, id_text};
use crate::text::{excerpt, message};

/// Why the response to an operation is not a usable answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnswerError {
    /// An error was reported: any status outside 200 to 299, or an error object in a success.
    Service(ServiceError),
    /// A success that cannot be read. The operation may well have been carried out.
    Undecodable(Undecodable),
}

impl AnswerError {
    /// The status of the answer.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Service(error) => error.status(),
            Self::Undecodable(error) => error.status,
        }
    }

    /// The request id of the answer, if it has one.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Service(error) => error.request_id(),
            Self::Undecodable(error) => error.request_id.as_deref(),
        }
    }

    /// The error that was reported, if one was.
    #[must_use]
    pub fn service(&self) -> Option<&ServiceError> {
        match self {
            Self::Service(error) => Some(error),
            Self::Undecodable(_) => None,
        }
    }
}

impl fmt::Display for AnswerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(error) => error.fmt(f),
            Self::Undecodable(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for AnswerError {}

/// An error as the service, its gateway, IAM or a proxy reported it, in whichever shape.
///
/// Texts change and are never to be matched on; classify by [`meaning`](Self::meaning). They are made safe
/// to print: on one line, bounded, and with tokens and signatures that the gateway may echo redacted.
///
/// Its serde form is ours and not the wire's: status, code, message, request id, whether the body was
/// [flat](Self::is_flat) and the seconds to wait, for a record of what happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceError {
    #[serde(with = "status_number")]
    status: StatusCode,
    code: Option<ErrorCode>,
    message: String,
    request_id: Option<String>,
    /// Absent in a record from before it was asked for, which then proves nothing.
    #[serde(default)]
    flat: bool,
    /// In seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    #[serde(skip)]
    encoded_authorization_message: Option<String>,
}

mod status_number {
    use super::*;

    pub(super) fn serialize<S: Serializer>(
        status: &StatusCode,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_u16(status.as_u16())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<StatusCode, D::Error> {
        StatusCode::from_u16(u16::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl ServiceError {
    /// The HTTP status, which may be a success: the body of a success can hold an error object.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The code, if there is one. HTML and empty bodies have none.
    ///
    /// It is found at any depth, so that a message can name it. A nested code may be about a part of the request,
    /// or about another one: only if the body [is flat](Self::is_flat) does the code say what became of the whole.
    #[must_use]
    pub fn code(&self) -> Option<&ErrorCode> {
        self.code.as_ref()
    }

    /// Whether the body was one JSON object that holds only error members, each at most once, and each a string, a
    /// number or null.
    ///
    /// These are a code (wire: `error_code` or `errorCode`), a text (`error_msg` or `errorMsg`), `request_id` and
    /// `encoded_authorization_message`: what the service and its gateway document. Anything else may say that a
    /// part of the request was carried out, so it is not flat: another member, a nested object or list, a member
    /// that occurs twice, under both spellings too, HTML, `{}`, and a body that is empty or not UTF-8.
    #[must_use]
    pub fn is_flat(&self) -> bool {
        self.flat
    }

    /// The text of the error, at most 10,240 characters; without one the beginning of the body, at most 200.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The request id: of the header `X-Request-Id`, else of `X-IAM-Trace-Id`, else of the body.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// How long it asks to wait, from the header `Retry-After`: the longest number of seconds there, without any
    /// limit. No page promises the header; one that holds a date is not read, since that takes a clock.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after.map(Duration::from_secs)
    }

    /// The encoded message of an IAM 5 denial, unchanged, for an administrator to decode.
    #[must_use]
    pub fn encoded_authorization_message(&self) -> Option<&str> {
        self.encoded_authorization_message.as_deref()
    }

    /// What it means: by status where that says it, else by the code, never by the text.
    pub fn meaning(&self) -> Meaning {
        match self.status {
            StatusCode::TOO_MANY_REQUESTS => return Meaning::Throttled,
            status if status.is_server_error() => return Meaning::Unavailable,
            _ => {}
        }
        match (self.code.as_ref().map(meaning), self.status) {
            (None | Some(Meaning::Other), StatusCode::UNAUTHORIZED) => Meaning::NotAuthenticated,
            (None | Some(Meaning::Other), StatusCode::FORBIDDEN) => Meaning::NotPermitted,
            (None | Some(Meaning::Other), StatusCode::NOT_FOUND) => Meaning::NotFound,
            (meaning, _) => meaning.unwrap_or(Meaning::Other),
        }
    }

    /// Reads the error of an answer that is not a success.
    pub(crate) fn read(raw: Raw<'_>) -> Self {
        Self::from_root(raw, &error_body::parse(raw.body).unwrap_or_default())
    }

    /// Reads the error from a body that is already parsed.
    pub(crate) fn from_root(raw: Raw<'_>, root: &[Members]) -> Self {
        let found = error_body::find(root);
        Self {
            status: raw.status,
            code: found.code.map(ErrorCode::new),
            message: match found.message {
                Some(text) => message(text, MAX_MESSAGE),
                None => excerpt(raw.body),
            },
            request_id: raw.request_id().or_else(|| found.request_id.and_then(id_text)),
            flat: error_body::is_flat(raw.body),
            retry_after: raw.retry_after(),
            encoded_authorization_message: found.encoded_authorization_message.map(str::to_owned),
        }
    }
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP {}", self.status.as_u16())?;
        if let Some(code) = &self.code {
            write!(f, " {code}")?;
        }
        match self.message.as_str() {
            "" => Ok(()),
            message => write!(f, ": {message}"),
        }
    }
}

impl std::error::Error for ServiceError {}

/// The documented maximum of an error's text.
const MAX_MESSAGE: usize = 10_240;

/// A success that cannot be read: not JSON, cut short, or without what the operation always answers.
///
/// # Troubleshooting
///
/// The service, or something in front of it, reported success. A write may have been carried out: check the state
/// before you send anything again. If the excerpt is a web page, a proxy or a login page answered instead of the
/// service; check the endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Undecodable {
    /// The HTTP status.
    pub status: StatusCode,
    /// What is wrong with the body.
    pub problem: Problem,
    /// The beginning of the body, at most 200 characters, safe to print.
    pub excerpt: String,
    /// The request id of the headers, if they have one.
    pub request_id: Option<String>,
}

impl Undecodable {
    pub(crate) fn new(raw: Raw<'_>, problem: Problem) -> Self {
        Self {
            status: raw.status,
            problem,
            excerpt: excerpt(raw.body),
            request_id: raw.request_id(),
        }
    }
}

impl fmt::Display for Undecodable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP {}, but the body {}", self.status.as_u16(), self.problem)?;
        match self.excerpt.as_str() {
            "" => Ok(()),
            excerpt => write!(f, ": {excerpt}"),
        }
    }
}

impl std::error::Error for Undecodable {}

/// What is wrong with the body of a success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// It is empty, but this operation always answers something.
    Empty,
    /// It lacks this member (by its wire name), without which the answer says nothing.
    Missing(&'static str),
    /// It is JSON, but not an object.
    NotAnObject,
    /// It is not JSON, or is truncated.
    NotJson,
    /// It is not UTF-8.
    NotUtf8,
    /// Its lists have more elements than this in all: they would take far more memory than the body.
    TooMany(usize),
}

impl From<Unreadable> for Problem {
    fn from(why: Unreadable) -> Self {
        match why {
            Unreadable::NotJson => Self::NotJson,
            Unreadable::TooMany => Self::TooMany(MOST_ELEMENTS),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("is empty"),
            Self::Missing(member) => write!(f, "has no readable {member}"),
            Self::NotAnObject => f.write_str("is not a JSON object"),
            Self::NotJson => f.write_str("is not JSON"),
            Self::NotUtf8 => f.write_str("is not UTF-8"),
            Self::TooMany(most) => write!(f, "has lists of more than {most} elements"),
        }
    }
}
