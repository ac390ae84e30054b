//! Breadth first through all states, so that the first counterexample is a shortest one.

use std::collections::{HashMap, HashSet, VecDeque};

use super::key::keys;
use super::promise::broken;
use super::state::{Scenario, State};
use super::step::{Step, choices};
use crate::guard::lower_limits;

/// How many calm steps lead to the end at most.
const SOON: usize = 40;

/// What a search went through without finding a broken promise.
#[derive(Default)]
pub(super) struct Explored {
    pub(super) states: usize,
    pub(super) transitions: usize,
    pub(super) depth: usize,
    /// Ends, by the names of the outcomes.
    pub(super) ends: HashSet<String>,
    /// What happened at least once.
    steps: HashSet<Step>,
}

/// The way to a state: the one before, and the step.
type Trail = Vec<(usize, Option<Step>)>;

/// The states that were reached. One that was reached with as much trouble left is known.
#[derive(Default)]
struct Known {
    calm: HashMap<u64, usize>,
    any: HashMap<u64, (u8, usize)>,
}

impl Known {
    /// Its number if it is known, else it is known from now on by this one.
    fn visit(&mut self, state: &State, number: usize) -> Option<usize> {
        let (calm, any) = keys(state);
        let alike = self.any.get(&any).filter(|(faults, _)| *faults >= state.faults);
        let calm_alike = self.calm.get(&calm).filter(|_| state.faults == 0);
        let known = alike.map(|(_, number)| *number).or(calm_alike.copied());
        if known.is_none() {
            self.any.insert(any, (state.faults, number));
            self.calm.insert(calm, number);
        }
        known
    }
}

/// Visits every state that can be reached.
///
/// # Errors
///
/// The shortest way to a broken promise, in words.
pub(super) fn search(scenario: &Scenario) -> Result<Explored, String> {
    lower_limits(scenario.few);
    let mut explored = Explored::default();
    let mut known = Known::default();
    // The way to each state, and the state that comes next while nothing goes wrong: itself at the end.
    let mut trail: Trail = vec![(0, None)];
    let mut calm: Vec<usize> = vec![0];
    let mut frontier = VecDeque::from([(0, 0, State::begin(scenario))]);
    while let Some((number, depth, state)) = frontier.pop_front() {
        explored.depth = explored.depth.max(depth);
        for (nth, (step, faults)) in choices(&state).into_iter().enumerate() {
            let Some(next) = state.after(step, faults) else { continue };
            let fresh = trail.len();
            explored.transitions += 1;
            explored.steps.insert(step);
            if next.is_over() {
                explored.ends.insert(names(&next));
            }
            if let Some(promise) = broken(&next) {
                trail.push((number, Some(step)));
                return Err(story(scenario, promise, &trail, fresh));
            }
            // Nothing can happen any more.
            if next.is_over() && next.faults == 0 {
                continue;
            }
            let reached = known.visit(&next, fresh);
            if nth == 0 && !state.is_over() {
                calm[number] = reached.unwrap_or(fresh);
            }
            if reached.is_none() {
                trail.push((number, Some(step)));
                calm.push(fresh);
                frontier.push_back((fresh, depth + 1, next));
            }
        }
    }
    explored.states = trail.len();
    match endless(&calm) {
        Some(number) => Err(story(scenario, "every path ends", &trail, number)),
        None => Ok(explored),
    }
}

/// A state to which calm steps have led, and from which they do not come to an end.
fn endless(calm: &[usize]) -> Option<usize> {
    (0..calm.len()).find_map(|number| {
        let mut way = std::iter::successors(Some(number), |at| Some(calm[*at]));
        way.nth(SOON).filter(|at| calm[*at] != *at)
    })
}

impl Explored {
    /// Whether this step, in words, happened.
    pub(super) fn has(&self, step: &str) -> bool {
        self.steps.iter().any(|it| format!("{it:?}") == step)
    }
}

fn names(state: &State) -> String {
    let outcomes = state.reports.iter().filter_map(|it| it.outcome.as_ref());
    let names = outcomes.map(|it| {
        let text = format!("{it:?}");
        text.split(|c: char| !c.is_alphanumeric()).take(1).collect::<String>()
    });
    names.collect::<Vec<_>>().join(" ")
}

fn story(scenario: &Scenario, promise: &str, trail: &Trail, number: usize) -> String {
    let back = std::iter::successors(Some(number), |at| (*at > 0).then(|| trail[*at].0));
    let steps = back.filter_map(|at| trail[at].1).map(|step| format!("    {step:?}\n"));
    let mut lines: Vec<String> = steps.collect();
    lines.reverse();
    format!("{}, broken: {promise}\n{}", scenario.name, lines.concat())
}
