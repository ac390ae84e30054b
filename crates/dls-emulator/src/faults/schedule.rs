//! When faults happen: rules that count the requests and connections they apply to, and copies of requests that are due
//! later. No socket, no clock, and chance only from a seed.

use dls_model::Timestamp;
use http::Request;

use crate::faults::effect::ConnectionFault;
use crate::faults::{Fault, FaultPlan, FaultTarget, Rule, Trigger};
use crate::route::Call;

pub(crate) struct FaultSchedule {
    rules: Vec<ScheduledRule>,
    pub(crate) copies: Vec<ScheduledCopy>,
}

struct ScheduledRule {
    rule: Rule,
    applied: u64,
    fired: u64,
    /// One for each rule, so that its results do not depend on the other rules.
    rng: fastrand::Rng,
}

/// A request that arrives once more.
pub(crate) struct ScheduledCopy {
    pub(crate) due: Timestamp,
    pub(crate) request: Request<Vec<u8>>,
    /// The request id of the first.
    pub(crate) copy_of: String,
}

impl FaultSchedule {
    pub(crate) fn new(plan: FaultPlan) -> Self {
        let rules = plan.rules.into_iter().zip(plan.seed..);
        let rules = rules.map(|(rule, seed)| ScheduledRule {
            rule,
            applied: 0,
            fired: 0,
            rng: fastrand::Rng::with_seed(seed),
        });
        Self { rules: rules.collect(), copies: Vec::new() }
    }

    pub(crate) fn next_connection(&mut self) -> Option<ConnectionFault> {
        let fired = self.fire(|on| on == FaultTarget::Connection);
        fired.into_iter().find_map(|rule| match rule.fault {
            Fault::Connection(fault) => Some(fault),
            Fault::Response { .. } | Fault::SideEffect(_) => None,
        })
    }

    /// The rules that fire for a request; at most one of them changes its response.
    pub(crate) fn next_request(&mut self, call: Option<Call>) -> Vec<Rule> {
        self.fire(|on| on.includes(call))
    }

    /// All side effects happen, and of the other faults the first in the plan.
    fn fire(&mut self, applies: impl Fn(FaultTarget) -> bool) -> Vec<Rule> {
        let is_side_effect = |rule: &Rule| matches!(rule.fault, Fault::SideEffect(_));
        let mut fired = Vec::new();
        for scheduled in self.rules.iter_mut().filter(|it| applies(it.rule.on)) {
            let is_due = scheduled.is_due();
            if is_due && (is_side_effect(&scheduled.rule) || fired.iter().all(is_side_effect)) {
                scheduled.fired += 1;
                fired.push(scheduled.rule.clone());
            }
        }
        fired
    }

    /// Takes the copies that are due by now, the earliest first.
    pub(crate) fn due_copies(&mut self, now: Timestamp) -> Vec<ScheduledCopy> {
        self.copies.sort_by_key(|copy| copy.due);
        let due = self.copies.partition_point(|copy| copy.due <= now);
        self.copies.drain(..due).collect()
    }
}

impl ScheduledRule {
    /// Counts one more, and says whether the rule fires for it.
    fn is_due(&mut self) -> bool {
        self.applied += 1;
        let chosen = match self.rule.trigger {
            Trigger::Always => true,
            Trigger::Nth(nth) => self.applied == nth.get(),
            Trigger::Every(every) => self.applied % every == 0,
            Trigger::Chance(chance) => self.rng.f64() < chance,
        };
        chosen && self.rule.times.is_none_or(|most| self.fired < most.get())
    }
}
