//! The one way in which a command fails.

use dls::model::error_codes::{self, Meaning};
use dls::model::{ErrorCode, ErrorIssuer, ServiceError};
use dls::transport::{Delivery, ErrorKind as TransportErrorKind};

use crate::exit_code::ExitCode;

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

    /// Wrong usage: nothing was sent.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(ExitCode::Usage, message)
    }

    /// What to do next; said once more, what else could be done.
    pub(crate) fn with_next(mut self, next: impl Into<String>) -> Self {
        self.next.push(next.into());
        self
    }

    /// The same without the commands to type next: what they would ask has ended with this command.
    pub(crate) fn without_commands(mut self) -> Self {
        self.next.retain(|next| !next.starts_with("dls ") && !next.contains(": dls "));
        self
    }

    /// What a failed read comes to. A write needs [`of_write`](Self::of_write).
    pub(crate) fn of_read(error: &dls::Error) -> Self {
        let message = with_request_id(error.in_full(), error.request_id());
        Self::new(read_exit_code(error), message).with_next_for(error)
    }

    /// What a failed write that named so many packages comes to: refused, provably not sent, or
    /// unknown.
    pub(crate) fn of_write(error: &dls::Error, named: usize) -> Self {
        let refused = error.service().is_some_and(|answer| dls::rollout::is_refusal(answer, named));
        if refused || error.delivery() == Delivery::NotSent {
            return Self::of_read(error);
        }
        let message = format!("unknown whether it was done: {}", error.in_full());
        Self::new(ExitCode::Unknown, with_request_id(message, error.request_id()))
    }

    fn with_next_for(self, error: &dls::Error) -> Self {
        match next_for(self.code, error) {
            Some(next) => self.with_next(next),
            None => self,
        }
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

/// What to try, by what the failure is about.
fn next_for(code: ExitCode, error: &dls::Error) -> Option<String> {
    error.service().and_then(next_for_answer).or_else(|| next_for_code(code))
}

/// What to try after this error answer: what is known of its code, in the words of this command.
pub(crate) fn next_for_answer(answer: &ServiceError) -> Option<String> {
    let hint = answer.code().and_then(error_codes::hint);
    let origin = answer.code().map(ErrorCode::issuer);
    Some(match (answer.meaning(), hint) {
        (Meaning::NotAuthenticated, Some(hint)) => format!("{hint}; {CREDENTIALS}"),
        (Meaning::NotPermitted, None) => "ask for a workspace role that may do this".to_owned(),
        // A gateway misses the call, and the service a package.
        (Meaning::NotFound, _) if origin == Some(ErrorIssuer::Service) => {
            NO_SUCH_PACKAGE.to_owned()
        }
        (Meaning::Throttled | Meaning::Unavailable, _) | (_, None) => {
            return next_for_code(ExitCode::of_answer(answer));
        }
        (_, Some(hint)) => hint.to_owned(),
    })
}

fn next_for_code(code: ExitCode) -> Option<String> {
    Some(match code {
        ExitCode::NotPermitted => CHECK_THE_KEY.to_owned(),
        ExitCode::NotFound => NO_SUCH_PACKAGE.to_owned(),
        ExitCode::Unavailable => "wait a little, then run it again".to_owned(),
        ExitCode::Network => next_for_network(),
        _ => return None,
    })
}

/// What to try where nothing was reached. Whoever set a variable for a proxy expects it to be used.
pub(crate) fn next_for_network() -> String {
    let next = "check --endpoint or --region, and the network; the certificate of a network that \
                opens TLS goes into SSL_CERT_FILE";
    let proxies = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
    let is_set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    match proxies.into_iter().find(is_set) {
        Some(name) => format!("{next}; {name} is set, but dls goes through no proxy"),
        None => next.to_owned(),
    }
}

const CREDENTIALS: &str = "the key is in HUAWEICLOUD_SDK_AK, HUAWEICLOUD_SDK_SK and, if it is \
                           temporary, HUAWEICLOUD_SDK_SECURITY_TOKEN; a token in --token-file";
pub(crate) const CHECK_THE_KEY: &str = "check HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK (or --token-file), \
                             and the clock; more than five wrong signatures lock the key for 5 \
                             minutes";
pub(crate) const NO_SUCH_PACKAGE: &str =
    "dls list (and check --workspace: an id means something in its own workspace only)";

/// The line, and the id that support asks for.
pub(crate) fn with_request_id(line: String, id: Option<&str>) -> String {
    match id {
        Some(id) => format!("{line} (request id {id})"),
        None => line,
    }
}
