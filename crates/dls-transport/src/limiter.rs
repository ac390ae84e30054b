//! The client-side rate limit: how many requests go out in any span of time.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

use crate::error::Error;

/// How many requests a transport and its clones send at most.
///
/// The default is 8 a second: DataArts Studio documents 10 a second for each user, whose other programs
/// need some, too.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Rate {
    /// This many within any second, first come, first served; 0.5 means one in two seconds. It must be
    /// greater than 0.
    PerSecond(f64),
    /// No limit; the service still has its own.
    Unlimited,
}

impl Default for Rate {
    fn default() -> Self {
        Self::PerSecond(8.0)
    }
}

/// Lets requests pass one by one, in the order in which they came.
#[derive(Debug)]
pub(crate) struct Limiter(Option<Mutex<Window>>);

impl Limiter {
    pub(crate) fn new(rate: Rate) -> Result<Self, Error> {
        match rate {
            Rate::Unlimited => Ok(Self(None)),
            Rate::PerSecond(requests) => match Window::new(requests) {
                Some(window) => Ok(Self(Some(Mutex::new(window)))),
                None => {
                    Err(Error::setup(format!("invalid rate limit: {requests} requests per second")))
                }
            },
        }
    }

    /// Waits for its turn. A caller that stops waiting takes no turn from the others.
    pub(crate) async fn acquire(&self) {
        let Some(window) = &self.0 else { return };
        let mut window = window.lock().await;
        let free = window.free_at(Instant::now());
        sleep_until(free).await;
        window.take(Instant::now());
    }
}

/// The last turns taken: at most `size` of them lie within any `span`.
#[derive(Debug)]
struct Window {
    taken: VecDeque<Instant>,
    size: usize,
    span: Duration,
}

impl Window {
    /// More turns than this are not remembered one by one; the span gets shorter instead.
    const LARGEST: f64 = 1000.0;

    fn new(per_second: f64) -> Option<Self> {
        if !(per_second.is_finite() && per_second > 0.0) {
            return None;
        }
        let size = per_second.floor().clamp(1.0, Self::LARGEST);
        Some(Self {
            taken: VecDeque::new(),
            // Between 1 and 1000, so nothing is cut off.
            size: size as usize,
            span: Duration::try_from_secs_f64(size / per_second).ok()?,
        })
    }

    /// When the next turn can be taken, `now` at the earliest.
    fn free_at(&self, now: Instant) -> Instant {
        match self.taken.front() {
            // A span that the clock cannot hold ends with the call's own limit.
            Some(oldest) if self.taken.len() >= self.size => {
                oldest.checked_add(self.span).unwrap_or(now + FAR_AWAY).max(now)
            }
            _ => now,
        }
    }

    fn take(&mut self, now: Instant) {
        if self.taken.len() >= self.size {
            self.taken.pop_front();
        }
        self.taken.push_back(now);
    }
}

const FAR_AWAY: Duration = Duration::from_secs(365 * 86_400);

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::time::timeout;

    use super::*;

    /// When each of `count` turns was taken, in milliseconds.
    async fn turns(rate: Rate, count: usize) -> Vec<u128> {
        let limiter = Limiter::new(rate).unwrap();
        let begin = Instant::now();
        let mut times = Vec::new();
        for _ in 0..count {
            limiter.acquire().await;
            times.push(begin.elapsed().as_millis());
        }
        times
    }

    #[tokio::test(start_paused = true)]
    async fn no_second_holds_more_turns_than_the_rate() {
        for (rate, times) in [
            (Rate::PerSecond(3.0), &[0, 0, 0, 1000, 1000, 1000, 2000, 2000][..]),
            // Below one, and between numbers, it holds on average.
            (Rate::PerSecond(0.5), &[0, 2000, 4000]),
            (Rate::PerSecond(2.5), &[0, 0, 800, 800, 1600]),
            (Rate::Unlimited, &[0; 1000]),
        ] {
            assert_eq!(turns(rate, times.len()).await, times, "{rate:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_time_is_not_saved_up() {
        let limiter = Limiter::new(Rate::PerSecond(2.0)).unwrap();
        tokio::time::advance(Duration::from_secs(100)).await;
        let begin = Instant::now();
        for _ in 0..3 {
            limiter.acquire().await;
        }
        assert_eq!(begin.elapsed().as_millis(), 1000);
    }

    #[tokio::test(start_paused = true)]
    async fn turns_are_taken_in_the_order_of_asking_and_leavers_take_none() {
        let limiter = Arc::new(Limiter::new(Rate::PerSecond(1.0)).unwrap());
        limiter.acquire().await;
        let begin = Instant::now();
        let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
        for number in 0..4 {
            let (limiter, sender) = (limiter.clone(), sender.clone());
            tokio::spawn(async move {
                // The second one gives up while it waits.
                let limit = Duration::from_millis(if number == 1 { 500 } else { 60_000 });
                if timeout(limit, limiter.acquire()).await.is_ok() {
                    sender.send((number, begin.elapsed().as_millis())).unwrap();
                }
            });
            tokio::task::yield_now().await;
        }
        drop(sender);
        let mut order = Vec::new();
        while let Some(turn) = receiver.recv().await {
            order.push(turn);
        }
        assert_eq!(order, [(0, 1000), (2, 2000), (3, 3000)]);
    }

    #[test]
    fn an_invalid_rate_is_refused() {
        for requests in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-300] {
            assert!(Limiter::new(Rate::PerSecond(requests)).is_err(), "{requests}");
        }
        assert!(Limiter::new(Rate::PerSecond(1e9)).is_ok());
        assert!(Limiter::new(Rate::PerSecond(1e-9)).is_ok());
    }
}
