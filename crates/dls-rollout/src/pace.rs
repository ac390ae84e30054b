//! How long to rest between looks: soon at first, then ever less often.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);

/// The pause after round `round` of looks, the first being 0: 1 s, growing by half each round, 30 s
/// at most.
pub(crate) fn pause(round: u32) -> Duration {
    let mut pause = FIRST;
    for _ in 0..round {
        pause = pause * 3 / 2;
        if pause >= LONGEST {
            return LONGEST;
        }
    }
    pause
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_starts_at_a_second_and_grows_to_half_a_minute() {
        assert_eq!(pause(0), Duration::from_secs(1));
        assert_eq!(pause(1), Duration::from_millis(1500));
        assert!((0..50).all(|round| pause(round) <= pause(round + 1)));
        assert_eq!(pause(9), Duration::from_secs(30));
        assert_eq!(pause(u32::MAX), Duration::from_secs(30));
    }
}
