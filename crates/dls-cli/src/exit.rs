//! Exit codes, and the one way in which a command fails.

use dls::transport::{Delivery, ErrorKind as TransportErrorKind};

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
        Self {
            code,
            message: message.into(),
            next: Vec::new(),
        }
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

    /// What a failed read comes to. A write needs [`of_write`](Self::of_write).
    pub(crate) fn of_read(error: &dls::Error) -> Self {
        Self::new(read_exit_code(error), error.in_full()).with_next_for(error)
    }

    /// What a failed write that named so many packages comes to: refused, provably not sent, or
    /// unknown.
    pub(crate) fn of_write(error: &dls::Error, named: usize) -> Self {
        let refused = error
            .service()
            .is_some_and(|answer| dls::rollout::is_refusal(answer, named));
        if refused || error.delivery() == Delivery::NotSent {
            return Self::of_read(error);
        }
        let message = format!("unknown whether it was done: {}", error.in_full());
        Self::new(7, message)
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
        return dls::rollout::refusal_exit_code(answer);
    }
    if error.kind() == dls::ErrorKind::Plan {
        return 9;
    }
    match error.transport().map(dls::transport::Error::kind) {
        Some(TransportErrorKind::Credentials | TransportErrorKind::Stopped) => 4,
        Some(TransportErrorKind::InvalidRequest) => 2,
        Some(_) if error.delivery() == Delivery::Answered => 10,
        Some(_) => 11,
        None if matches!(
            error.kind(),
            dls::ErrorKind::Setup | dls::ErrorKind::InvalidRequest
        ) =>
        {
            2
        }
        None => 10,
    }
}

/// What to try, by what the failure is about.
fn next_for(code: u8, error: &dls::Error) -> Option<String> {
    let code_of = |answer: &dls::model::ServiceError| answer.code().map(|c| c.as_str().to_owned());
    let service_code = error.service().and_then(code_of).unwrap_or_default();
    Some(match code {
        4 if error.status().is_some_and(|status| status.as_u16() == 403) => {
            "ask for a workspace role that may do this".to_owned()
        }
        4 => "check HUAWEICLOUD_SDK_AK, HUAWEICLOUD_SDK_SK (and the clock); five wrong signatures \
              in a row lock the key for 5 minutes"
            .to_owned(),
        5 if service_code.ends_with(".0101") => {
            "check --endpoint or --region: this address does not offer the call".to_owned()
        }
        5 => "dls list (and check --workspace: an id means something in its own workspace only)"
            .to_owned(),
        10 => "wait a little, then run it again".to_owned(),
        11 => "check --endpoint or --region, and the network".to_owned(),
        _ => return None,
    })
}
