//! One state of the search: the rollout, the world, and the memory of the path there.

use std::mem::discriminant;
use std::rc::Rc;
use std::time::Duration;

use dls_model::{JobStart, PackageIds};

use super::memory::{Glimpse, Memory, Named};
use super::step::{Effect, Failing, Heard, Sight, Step, Survives, observe_error, outcome};
use super::world::{BEING_RELEASED, By, FENCE, Set, Stamp, World, id, index};
use crate::action::Action;
use crate::event::{Event, EventKind, RunSpec};
use crate::options::Options;
use crate::outcome::{Claim, PackageOutcome, PackageReport};
use crate::plan::Destination;
use crate::poll_interval::PollInterval;
use crate::rollout::Rollout;
use crate::selection::Selection;

/// Where a search begins, and how much may go wrong.
#[derive(Clone)]
pub(super) struct Scenario {
    pub(super) name: &'static str,
    pub(super) statuses: [i64; 2],
    pub(super) options: Options,
    pub(super) stamp: Stamp,
    pub(super) faults: u8,
    /// So many packages are observed one by one; if more are watched, they are read in lists.
    pub(super) few: usize,
    /// A plan was made before.
    pub(super) planned: bool,
}

impl Scenario {
    /// Two packages with these statuses, released with the usual options.
    pub(super) fn new(name: &'static str, statuses: [i64; 2]) -> Self {
        let minute = Duration::from_secs(60);
        let mut options = Options::new(JobStart::Later);
        options.poll_interval = PollInterval::new(minute, minute);
        let (stamp, faults, few, planned) = (Stamp::Accepted, 2, 2, false);
        Self { name, statuses, options, stamp, faults, few, planned }
    }

    pub(super) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}

#[derive(Clone)]
pub(super) struct State {
    pub(super) rollout: Rollout,
    pub(super) world: World,
    pub(super) memory: [Memory; 2],
    pub(super) action: Action,
    pub(super) reports: Rc<[PackageReport]>,
    /// The caller is in the middle of a request that names these.
    pub(super) sending: Option<Set>,
    pub(super) just_resumed: bool,
    pub(super) last: Option<Step>,
    /// An observation was answered with 401 since the run was begun or resumed.
    pub(super) forbidden: bool,
    pub(super) replay_differs: bool,
    /// The first run has ended, and this is another one for the same packages.
    pub(super) is_another_run: bool,
    pub(super) faults: u8,
    journal: Vec<Rc<Event>>,
}

impl State {
    pub(super) fn begin(scenario: &Scenario) -> Self {
        let (project, workspace) = ("p-1".parse().unwrap(), "default".parse().unwrap());
        let destination = Destination::new("https://dayu.example.com", project, workspace);
        let packages = Selection::new([0, 1].map(id)).unwrap();
        let lag = scenario.options.grace.max(Options::LEAST_LAG);
        let lag = lag.as_millis().try_into().unwrap();
        let world = World::new(scenario.statuses, scenario.stamp, lag);
        let spec = RunSpec::new(destination.clone(), packages, scenario.options.clone());
        let spec = match scenario.planned {
            true => spec.with_plan(world.plan(destination, &scenario.options), "hash"),
            false => spec,
        };
        let memory = |package: usize| Memory {
            planned: world.packages[package].versions.len() - 1,
            ..Memory::default()
        };
        let memory = [0, 1].map(memory);
        Self::at_the_beginning_of(spec, world, memory, scenario.faults)
    }

    fn at_the_beginning_of(spec: RunSpec, world: World, memory: [Memory; 2], faults: u8) -> Self {
        let rollout = Rollout::new(spec.clone(), world.at());
        let created = Event::new(world.at(), EventKind::RunCreated(Box::new(spec)));
        Self {
            action: rollout.next(),
            reports: rollout.report().packages.into(),
            rollout,
            memory,
            world,
            sending: None,
            just_resumed: false,
            last: None,
            forbidden: false,
            replay_differs: false,
            is_another_run: false,
            faults,
            journal: vec![Rc::new(created)],
        }
    }

