//! Time limits: one for each step, and one for the whole call that cuts all of them.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::error::{Error, ErrorKind, Phase};

/// The time that a whole call may take, or that part of it in which a request must begin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    total: Duration,
    /// How much of the total is reserved for the answer.
    answer: Duration,
    /// `None` is further away than the clock can tell.
    end: Option<Instant>,
}

/// A limit that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OutOfTime {
    Step(Duration),
    Total(Duration),
    /// What is left of the total may be too little for the answer.
    Start {
        total: Duration,
        answer: Duration,
    },
}

impl Deadline {
    pub(crate) fn starting_now(total: Duration) -> Self {
        Self { total, answer: Duration::ZERO, end: Instant::now().checked_add(total) }
    }

    /// The part of it in which a request must begin, so that its answer can take so long.
    pub(crate) fn before(&self, answer: Duration) -> Self {
        let end = self.end.map(|end| {
            // That far back the clock cannot tell: there is no time left.
            end.checked_sub(answer).unwrap_or_else(Instant::now)
        });
        Self { total: self.total, answer, end }
    }

    /// Whether there is time left, if only for what takes none.
    pub(crate) fn check(&self) -> Result<(), OutOfTime> {
        let is_over = self.end.is_some_and(|end| end < Instant::now());
        if is_over || self.answer > self.total { Err(self.out_of_time()) } else { Ok(()) }
    }

    fn out_of_time(&self) -> OutOfTime {
        let total = self.total;
        match self.answer {
            Duration::ZERO => OutOfTime::Total(total),
            answer => OutOfTime::Start { total, answer },
        }
    }

    /// What is left; [`Duration::MAX`] if the end is out of sight.
    pub(crate) fn remaining(&self) -> Duration {
        match self.end {
            Some(end) => end.saturating_duration_since(Instant::now()),
            None => Duration::MAX,
        }
    }

    /// Does one step of the call, within the step's own limit and what is left of the whole.
    pub(crate) async fn within<F: Future>(
        &self,
        limit: Duration,
        step: F,
    ) -> Result<F::Output, OutOfTime> {
        let own = Instant::now().checked_add(limit);
        let (until, which) = match (own, self.end) {
            (None, None) => return Ok(step.await),
            (Some(own), Some(end)) if end <= own => (end, self.out_of_time()),
            (Some(own), _) => (own, OutOfTime::Step(limit)),
            (None, Some(end)) => (end, self.out_of_time()),
        };
        timeout_at(until, step).await.map_err(|_| which)
    }

    /// Does a step that only the whole call limits.
    pub(crate) async fn within_total<F: Future>(&self, step: F) -> Result<F::Output, OutOfTime> {
        self.within(Duration::MAX, step).await
    }
}

impl OutOfTime {
    /// The error that says what was cut short.
    pub(crate) fn error(self, phase: Phase, host: &str) -> Error {
        let missing = match (phase, self) {
            (Phase::Prepare, _) => format!("no request to {host}"),
            (Phase::Queue, _) => format!("the rate limit allowed no request to {host}"),
            (Phase::Credentials, _) => format!("no credentials for {host}"),
            (Phase::Resolve, _) => format!("no address of {host}"),
            (Phase::Connect, _) => format!("no connection to {host}"),
            (Phase::Tls, _) => format!("no TLS session with {host}"),
            (Phase::Answer, _) => format!("no answer from {host}"),
            (Phase::Body, Self::Step(_)) => format!("no further part of the answer from {host}"),
            (Phase::Body, _) => format!("no complete answer from {host}"),
        };
        self.error_of(phase, &missing)
    }

    /// The same with other words for what is missing.
    pub(crate) fn error_of(self, phase: Phase, missing: &str) -> Error {
        let message = match self {
            Self::Step(limit) => format!("{missing} within {}", in_words(limit)),
            Self::Total(limit) => {
                format!("{missing} within the total limit of {}", in_words(limit))
            }
            Self::Start { total, answer } if answer > total => {
                let (total, answer) = (in_words(total), in_words(answer));
                format!(
                    "{missing}: its answer may take {answer}, but the whole call only {total}; \
                     raise Limits::total, or lower Limits::write_head"
                )
            }
            Self::Start { total, answer } => {
                let (early, answer) = (in_words(total - answer), in_words(answer));
                format!(
                    "{missing} within {early}; the remaining {answer} of the call are reserved for the answer"
                )
            }
        };
        Error::new(ErrorKind::Timeout, phase, message)
    }
}

/// `15 s`, `1.5 s`, `50 ms`.
fn in_words(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{} ms", time.as_millis())
    } else {
        format!("{} s", time.as_millis() as f64 / 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use std::future;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn the_shorter_limit_ends_a_step() {
        let deadline = Deadline::starting_now(10 * SECOND);
        let begin = Instant::now();
        let out = deadline.within(4 * SECOND, future::pending::<()>()).await;
        assert_eq!((out, begin.elapsed()), (Err(OutOfTime::Step(4 * SECOND)), 4 * SECOND));
        assert_eq!(deadline.remaining(), 6 * SECOND);

        let out = deadline.within(7 * SECOND, future::pending::<()>()).await;
        assert_eq!((out, begin.elapsed()), (Err(OutOfTime::Total(10 * SECOND)), 10 * SECOND));
        assert_eq!(deadline.remaining(), Duration::ZERO);
        assert_eq!(deadline.within_total(future::ready(1)).await, Ok(1));
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_before_a_request_ends_early_enough_for_the_answer() {
        let deadline = Deadline::starting_now(10 * SECOND);
        let (total, answer) = (10 * SECOND, 7 * SECOND);
        let late = OutOfTime::Start { total, answer };
        let begin = Instant::now();
        let before = deadline.before(answer);
        let out = before.within(4 * SECOND, future::pending::<()>()).await;
        assert_eq!((out, begin.elapsed()), (Err(late), 3 * SECOND));
        assert_eq!(before.check(), Ok(()), "the whole time is left");
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(before.check(), Err(late));
        assert_eq!(deadline.check(), Ok(()));
        tokio::time::advance(answer).await;
        assert_eq!(deadline.check(), Err(OutOfTime::Total(total)));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_may_take_longer_than_the_whole_call_leaves_no_time_to_begin() {
        for answer in [11 * SECOND, Duration::MAX] {
            let deadline = Deadline::starting_now(10 * SECOND).before(answer);
            assert!(deadline.check().is_err());
        }
        let deadline = Deadline::starting_now(Duration::MAX).before(Duration::MAX);
        assert_eq!(deadline.check(), Ok(()));
    }

    #[tokio::test]
    async fn a_limit_beyond_the_end_of_the_clock_does_not_panic() {
        let deadline = Deadline::starting_now(Duration::MAX);
        assert_eq!(deadline.remaining(), Duration::MAX);
        assert_eq!(deadline.within(Duration::MAX, future::ready(1)).await, Ok(1));
        let out = deadline.within(Duration::ZERO, future::pending::<()>()).await;
        assert_eq!(out, Err(OutOfTime::Step(Duration::ZERO)));
    }

    #[test]
    fn times_are_short_to_read() {
        for (millis, words) in [(0, "0 ms"), (50, "50 ms"), (1000, "1 s"), (1500, "1.5 s")] {
            assert_eq!(in_words(Duration::from_millis(millis)), words);
        }
    }
}
