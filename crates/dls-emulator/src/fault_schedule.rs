//! Which fault applies next: rules that count what they meet. No socket, no clock, and chance only from a seed.

use crate::fault::{Action, FaultPlan, FaultTarget, Rule, SideEffect, Trigger};
use crate::fault_effect::ConnectionEffect;
use crate::route::Call;

/// The rules of a plan, with what they have met so far.
pub(crate) struct FaultSchedule {
    rules: Vec<Counted>,
}

struct Counted {
    rule: Rule,
    met: u64,
    fired: u64,
    /// Of its own, so that a rule's luck does not depend on the others.
    chance: fastrand::Rng,
}

/// What happens to one request.
#[derive(Default)]
pub(crate) struct ActiveFaults {
    /// What the file calls it all.
    pub(crate) names: Vec<String>,
    pub(crate) side_effects: Vec<SideEffect>,
    /// What the client is told instead of the truth. The first rule in the file that fires decides.
    pub(crate) response: Option<Rule>,
}

impl FaultSchedule {
    pub(crate) fn new(plan: FaultPlan) -> Self {
        let seeds = plan.seed..;
        let rules = plan.rules.into_iter().zip(seeds);
        let rules = rules.map(|(rule, seed)| Counted {
            rule,
            met: 0,
            fired: 0,
            chance: fastrand::Rng::with_seed(seed),
        });
        Self { rules: rules.collect() }
    }

    pub(crate) fn next_connection(&mut self) -> ConnectionEffect {
        let mut effect = None;
        for counted in &mut self.rules {
            if counted.rule.on == FaultTarget::Connection && counted.is_due() && effect.is_none() {
                counted.fired += 1;
                effect = Some(match counted.rule.action {
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

    pub(crate) fn next_request(&mut self, call: Option<Call>) -> ActiveFaults {
        let mut active = ActiveFaults::default();
        for counted in &mut self.rules {
            if !counted.rule.on.means(call) || !counted.is_due() {
                continue;
            }
            match &counted.rule.action {
                Action::SideEffect(effect) => active.side_effects.push(effect.clone()),
                _ if active.response.is_none() => active.response = Some(counted.rule.clone()),
                _ => continue,
            }
            counted.fired += 1;
            active.names.push(counted.rule.name.clone());
        }
        active
    }
}

impl Counted {
    /// Counts one more, and says whether the rule fires at it.
    fn is_due(&mut self) -> bool {
        self.met += 1;
        let chosen = match self.rule.when {
            Trigger::Always => true,
            Trigger::Nth(nth) => self.met == nth.get(),
            Trigger::Every(every) => self.met % every == 0,
            Trigger::Chance(chance) => self.chance.f64() < chance,
        };
        chosen && self.rule.times.is_none_or(|most| self.fired < most.get())
    }
}
