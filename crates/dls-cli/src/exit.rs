//! Exit codes, and the one way in which a command fails.

use dls::model::error_codes::{self, Meaning};
use dls::model::{ErrorCode, ErrorIssuer, ServiceError};
use dls::transport::{Delivery, ErrorKind as TransportErrorKind};

use crate::exit_code::ExitCode;

/// What `dls help exit-codes` prints. The codes are part of the command's contract.
pub(crate) const TABLE: &str = "\
Exit codes:
    0  done: everything asked for is in the asked state
    1  internal error (a bug): please report it; or the result could not be written
    2  wrong usage; nothing was sent
    3  at least one package failed to be released, and none is unknown
    4  not authenticated, or not permitted
    5  not found: a package, the workspace, or the call at this address
    6  partial: some packages succeeded, others did not; or a released job did not start
    7  unknown: a request may have been received; look before doing anything again
    8  still in progress when the time to wait was over
    9  refused, by us before sending or by the service
   10  throttled, or the service is unavailable; nothing was accepted
   11  network or TLS; nothing was accepted
   20  plan --detailed-exitcode: there is something to change
   21  plan --detailed-exitcode: there is, and something would be deleted
  130  interrupted by SIGINT; stderr says what was sent, and how to take it up again
  143  the same by SIGTERM

Where several apply, 7 wins over 6, then 3, then 8, then the rest.";

/// Why a command ends without its result: an exit code, one line, and what to do next.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: u8,
    pub(crate) message: String,
    pub(crate) next: Vec<String>,
}

impl Failure {
    pub(crate) fn new(code: u8, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), next: Vec::new() }
    }

    /// Wrong usage: nothing was sent.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(2, message)
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
        Self::new(7, with_request_id(message, error.request_id()))
    }

    fn with_next_for(self, error: &dls::Error) -> Self {
        match next_for(self.code, error) {
            Some(next) => self.with_next(next),
            None => self,
        }
    }
}

fn read_exit_code(error: &dls::Error) -> u8 {
    if let Some(answer) = error.service() {
        return ExitCode::of_answer(answer).code();
    }
    if error.kind() == dls::ErrorKind::Plan {
        return 9;
    }
    match error.transport().map(dls::transport::Error::kind) {
        Some(TransportErrorKind::Credentials | TransportErrorKind::Stopped) => 4,
        Some(TransportErrorKind::InvalidRequest) => 2,
        Some(_) if error.delivery() == Delivery::Answered => 10,
        Some(_) => 11,
        None if matches!(error.kind(), dls::ErrorKind::Setup | dls::ErrorKind::InvalidRequest) => 2,
        None => 10,
    }
}

/// What to try, by what the failure is about.
fn next_for(code: u8, error: &dls::Error) -> Option<String> {
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
            return next_for_code(ExitCode::of_answer(answer).code());
        }
        (_, Some(hint)) => hint.to_owned(),
    })
}

fn next_for_code(code: u8) -> Option<String> {
    Some(match code {
        4 => CHECK_THE_KEY.to_owned(),
        5 => NO_SUCH_PACKAGE.to_owned(),
        10 => "wait a little, then run it again".to_owned(),
        11 => next_for_network(),
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
