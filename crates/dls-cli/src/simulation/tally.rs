//! What became of cases, counted.

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
