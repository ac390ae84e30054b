//! What is remembered of one package on the path to a state, independently of the rollout.

use std::mem::Discriminant;

use crate::outcome::PackageOutcome;

/// What is known of the requests that name a package.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) enum Named {
    #[default]
    /// There is none, or each is proved to have had no effect, or the caller has consented to another.
    No,
    InDoubt,
    Accepted,
}

/// A version as an observation saw it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Glimpse {
    pub(super) version: usize,
    /// Without the members that an answer need not have.
    pub(super) is_bare: bool,
}

/// The memory of one package.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Memory {
    /// The status at the last observation, not in a list, since the run was begun or resumed.
    pub(super) seen: Option<i64>,
    pub(super) observed_at: i64,
    /// The last observation, not in a list, saw other tasks than at the beginning.
    pub(super) changed: bool,
    /// The version that the last observation saw.
    pub(super) shown: Glimpse,
    /// The version that the last observation before a request saw, or the first that saw it being released.
    pub(super) baseline: Glimpse,
    /// The baseline of the last request whose intention was recorded.
    pub(super) intended: Glimpse,
    /// The version at the beginning, when the plan was made.
    pub(super) planned: usize,
    pub(super) named: Named,
    /// An observation since the request saw it released, being released, or another than at the baseline.
    pub(super) moved: bool,
    /// What became of a request was unknown, ever.
    pub(super) lost: bool,
    /// The caller has consented to sending it once more, and it was not sent since.
    pub(super) consented: bool,
    /// Requests that named it since the run was begun or resumed.
    pub(super) requests: u8,
    /// Observations that did not find it, since it was last seen.
    pub(super) absences: u8,
    pub(super) accepted: bool,
    /// Which outcome it has, and whether that may still change.
    pub(super) outcome: Option<(Discriminant<PackageOutcome>, bool)>,
    pub(super) outcome_changed: bool,
}

impl Memory {
    /// Nothing that happens changes its outcome any more.
    pub(super) fn is_closed(&self) -> bool {
        matches!(self.outcome, Some((_, false)))
    }

    /// What became of the last request is unknown, and no observation has shown it since.
    pub(super) fn is_doubted(&self) -> bool {
        self.named == Named::InDoubt && !self.moved
    }

    /// The last request is proved to have had no effect: what was before it is so again.
    pub(super) fn unname(&mut self) {
        self.named = Named::No;
        self.consented = self.lost;
    }
}
