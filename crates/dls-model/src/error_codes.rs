//! What the known error codes mean, and what to do about them. The set of codes is open.
//!
//! Codes of the service are printed on page `dataartsstudio_02_0313` and on those of the operations; those of the
//! gateway in its own error tables, where the prefix is `APIGW.`, `APIG.` or `APIC.` and the number means the same.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::text::printable;

/// The documented maximum of an error's code, taken for request ids too.
pub(crate) const MAX_CODE: usize = 128;

/// What a code means. [`ServiceError::meaning`](crate::ServiceError::meaning) takes the status into account too.
///
/// ```
/// use dls_model::ErrorCode;
/// use dls_model::error_codes::{Meaning, meaning};
///
/// let (old, new) = (ErrorCode::new("DLF.0810"), ErrorCode::new("DLF.20810"));
/// assert_eq!(meaning(&old), Meaning::NotFound);
/// assert_eq!(meaning(&old), meaning(&new));
/// ```
#[must_use]
pub fn meaning(code: &ErrorCode) -> Meaning {
    lookup(code).map_or(Other, |entry| entry.meaning)
}

/// One line on what to do about a code, where there is something to say.
#[must_use]
pub fn hint(code: &ErrorCode) -> Option<&'static str> {
    lookup(code).map(|entry| entry.hint).filter(|hint| !hint.is_empty())
}

/// What is known of a code.
#[must_use]
pub fn lookup(code: &ErrorCode) -> Option<&'static Entry> {
    let (issuer, number) = (code.issuer(), code.number()?);
    ENTRIES.iter().find(|entry| entry.issuer == issuer && entry.number == number)
}

/// All codes that are known.
#[must_use]
pub fn entries() -> &'static [Entry] {
    ENTRIES
}

/// What an error means, as far as it helps to decide what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Meaning {
    /// The package is released already, so it cannot be revoked.
    AlreadyReleased,
    /// The request is not acceptable as it is.
    InvalidRequest,
    /// Who asks is not known: wrong key, signature, token or clock. Never to be sent again as it is, since
    /// more than five in a row lock the key.
    NotAuthenticated,
    /// Something that the request names does not exist.
    NotFound,
    /// Who asks may not do this.
    NotPermitted,
    /// Nothing is known about it.
    Other,
    /// A quota is used up.
    QuotaReached,
    /// Too many requests in a short time.
    Throttled,
    /// The gateway or something behind it does not work at the moment.
    Unavailable,
    /// The workspace that the request names does not exist, whatever else it names.
    WorkspaceNotFound,
}

/// One known code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// Who reports it.
    pub issuer: ErrorIssuer,
    /// The digits of the code.
    pub number: &'static str,
    /// What it means.
    pub meaning: Meaning,
    /// What to do about it; may be empty.
    pub hint: &'static str,
}

/// The code of an error, such as `DLF.0810`. The set is open: no document lists all.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ErrorCode(String);

impl ErrorCode {
    /// Takes a code as it came; control characters are escaped, and at most 128 characters kept.
    #[must_use]
    pub fn new(code: &str) -> Self {
        Self(printable(code.trim(), MAX_CODE))
    }

    /// The code as text. One that came as a number is in decimal.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Who reports errors under this kind of code.
    #[must_use]
    pub fn issuer(&self) -> ErrorIssuer {
        let prefix = self.0.split('.').next().unwrap_or_default().to_ascii_uppercase();
        match prefix.as_str() {
            "APIGW" | "APIG" | "APIC" => ErrorIssuer::Gateway,
            "DLF" => ErrorIssuer::Service,
            "IAM" | "PAP5" => ErrorIssuer::Iam,
            _ if self.0.parse::<i64>().is_ok() => ErrorIssuer::Iam,
            _ => ErrorIssuer::Other,
        }
    }

