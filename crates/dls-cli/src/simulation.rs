//! Random proof: the code that ships, against the emulator's engine in memory. A case is a user with a few
//! commands on the same packages, a service with assumptions, faults and other actors, and a machine whose
//! processes die, whose clocks are set, and whose disk forgets. What came of it is held against the promises
//! by the emulator's checker.
//!
//! [`dls::Run`] and its store are the real ones; a simulated wire, clock and disk lie beneath them. The
//! transport is not covered. No socket, no file, no waiting: tokio's time is paused, so a case of half a day
//! takes about a millisecond, and its seed gives it back.

mod case;
mod play;
mod record;
mod tally;
mod wire;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use play::play;
pub(crate) use tally::Tally;

/// Plays so many cases, the first with this seed and each next one with the next, on all cores.
pub(crate) fn simulate(cases: u64, seed: u64) -> Tally {
    let next = AtomicU64::new(0);
    let tally = Mutex::new(Tally::default());
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= cases {
                return;
            }
            play(seed.wrapping_add(number), &tally);
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let mut tally = tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    tally.broken.sort_by_key(|broken| broken.seed);
    tally
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_case_back() {
        for seed in 0..40 {
            let (tally, again) = (Mutex::default(), Mutex::default());
            assert_eq!(play(seed, &tally), play(seed, &again));
            assert_eq!(format!("{tally:?}"), format!("{again:?}"));
        }
    }

    #[test]
    fn two_hundred_cases_meet_everything_and_break_nothing() {
        let tally = simulate(200, 1);
        assert!(tally.broken.is_empty(), "{:#?}", tally.broken);
        assert_eq!(tally.cases, 200);
        for count in [tally.crashes, tally.faults, tally.unknown, tally.deploys] {
            assert!(count > 20, "{tally:?}");
        }
    }
}
