//! What tells one state from another. States that differ only in what no decision or promise depends on are one.

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

/// The stage of a package.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Waiting,
    InDoubt,
    Running,
    /// It has an outcome. If that is open, it may change once the run is resumed.
    Ended {
        open: bool,
    },
}

/// Fields of the rollout's debug text that no decision depends on: from this name up to the returned one. A new field
/// counts unless it is named here.
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

/// The debug text of a rollout without its meaningless fields. A time counts by how long ago it is, and that only as far
/// as a decision may depend on it: none, still fresh, not fresh, and the grace is over.
struct Text<'a> {
    bytes: Vec<u8>,
    now: i64,
    lag: i64,
    packages: Packages<'a>,
    at: At,
    baseline: Option<Status>,
    /// The next word is the stage of a package.
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
        // No decision depends on the text that follows.
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

/// Two hashes of a state: of what counts if nothing goes wrong any more, and of everything. The number of faults that may
/// still happen is in neither.
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

/// Hashes of a package and its memory what a choice or a promise may still depend on.
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
    // Later it counts only after a resume, which resets it.
    if memory.named == Named::No || state.sending.is_some() {
        truth.versions[memory.shown.version].hash(hasher);
        memory.shown.is_bare.hash(hasher);
        let Memory { seen, changed, consented, requests, .. } = memory;
        (seen, changed, consented, requests).hash(hasher);
    }
}
