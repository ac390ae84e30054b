//! How long to wait between observations: short at first, then ever longer.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The pauses between observations: `initial` after the first round, `factor` times as long after each further round,
/// and never longer than `max`.
///
/// ```
/// use std::time::Duration;
/// use dls_rollout::PollInterval;
///
/// let interval = PollInterval::default();
/// assert_eq!(interval.pause(0), Duration::from_secs(1));
/// assert_eq!(interval.pause(1), Duration::from_millis(1500));
/// assert_eq!(interval.pause(99), Duration::from_secs(30));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PollInterval {
    /// The first pause.
    pub initial: Duration,
    /// The longest pause.
    pub max: Duration,
    /// How much longer each pause is than the one before, in percent: 150 is half as long again. Less than 100
    /// counts as 100: a pause never shrinks.
    pub factor: u32,
}

/// 1 s, growing to 30 s.
impl Default for PollInterval {
    fn default() -> Self {
        Self::new(Duration::from_secs(1), Duration::from_secs(30))
    }
}

impl PollInterval {
    /// Begins with `initial`, grows by half each time, and never waits longer than `max`, which is at least `initial`.
    #[must_use]
    pub fn new(initial: Duration, max: Duration) -> Self {
        Self { initial, max: max.max(initial), factor: 150 }
    }

    /// The pause after so many rounds of observations, the first being 0.
    #[must_use]
    pub fn pause(self, round: u32) -> Duration {
        let factor = self.factor.max(100);
        let mut pause = self.initial;
        for _ in 0..round.min(64) {
            pause = pause.saturating_mul(factor) / 100;
            if pause >= self.max {
                return self.max;
            }
        }
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_grows_by_the_factor_never_shrinks_and_never_exceeds_the_maximum() {
        let interval = PollInterval::default();
        assert!((0..50).all(|round| interval.pause(round) <= interval.pause(round + 1)));
        assert_eq!(interval.pause(u32::MAX), interval.max);
        let fixed = PollInterval::new(Duration::from_secs(5), Duration::ZERO);
        assert_eq!(fixed.pause(9), Duration::from_secs(5));
        assert_eq!(PollInterval::new(Duration::ZERO, Duration::ZERO).pause(7), Duration::ZERO);
        let shrinking = PollInterval { factor: 1, ..interval };
        assert_eq!(shrinking.pause(7), interval.initial);
        let doubling = PollInterval { factor: 200, ..interval };
        assert_eq!(doubling.pause(2), Duration::from_secs(4));
    }
}
