//! Whether one more attempt follows, and after which pause: exponential, with full jitter.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::{Response, StatusCode};

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

/// What one attempt came to: an answer has a status, a failure a kind, and a failure while the body is
/// read has both.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AttemptResult {
    failure: Option<ErrorKind>,
    status: Option<StatusCode>,
    retry_after: Option<Duration>,
}

impl AttemptResult {
    pub(crate) fn of(result: &Result<Response<Vec<u8>>, Error>) -> Self {
        match result {
            Ok(answer) => {
                let meta = answer.extensions().get::<ResponseMeta>();
                let retry_after = meta.and_then(ResponseMeta::retry_after);
                Self { failure: None, status: Some(answer.status()), retry_after }
            }
            Err(error) => Self {
                failure: Some(error.kind()),
                status: error.status(),
                retry_after: error.retry_after(),
            },
        }
    }

    fn may_pass(self) -> bool {
        match self.failure {
            None => self.status.is_some_and(is_transient),
            Some(
                ErrorKind::Resolve
                | ErrorKind::Connect
                | ErrorKind::Timeout
                | ErrorKind::Interrupted
                | ErrorKind::Body,
            ) => {
                // A refusal that broke off is still a refusal; above all a 401 is never repeated.
                self.status.is_none_or(|status| status.is_success() || is_transient(status))
            }
            Some(
                ErrorKind::Setup
                | ErrorKind::InvalidRequest
                | ErrorKind::Credentials
                | ErrorKind::Stopped
                | ErrorKind::Tls
                | ErrorKind::Protocol
                | ErrorKind::Redirect
                | ErrorKind::TooLarge,
            ) => false,
        }
    }

    /// The least pause: what the server asks for, and at least a second after a 429.
    fn floor(self) -> Duration {
        let least = match self.status {
            Some(StatusCode::TOO_MANY_REQUESTS) => Duration::from_secs(1),
            _ => Duration::ZERO,
        };
        self.retry_after.unwrap_or_default().max(least)
    }
}

/// The pause before the next attempt, or `None` if this was the last one.
///
/// It is the least pause, and a random part of [`ceiling`] on top, so that clients which failed together do
/// not come back together. `attempts` counts this one, `remaining` is what is left of the whole call, and
/// `random` is from 0 up to 1. A pause that would outlast the call is not begun.
pub(crate) fn next_attempt(
    retry: Retry,
    outcome: AttemptResult,
    (attempts, max_attempts): (u32, u32),
    remaining: Duration,
    random: f64,
) -> Option<Duration> {
    if retry == Retry::Never || attempts >= max_attempts || !outcome.may_pass() {
        return None;
    }
    let pause = outcome.floor().saturating_add(ceiling(attempts).mul_f64(random));
    Some(pause).filter(|pause| *pause < remaining)
}

/// The longest random pause after this many attempts: 0.5 s, 1 s, 2 s, 4 s and then 8 s.
fn ceiling(attempts: u32) -> Duration {
    let doubled = 2_u32.saturating_pow(attempts.saturating_sub(1));
    Duration::from_millis(500).saturating_mul(doubled).min(Duration::from_secs(8))
}

fn is_transient(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504)
}

/// Random numbers that a test can seed.
pub(crate) struct Jitter(Mutex<fastrand::Rng>);

impl Jitter {
    pub(crate) fn new(seed: Option<u64>) -> Self {
        Self(Mutex::new(seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed)))
    }

    /// From 0 up to 1.
    pub(crate) fn next(&self) -> f64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).f64()
    }
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

    fn result(failure: Option<ErrorKind>, status: Option<u16>) -> AttemptResult {
        let status = status.map(|status| StatusCode::from_u16(status).unwrap());
        AttemptResult { failure, status, retry_after: None }
    }

    fn next(retry: Retry, outcome: AttemptResult) -> Option<Duration> {
        next_attempt(retry, outcome, (1, 3), MINUTE, 0.5)
    }

    #[test]
    fn a_write_is_never_repeated_whatever_came_of_it() {
        for status in 100..=999 {
            assert_eq!(next(Retry::Never, result(None, Some(status))), None);
        }
        for (kind, _) in KINDS {
            assert_eq!(next(Retry::Never, result(Some(kind), None)), None, "{kind:?}");
        }
    }

    #[test]
    fn a_read_is_repeated_after_what_may_pass() {
        let is_repeated = |failure, status| next(Retry::Allowed, result(failure, status)).is_some();
        let statuses: Vec<u16> = (100..=999).filter(|s| is_repeated(None, Some(*s))).collect();
        assert_eq!(statuses, [408, 429, 500, 502, 503, 504]);
        for (kind, repeated) in KINDS {
            assert_eq!(is_repeated(Some(kind), None), repeated, "{kind:?}");
        }
        for (status, repeated) in [(200, true), (503, true), (400, false), (401, false)] {
            let broken_off = is_repeated(Some(ErrorKind::Body), Some(status));
            assert_eq!(broken_off, repeated, "{status}");
        }
    }

    #[test]
    fn attempts_and_time_come_to_an_end() {
        let next = |attempts, remaining| {
            next_attempt(Retry::Allowed, result(None, Some(503)), attempts, remaining, 0.5)
        };
        let half = Duration::from_millis(250);
        for (attempts, remaining, pause) in [
            ((1, 3), MINUTE, Some(half)),
            ((2, 3), MINUTE, Some(2 * half)),
            ((3, 3), MINUTE, None),
            ((1, 1), MINUTE, None),
            // The pause would outlast the call.
            ((1, 3), half, None),
            ((1, 3), Duration::ZERO, None),
            ((1, 3), Duration::MAX, Some(half)),
        ] {
            assert_eq!(next(attempts, remaining), pause, "{attempts:?} {remaining:?}");
        }
        let pauses = (1..=6).map(|n| next((n, u32::MAX), MINUTE).unwrap().as_millis());
        assert_eq!(pauses.collect::<Vec<_>>(), [250, 500, 1000, 2000, 4000, 4000]);
        assert_eq!(ceiling(u32::MAX), Duration::from_secs(8));
    }

    #[test]
    fn the_pause_is_at_least_what_the_server_asks_for_and_a_second_after_429() {
        for (status, retry_after, millis) in [
            (503, None, Some(250)),
            (503, Some(0), Some(250)),
            (503, Some(7), Some(7250)),
            (503, Some(u64::MAX), None),
            (429, None, Some(1250)),
            (429, Some(0), Some(1250)),
            (429, Some(7), Some(7250)),
            (429, Some(60), None),
        ] {
            let retry_after = retry_after.map(Duration::from_secs);
            let outcome = AttemptResult { retry_after, ..result(None, Some(status)) };
            let pause = next(Retry::Allowed, outcome);
            assert_eq!(pause, millis.map(Duration::from_millis), "{outcome:?}");
        }
        let forever = AttemptResult { retry_after: Some(Duration::MAX), ..result(None, Some(503)) };
        assert_eq!(next(Retry::Allowed, forever), None);
    }

    #[test]
    fn transports_without_a_seed_do_not_pause_alike() {
        assert_ne!(Jitter::new(None).next(), Jitter::new(None).next());
    }
}
