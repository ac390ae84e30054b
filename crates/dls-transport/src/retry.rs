//! Whether one more attempt follows. A pure decision, so that the whole table can be tested.

use std::time::Duration;

use http::{Response, StatusCode};

use crate::backoff::pause;
use crate::error::{Error, ErrorKind};
use crate::response::ResponseMeta;

/// Whether a request may go out more than once.
///
/// This is about what the request *does*, which its method does not tell: a `POST` may only list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Retry {
    /// It changes nothing (a read): it is repeated after failures that may pass, and may use a
    /// connection that an earlier request left behind.
    Allowed,
    /// It changes something (a write): it is sent once, on a connection of its own.
    Never,
}

/// What one attempt came to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum AttemptResult {
    Answer { status: StatusCode, retry_after: Option<Duration> },
    Failure { kind: ErrorKind, status: Option<StatusCode>, retry_after: Option<Duration> },
}

impl AttemptResult {
    pub(crate) fn of(result: &Result<Response<Vec<u8>>, Error>) -> Self {
        match result {
            Ok(answer) => Self::Answer {
                status: answer.status(),
                retry_after: answer
                    .extensions()
                    .get::<ResponseMeta>()
                    .and_then(ResponseMeta::retry_after),
            },
            Err(error) => Self::Failure {
                kind: error.kind(),
                status: error.status(),
                retry_after: error.retry_after(),
            },
        }
    }

    fn may_pass(self) -> bool {
        match self {
            Self::Answer { status, .. } => is_transient(status),
            Self::Failure { kind, status, .. } => {
                let kind = match kind {
                    ErrorKind::Resolve
                    | ErrorKind::Connect
                    | ErrorKind::Timeout
                    | ErrorKind::Interrupted
                    | ErrorKind::Body => true,
                    ErrorKind::Setup
                    | ErrorKind::InvalidRequest
                    | ErrorKind::Credentials
                    | ErrorKind::Stopped
                    | ErrorKind::Tls
                    | ErrorKind::Protocol
                    | ErrorKind::Redirect
                    | ErrorKind::TooLarge => false,
                };
                // A refusal that broke off is still a refusal; above all a 401 is never repeated.
                kind && status.is_none_or(|status| status.is_success() || is_transient(status))
            }
        }
    }

    /// The least pause: what the server asks for, and at least a second when we are too many.
    fn floor(self) -> Duration {
        let (status, retry_after) = match self {
            Self::Answer { status, retry_after } => (Some(status), retry_after),
            Self::Failure { status, retry_after, .. } => (status, retry_after),
        };
        let least = match status {
            Some(StatusCode::TOO_MANY_REQUESTS) => Duration::from_secs(1),
            _ => Duration::ZERO,
        };
        retry_after.unwrap_or_default().max(least)
    }
}

/// The pause before the next attempt, or `None` if this was the last one.
///
/// `attempts` counts this one, `remaining` is what is left of the whole call, and `chance` is from
/// 0 up to 1. A pause that would outlast the call is not begun.
pub(crate) fn next_attempt(
    retry: Retry,
    outcome: AttemptResult,
    (attempts, max_attempts): (u32, u32),
    remaining: Duration,
    chance: f64,
) -> Option<Duration> {
    if retry == Retry::Never || attempts >= max_attempts || !outcome.may_pass() {
        return None;
    }
    Some(pause(attempts, outcome.floor(), chance)).filter(|pause| *pause < remaining)
}

fn is_transient(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    const KINDS: [(ErrorKind, bool); 13] = [
        (ErrorKind::Setup, false),
        (ErrorKind::InvalidRequest, false),
        (ErrorKind::Credentials, false),
        (ErrorKind::Stopped, false),
        (ErrorKind::Resolve, true),
        (ErrorKind::Connect, true),
        (ErrorKind::Tls, false),
        (ErrorKind::Timeout, true),
        (ErrorKind::Interrupted, true),
        (ErrorKind::Protocol, false),
        (ErrorKind::Redirect, false),
        (ErrorKind::Body, true),
        (ErrorKind::TooLarge, false),
    ];

    fn answer(status: u16) -> AttemptResult {
        AttemptResult::Answer { status: StatusCode::from_u16(status).unwrap(), retry_after: None }
    }

    fn asked_to_wait(status: u16, seconds: u64) -> AttemptResult {
        let status = StatusCode::from_u16(status).unwrap();
        AttemptResult::Answer { status, retry_after: Some(Duration::from_secs(seconds)) }
    }

    fn failure(kind: ErrorKind, status: Option<u16>) -> AttemptResult {
        let status = status.map(|status| StatusCode::from_u16(status).unwrap());
        AttemptResult::Failure { kind, status, retry_after: None }
    }

    fn next(retry: Retry, outcome: AttemptResult) -> Option<Duration> {
        next_attempt(retry, outcome, (1, 3), MINUTE, 0.5)
    }

    #[test]
    fn a_write_is_never_repeated_whatever_came_of_it() {
        for status in 100..=999 {
            assert_eq!(next(Retry::Never, answer(status)), None);
        }
        for (kind, _) in KINDS {
            assert_eq!(next(Retry::Never, failure(kind, None)), None, "{kind:?}");
        }
    }

    #[test]
    fn a_read_is_repeated_after_statuses_that_may_pass() {
        let repeated: Vec<u16> =
            (100..=999).filter(|s| next(Retry::Allowed, answer(*s)).is_some()).collect();
        assert_eq!(repeated, [408, 429, 500, 502, 503, 504]);
    }

    #[test]
    fn a_read_is_repeated_after_failures_that_may_pass() {
        for (kind, repeated) in KINDS {
            assert_eq!(next(Retry::Allowed, failure(kind, None)).is_some(), repeated, "{kind:?}");
        }
    }

    #[test]
    fn a_refusal_whose_body_broke_off_is_not_repeated() {
        for (status, repeated) in [(200, true), (503, true), (400, false), (401, false)] {
            let outcome = failure(ErrorKind::Body, Some(status));
            assert_eq!(next(Retry::Allowed, outcome).is_some(), repeated, "{status}");
        }
    }

    #[test]
    fn attempts_and_time_come_to_an_end() {
        let next = |attempts, remaining| {
            next_attempt(Retry::Allowed, answer(503), attempts, remaining, 0.5)
        };
        let half = Duration::from_millis(250);
        assert_eq!(next((1, 3), MINUTE), Some(half));
        assert_eq!(next((2, 3), MINUTE), Some(2 * half));
        assert_eq!(next((3, 3), MINUTE), None);
        assert_eq!(next((1, 1), MINUTE), None);
        assert_eq!(next((1, 3), half), None, "the pause would outlast the call");
        assert_eq!(next((1, 3), Duration::ZERO), None);
        assert_eq!(next((1, 3), Duration::MAX), Some(half));
    }

    #[test]
    fn the_pause_is_at_least_what_the_server_asks_for_and_a_second_after_429() {
        for (outcome, millis) in [
            (answer(503), 250),
            (asked_to_wait(503, 0), 250),
            (asked_to_wait(503, 7), 7250),
            (answer(429), 1250),
            (asked_to_wait(429, 0), 1250),
            (asked_to_wait(429, 7), 7250),
        ] {
            let pause = next(Retry::Allowed, outcome);
            assert_eq!(pause, Some(Duration::from_millis(millis)), "{outcome:?}");
        }
        assert_eq!(next(Retry::Allowed, asked_to_wait(429, 60)), None);
        assert_eq!(next(Retry::Allowed, asked_to_wait(503, u64::MAX)), None);
    }
}
