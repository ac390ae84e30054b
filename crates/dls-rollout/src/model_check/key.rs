//! What tells one state from another. Two states that differ only in what nothing will ever rest on are
//! one.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::iter::Zip;
use std::slice::Iter;

use dls_model::Status;

use super::memory::{Memory, Named};
use super::state::State;
use super::world::{FAILED, GRACE, START, SUCCESSFUL};
use crate::options::OnLostAnswer;
use crate::outcome::PackageReport;

/// What a package of the rollout is at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Waiting,
    InDoubt,
    Running,
    /// It has an outcome, which may change once the run is resumed, or never.
    Ended {
        open: bool,
    },
}

/// Fields of the rollout's debug text that no decision rests on: from this name up to that one. New fields
/// count unless they are named here.
fn meaningless(field: &str, at: At, baseline: Option<Status>) -> Option<&'static str> {
    let was_released = matches!(baseline, Some(Status::Failed | Status::BeingReleased));
    match (field, at) {
        // What may change of it is hashed apart.
        ("spec", _) => Some("states"),
        // The poll interval of the scenarios is the same in each round.
        ("round", _) => Some("listed"),
        ("signed_at", _) => Some("accepted"),
        ("observed_at", At::InDoubt | At::Running) => Some("doubt"),
        ("doubt", At::Running) => Some("sent"),
        ("Done", At::Ended { open: false }) => Some("due"),
        // Where nothing was released before, no observation is taken for an old one.
        ("baseline_at", _) if !was_released => Some("running_at"),
        // And only whether it moved counts, which the witness knows.
        ("running_at", _) if !was_released => Some("absences"),
        _ => None,
    }
}

/// The debug text of a rollout, without what is meaningless. A time counts as the time since, and of that
/// only what a decision may rest on: none, still fresh, not fresh, and the grace is over.
struct Text<'a> {
    bytes: Vec<u8>,
    now: i64,
    lag: i64,
    packages: Packages<'a>,
    at: At,
    baseline: Option<Status>,
    /// The next word says at what a package is.
    stage: bool,
    words: bool,
    skips_to: Option<&'static str>,
}

type Packages<'a> = Zip<Iter<'a, Memory>, Iter<'a, PackageReport>>;

impl fmt::Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // Most of it is punctuation.
        if !text.starts_with(|first: char| first.is_ascii_alphanumeric()) {
            return Ok(());
        }
        if self.stage {
            self.begin_package(text);
        }
        self.stage = text == "stage";
        // The words for people that follow are all the same to the rollout.
        if std::mem::replace(&mut self.words, matches!(text, "evidence" | "why")) {
            return Ok(());
        }
        if self.skips_to.is_none_or(|to| to == text) {
            self.skips_to = meaningless(text, self.at, self.baseline);
        }
        if self.skips_to.is_none() {
            self.keep(text);
        }
        Ok(())
    }
}

fn age(millis: i64, lag: i64) -> u8 {
    [0, lag - 1, 60_000, GRACE - 1].map(|limit| u8::from(millis > limit)).iter().sum()
}

impl Text<'_> {
    fn keep(&mut self, text: &str) {
        let time = Some(text).filter(|it| it.len() == 13);
        match time.and_then(|it| it.parse::<i64>().ok()) {
            Some(time) => self.bytes.push(age(self.now - time, self.lag)),
            None => self.bytes.extend_from_slice(text.as_bytes()),
        }
    }

    fn begin_package(&mut self, stage: &str) {
        let (memory, report) = self.packages.next().unwrap();
        let baseline = report.baseline.as_ref();
        self.baseline = baseline.and_then(|it| it.package.status);
        self.at = match (stage, memory.outcome) {
            ("Waiting", _) => At::Waiting,
            ("InDoubt", _) => At::InDoubt,
            ("Running", _) => At::Running,
            (_, Some((_, open))) => At::Ended { open },
            _ => panic!("a package that has ended without an outcome: {stage}"),
        };
    }
}

/// What a state looks like while everything goes well from here on, and what it looks like at all. How
/// much may still go wrong is not in it.
pub(super) fn keys(state: &State) -> (u64, u64) {
    let mut text = Text {
        bytes: Vec::with_capacity(4096),
        now: START + state.world.clock,
        lag: state.world.lag,
        packages: state.memory.iter().zip(state.reports.iter()),
        at: At::Waiting,
        baseline: None,
        stage: false,
        words: false,
        skips_to: None,
    };
    fmt::write(&mut text, format_args!("{:?}", state.rollout)).unwrap();
    let mut hasher = DefaultHasher::new();
    text.bytes.hash(&mut hasher);
    let options = &state.rollout.spec().options;
    (options.wait, options.on_lost_answer == OnLostAnswer::Stop).hash(&mut hasher);
    (0..2).for_each(|index| hash_package(state, index, &mut hasher));
    (state.sending, state.just_resumed, state.is_another_run, state.forbidden).hash(&mut hasher);
    let calm = hasher.finish();
    (&state.world.left, &state.world.stuck).hash(&mut hasher);
    for (index, memory) in state.memory.iter().enumerate() {
        if !memory.is_closed() {
            let lagging = state.world.lagging(index);
            lagging.hash(&mut hasher);
            // What a crash may bring back.
            let truth = &state.world.packages[index];
            let since_intended = truth.versions.len() - memory.intended.version;
            (since_intended, memory.intended.is_bare).hash(&mut hasher);
        }
    }
    state.may_lose_events().hash(&mut hasher);
    (calm, hasher.finish())
}

/// Of what is true and remembered of a package, that which a choice or a promise may still ask for.
fn hash_package(state: &State, index: usize, hasher: &mut DefaultHasher) {
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
    (memory.named, memory.moved, memory.accepted).hash(hasher);
    memory.absences.hash(hasher);
    // Later it counts only once the run is resumed, and then it begins anew.
    if memory.named == Named::No || state.sending.is_some() {
        truth.versions[memory.shown.version].hash(hasher);
        memory.shown.is_bare.hash(hasher);
        let Memory { seen, changed, consented, requests, .. } = memory;
        (seen, changed, consented, requests).hash(hasher);
    }
}