    /// The digits after the last dot, or all of the code if it is a number. Leading zeros count.
    #[must_use]
    pub fn number(&self) -> Option<&str> {
        let number = self.0.rsplit('.').next()?;
        (!number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())).then_some(number)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Who reported an error, as far as its code tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorIssuer {
    /// The API gateway (`APIGW.`, `APIG.`, `APIC.`): the request never reached the service, unless the
    /// status says that the gateway waited for it in vain.
    Gateway,
    /// IAM (`IAM.`, `PAP5.`, or a bare number).
    Iam,
    /// Anything else.
    Other,
    /// DataArts Factory itself (`DLF.`).
    Service,
}

const fn service(number: &'static str, meaning: Meaning, hint: &'static str) -> Entry {
    Entry { issuer: ErrorIssuer::Service, number, meaning, hint }
}

const fn gateway(number: &'static str, meaning: Meaning, hint: &'static str) -> Entry {
    Entry { issuer: ErrorIssuer::Gateway, number, meaning, hint }
}

use Meaning::{
    AlreadyReleased, InvalidRequest, NotAuthenticated, NotFound, NotPermitted, Other, QuotaReached,
    Throttled, Unavailable, WorkspaceNotFound,
};

const NO_SUCH_TASK: &str =
    "check the ids and the workspace: a package of another one does not exist here";
const LOOK_AT_STATUS: &str = "many causes share this code: the HTTP status tells more";

#[rustfmt::skip]
const ENTRIES: &[Entry] = &[
    service("0100", NotFound, "the job does not exist"),
    service("0101", QuotaReached, "the quota of jobs is used up"),
    service("0102", InvalidRequest, "a job of this name exists"),
    service("0136", InvalidRequest, "only batch jobs can do this"),
    service("0137", NotFound, "the instance of the job does not exist"),
    service("0810", NotFound, NO_SUCH_TASK),
    service("0819", WorkspaceNotFound, "check the workspace id: it is the id, not the name"),
    service("1006", InvalidRequest, "the job has no node"),
    service("3025", InvalidRequest, "check the schedule of the job"),
    service("3051", InvalidRequest, "the service gives this code for many things: its text tells more"),
    service("6201", NotFound, "the script does not exist"),
    service("6205", NotFound, "the instance of the script does not exist"),
    service("6241", NotFound, "the resource does not exist"),
    service("6253", QuotaReached, "the quota of scripts is used up"),
    service("6888", NotPermitted, "ask for a role in the workspace that may do this"),
    service("20810", NotFound, NO_SUCH_TASK),
    service("20990", AlreadyReleased, "what is released cannot be revoked"),
    service("21203", NotFound, "the owner does not exist"),
    service("30111", InvalidRequest, "the job needs a trigger"),
    service("30121", InvalidRequest, "check the dates of the job's schedule"),
    gateway("0101", NotFound, "check the endpoint: /v2 paths are served by dayu.*, /v1 paths by dayu-dlf.*"),
    gateway("0103", NotFound, "the gateway knows no backend for this call: check the endpoint"),
    gateway("0106", InvalidRequest, "the gateway refuses a parameter, such as a missing content type"),
    gateway("0201", Other, LOOK_AT_STATUS),
    gateway("0202", Unavailable, "the backend cannot be reached"),
    gateway("0203", Unavailable, "the backend did not answer in time, but may have done the work"),
    gateway("0204", InvalidRequest, "the gateway does not support this version of TLS"),
    gateway("0205", NotAuthenticated, "the gateway refuses the client's certificate"),
    gateway("0301", NotAuthenticated, "check the key; a temporary one needs its security token; more than five failures in a row lock a key for five minutes"),
    gateway("0302", NotPermitted, "the user may not make this call: it needs programmatic access and a role in the workspace"),
    gateway("0303", NotAuthenticated, "check the key and the clock: more than 15 minutes off is refused"),
    gateway("0304", NotPermitted, ""),
    gateway("0305", NotAuthenticated, ""),
    gateway("0306", NotPermitted, ""),
    gateway("0307", NotAuthenticated, "the token has expired: get a new one"),
    gateway("0308", Throttled, "wait a second or more, then ask again"),
    gateway("0310", NotPermitted, "check the project id: each region has its own, and the key must belong to it"),
    gateway("0311", NotAuthenticated, ""),
    gateway("0312", NotAuthenticated, ""),
    gateway("0313", NotAuthenticated, ""),
    gateway("0314", NotPermitted, ""),
    gateway("0401", NotPermitted, "the gateway does not know this client's address"),
    gateway("0402", NotPermitted, "this client's address is not allowed"),
    gateway("0404", NotPermitted, "the address of the backend is not allowed"),
    gateway("0405", NotPermitted, "the call comes from an address that is not trusted"),
    gateway("0501", QuotaReached, ""),
    gateway("0502", NotPermitted, "the app is frozen"),
    gateway("0601", Unavailable, ""),
    gateway("0602", InvalidRequest, ""),
    gateway("0605", Unavailable, "the gateway cannot resolve the backend's name"),
    gateway("0606", Unavailable, ""),
    gateway("0607", InvalidRequest, "the gateway does not support this protocol: use https"),
    gateway("0608", Unavailable, ""),
    gateway("0609", Unavailable, ""),
    gateway("0610", Unavailable, "no backend is available"),
    gateway("0611", Unavailable, ""),
    gateway("0612", Unavailable, ""),
    gateway("0613", Unavailable, "IAM is not available at the moment"),
    gateway("0802", NotPermitted, "the user may not work in this region"),
];
