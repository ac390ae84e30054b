//! The one way in which a command fails.

use dls::model::error_codes::{self, Meaning};
use dls::model::{ErrorCode, ErrorIssuer, ServiceError};
use dls::transport::{Delivery, ErrorKind as TransportErrorKind};

use crate::exit_code::ExitCode;
use crate::stdio::note;
use crate::text::shown;

/// Why a command ends without its result: an exit code, one line, and what to do next.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: ExitCode,
    pub(crate) message: String,
    pub(crate) next: Vec<String>,
}

impl Failure {
    pub(crate) fn new(code: ExitCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), next: Vec::new() }
    }

    /// A bug, or a machine that does not work.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(ExitCode::Internal, message)
    }

    /// Wrong usage: nothing was sent.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(ExitCode::Usage, message)
    }

    /// Refused before anything was sent, and the message says so.
    pub(crate) fn refused(message: impl std::fmt::Display) -> Self {
        Self::new(ExitCode::Refused, format!("{message}; nothing was sent"))
    }

    /// Adds a next step. The first one is the best.
    pub(crate) fn with_next(mut self, next: impl Into<String>) -> Self {
        self.next.push(next.into());
        self
    }

    pub(crate) fn with_all_next(mut self, next: impl IntoIterator<Item = String>) -> Self {
        self.next.extend(next);
        self
    }

    /// Removes the commands from the next steps: the service that they would ask has ended with this command.
    pub(crate) fn without_commands(mut self) -> Self {
        self.next.retain(|next| !next.starts_with("dls ") && !next.contains(": dls "));
        self
    }

    /// A read that failed. For a write use [`of_write`](Self::of_write).
    pub(crate) fn of_read(error: &dls::Error) -> Self {
        let message = with_request_id(error.in_full(), error.request_id());
        let code = read_exit_code(error);
        let next = match error.service() {
            Some(answer) => next_for_answer(answer),
            None => next_for_code(code).into_iter().collect(),
        };
        Self::new(code, message).with_all_next(next)
    }

    /// A write of that many packages that failed: refused, provably not sent, or unknown.
    pub(crate) fn of_write(error: &dls::Error, packages: usize) -> Self {
        let refused =
            error.service().is_some_and(|answer| dls::rollout::is_refusal(answer, packages));
        if refused || error.delivery() == Delivery::NotSent {
            return Self::of_read(error);
        }
        let message = format!("unknown whether it was done: {}", error.in_full());
        Self::new(ExitCode::Unknown, with_request_id(message, error.request_id()))
    }

    /// Writes the error and its next steps to stderr. Parts of it may come from a service, or a file.
    pub(crate) fn report(&self) -> ExitCode {
        note(&format!("error: {}", shown(&self.message)));
        for next in &self.next {
            note(&format!("  next: {}", shown(next)));
        }
        self.code
    }
}

fn read_exit_code(error: &dls::Error) -> ExitCode {
    if let Some(answer) = error.service() {
        return ExitCode::of_answer(answer);
    }
    match (error.kind(), error.transport().map(dls::transport::Error::kind)) {
        (dls::ErrorKind::Plan, _) => ExitCode::Refused,
        (_, Some(TransportErrorKind::Credentials | TransportErrorKind::Stopped)) => {
            ExitCode::NotPermitted
        }
        (_, Some(TransportErrorKind::InvalidRequest))
        | (dls::ErrorKind::Setup | dls::ErrorKind::InvalidRequest, None) => ExitCode::Usage,
        (_, Some(_)) if error.delivery() != Delivery::Answered => ExitCode::Network,
        _ => ExitCode::Unavailable,
    }
}

/// What to try after this error answer: what is known of its code, then what this command can do.
pub(crate) fn next_for_answer(answer: &ServiceError) -> Vec<String> {
    let hint = answer.code().and_then(error_codes::hint).map(str::to_owned);
    let of_code = || next_for_code(ExitCode::of_answer(answer));
    let is_from_service = answer.code().map(ErrorCode::issuer) == Some(ErrorIssuer::Service);
    let next = match (answer.meaning(), hint) {
        (Meaning::NotAuthenticated, Some(hint)) => [Some(format!("{hint}; {CREDENTIALS}")), None],
        (Meaning::NotPermitted, None) => {
            [Some("ask for a workspace role that may do this".to_owned()), None]
        }
        // For a gateway it is the endpoint that is wrong, and not the package.
        (Meaning::NotFound, hint) if is_from_service => [hint, Some(NO_SUCH_PACKAGE.to_owned())],
        (Meaning::Throttled | Meaning::Unavailable, _) | (_, None) => [of_code(), None],
        (_, hint) => [hint, None],
    };
    next.into_iter().flatten().collect()
}

/// What to try if nothing else is known.
pub(crate) fn next_for_code(code: ExitCode) -> Option<String> {
    Some(match code {
        ExitCode::NotPermitted => CHECK_THE_KEY.to_owned(),
        ExitCode::NotFound => NO_SUCH_PACKAGE.to_owned(),
        ExitCode::Unavailable => "wait a little, then run it again".to_owned(),
        ExitCode::Network => next_for_network(),
        _ => return None,
    })
}

/// Whoever set a variable for a proxy expects it to be used.
fn next_for_network() -> String {
    let next = "check --endpoint or --region, and the network; if the network intercepts TLS, put its CA \
                certificate into SSL_CERT_FILE";
    let proxies = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
    let is_set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    match proxies.into_iter().find(is_set) {
        Some(name) => format!("{next}; {name} is set, but dls does not use a proxy"),
        None => next.to_owned(),
    }
}

const CREDENTIALS: &str = "the key is read from HUAWEICLOUD_SDK_AK, HUAWEICLOUD_SDK_SK and, if it is \
                           temporary, HUAWEICLOUD_SDK_SECURITY_TOKEN; a token from --token-file";
const CHECK_THE_KEY: &str = "check HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK (or --token-file), and the clock; \
                             more than five wrong signatures lock the key for 5 minutes";
const NO_SUCH_PACKAGE: &str =
    "dls list (and check --workspace: an id is valid in its own workspace only)";

/// Adds the id that support asks for.
pub(crate) fn with_request_id(line: String, id: Option<&str>) -> String {
    match id {
        Some(id) => format!("{line} (request id {id})"),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use dls::model::{AnswerError, Deploy, Operation as _};
    use http::{HeaderMap, StatusCode};

    use super::*;

    #[test]
    fn what_is_known_of_a_code_comes_before_what_the_command_can_do() {
        let next = |code: &str| {
            let body = format!(r#"{{"error_code":"{code}","error_msg":"no"}}"#);
            match Deploy::decode(StatusCode::BAD_REQUEST, &HeaderMap::new(), body.as_bytes()) {
                Err(AnswerError::Service(answer)) => next_for_answer(&answer),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(next("DLF.6201"), ["the script does not exist", NO_SUCH_PACKAGE]);
        assert!(next("APIGW.0101")[0].starts_with("check the endpoint"));
        assert_eq!(next("APIGW.0101").len(), 1);
        assert_eq!(next("DLF.0001"), Vec::<String>::new());
    }
}
