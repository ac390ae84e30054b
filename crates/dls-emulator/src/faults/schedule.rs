//! When faults happen: rules that count the requests and connections they apply to, and copies of requests that are due
//! later. No socket, no clock, and chance only from a seed.

use dls_model::Timestamp;
use http::Request;

use crate::faults::{Action, FaultPlan, FaultTarget, Rule, SideEffect, Trigger};
use crate::faults::effect::ConnectionEffect;
use crate::route::Call;

pub(crate) struct FaultSchedule {
    rules: Vec<ScheduledRule>,
    copies: Vec<ScheduledCopy>,
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

/// The faults of one request.
#[derive(Default)]
pub(crate) struct RequestFaults {
    pub(crate) names: Vec<String>,
    pub(crate) side_effects: Vec<SideEffect>,
    /// The first rule of the plan that changes the response.
    pub(crate) response: Option<Rule>,
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

    pub(crate) fn next_connection(&mut self) -> ConnectionEffect {
        let mut effect = None;
        for scheduled in &mut self.rules {
            let applies = scheduled.rule.on == FaultTarget::Connection;
            if applies && scheduled.is_due() && effect.is_none() {
                scheduled.fired += 1;
                effect = Some(match scheduled.rule.action {
                    Action::Refuse(lasts) => ConnectionEffect::Refuse { lasts },
                    Action::Cut { after, end } => ConnectionEffect::Cut { after, end },
                    Action::Tls(fault) => ConnectionEffect::Tls(fault),
                    // No plan has these for connections.
                    Action::Response(_) | Action::SideEffect(_) => ConnectionEffect::Serve,
                });
            }
        }
        effect.unwrap_or(ConnectionEffect::Serve)
    }

    pub(crate) fn next_request(&mut self, call: Option<Call>) -> RequestFaults {
        let mut faults = RequestFaults::default();
        for scheduled in &mut self.rules {
            if !scheduled.rule.on.includes(call) || !scheduled.is_due() {
                continue;
            }
            match &scheduled.rule.action {
                Action::SideEffect(effect) => faults.side_effects.push(effect.clone()),
                _ if faults.response.is_none() => faults.response = Some(scheduled.rule.clone()),
                _ => continue,
            }
            scheduled.fired += 1;
            faults.names.push(scheduled.rule.name.clone());
        }
        faults
    }

    pub(crate) fn add_copy(&mut self, copy: ScheduledCopy) {
        self.copies.push(copy);
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
