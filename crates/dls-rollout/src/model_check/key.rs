//! What tells one state from another. States that differ only in what no decision or promise depends on are one.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::mem::discriminant;

use dls_model::{PackageDetail, Status, Timestamp};

use super::memory::{Memory, Named};
use super::state::State;
use super::world::{FAILED, GRACE, SUCCESSFUL};
use crate::options::OnLostAnswer;
use crate::package_state::{Doubt, PackageState, Stage};
use crate::rollout::Rollout;

/// Two hashes of a state: of what counts if nothing goes wrong any more, and of everything. The number of faults that may
/// still happen is in neither.
pub(super) fn keys(state: &State) -> (u64, u64) {
    let mut hasher = DefaultHasher::new();
    hash_rollout(state, &mut hasher);
    for index in 0..2 {
        hash_package(state, index, &mut hasher);
        hash_memory(state, index, &mut hasher);
    }
    (state.sending, state.just_resumed, state.is_another_run, state.forbidden).hash(&mut hasher);
    let calm = hasher.finish();
    state.world.left.hash(&mut hasher);
    for (index, memory) in state.memory.iter().enumerate() {
        if !memory.is_closed() {
            state.world.lagging(index).hash(&mut hasher);
            // What a crash may bring back.
            let truth = &state.world.packages[index];
            let since_intended = truth.versions.len() - memory.intended.version;
            (since_intended, memory.intended.is_bare).hash(&mut hasher);
        }
    }
    state.may_lose_events().hash(&mut hasher);
    (calm, hasher.finish())
}

/// A time counts by how long ago it is, and that only as far as a decision may depend on it: none, still fresh, not
/// fresh, and the grace is over.
fn age(state: &State, time: Timestamp) -> usize {
    let (age, lag) = (state.world.at().as_millis() - time.as_millis(), state.world.lag);
    [0, lag - 1, 60_000, GRACE - 1].iter().filter(|limit| age > **limit).count()
}

/// Hashes the members of the rollout that a decision may depend on.
fn hash_rollout(state: &State, hasher: &mut DefaultHasher) {
    let Rollout {
        spec,
        created_at: _,
        states: _,
        now,
        started,
        cleared,
        pause,
        // The poll interval of the scenarios is the same in each round.
        round: _,
        listed,
        lists,
        failed_observations,
        failed_sends,
        sending,
        obstacle,
    } = &state.rollout;
    // What may change of the options.
    (spec.options.wait, spec.options.on_lost_answer == OnLostAnswer::Stop).hash(hasher);
    (age(state, *now), started, cleared, pause, listed, lists, sending).hash(hasher);
    (failed_observations, failed_sends, format!("{obstacle:?}")).hash(hasher);
}

/// Hashes the members of a package of the rollout that a decision may depend on.
fn hash_package(state: &State, index: usize, hasher: &mut DefaultHasher) {
    let package = &state.rollout.states[index];
    let PackageState {
        id: _,
        stage,
        baseline,
        latest,
        observed_at,
        doubt,
        earlier,
        sent,
        signed_at: _,
        with_token: _,
        accepted,
        request_id: _,
        baseline_at,
        running_at,
        absences,
        due,
        checked,
        forgotten,
    } = package;
    let age = |time: Timestamp| age(state, time);
    // Which outcome it has is in the memory.
    (discriminant(stage), due, checked).hash(hasher);
    forgotten.as_ref().map(|it| age(it.at)).hash(hasher);
    if state.memory[index].is_closed() {
        return;
    }
    let shown = |detail: &PackageDetail| {
        (detail.package.status, detail.package.deployed_at, detail.tasks.len())
    };
    (baseline.as_ref().map(shown), latest.as_ref().map(shown)).hash(hasher);
    (sent, accepted.is_some(), absences).hash(hasher);
    if !package.is_watched() {
        observed_at.map(age).hash(hasher);
    }
    if !matches!(stage, Stage::Running) {
        let known = |doubt: &Doubt| (age(doubt.since), doubt.refusal.is_some());
        (doubt.as_ref().map(known), earlier.as_ref().map(known)).hash(hasher);
    }
    // Where nothing was released before, no observation is taken for an old one, and only whether the package moved
    // counts, which the memory knows.
    let was = baseline.as_ref().and_then(|it| it.package.status);
    if matches!(was, Some(Status::Failed | Status::BeingReleased)) {
        (baseline_at.map(age), running_at.map(age)).hash(hasher);
    }
}

/// Hashes of a package and its memory what a choice or a promise may still depend on.
fn hash_memory(state: &State, index: usize, hasher: &mut DefaultHasher) {
    let (memory, truth) = (&state.memory[index], &state.world.packages[index]);
    (memory.is_doubted(), memory.lost, memory.outcome).hash(hasher);
    truth.is_released_by_us().hash(hasher);
    if memory.is_closed() {
        return;
    }
    let came_to = |status| truth.came_to(status, memory.baseline.version);
    (truth.now(), came_to(SUCCESSFUL), came_to(FAILED)).hash(hasher);
    if state.rollout.spec().plan.is_some() {
        truth.came_to(FAILED, memory.planned).hash(hasher);
    }
    truth.versions[memory.baseline.version].hash(hasher);
    memory.baseline.is_bare.hash(hasher);
    (memory.named, memory.moved, memory.accepted, memory.absences).hash(hasher);
    // Later it counts only after a resume, which resets it.
    if memory.named == Named::No || state.sending.is_some() {
        truth.versions[memory.shown.version].hash(hasher);
        memory.shown.is_bare.hash(hasher);
        let Memory { seen, changed, consented, requests, .. } = memory;
        (seen, changed, consented, requests).hash(hasher);
    }
}
