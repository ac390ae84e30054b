//! Whose turn it is: rules that count what they meet. No socket, no clock, and chance only from a seed.

use crate::fate::Welcome;
use crate::fault::{Action, Effect, FaultPlan, On, Rule, When};
use crate::route::Call;

/// The rules of a plan, with what they have met so far.
pub(crate) struct Turns {
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
pub(crate) struct Turn {
    /// What the file calls it all.
    pub(crate) words: Vec<String>,
    pub(crate) effects: Vec<Effect>,
    /// What the client is told instead of the truth. The first rule in the file that fires decides.
    pub(crate) told: Option<Rule>,
}

impl Turns {
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

    pub(crate) fn of_connection(&mut self) -> Welcome {
        let mut welcome = None;
        for counted in &mut self.rules {
            if counted.rule.on == On::Connection && counted.is_due() && welcome.is_none() {
                counted.fired += 1;
                welcome = Some(match counted.rule.action {
                    Action::Refuse(lasts) => Welcome::Refuse { lasts },
                    Action::Cut { after, end } => Welcome::Cut { after, end },
                    Action::Tls(fault) => Welcome::Tls(fault),
                    // No plan has these for connections.
                    Action::Forge(_) | Action::Effect(_) => Welcome::Serve,
                });
            }
        }
        welcome.unwrap_or(Welcome::Serve)
    }

    pub(crate) fn of_request(&mut self, call: Option<Call>) -> Turn {
        let mut turn = Turn::default();
        for counted in &mut self.rules {
            if !counted.rule.on.means(call) || !counted.is_due() {
                continue;
            }
            match &counted.rule.action {
                Action::Effect(effect) => turn.effects.push(effect.clone()),
                _ if turn.told.is_none() => turn.told = Some(counted.rule.clone()),
                _ => continue,
            }
            counted.fired += 1;
            turn.words.push(counted.rule.word.clone());
        }
        turn
    }
}

impl Counted {
    /// Counts one more, and says whether the rule fires at it.
    fn is_due(&mut self) -> bool {
        self.met += 1;
        let chosen = match self.rule.when {
            When::Always => true,
            When::Nth(nth) => self.met == nth.get(),
            When::Every(every) => self.met % every == 0,
            When::Chance(chance) => self.chance.f64() < chance,
        };
        chosen && self.rule.times.is_none_or(|most| self.fired < most.get())
    }
}
