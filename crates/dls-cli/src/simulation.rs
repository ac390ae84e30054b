//! Random proof: the code that ships, against the emulator's engine in memory. A case is a user with a few
//! commands on the same packages, a service with assumptions, faults and other actors, and a machine whose
//! processes die, whose clocks are set, and whose disk forgets. What came of it is held against the promises
//! by the emulator's checker.
//!
//! [`dls::Run`] and its store are the real ones; a simulated wire, clock and disk lie beneath them. The
//! transport is not covered. No socket, no file, no waiting: tokio's time is paused, so a case of half a day
//! takes about a millisecond, and its seed gives it back.

mod case;
mod disk;
mod judge;
mod play;
mod store;
mod wire;
mod world;

use std::ops::AddAssign;
use std::sync::atomic::{AtomicU64, Ordering};

use dls_emulator::Violation;

use play::play;

/// What became of cases, counted.
#[derive(Debug, Default, Clone)]
pub(crate) struct Tally {
    pub(crate) cases: u64,
    pub(crate) packages: u64,
    pub(crate) deploys: u64,
    pub(crate) crashes: u64,
    pub(crate) faults: u64,
    pub(crate) unknown: u64,
    pub(crate) double_sends: u64,
    pub(crate) false_successes: u64,
    pub(crate) false_failures: u64,
    pub(crate) other_violations: u64,
    pub(crate) endless: u64,
    /// The cases that broke a promise.
    pub(crate) broken: Vec<Broken>,
}

/// A case that broke a promise.
#[derive(Debug, Clone)]
pub(crate) struct Broken {
    pub(crate) seed: u64,
    /// What was not kept, one line each.
    pub(crate) violations: Vec<String>,
    /// The faults that it met, and the journal of its run.
    pub(crate) story: Vec<String>,
}

impl Tally {
    /// A case that could not even be played.
    fn impossible(seed: u64, why: &str) -> Self {
        Self {
            cases: 1,
            other_violations: 1,
            broken: vec![Broken { seed, violations: vec![why.to_owned()], story: Vec::new() }],
            ..Self::default()
        }
    }

    fn count(&mut self, violations: &[Violation]) {
        for violation in violations {
            match violation {
                Violation::SentAgain { .. } => self.double_sends += 1,
                Violation::FalseSuccess { .. } => self.false_successes += 1,
                Violation::FalseFailure { .. } => self.false_failures += 1,
                _ => self.other_violations += 1,
            }
        }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.cases += other.cases;
        self.packages += other.packages;
        self.deploys += other.deploys;
        self.crashes += other.crashes;
        self.faults += other.faults;
        self.unknown += other.unknown;
        self.double_sends += other.double_sends;
        self.false_successes += other.false_successes;
        self.false_failures += other.false_failures;
        self.other_violations += other.other_violations;
        self.endless += other.endless;
        self.broken.extend(other.broken);
    }
}

/// Plays so many cases, the first with this seed and each next one with the next, on all cores.
pub(crate) fn simulate(cases: u64, seed: u64) -> Tally {
    let next = AtomicU64::new(0);
    let work = || {
        let mut tally = Tally::default();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= cases {
                return tally;
            }
            let (played, _) = play(seed.wrapping_add(number));
            tally += played;
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut all = Tally::default();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            match worker.join() {
                Ok(tally) => all += tally,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    all.broken.sort_by_key(|broken| broken.seed);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_case_back() {
        for seed in 0..40 {
            let (tally, story) = play(seed);
            let (again, same_story) = play(seed);
            assert_eq!(story, same_story);
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
