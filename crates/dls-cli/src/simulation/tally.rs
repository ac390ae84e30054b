//! What became of cases, counted.

use std::ops::AddAssign;

use dls_emulator::{Violation, ViolationKind};
use serde::Serialize;

/// What became of cases. The names are those of the JSON document.
#[derive(Debug, Default, Clone, Serialize)]
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
    #[serde(skip)]
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
    pub(super) fn impossible(seed: u64, why: &str) -> Self {
        Self {
            cases: 1,
            other_violations: 1,
            broken: vec![Broken { seed, violations: vec![why.to_owned()], story: Vec::new() }],
            ..Self::default()
        }
    }

    pub(super) fn count(&mut self, violations: &[Violation]) {
        for violation in violations {
            *match violation.kind {
                ViolationKind::SentAgain => &mut self.double_sends,
                ViolationKind::FalseSuccess => &mut self.false_successes,
                ViolationKind::FalseFailure => &mut self.false_failures,
                _ => &mut self.other_violations,
            } += 1;
        }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        for (sum, count) in [
            (&mut self.cases, other.cases),
            (&mut self.packages, other.packages),
            (&mut self.deploys, other.deploys),
            (&mut self.crashes, other.crashes),
            (&mut self.faults, other.faults),
            (&mut self.unknown, other.unknown),
            (&mut self.double_sends, other.double_sends),
            (&mut self.false_successes, other.false_successes),
            (&mut self.false_failures, other.false_failures),
            (&mut self.other_violations, other.other_violations),
            (&mut self.endless, other.endless),
        ] {
            *sum += count;
        }
        self.broken.extend(other.broken);
    }
}
