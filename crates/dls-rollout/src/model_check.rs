//! All that can happen to two packages, and whether the promises hold in all of it.
//!
//! A search takes the rollout and a small abstract service through every state that they can reach together:
//! every order of steps, with so much trouble on each way. `model_check/step.rs` says what may happen,
//! `model_check/promise.rs` what must be true all the time, and `guard.rs` which checks of the rollout it
//! rests on: without any of them the search finds a way to a broken promise. For lists the rollout wants
//! many packages; there the search lowers how many.

mod key;
mod memory;
mod promise;
mod search;
mod state;
mod step;
mod world;

use std::time::Duration;

use self::search::{Explored, search};
use self::state::Scenario;
use self::world::{BEING_RELEASED, FAILED, SUCCESSFUL, Stamp, TO_BE_REVIEWED};
use crate::guard::{ALL, Guard, without};
use crate::options::OnLostAnswer;

const READY: [i64; 2] = [TO_BE_REVIEWED; 2];

fn in_order(it: &mut Scenario) {
    it.options.in_order = true;
}

fn one_batch() -> Scenario {
    Scenario::new("one batch", READY)
}

fn two_batches() -> Scenario {
    Scenario::new("two batches", READY).with(in_order)
}

/// Packages whose last release failed are sent once more. When a `deploy_timestamp` moves, nobody says.
fn redeployed() -> Vec<Scenario> {
    let again = |name, statuses, stamp| {
        Scenario::new(name, statuses).with(|it| {
            it.options.redeploy_failed = true;
            it.stamp = stamp;
        })
    };
    let (failed, alone) = ([FAILED, TO_BE_REVIEWED], [FAILED, SUCCESSFUL]);
    vec![
        again("again", failed, Stamp::Succeeded),
        again("again, stamped at the end", failed, Stamp::Ended),
        again("again in order", [FAILED; 2], Stamp::Accepted).with(in_order),
        again("again after others", [BEING_RELEASED, FAILED], Stamp::Ended),
        // Of one package that matters more may go wrong.
        again("again, alone", alone, Stamp::Ended).with(|it| it.faults = 4),
        again("again without a grace", alone, Stamp::Ended).with(|it| {
            it.options.grace = Duration::ZERO;
            it.faults = 3;
        }),
    ]
}

/// Whatever is watched is read in lists, even a single package.
fn lists() -> Vec<Scenario> {
    let list = |name, statuses| {
        Scenario::new(name, statuses).with(|it| {
            it.options.redeploy_failed = true;
            it.few = 0;
        })
    };
    vec![
        list("one batch, in lists", READY),
        list("two batches, in lists", READY).with(in_order),
        list("again, in lists", [FAILED, TO_BE_REVIEWED]),
        list("being released, in lists", [BEING_RELEASED, TO_BE_REVIEWED]),
        list("again in order, in lists", [FAILED; 2]).with(|it| {
            in_order(it);
            it.stamp = Stamp::Ended;
        }),
        list("two in a list, one by itself", READY).with(|it| it.few = 1),
        // Of one package that matters more may go wrong.
        list("alone, in lists", [TO_BE_REVIEWED, SUCCESSFUL]).with(|it| it.faults = 4),
    ]
}

fn plans() -> Vec<Scenario> {
    let planned = |name, statuses| Scenario::new(name, statuses).with(|it| it.planned = true);
    vec![
        planned("planned", READY),
        planned("planned, in order", READY).with(in_order),
        planned("planned, failed before", [FAILED, TO_BE_REVIEWED]),
        planned("planned, being released", [BEING_RELEASED, TO_BE_REVIEWED]),
        planned("planned, in lists", READY).with(|it| it.few = 0),
    ]
}

/// Other baselines and other options.
fn variants() -> Vec<Scenario> {
    let (ready, running, released) = (TO_BE_REVIEWED, BEING_RELEASED, SUCCESSFUL);
    vec![
        Scenario::new("failed before", [FAILED, ready]),
        Scenario::new("released before", [ready, released]),
        Scenario::new("being released", [running, ready]),
        Scenario::new("both by others", [running, released]).with(in_order),
        Scenario::new("being released, in order", [ready, running]).with(in_order),
        Scenario::new("without waiting", READY).with(|it| it.options.wait = false),
        Scenario::new("keep going", READY).with(|it| {
            in_order(it);
            it.options.keep_going = true;
        }),
        Scenario::new("not reconciled", READY).with(|it| {
            in_order(it);
            it.options.on_lost_answer = OnLostAnswer::Stop;
        }),
    ]
}

/// The search found no way to a broken promise, and it went through so many states.
fn explore(scenario: &Scenario, at_least: usize) -> Explored {
    let explored = search(scenario).unwrap_or_else(|story| panic!("{story}"));
    let Explored { states, transitions, depth, ends, .. } = &explored;
    let (name, ends) = (scenario.name, ends.len());
    println!("{name}: {states} states, {transitions} transitions, depth {depth}, {ends} ends");
    assert!(*states >= at_least, "{name}: {states} states");
    explored
}

