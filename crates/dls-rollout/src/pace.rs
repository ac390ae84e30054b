//! How long to rest between looks: soon at first, then ever less often.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The pauses between looks: `first` after the first round, growing by half each round, `longest` at
/// most.
///
/// ```
/// use std::time::Duration;
/// use dls_rollout::Pace;
///
/// let pace = Pace::default();
/// assert_eq!(pace.pause(0), Duration::from_secs(1));
/// assert_eq!(pace.pause(1), Duration::from_millis(1500));
/// assert_eq!(pace.pause(99), Duration::from_secs(30));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Pace {
    /// The first pause.
    pub first: Duration,
    /// The longest pause.
    pub longest: Duration,
}

/// 1 s, growing to 30 s.
impl Default for Pace {
    fn default() -> Self {
        Self::new(Duration::from_secs(1), Duration::from_secs(30))
    }
}

impl Pace {
    /// Begins with `first` and never rests longer than `longest`, which is at least `first`.
    #[must_use]
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest: longest.max(first) }
    }

    /// The pause after so many rounds of looks, the first being 0.
    #[must_use]
    pub fn pause(self, round: u32) -> Duration {
        let mut pause = self.first;
        for _ in 0..round.min(64) {
            pause = pause.saturating_mul(3) / 2;
            if pause >= self.longest {
                return self.longest;
            }
        }
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_never_shrinks_and_never_exceeds_the_longest() {
        let pace = Pace::default();
        assert!((0..50).all(|round| pace.pause(round) <= pace.pause(round + 1)));
        assert_eq!(pace.pause(u32::MAX), pace.longest);
        let fixed = Pace::new(Duration::from_secs(5), Duration::ZERO);
        assert_eq!(fixed.pause(9), Duration::from_secs(5));
        assert_eq!(Pace::new(Duration::ZERO, Duration::ZERO).pause(7), Duration::ZERO);
    }
}
