//! Time limits: one for each step, and one for the whole call that cuts all of them.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::error::{Error, ErrorKind, Phase};

/// The time that a whole call may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    total: Duration,
    /// `None` is further away than the clock can tell.
    end: Option<Instant>,
}

/// A limit that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OutOfTime {
    Step(Duration),
    Total(Duration),
}

impl Budget {
    pub(crate) fn starting_now(total: Duration) -> Self {
        Self {
            total,
            end: Instant::now().checked_add(total),
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
            (Some(own), Some(end)) if end <= own => (end, OutOfTime::Total(self.total)),
            (Some(own), _) => (own, OutOfTime::Step(limit)),
            (None, Some(end)) => (end, OutOfTime::Total(self.total)),
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
            (Phase::Queue, _) => format!("the rate limit gave no turn to a request to {host}"),
            (Phase::Credentials, _) => format!("no credentials for {host}"),
            (Phase::Resolve, _) => format!("no address of {host}"),
            (Phase::Connect, _) => format!("no connection to {host}"),
            (Phase::Tls, _) => format!("no TLS session with {host}"),
            (Phase::Answer, _) => format!("no answer from {host}"),
            (Phase::Body, Self::Step(_)) => format!("no further part of the answer from {host}"),
            (Phase::Body, Self::Total(_)) => format!("no whole answer from {host}"),
        };
        let message = match self {
            Self::Step(limit) => format!("{missing} within {}", in_words(limit)),
            Self::Total(limit) => {
                format!("{missing} within the {} of the whole call", in_words(limit))
            }
        };
        Error::new(ErrorKind::Timeout, phase, message)
    }
}

/// `15 s`, `1.5 s`, `50 ms`.
pub(crate) fn in_words(time: Duration) -> String {
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
        let budget = Budget::starting_now(10 * SECOND);
        let begin = Instant::now();
        let out = budget.within(4 * SECOND, future::pending::<()>()).await;
        assert_eq!(
            (out, begin.elapsed()),
            (Err(OutOfTime::Step(4 * SECOND)), 4 * SECOND)
        );
        assert_eq!(budget.remaining(), 6 * SECOND);

        let out = budget.within(7 * SECOND, future::pending::<()>()).await;
        assert_eq!(
            (out, begin.elapsed()),
            (Err(OutOfTime::Total(10 * SECOND)), 10 * SECOND)
        );
        assert_eq!(budget.remaining(), Duration::ZERO);
        assert_eq!(budget.within_total(future::ready(1)).await, Ok(1));
    }

    #[tokio::test]
    async fn a_limit_beyond_the_end_of_the_clock_does_not_panic() {
        let budget = Budget::starting_now(Duration::MAX);
        assert_eq!(budget.remaining(), Duration::MAX);
        assert_eq!(budget.within(Duration::MAX, future::ready(1)).await, Ok(1));
        let out = budget.within(Duration::ZERO, future::pending::<()>()).await;
        assert_eq!(out, Err(OutOfTime::Step(Duration::ZERO)));
    }

    #[test]
    fn the_error_names_host_step_and_limit() {
        let step = OutOfTime::Step(15 * SECOND).error(Phase::Answer, "dayu.example.com");
        assert_eq!(
            step.to_string(),
            "no answer from dayu.example.com within 15 s"
        );
        let total = OutOfTime::Total(60 * SECOND).error(Phase::Body, "h");
        assert_eq!(
            total.to_string(),
            "no whole answer from h within the 60 s of the whole call"
        );
        assert_eq!(
            (total.kind(), total.phase()),
            (ErrorKind::Timeout, Phase::Body)
        );
    }

    #[test]
    fn times_are_short_to_read() {
        for (millis, words) in [(0, "0 ms"), (50, "50 ms"), (1000, "1 s"), (1500, "1.5 s")] {
            assert_eq!(in_words(Duration::from_millis(millis)), words);
        }
    }
}