    /// The state after a step; `None` if there was enough trouble already.
    pub(super) fn after(&self, step: Step, faults: u8) -> Option<Self> {
        let mut next = Self {
            faults: self.faults.checked_sub(faults)?,
            last: Some(step),
            just_resumed: false,
            ..self.clone()
        };
        next.take(step);
        next.action = next.rollout.next();
        next.reports = next.rollout.report().packages.into();
        next.note_outcomes();
        Some(next)
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Seen(package, sight) => {
                let version = self.version(package, sight);
                let seen = self.world.packages[package].versions[version];
                let memory = &mut self.memory[package];
                (memory.seen, memory.changed) = (Some(seen.status), seen.changed);
                memory.observed_at = self.world.clock;
                self.note_sight(package, version, sight.bare);
                let seen = seen.detail(package, sight.bare);
                self.apply(self.rollout.observed(id(package), self.world.at(), seen));
            }
            Step::Listed(rows) => self.read_list(rows),
            Step::ListFails(failing) => {
                self.forbidden |= failing == Failing::Forbidden;
                let failure = observe_error(failing);
                self.apply(EventKind::ListFailed { failure });
            }
            Step::ObserveFails(package, failing) => {
                self.forbidden |= failing == Failing::Forbidden;
                if failing == Failing::NotFound {
                    // Of what waits one is enough.
                    let absences = if self.watched().has(package) { 1 } else { 3 };
                    self.memory[package].absences += absences;
                }
                let (package, failure) = (id(package), observe_error(failing));
                self.apply(EventKind::ObserveFailed { package, failure });
            }
            Step::Intend(batch) => self.intend(batch),
            Step::Sent(effect, heard) => {
                let batch = self.sending.take().unwrap();
                self.happen(effect, batch);
                self.note_outcome(batch, heard);
                self.apply(outcome(heard));
            }
            Step::Waited => {
                if let Action::Wait(rest) = self.action {
                    self.world.clock += i64::try_from(rest.as_millis()).unwrap();
                }
                self.apply(EventKind::Waited);
            }
            Step::Ends(package, well) => self.world.end(package, well),
            Step::OthersRelease(package) => self.world.begin(Set::of([package]), By::Others),
            Step::Changes(package) => self.world.change(package),
            Step::Arrives(request, released) => self.world.arrive(request, released),
            Step::Later(seconds) => self.world.clock += seconds * 1000,
            Step::OutOfTime => self.apply(EventKind::OutOfTime),
            Step::Crash(effect, survives) => {
                if let Some(batch) = self.sending.take() {
                    self.happen(effect, batch);
                    batch.indices().for_each(|it| self.memory[it].lost = true);
                }
                if survives == Survives::Flushed {
                    self.lose_events();
                }
                self.resume();
            }
            Step::Resumed => self.resume(),
            Step::Forget(packages) => {
                self.note_consent(packages);
                self.apply(EventKind::Forgotten {
                    packages: packages.indices().map(id).collect(),
                    by: "somebody".to_owned(),
                    no_fence: false,
                });
            }
            Step::AnotherRun => self.begin_another_run(),
            Step::Consent(packages) => {
                self.note_consent(packages);
                let packages = packages.indices().map(id).collect();
                self.apply(EventKind::ResendAllowed { packages, no_fence: false });
            }
        }
    }

    fn apply(&mut self, kind: EventKind) {
        let event = Event::new(self.world.at(), kind);
        self.rollout.apply(event.clone());
        self.journal.push(Rc::new(event));
    }

    /// The packages that a list is read for.
    pub(super) fn watched(&self) -> Set {
        match self.rollout.listed([]) {
            EventKind::Listed { missing, .. } => Set::of(missing.into_iter().map(index)),
            other => panic!("{other:?}"),
        }
    }

    fn read_list(&mut self, shown: [Option<Sight>; 2]) {
        let watched = self.watched();
        let mut rows = Vec::new();
        for (package, sight) in shown.into_iter().enumerate() {
            let Some(sight) = sight else { continue };
            let version = self.version(package, sight);
            if watched.has(package) {
                self.note_sight(package, version, false);
            }
            let detail = self.world.packages[package].versions[version].detail(package, false);
            rows.push(detail.package);
        }
        self.apply(self.rollout.listed(rows));
    }

    fn version(&self, package: usize, sight: Sight) -> usize {
        self.world.packages[package].versions.len() - 1 - usize::from(sight.late)
    }

    fn intend(&mut self, batch: Set) {
        for index in batch.indices() {
            let memory = &mut self.memory[index];
            if !memory.lost {
                (memory.baseline, memory.moved) = (memory.shown, false);
            }
            memory.intended = memory.baseline;
            memory.named = Named::InDoubt;
            memory.consented = false;
            memory.requests += 1;
        }
        let at = self.world.at();
        let is_old =
            matches!(&self.action, Action::Deploy { fresh_until, .. } if at > *fresh_until);
        self.apply(EventKind::SendIntended {
            packages: PackageIds::new(batch.indices().map(id)).unwrap(),
            signed_at: at,
            with_token: false,
        });
        if is_old {
            self.note_outcome(batch, Heard::NotSent);
            self.apply(outcome(Heard::NotSent));
        } else {
            self.sending = Some(batch);
        }
    }

    fn happen(&mut self, effect: Effect, batch: Set) {
        if effect != Effect::None {
            self.world.leave(batch, effect != Effect::Stuck);
        }
        if let Effect::Released(packages) = effect {
            self.world.begin(packages, By::Ours);
        }
    }

    /// The process is gone: the rollout comes back from its journal, and nothing seen before counts.
    fn resume(&mut self) {
        let replayed = self.replayed();
        self.replay_differs = format!("{replayed:?}") != format!("{:?}", self.rollout)
            || replayed.next() != self.rollout.next();
        self.rollout = replayed;
        for memory in self.memory.iter_mut().filter(|it| !it.is_closed()) {
            (memory.seen, memory.requests, memory.absences) = (None, 0, 0);
            if memory.outcome.is_some_and(|(_, open)| open) {
                memory.outcome = None;
            }
        }
        (self.forbidden, self.just_resumed) = (false, true);
        let options = &self.rollout.spec().options;
        let (grace, poll_interval) = (options.grace, options.poll_interval);
        self.apply(EventKind::Resumed { grace, poll_interval, other_endpoint: None });
    }

    /// What nobody has recorded for good is gone, and with it what it reported.
    fn lose_events(&mut self) {
        while self.may_lose_events() {
            self.journal.pop();
        }
        self.rollout = self.replayed();
        let reports = self.rollout.report().packages;
        for (memory, report) in self.memory.iter_mut().zip(&reports) {
            let outcome = report.outcome.as_ref();
            memory.outcome = outcome.map(|it| (discriminant(it), report.is_open()));
            if memory.is_closed() {
                continue;
            }
            let claim = self.rollout.claim(report.id);
            memory.moved &= claim == Some(Claim::UnderWay);
            // Neither a proof nor an acceptance that was lost counts.
            let is_unsettled = matches!(claim, Some(Claim::Unsettled { .. }));
            if is_unsettled && !memory.consented || memory.named != Named::No && !report.ours {
                (memory.named, memory.lost) = (Named::InDoubt, true);
                memory.baseline = memory.intended;
            }
        }
    }

    pub(super) fn may_lose_events(&self) -> bool {
        !self.journal.last().unwrap().kind.is_decision()
    }

    /// The store lets it begin: nothing is claimed by the run before.
    fn begin_another_run(&mut self) {
        self.world.begin_another_run();
        let memory = |it: &Memory| Memory {
            planned: it.planned,
            named: if it.is_doubted() { Named::InDoubt } else { Named::No },
            ..Memory::default()
        };
        let memory = self.memory.each_ref().map(memory);
        let (spec, world) = (self.rollout.spec().clone(), self.world.clone());
        *self = Self {
            last: self.last,
            is_another_run: true,
            ..Self::at_the_beginning_of(spec, world, memory, self.faults)
        };
    }

    /// What has ended, and of what a request that may have been read is not known.
    pub(super) fn unsettled(&self) -> Set {
        let unsettled = |index: &usize| {
            let claim = self.rollout.claim(id(*index));
            matches!(claim, Some(Claim::Unsettled { .. }))
        };
        Set::of((0..2).filter(unsettled))
    }

    fn replayed(&self) -> Rollout {
        Rollout::replay(self.journal.iter().map(|it| Event::clone(it))).unwrap()
    }

    /// In an observation or in a list.
    fn note_sight(&mut self, package: usize, version: usize, is_bare: bool) {
        let versions = &self.world.packages[package].versions;
        let memory = &mut self.memory[package];
        let seen = versions[version];
        (memory.shown, memory.absences) = (Glimpse { version, is_bare }, 0);
        if memory.named == Named::No && !memory.lost && !memory.moved {
            memory.baseline = memory.shown;
        }
        let was = versions[memory.baseline.version];
        let differs = seen.differs(was);
        // An observation that shows what was before the baseline tells nothing of what came after.
        let tells = version >= memory.baseline.version;
        memory.moved |= tells && (differs || seen.status == BEING_RELEASED);
    }

    /// Consent counts for what is unsettled, and not before the fence.
    fn note_consent(&mut self, packages: Set) {
        self.world.clock += FENCE;
        for index in self.unsettled().indices().filter(|it| packages.has(*it)) {
            (self.memory[index].named, self.memory[index].consented) = (Named::No, true);
        }
    }

    fn note_outcome(&mut self, batch: Set, heard: Heard) {
        let alone = batch.indices().count() == 1;
        for index in batch.indices() {
            let memory = &mut self.memory[index];
            match heard {
                Heard::NotSent | Heard::NoCredentials | Heard::GatewayNo | Heard::TooMany => {
                    memory.unname();
                }
                Heard::ServiceNo if alone => memory.unname(),
                Heard::Accepted(named) if named.has(index) => {
                    (memory.named, memory.accepted) = (Named::Accepted, true);
                }
                _ => memory.lost = true,
            }
        }
    }

    fn note_outcomes(&mut self) {
        for (memory, report) in self.memory.iter_mut().zip(self.reports.iter()) {
            let outcome = report.outcome.as_ref();
            let now = outcome.map(|it| (discriminant(it), report.is_open()));
            let kinds = [memory.outcome, now].map(|it| it.map(|(kind, _)| kind));
            memory.outcome_changed = memory.outcome.is_some() && kinds[0] != kinds[1];
            memory.outcome = now;
            // Whatever was consented to before does not outlast a run that ended without it.
            let unsettled = matches!(
                outcome,
                Some(
                    PackageOutcome::Unknown { .. }
                        | PackageOutcome::Refused { proved: false, .. }
                        | PackageOutcome::Gone { sent: true }
                )
            );
            if unsettled && report.forgotten.is_none() {
                (memory.named, memory.moved, memory.consented) = (Named::InDoubt, false, false);
                memory.lost = true;
            }
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.action == Action::Done && self.sending.is_none()
    }
}
