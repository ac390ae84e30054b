//! The rollout: a fold of events that decides what to do next.
//!
//! [`Rollout::next`] decides by the state that [`Rollout::apply`] keeps. `rollout/apply.rs` has one method per event,
//! `rollout/advance.rs` what follows from each, `rollout/validate.rs` which event can have happened at which position;
//! `preflight.rs` decides what may be sent, and `package_state.rs` what an observation proves.

mod advance;
mod apply;
mod validate;

use std::fmt;
use std::time::Duration;

use dls_model::{Deploy, ListPackages, PackageId, PackageIds, Status, Timestamp};

use crate::action::Action;
use crate::event::{Event, EventKind, RunSpec};
use crate::guard::{Guard, holds};
use crate::outcome::{Claim, NotSent, PackageReport, Report, RunOutcome};
use crate::package_state::{PackageState, since};

/// How old an observation may be when the first byte of a request based on it is written.
const FRESH: Duration = Duration::from_secs(60);
/// Up to so many packages are observed one by one, with their tasks; more are read in lists.
const FEW: usize = 10;
/// Rows per page. No maximum is documented for this list; similar lists take 100.
const PAGE: u32 = 100;

/// The release of packages, from the first observation to an outcome of each.
///
/// The [front page](crate) has a complete caller.
#[derive(Debug, Clone)]
pub struct Rollout {
    pub(crate) spec: RunSpec,
    pub(crate) created_at: Timestamp,
    pub(crate) states: Vec<PackageState>,
    pub(crate) now: Timestamp,
    /// Every package was observed and passed the checks.
    pub(crate) started: bool,
    /// The next batch may be sent.
    pub(crate) cleared: bool,
    /// The caller is to wait for so long.
    pub(crate) pause: Option<Duration>,
    pub(crate) round: u32,
    /// The list of this round has been read, or there is none.
    pub(crate) listed: bool,
    /// Lists can be used: the service has not refused one.
    pub(crate) lists: bool,
    pub(crate) failed_observations: u32,
    pub(crate) failed_sends: u32,
    /// The intention to send was recorded, and no outcome of it yet.
    pub(crate) sending: bool,
    /// Why nothing could be sent so far, in case the time runs out.
    pub(crate) obstacle: Option<NotSent>,
}

/// What to do next.
impl Rollout {
    /// A rollout before anything was read or sent.
    #[must_use]
    pub fn new(spec: RunSpec, at: Timestamp) -> Self {
        Self {
            states: spec.packages.iter().map(|id| PackageState::new(*id)).collect(),
            spec,
            created_at: at,
            now: at,
            started: false,
            cleared: false,
            pause: None,
            round: 0,
            listed: true,
            lists: true,
            failed_observations: 0,
            failed_sends: 0,
            sending: false,
            obstacle: None,
        }
    }

    /// The rollout that these events lead to.
    ///
    /// # Errors
    ///
    /// They do not begin with [`EventKind::RunCreated`], are of a later version than this crate knows, or contain an
    /// event that cannot have happened at its position.
    pub fn replay(events: impl IntoIterator<Item = Event>) -> Result<Self, InvalidEvents> {
        let mut events = events.into_iter();
        let Some(Event { at, kind: EventKind::RunCreated(spec) }) = events.next() else {
            return Err(InvalidEvents::NoBeginning);
        };
        if spec.version > RunSpec::VERSION {
            return Err(InvalidEvents::Newer { version: spec.version });
        }
        let mut rollout = Self::new(*spec, at);
        for (index, event) in (1..).zip(events) {
            let checked = rollout.check(&event.kind);
            checked.map_err(|why| InvalidEvents::Misplaced { index, why })?;
            rollout.apply(event);
        }
        Ok(rollout)
    }

    /// What to do next. Changes nothing.
    #[must_use]
    pub fn next(&self) -> Action {
        if self.states.iter().all(|state| state.outcome().is_some()) {
            return Action::Done;
        }
        if let Some(pause) = self.pause {
            return Action::Wait(pause);
        }
        if self.may_send() {
            if let Some(state) = self.to_check().find(|state| self.is_stale(state)) {
                return Action::Observe(state.id);
            }
            if let (true, Some(request)) = (self.cleared, self.request()) {
                return Action::Deploy { request, fresh_until: self.fresh_until() };
            }
        }
        if !self.listed {
            return Action::List(Box::new(self.query()));
        }
        let due = self.watched().find(|state| state.due);
        due.map_or(Action::Wait(self.next_pause()), |state| Action::Observe(state.id))
    }

    /// What was asked for.
    #[must_use]
    pub fn spec(&self) -> &RunSpec {
        &self.spec
    }

    /// When the run was created.
    #[must_use]
    pub fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// What is known now; final once [`next`](Self::next) answers [`Action::Done`].
    #[must_use]
    pub fn report(&self) -> Report {
        let packages: Vec<_> = self.states.iter().map(PackageState::report).collect();
        let outcome = RunOutcome::of(packages.iter().filter_map(|it| it.outcome.as_ref()));
        Report { packages, outcome }
    }