/// What a search must have gone through at least once, lest it be about less than it says.
const MUST_HAPPEN: [&str; 14] = [
    "Sent(None, NotSent); Sent(None, NoCredentials)",
    "Sent(Stuck, Nothing); Sent(Stuck, GatewayError)",
    "Sent(TurnedAway, GatewayNo); Sent(TurnedAway, TooMany)",
    "Sent(Released({0, 1}), Accepted({0, 1})); Sent(Released({0, 1}), Accepted({1}))",
    "Sent(Released({0, 1}), Accepted({})); Sent(Released({0, 1}), Nothing)",
    "Sent(Released({0, 1}), ServerError); Sent(Released({0}), Accepted({0}))",
    "Sent(Released({0}), ServiceNo); Sent(Released({0}), PartlyDone)",
    "Sent(Released({}), ServiceNo); Sent(Released({}), ServerError)",
    "Crash(None, All); Crash(None, Flushed); Crash(Stuck, All); Crash(Released({0, 1}), All)",
    "Arrives({0, 1}, {0, 1}); Arrives({0, 1}, {0}); OthersRelease(1); Ends(0, true); Ends(0, false)",
    "Seen(0, to-be-reviewed); Seen(0, to-be-reviewed, late)",
    "Seen(0, being-released); Seen(0, being-released, bare)",
    "ObserveFails(0, Unavailable); ObserveFails(0, NotFound); ObserveFails(0, Forbidden)",
    "Later(61); Later(120); OutOfTime; Resumed; Consent({0, 1}); Forget({0, 1}); AnotherRun",
];

const MUST_HAPPEN_IN_LISTS: [&str; 4] = [
    "Listed([Some(being-released), Some(being-released)]); Listed([None, None])",
    "Listed([Some(to-be-reviewed, late), Some(being-released)]); Listed([Some(failed), None])",
    "Listed([Some(being-released, late), None]); Listed([Some(successful), None])",
    "ListFails(Unavailable); ListFails(NotFound); ListFails(Forbidden)",
];

fn steps<'a>(lines: &'a [&str]) -> impl Iterator<Item = &'a str> {
    lines.iter().flat_map(|line| line.split("; "))
}

#[test]
fn every_promise_holds_for_one_batch_whatever_three_things_go_wrong() {
    let explored = explore(&Scenario { faults: 3, ..one_batch() }, 80_000);
    for step in steps(&MUST_HAPPEN) {
        assert!(explored.has(step), "never: {step}");
    }
    for end in ["Succeeded Unknown", "Refused Succeeded", "Gone NotSent", "StillRunning Failed"] {
        assert!(explored.ends.contains(end), "never: {end}");
    }
}

#[test]
fn every_promise_holds_for_two_batches_whatever_three_things_go_wrong() {
    let explored = explore(&Scenario { faults: 3, ..two_batches() }, 20_000);
    for end in ["Unknown NotSent", "Succeeded Unknown", "Succeeded Refused"] {
        assert!(explored.ends.contains(end), "never: {end}");
    }
}

#[test]
fn every_promise_holds_for_packages_that_are_sent_again_whatever_two_things_go_wrong() {
    let explored: Vec<Explored> = redeployed().iter().map(|it| explore(it, 5_000)).collect();
    let ends = explored.iter().flat_map(|it| &it.ends);
    assert!(ends.filter(|it| it.starts_with("Failed")).count() > 10);
}

#[test]
fn every_promise_holds_for_other_baselines_and_options_whatever_two_things_go_wrong() {
    let explored: Vec<Explored> = variants().iter().map(|it| explore(it, 500)).collect();
    let states: usize = explored.iter().map(|it| it.states).sum();
    assert!(states > 30_000, "{states}");
}

#[test]
fn every_promise_holds_for_packages_that_are_looked_up_in_lists_whatever_two_things_go_wrong() {
    let explored: Vec<Explored> = lists().iter().map(|it| explore(it, 5_000)).collect();
    for step in steps(&MUST_HAPPEN_IN_LISTS) {
        assert!(explored.iter().any(|it| it.has(step)), "never: {step}");
    }
}

#[test]
fn every_promise_holds_for_packages_that_were_planned_whatever_two_things_go_wrong() {
    let explored: Vec<Explored> = plans().iter().map(|it| explore(it, 500)).collect();
    for step in ["Changes(1)", "OthersRelease(1)"] {
        assert!(explored.iter().all(|it| it.has(step)), "not always: {step}");
    }
}

/// A shortest way to a broken promise that any scenario leads to once this guard is away.
fn counterexample(guard: Guard) -> Option<String> {
    let others = [vec![one_batch(), two_batches()], variants(), redeployed()].concat();
    // One fault mostly will do, and only a small scenario is soon searched with more of them.
    [(1, &others), (1, &lists()), (1, &plans()), (3, &others)].into_iter().find_map(
        |(faults, scenarios)| {
            let scenarios = scenarios.iter().filter(|it| faults == 1 || it.faults >= faults);
            let scenarios = scenarios.map(|it| Scenario { faults, ..it.clone() });
            let stories = scenarios.filter_map(|it| without(guard, || search(&it)).err());
            stories.min_by_key(|story| story.lines().count())
        },
    )
}

#[test]
fn without_any_of_the_guards_a_promise_is_broken() {
    for guard in ALL.iter().copied() {
        match counterexample(guard) {
            Some(story) => println!("without {guard:?}, {story}"),
            None => panic!("nothing rests on {guard:?}"),
        }
    }
}
