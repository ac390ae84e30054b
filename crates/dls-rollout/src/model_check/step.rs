//! What may happen next: every choice that the environment and the caller have.

use std::fmt;

use dls_model::{DeployAnswer, DeployDetail, ListPackages, ServiceError, Status};
use serde_json::json;

use super::memory::{Memory, Named};
use super::state::State;
use super::world::{BEING_RELEASED, FAILED, Set, TO_BE_REVIEWED, Version, id, index};
use crate::action::Action;
use crate::event::{EventKind, ObserveError, SendError};

/// Something that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Step {
    Seen(usize, Sight),
    ObserveFails(usize, Failing),
    /// What a list shows of each package, if it does.
    Listed([Option<Sight>; 2]),
    ListFails(Failing),
    /// The deploy request is about to be signed and written.
    Intend(Set),
    /// A deploy request was sent: what became of it, and what we hear.
    Sent(Effect, Heard),
    Waited,
    /// A release ends, and whether well.
    Ends(usize, bool),
    OthersRelease(usize),
    /// Somebody else changes what is to be released.
    Changes(usize),
    /// A request that left arrives late or a second time, and releases these.
    Arrives(Set, Set),
    Later(i64),
    OutOfTime,
    /// The process dies and the run is resumed. If a request was being sent, this became of it.
    Crash(Effect, Survives),
    /// A run that has ended is resumed.
    Resumed,
    Consent(Set),
    /// Somebody gives up what has ended and is not known.
    Forget(Set),
    /// The run has ended, and another one for the same packages begins.
    AnotherRun,
}

/// What of the journal survives a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Survives {
    All,
    /// Only what was flushed.
    Flushed,
}

/// What an observation shows, and whether that was over already.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Sight {
    pub(super) status: i64,
    pub(super) late: bool,
    /// It lacks the members that an answer need not have.
    pub(super) bare: bool,
}

impl fmt::Debug for Sight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let late = if self.late { ", late" } else { "" };
        let bare = if self.bare { ", bare" } else { "" };
        write!(f, "{}{late}{bare}", Status::from_code(self.status))
    }
}

impl Sight {
    fn of(version: Version, late: bool, bare: bool) -> Self {
        Self { status: version.status, late, bare }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Failing {
    Unavailable,
    NotFound,
    Forbidden,
}

impl Failing {
    const ALL: [Self; 3] = [Self::Unavailable, Self::NotFound, Self::Forbidden];
}

/// What becomes of a deploy request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Effect {
    /// No byte of it left, or nothing was being sent.
    None,
    /// It left, and arrives later or never.
    Stuck,
    /// The gateway turned it away.
    TurnedAway,
    /// The service read it and began to release these.
    Released(Set),
}

/// What we hear of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Heard {
    NotSent,
    NoCredentials,
    Nothing,
    Accepted(Set),
    GatewayNo,
    TooMany,
    /// The same code, deep in an answer that says more.
    PartlyDone,
    ServiceNo,
    ServerError,
    /// The gateway waited for the service in vain.
    GatewayError,
}

pub(super) fn observe_error(failing: Failing) -> ObserveError {
    match failing {
        Failing::Unavailable => ObserveError::Unavailable("503".to_owned()),
        Failing::NotFound => ObserveError::NotFound(error(400, "DLF.0810")),
        Failing::Forbidden => ObserveError::Refused(error(401, "APIGW.0301")),
    }
}

pub(super) fn outcome(heard: Heard) -> EventKind {
    let failure = match heard {
        Heard::NotSent => SendError::NotSent("refused".to_owned()),
        Heard::NoCredentials => SendError::NotAuthenticated("expired".to_owned()),
        Heard::Nothing => SendError::Lost("reset".to_owned()),
        Heard::Accepted(named) => return accepted(named),
        Heard::GatewayNo => SendError::Answered(error(403, "APIGW.0302")),
        Heard::TooMany => SendError::Answered(error(429, "APIGW.0308")),
        Heard::ServiceNo => SendError::Answered(error(400, "DLF.20990")),
        Heard::ServerError => SendError::Answered(error(500, "DLF.0001")),
        Heard::PartlyDone => SendError::Answered(error_in(429, "APIGW.0308", false)),
        Heard::GatewayError => SendError::Answered(error(502, "APIGW.0605")),
    };
    EventKind::SendFailed { failure }
}