    /// The report as if the run ended now, for this reason in one line: what waits is not sent, what is in doubt is
    /// unknown. Changes nothing.
    #[must_use]
    pub fn report_if_left(&self, why: &str) -> Report {
        let mut left = self.clone();
        let not_sent = NotSent::Left(why.to_owned());
        left.settle(&not_sent, &not_sent, why);
        left.report()
    }

    /// What is known of one package; `None` if it is not of this run.
    #[must_use]
    pub fn package(&self, id: PackageId) -> Option<PackageReport> {
        self.find(id).map(PackageState::report)
    }

    /// What this run has to do with a package that another request would name; `None` if it is not of this run.
    #[must_use]
    pub fn claim(&self, id: PackageId) -> Option<Claim> {
        self.find(id).map(PackageState::claim)
    }

    fn find(&self, id: PackageId) -> Option<&PackageState> {
        self.states.iter().find(|state| state.id == id)
    }

    fn watched(&self) -> impl Iterator<Item = &PackageState> {
        self.states.iter().filter(|state| state.is_watched())
    }

    fn waiting(&self) -> impl Iterator<Item = &PackageState> {
        self.states.iter().filter(|state| state.is_waiting())
    }

    /// The next packages to send, at most as many as one request may name.
    fn batch(&self) -> impl Iterator<Item = &PackageState> {
        let size = match self.spec.options.in_order {
            true => 1,
            false => PackageIds::MAX,
        };
        self.waiting().take(size)
    }

    /// Of the batch, those with fresh observations. Where observing a batch takes longer than that, it is sent in
    /// several requests.
    fn ready(&self) -> impl Iterator<Item = &PackageState> {
        self.batch().take_while(|state| !self.is_old(state))
    }

    fn request(&self) -> Option<Deploy> {
        let packages = PackageIds::new(self.ready().map(|state| state.id)).ok()?;
        self.spec.options.request(packages)
    }

    fn fresh_until(&self) -> Timestamp {
        if !holds(Guard::FreshObservation) {
            return Timestamp::MAX;
        }
        let observed = self.ready().filter_map(|state| state.observed_at);
        let oldest = observed.min().unwrap_or(self.now).to_system_time();
        Timestamp::from_system_time(oldest + FRESH).unwrap_or(Timestamp::MAX)
    }

    /// Whether a batch may be sent now: none is in doubt and, in order, none is being released.
    fn may_send(&self) -> bool {
        let doubt =
            self.watched().any(PackageState::is_in_doubt) && holds(Guard::NoSendWhileInDoubt);
        let ours = || self.watched().any(|state| state.sent);
        self.waiting().next().is_some() && !doubt && !(self.spec.options.in_order && ours())
    }

    /// What must be observed before the next request: everything before the first one, then the batch alone.
    fn to_check(&self) -> impl Iterator<Item = &PackageState> {
        let size = if self.started { self.batch().count() } else { usize::MAX };
        self.waiting().take(size)
    }

    /// Whether it must be observed before the next request. Each is observed once a turn, and the first of the batch
    /// until its observation is fresh, so every turn ends with a request.
    fn is_stale(&self, state: &PackageState) -> bool {
        if state.observed_at.is_none() {
            return holds(Guard::ObservedBeforeSend);
        }
        let is_first = || self.waiting().next().is_some_and(|it| it.id == state.id);
        self.started && self.is_old(state) && (!state.checked || is_first())
    }

    fn is_old(&self, state: &PackageState) -> bool {
        let observed_at = state.observed_at.unwrap_or(self.now);
        since(observed_at, self.now) > FRESH && holds(Guard::FreshObservation)
    }

    /// The list shows what is to be reviewed or being released; any other package is observed by itself.
    fn query(&self) -> ListPackages {
        let running = |state: &PackageState| state.status() == Some(Status::BeingReleased);
        let unmoved = self.watched().any(|state| !running(state));
        let statuses = unmoved.then_some(Status::ToBeReviewed);
        ListPackages::new()
            .with_statuses(statuses.into_iter().chain([Status::BeingReleased]))
            .with_limit(PAGE)
    }
}

/// Why events cannot be replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidEvents {
    /// The first event is not [`EventKind::RunCreated`].
    NoBeginning,
    /// An event cannot have happened at its position: events are missing, doubled, or of another run.
    Misplaced {
        /// Its position, counted from 0.
        index: usize,
        /// Why it cannot, in one line.
        why: &'static str,
    },
    /// A later version of this crate wrote them.
    Newer {
        /// The version of the events.
        version: u32,
    },
}

impl fmt::Display for InvalidEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoBeginning => f.write_str("the first event does not create a run"),
            Self::Misplaced { index, why } => {
                write!(f, "event {index} cannot have happened at its position: {why}")
            }
            Self::Newer { version } => write!(
                f,
                "the events have version {version}; the latest known is {}",
                RunSpec::VERSION
            ),
        }
    }
}

impl std::error::Error for InvalidEvents {}
