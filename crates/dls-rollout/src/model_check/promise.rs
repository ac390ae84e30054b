//! What must be true in every state, one function each.

use super::memory::{Memory, Named};
use super::state::State;
use super::step::Step;
use super::world::{FAILED, SUCCESSFUL, Set, TO_BE_REVIEWED, Truth, index};
use crate::action::Action;
use crate::outcome::{PackageOutcome, PackageReport};

/// A promise, and whether a state keeps it.
pub(super) type Promise = (&'static str, fn(&State) -> bool);

pub(super) const PROMISES: [Promise; 19] = [
    ("named once without consent", named_once),
    ("tried three times at most", tried_thrice_at_most),
    ("seen to be ready when named", seen_ready),
    ("seen lately when it is sent", seen_lately),
    ("nothing sent but as planned", nothing_sent_but_as_planned),
    ("nothing sent while in doubt", nothing_sent_in_doubt),
    ("no false success", no_false_success),
    ("no false failure", no_false_failure),
    ("an end is read in full", an_end_is_read),
    ("gone means never found", gone_is_gone),
    ("a proved no is a no", a_proved_no_is_a_no),
    ("not sent means not sent", not_sent_means_not_sent),
    ("lost is not forgotten", lost_is_not_forgotten),
    ("what may have been sent is claimed", what_may_have_been_sent_is_claimed),
    ("ours only if named in an answer", ours_only_if_named),
    ("an outcome stays", an_outcome_stays),
    ("the end of timeout is the end", out_of_time_ends),
    ("a 401 ends all asking", forbidden_ends),
    ("a replay gives the same rollout", replay_is_the_same),
];

/// The first promise that this state breaks.
pub(super) fn broken(state: &State) -> Option<&'static str> {
    let mut promises = PROMISES.iter();
    promises.find(|(_, keeps)| !keeps(state)).map(|(name, _)| *name)
}

/// The packages that are to be sent next.
fn next_batch(state: &State) -> Set {
    match &state.action {
        Action::Deploy { request, .. } => Set::of(request.packages().iter().map(|id| index(*id))),
        _ => Set::NONE,
    }
}

fn sends_only(state: &State, may: impl Fn(&Memory) -> bool) -> bool {
    let mut batch = next_batch(state).indices();
    batch.all(|index| may(&state.memory[index]))
}

fn named_once(state: &State) -> bool {
    sends_only(state, |memory| memory.named == Named::No)
}

fn tried_thrice_at_most(state: &State) -> bool {
    sends_only(state, |memory| memory.requests < 3)
}

fn seen_ready(state: &State) -> bool {
    let redeploy_failed = state.rollout.spec().options.redeploy_failed;
    sends_only(state, |memory| {
        memory.seen == Some(TO_BE_REVIEWED) || redeploy_failed && memory.seen == Some(FAILED)
    })
}

/// By the clock of the world at the moment of the first byte, whatever the rollout takes for its own.
fn seen_lately(state: &State) -> bool {
    let mut sent = state.sending.unwrap_or_default().indices();
    sent.all(|index| state.world.clock - state.memory[index].observed_at <= 60_000)
}

/// One package that waits and is not as planned keeps all the others back, too.
fn nothing_sent_but_as_planned(state: &State) -> bool {
    let mut memory = state.memory.iter().filter(|it| it.named == Named::No);
    let drifted = memory.any(|it| it.changed && it.seen == Some(TO_BE_REVIEWED));
    next_batch(state) == Set::NONE || !drifted
}

/// While a request is in doubt, nothing goes out; once that has ended in
/// doubt, only what the caller has consented to.
fn nothing_sent_in_doubt(state: &State) -> bool {
    let batch = next_batch(state);
    let consented = sends_only(state, |memory| memory.consented);
    let mut doubted = state.memory.iter().filter(|memory| memory.is_doubted());
    batch == Set::NONE || doubted.all(|memory| consented && memory.outcome.is_some())
}

fn packages(state: &State) -> impl Iterator<Item = (&PackageReport, &Memory, &Truth)> {
    let known = state.memory.iter().zip(&state.world.packages);
    let reports = state.reports.iter().zip(known);
    reports.map(|(report, (memory, truth))| (report, memory, truth))
}

fn no_false_success(state: &State) -> bool {
    packages(state).all(|(report, memory, truth)| match report.outcome {
        Some(PackageOutcome::Succeeded { .. }) => {
            truth.came_to(SUCCESSFUL, memory.baseline.version)
        }
        _ => true,
    })
}

/// What has failed since it was planned counts as failed without a request, too.
fn no_false_failure(state: &State) -> bool {
    let planned = state.rollout.spec().plan.is_some();
    packages(state).all(|(report, memory, truth)| match report.outcome {
        Some(PackageOutcome::Failed { .. }) => {
            let unsent = memory.named == Named::No && !memory.lost;
            let since_planned = planned && unsent && truth.came_to(FAILED, memory.planned);
            truth.came_to(FAILED, memory.baseline.version) || since_planned
        }
        _ => true,
    })
}

/// A list does not say which tasks failed, nor which jobs did not start.
fn an_end_is_read(state: &State) -> bool {
    packages(state).all(|(report, memory, _)| match report.outcome {
        Some(PackageOutcome::Succeeded { .. }) => memory.seen == Some(SUCCESSFUL),
        Some(PackageOutcome::Failed { .. }) => memory.seen == Some(FAILED),
        _ => true,
    })
}

/// What is watched is gone only if it was not found three times in a row.
fn gone_is_gone(state: &State) -> bool {
    packages(state).all(|(report, memory, _)| match report.outcome {
        Some(PackageOutcome::Gone { .. }) => memory.absences >= 3,
        _ => true,
    })
}

fn a_proved_no_is_a_no(state: &State) -> bool {
    packages(state).all(|(report, _, truth)| match report.outcome {
        Some(PackageOutcome::Refused { proved: true, .. }) => !truth.is_released_by_us(),
        _ => true,
    })
}

fn not_sent_means_not_sent(state: &State) -> bool {
    packages(state).all(|(report, memory, truth)| match report.outcome {
        Some(PackageOutcome::NotSent(_)) => {
            !truth.is_released_by_us() && !memory.lost && memory.named == Named::No && !report.sent
        }
        _ => true,
    })
}

/// After a request whose effect is unknown nothing ends as if it were under way, unless that was seen.
fn lost_is_not_forgotten(state: &State) -> bool {
    packages(state).all(|(report, memory, _)| match report.outcome {
        Some(PackageOutcome::StillRunning { .. } | PackageOutcome::Accepted) => {
            memory.moved || memory.named == Named::Accepted
        }
        _ => true,
    })
}

/// No other run may send what a request of this one may have reached, unless somebody gave it up.
fn what_may_have_been_sent_is_claimed(state: &State) -> bool {
    packages(state).all(|(report, memory, _)| !memory.is_doubted() || report.is_open())
}

fn ours_only_if_named(state: &State) -> bool {
    packages(state).all(|(report, memory, _)| memory.accepted || !report.ours)
}

fn an_outcome_stays(state: &State) -> bool {
    let mut packages = packages(state);
    packages.all(|(report, memory, _)| {
        !memory.outcome_changed && report.outcome.is_some() >= state.is_over()
    })
}

fn out_of_time_ends(state: &State) -> bool {
    state.last != Some(Step::OutOfTime) || state.action == Action::Done
}

fn forbidden_ends(state: &State) -> bool {
    !state.forbidden || state.action == Action::Done
}

fn replay_is_the_same(state: &State) -> bool {
    !state.replay_differs
}
