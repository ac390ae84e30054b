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
    lookup(code).map_or(Other, |(meaning, _)| meaning)
}

/// One line on what to do about a code, where there is something to say.
#[must_use]
pub fn hint(code: &ErrorCode) -> Option<&'static str> {
    lookup(code).map(|(_, hint)| hint).filter(|hint| !hint.is_empty())
}

fn lookup(code: &ErrorCode) -> Option<(Meaning, &'static str)> {
    let (issuer, number) = (code.issuer(), code.number()?);
    let entry = ENTRIES.iter().find(|entry| (entry.0, entry.1) == (issuer, number));
    entry.map(|(_, _, meaning, hint)| (*meaning, *hint))
}

/// What an error means, as far as it helps to decide what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Meaning {
    /// The package is released already, so it cannot be revoked.
    AlreadyReleased,
    /// The request is not valid.
    InvalidRequest,
    /// The caller is not authenticated: wrong key, signature, token or clock. Never repeat such a request unchanged:
    /// more than five failures in a row lock the key.
    NotAuthenticated,
    /// Something that the request names does not exist.
    NotFound,
    /// The caller may not do this.
    NotPermitted,
    /// The code is not known.
    Other,
    /// A quota is used up.
    QuotaReached,
    /// Too many requests in a short time.
    Throttled,
    /// The gateway or something behind it does not work at the moment.
    Unavailable,
    /// The workspace that the request names does not exist.
    WorkspaceNotFound,
}

/// The code of an error, such as `DLF.0810`. The set is open: no document lists all.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ErrorCode(String);

impl ErrorCode {
    /// A code from an answer: control characters are escaped, and at most 128 characters kept.
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
            "APIGW" | "APIG" | "APIC" => Gateway,
            "DLF" => Service,
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

use ErrorIssuer::{Gateway, Service};
use Meaning::{
    AlreadyReleased, InvalidRequest, NotAuthenticated, NotFound, NotPermitted, Other, QuotaReached,
    Throttled, Unavailable, WorkspaceNotFound,
};

const NO_SUCH_TASK: &str =
    "check the ids and the workspace: a package of another one does not exist here";
const LOOK_AT_STATUS: &str = "many causes share this code: the HTTP status tells more";

/// Who reports it, its number, what it means, and what to do about it (may be empty).
#[rustfmt::skip]
const ENTRIES: &[(ErrorIssuer, &str, Meaning, &str)] = &[
    (Service, "0100", NotFound, "the job does not exist"),
    (Service, "0101", QuotaReached, "the quota of jobs is used up"),
    (Service, "0102", InvalidRequest, "a job of this name exists"),
    (Service, "0136", InvalidRequest, "only batch jobs can do this"),
    (Service, "0137", NotFound, "the instance of the job does not exist"),
    (Service, "0810", NotFound, NO_SUCH_TASK),
    (Service, "0819", WorkspaceNotFound, "check the workspace id: it is the id, not the name"),
    (Service, "1006", InvalidRequest, "the job has no node"),
    (Service, "3025", InvalidRequest, "check the schedule of the job"),
    (Service, "3051", InvalidRequest, "the service gives this code for many things: its text tells more"),
    (Service, "6201", NotFound, "the script does not exist"),
    (Service, "6205", NotFound, "the instance of the script does not exist"),
    (Service, "6241", NotFound, "the resource does not exist"),
    (Service, "6253", QuotaReached, "the quota of scripts is used up"),
    (Service, "6888", NotPermitted, "ask for a role in the workspace that may do this"),
    (Service, "20810", NotFound, NO_SUCH_TASK),
    (Service, "20990", AlreadyReleased, "what is released cannot be revoked"),
    (Service, "21203", NotFound, "the owner does not exist"),
    (Service, "30111", InvalidRequest, "the job needs a trigger"),
    (Service, "30121", InvalidRequest, "check the dates of the job's schedule"),
    (Gateway, "0101", NotFound, "check the endpoint: /v2 paths are served by dayu.*, /v1 paths by dayu-dlf.*"),
    (Gateway, "0103", NotFound, "the gateway knows no backend for this call: check the endpoint"),
    (Gateway, "0106", InvalidRequest, "the gateway refuses a parameter, such as a missing content type"),
    (Gateway, "0201", Other, LOOK_AT_STATUS),
    (Gateway, "0202", Unavailable, "the backend cannot be reached"),
    (Gateway, "0203", Unavailable, "the backend did not answer in time, but may have done the work"),
    (Gateway, "0204", InvalidRequest, "the gateway does not support this version of TLS"),
    (Gateway, "0205", NotAuthenticated, "the gateway refuses the client's certificate"),
    (Gateway, "0301", NotAuthenticated, "check the key; a temporary one needs its security token; more than five failures in a row lock a key for five minutes"),
    (Gateway, "0302", NotPermitted, "the user may not make this call: it needs programmatic access and a role in the workspace"),
    (Gateway, "0303", NotAuthenticated, "check the key and the clock: more than 15 minutes off is refused"),
    (Gateway, "0304", NotPermitted, ""),
    (Gateway, "0305", NotAuthenticated, ""),
    (Gateway, "0306", NotPermitted, ""),
    (Gateway, "0307", NotAuthenticated, "the token has expired: get a new one"),
    (Gateway, "0308", Throttled, "wait a second or more, then ask again"),
    (Gateway, "0310", NotPermitted, "check the project id: each region has its own, and the key must belong to it"),
    (Gateway, "0311", NotAuthenticated, ""),
    (Gateway, "0312", NotAuthenticated, ""),
    (Gateway, "0313", NotAuthenticated, ""),
    (Gateway, "0314", NotPermitted, ""),
    (Gateway, "0401", NotPermitted, "the gateway does not know this client's address"),
    (Gateway, "0402", NotPermitted, "this client's address is not allowed"),
    (Gateway, "0404", NotPermitted, "the address of the backend is not allowed"),
    (Gateway, "0405", NotPermitted, "the call comes from an address that is not trusted"),
    (Gateway, "0501", QuotaReached, ""),
    (Gateway, "0502", NotPermitted, "the app is frozen"),
    (Gateway, "0601", Unavailable, ""),
    (Gateway, "0602", InvalidRequest, ""),
    (Gateway, "0605", Unavailable, "the gateway cannot resolve the backend's name"),
    (Gateway, "0606", Unavailable, ""),
    (Gateway, "0607", InvalidRequest, "the gateway does not support this protocol: use https"),
    (Gateway, "0608", Unavailable, ""),
    (Gateway, "0609", Unavailable, ""),
    (Gateway, "0610", Unavailable, "no backend is available"),
    (Gateway, "0611", Unavailable, ""),
    (Gateway, "0612", Unavailable, ""),
    (Gateway, "0613", Unavailable, "IAM is not available at the moment"),
    (Gateway, "0802", NotPermitted, "the user may not work in this region"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_each_code_once_with_a_hint_of_one_line_or_none() {
        for (at, (issuer, number, _, hint)) in ENTRIES.iter().enumerate() {
            assert!(!ENTRIES[..at].iter().any(|it| (it.0, it.1) == (*issuer, *number)), "{number}");
            assert!(!hint.contains('\n') && hint.len() <= 200, "{number}");
        }
        assert!(hint(&ErrorCode::new("DLF.0819")).is_some());
        assert_eq!(hint(&ErrorCode::new("DLF.9999")), None);
    }
}
