//! What must be true in every state.

use super::memory::{Memory, Named};
use super::state::State;
use super::step::Step;
use super::world::{FAILED, SUCCESSFUL, Set, TO_BE_REVIEWED, Truth, index};
use crate::action::Action;
use crate::outcome::{PackageOutcome, PackageReport};

/// A promise, and whether a state keeps it.
type Promise = (&'static str, bool);

/// The first promise that this state breaks.
pub(super) fn broken(state: &State) -> Option<&'static str> {
    let of_packages = (0..2).flat_map(|index| of_package(state, index));
    let mut promises =
        of_the_next_request(state).into_iter().chain(of_packages).chain(of_the_run(state));
    promises.find(|(_, is_kept)| !is_kept).map(|(name, _)| name)
}

fn of_the_next_request(state: &State) -> [Promise; 6] {
    let batch = match &state.action {
        Action::Deploy { request, .. } => Set::of(request.packages().iter().map(|id| index(*id))),
        _ => Set::NONE,
    };
    let each = |may: &dyn Fn(&Memory) -> bool| batch.indices().all(|it| may(&state.memory[it]));
    let redeploy_failed = state.rollout.spec().options.redeploy_failed;
    // By the clock of the world at the moment of the first byte, whatever the rollout takes for its own.
    let age = |index: usize| state.world.clock - state.memory[index].observed_at;
    let mut sent = state.sending.unwrap_or_default().indices();
    // One package that waits and is not as planned keeps all the others back, too.
    let has_drifted =
        |it: &Memory| it.named == Named::No && it.changed && it.seen == Some(TO_BE_REVIEWED);
    // While a request is in doubt, nothing goes out; once that has ended in doubt, only what the caller has consented to.
    let consented = each(&|it| it.consented);
    let mut in_doubt = state.memory.iter().filter(|it| it.is_doubted());
    [
        ("named once without consent", each(&|it| it.named == Named::No)),
        ("tried three times at most", each(&|it| it.requests < 3)),
        (
            "seen to be ready when named",
            each(&|it| {
                it.seen == Some(TO_BE_REVIEWED) || redeploy_failed && it.seen == Some(FAILED)
            }),
        ),
        ("seen lately when it is sent", sent.all(|index| age(index) <= 60_000)),
        (
            "nothing sent but as planned",
            batch == Set::NONE || !state.memory.iter().any(has_drifted),
        ),
        (
            "nothing sent while in doubt",
            batch == Set::NONE || in_doubt.all(|it| consented && it.outcome.is_some()),
        ),
    ]
}

fn of_package(state: &State, index: usize) -> [Promise; 10] {
    use PackageOutcome::{Accepted, Failed, Gone, NotSent, Refused, StillRunning, Succeeded};

    let (memory, truth): (&Memory, &Truth) = (&state.memory[index], &state.world.packages[index]);
    let report: &PackageReport = &state.reports[index];
    let came_to = |status| truth.came_to(status, memory.baseline.version);
    let was_named = memory.named != Named::No || memory.lost;
    // What has failed since it was planned counts as failed without a request, too.
    let planned = state.rollout.spec().plan.is_some();
    let has_failed_since_planned =
        || planned && !was_named && truth.came_to(FAILED, memory.planned);
    let outcome = report.outcome.as_ref();
    let succeeded = matches!(outcome, Some(Succeeded { .. }));
    let failed = matches!(outcome, Some(Failed { .. }));
    let gone = matches!(outcome, Some(Gone { .. }));
    let refused = matches!(outcome, Some(Refused { proved: true, .. }));
    let not_sent = matches!(outcome, Some(NotSent(_)));
    let under_way = matches!(outcome, Some(StillRunning { .. } | Accepted));
    [
        ("no false success", !succeeded || came_to(SUCCESSFUL)),
        ("no false failure", !failed || came_to(FAILED) || has_failed_since_planned()),
        // A list does not say which tasks failed, nor which jobs did not start.
        (
            "an end is read in full",
            (!succeeded || memory.seen == Some(SUCCESSFUL))
                && (!failed || memory.seen == Some(FAILED)),
        ),
        ("gone means not found three times in a row", !gone || memory.absences >= 3),
        ("a proved no is a no", !refused || !truth.is_released_by_us()),
        (
            "not sent means not sent",
            !not_sent || !truth.is_released_by_us() && !was_named && !report.sent,
        ),
        // After a request whose effect is unknown nothing ends as if it were under way, unless that was seen.
        ("lost is not forgotten", !under_way || memory.moved || memory.named == Named::Accepted),
        // No other run may send what a request of this one may have reached, unless somebody gave it up.
        ("what may have been sent is claimed", !memory.is_doubted() || report.is_open()),
        ("ours only if named in an answer", !report.ours || memory.accepted),
        ("an outcome stays", !memory.outcome_changed && (outcome.is_some() || !state.is_over())),
    ]
}

fn of_the_run(state: &State) -> [Promise; 3] {
    let is_done = state.action == Action::Done;
    [
        ("the end of timeout is the end", is_done || state.last != Some(Step::OutOfTime)),
        ("a 401 ends all asking", is_done || !state.forbidden),
        ("a replay gives the same rollout", !state.replay_differs),
    ]
}