fn accepted(named: Set) -> EventKind {
    let details = named.indices().map(|index| {
        let mut detail = DeployDetail::default();
        detail.package_id = Some(id(index));
        detail
    });
    let mut answer = DeployAnswer::default();
    answer.details = Some(details.collect());
    EventKind::Accepted { answer, request_id: None }
}

/// An answer that is nothing but an error.
fn error(status: u16, code: &str) -> Box<ServiceError> {
    error_in(status, code, true)
}

fn error_in(status: u16, code: &str, flat: bool) -> Box<ServiceError> {
    let error = json!({"status": status, "code": code, "message": "no", "flat": flat});
    serde_json::from_value(error).unwrap()
}

/// A step, and how many faults it counts as.
type Choice = (Step, u8);

fn free(step: Step) -> Choice {
    (step, 0)
}

fn fault(step: Step) -> Choice {
    (step, 1)
}

/// What may happen in this state. The first choice is the calm one: nothing goes wrong.
pub(super) fn choices(state: &State) -> Vec<Choice> {
    if let Some(batch) = state.sending {
        return outcomes(state, batch);
    }
    let mut choices = match &state.action {
        Action::Observe(id) => at_an_observation(state, index(*id)),
        Action::Deploy { request, .. } => {
            let batch = Set::of(request.packages().iter().map(|id| index(*id)));
            let mut choices = vec![free(Step::Intend(batch))];
            choices.extend(batch.indices().flat_map(|it| meanwhile(state, it)));
            choices
        }
        Action::Wait(_) => at_a_wait(state),
        Action::Done => at_the_end(state),
        Action::List(list) => at_a_list(state, list),
    };
    if state.action != Action::Done {
        let crash = |survives| fault(Step::Crash(Effect::None, survives));
        choices.extend([fault(Step::OutOfTime), crash(Survives::All)]);
        choices.extend(state.may_lose_events().then(|| crash(Survives::Flushed)));
    }
    if state.just_resumed {
        choices.extend(Set::ALL[1..].iter().map(|set| free(Step::Consent(*set))));
    }
    choices
}

/// What the service and others do by themselves counts only if somebody observes, or sends something.
fn meanwhile(state: &State, package: usize) -> Vec<Choice> {
    let mut choices = Vec::new();
    let now = state.world.packages[package].now();
    match now.status {
        BEING_RELEASED => {
            choices.extend([free(Step::Ends(package, true)), fault(Step::Ends(package, false))]);
        }
        TO_BE_REVIEWED | FAILED => choices.push(fault(Step::OthersRelease(package))),
        _ => {}
    }
    if state.rollout.spec().plan.is_some() && now.status == TO_BE_REVIEWED && !now.changed {
        choices.push(fault(Step::Changes(package)));
    }
    let concerns = |(step, _): &Choice| matches!(step, Step::Arrives(_, it) if it.has(package));
    choices.extend(arrivals(state).into_iter().filter(concerns));
    // Time counts where an observation may grow old or a grace may be over.
    let pending = || state.memory.iter().filter(|it| it.outcome.is_none());
    if pending().any(|it| it.named == Named::No) {
        choices.push(fault(Step::Later(61)));
    }
    if pending().any(Memory::is_doubted) {
        choices.push(fault(Step::Later(120)));
    }
    choices
}

fn arrivals(state: &State) -> Vec<Choice> {
    let mut choices = Vec::new();
    for request in state.world.left.keys() {
        // Of a release that others began again, and that was a success before, a late status may show that
        // success: a run that finds it so cannot know.
        let once_more = !state.is_another_run;
        let released = [false, once_more].map(|it| state.world.release_of(*request, it));
        choices.extend(released.map(|released| fault(Step::Arrives(*request, released))));
    }
    choices.retain(|(step, _)| !matches!(step, Step::Arrives(_, Set::NONE)));
    choices.dedup();
    choices
}

fn at_an_observation(state: &State, package: usize) -> Vec<Choice> {
    let seen = |version, late, bare| Step::Seen(package, Sight::of(version, late, bare));
    let now = state.world.packages[package].now();
    let mut choices = meanwhile(state, package);
    choices.push(free(seen(now, false, false)));
    // Releases do end in calm weather, and until then there is nothing else to see.
    if now.status != BEING_RELEASED {
        choices.rotate_right(1);
    }
    let lagging = state.world.lagging(package);
    choices.extend(lagging.map(|version| fault(seen(version, true, false))));
    if now.stamp != 0 {
        choices.push(fault(seen(now, false, true)));
    }
    choices.extend(Failing::ALL.map(|failure| fault(Step::ObserveFails(package, failure))));
    choices
}

