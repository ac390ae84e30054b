//! How long to pause before the next attempt: exponential, with full jitter.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const BASE: Duration = Duration::from_millis(500);
const CAP: Duration = Duration::from_secs(8);

/// The longest pause after so many attempts: 0.5 s, 1 s, 2 s, 4 s and then 8 s.
pub(crate) fn ceiling(attempts: u32) -> Duration {
    let doubled = 2_u32.saturating_pow(attempts.saturating_sub(1));
    BASE.saturating_mul(doubled).min(CAP)
}

/// The pause after so many attempts: what the server asked for, and a random part of the ceiling on
/// top, so that clients which failed together do not come back together.
pub(crate) fn pause(attempts: u32, floor: Duration, chance: f64) -> Duration {
    floor.saturating_add(ceiling(attempts).mul_f64(chance.clamp(0.0, 1.0)))
}

/// A source of chance that a test can seed.
pub(crate) struct Jitter(Mutex<fastrand::Rng>);

impl Jitter {
    pub(crate) fn new(seed: Option<u64>) -> Self {
        Self(Mutex::new(seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed)))
    }

    /// From 0 up to 1.
    pub(crate) fn chance(&self) -> f64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).f64()
    }
}

impl fmt::Debug for Jitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Jitter")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ceiling_doubles_up_to_a_cap() {
        let ceilings = (1..=7).map(|attempts| ceiling(attempts).as_millis());
        assert_eq!(ceilings.collect::<Vec<_>>(), [500, 1000, 2000, 4000, 8000, 8000, 8000]);
        assert_eq!(ceiling(0), BASE);
        assert_eq!(ceiling(u32::MAX), CAP);
    }

    #[test]
    fn the_pause_lies_between_the_floor_and_the_floor_with_the_ceiling() {
        let floor = Duration::from_secs(3);
        assert_eq!(pause(2, floor, 0.0), floor);
        assert_eq!(pause(2, floor, 0.25), floor + Duration::from_millis(250));
        assert_eq!(pause(2, floor, 1.0), floor + Duration::from_secs(1));
        assert_eq!(pause(2, Duration::MAX, 0.5), Duration::MAX);
        assert_eq!(pause(2, Duration::ZERO, f64::INFINITY), Duration::from_secs(1));
    }

    #[test]
    fn the_same_seed_gives_the_same_chances() {
        let chances = |seed| {
            let jitter = Jitter::new(seed);
            [(); 4].map(|()| jitter.chance())
        };
        assert_eq!(chances(Some(7)), chances(Some(7)));
        assert_ne!(chances(Some(7)), chances(Some(8)));
        assert_ne!(chances(None), chances(None));
        for chance in chances(Some(7)) {
            assert!((0.0..1.0).contains(&chance));
        }
    }
}