/// A list shows the packages with the statuses that it is asked for.
fn at_a_list(state: &State, list: &ListPackages) -> Vec<Choice> {
    let list = serde_json::to_value(list).unwrap();
    let asked = list["deploy_status_filter"].as_array().unwrap();
    let watched = state.watched();
    let [first, second] = [0, 1].map(|package| {
        let status = state.world.packages[package].now().status;
        let mut rows = rows(state, package, asked.contains(&status.into()));
        // Nothing that a list shows of the others counts.
        rows.truncate(if watched.has(package) { rows.len() } else { 1 });
        rows
    });
    let mut choices = Vec::new();
    for (one, faults) in first {
        let both = second.iter().map(|(other, more)| (Step::Listed([one, *other]), faults + more));
        choices.extend(both);
    }
    for choice in watched.indices().flat_map(|it| meanwhile(state, it)) {
        if !choices.contains(&choice) {
            choices.push(choice);
        }
    }
    // As at an observation.
    choices.sort_by_key(|(step, _)| !matches!(step, Step::Ends(_, true)));
    choices.extend(Failing::ALL.map(|failure| fault(Step::ListFails(failure))));
    choices
}

/// What a list may show of a package, first of all what it should. A row may be missing, may stand there
/// unasked for, or may lag behind.
fn rows(state: &State, package: usize, asked_for: bool) -> Vec<(Option<Sight>, u8)> {
    let now = Some(Sight::of(state.world.packages[package].now(), false, false));
    let [right, wrong] = if asked_for { [now, None] } else { [None, now] };
    let late = state.world.lagging(package);
    let late = late.map(|version| (Some(Sight::of(version, true, false)), 1));
    [(right, 0), (wrong, 1)].into_iter().chain(late).collect()
}

/// Of an old failure that failed once more without a trace nothing will ever be seen: only the caller's
/// timeout ends that.
fn at_a_wait(state: &State) -> Vec<Choice> {
    let mut known = state.memory.iter().zip(&state.world.packages);
    let traceless = known.any(|(memory, truth)| {
        let (mut was, now) = (truth.versions[memory.baseline.version], truth.now());
        if memory.baseline.is_bare {
            was.stamp = 0;
        }
        memory.named == Named::Accepted && !was.differs(now)
    });
    let timeout = traceless.then_some(Step::OutOfTime);
    timeout.into_iter().chain([Step::Waited]).map(free).collect()
}

fn outcomes(state: &State, batch: Set) -> Vec<Choice> {
    let [ready, most] = [false, true].map(|once_more| state.world.release_of(batch, once_more));
    let mut choices = vec![free(Step::Sent(Effect::Released(ready), Heard::Accepted(batch)))];
    let mut add = |effect, heard: &[Heard]| {
        let heard = heard.iter().map(|heard| Step::Sent(effect, *heard));
        choices.extend(heard.chain([Step::Crash(effect, Survives::All)]).map(fault));
    };
    add(Effect::None, &[Heard::NotSent, Heard::NoCredentials]);
    add(Effect::Stuck, &[Heard::Nothing, Heard::GatewayError]);
    add(Effect::TurnedAway, &[Heard::GatewayNo, Heard::TooMany]);
    for released in parts_of(most) {
        let mut heard = vec![Heard::Nothing, Heard::ServerError];
        if released.holds(ready) {
            // All is well, but not with the answer.
            heard.extend(parts_of(batch).map(Heard::Accepted));
        } else if released != Set::NONE {
            heard.push(Heard::Accepted(released));
        }
        if released != batch {
            heard.extend([Heard::ServiceNo, Heard::PartlyDone]);
        }
        add(Effect::Released(released), &heard);
    }
    choices
}

fn parts_of(whole: Set) -> impl Iterator<Item = Set> {
    let parts = Set::ALL.into_iter();
    parts.filter(move |part| whole.holds(*part))
}

fn at_the_end(state: &State) -> Vec<Choice> {
    let mut choices = arrivals(state);
    if !state.memory.iter().all(Memory::is_closed) {
        choices.push(fault(Step::Resumed));
    } else if !state.is_another_run {
        choices.push(fault(Step::AnotherRun));
    }
    let unsettled = state.unsettled();
    if unsettled != Set::NONE {
        choices.push(fault(Step::Forget(unsettled)));
    }
    choices
}
