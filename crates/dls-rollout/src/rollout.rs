//! The fold: what happened so far, and what to do next.
//!
//! [`Rollout::next`] decides, by what [`Rollout::apply`] has taken in. One method an event stands in
//! `rollout/fold.rs`, what follows from each in `rollout/follow.rs`, and which can have happened at all in
//! `rollout/place.rs`; what may be sent in `preflight.rs`,
//! and what a look proves in `entry.rs`.

mod apply;
mod follow;
mod validate;

use std::fmt;
use std::time::Duration;

use dls_model::{Deploy, ListPackages, PackageId, PackageIds, Status, Timestamp};

use crate::action::Action;
use crate::entry::{Entry, since};
use crate::event::{Event, EventKind, RunSpec};
use crate::guard::{Guard, holds};
use crate::outcome::{Claim, NotSent, PackageReport, Report};

/// How old a look may be when the first byte of the request that rests on it is written.
const FRESH: Duration = Duration::from_secs(60);
/// Up to so many packages are looked at one by one, tasks and all; more are looked up in lists.
const FEW: usize = 10;
/// Rows a page. No maximum is documented for this list; its neighbours take 100.
const PAGE: u32 = 100;

/// The release of packages, from the first look to a verdict on each.
///
/// ```
/// use dls_model::{JobStart, Timestamp};
/// use dls_rollout::{Action, Began, Options, Place, Rollout, Selection};
///
/// let destination = Place::new("https://dayu.example.com", "p-1".parse()?, "default".parse()?);
/// let packages = Selection::new(["23".parse()?, "24".parse()?])?;
/// let spec = Began::new(destination, packages, Options::new(JobStart::Later));
/// let rollout = Rollout::new(spec, Timestamp::from_millis(1_747_106_000_000).ok_or("no time")?);
/// // Nothing is sent before the state of each package was read.
/// assert_eq!(rollout.next(), Action::Observe("23".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Rollout {
    spec: RunSpec,
    began_at: Timestamp,
    entries: Vec<Entry>,
    now: Timestamp,
    /// Every package was looked at, and nothing stands in the way of the run.
    started: bool,
    /// The next batch may go out.
    cleared: bool,
    rest: Option<Duration>,
    round: u32,
    /// The list of this round has been read, or there is none.
    listed: bool,
    /// Lists can be used: the service has not refused one.
    lists: bool,
    failed_looks: u32,
    failed_sends: u32,
    /// An intention was recorded, and no outcome yet.
    sending: bool,
    /// What stood in the way of the send so far, should the time run out.
    obstacle: Option<NotSent>,
}

/// What to do next.
impl Rollout {
    /// A rollout before anything was read or sent.
    #[must_use]
    pub fn new(spec: RunSpec, at: Timestamp) -> Self {
        Self {
            entries: spec.packages.iter().map(|id| Entry::new(*id)).collect(),
            spec,
            began_at: at,
            now: at,
            started: false,
            cleared: false,
            rest: None,
            round: 0,
            listed: true,
            lists: true,
            failed_looks: 0,
            failed_sends: 0,
            sending: false,
            obstacle: None,
        }
    }

    /// The rollout that these events give back.
    ///
    /// # Errors
    ///
    /// They do not begin with [`EventKind::RunCreated`], are of a later version than this crate knows, or hold an event
    /// that cannot have happened at its place.
    pub fn replay(events: impl IntoIterator<Item = Event>) -> Result<Self, InvalidEvents> {
        let mut events = events.into_iter();
        let mut rollout = match events.next() {
            Some(Event { at, kind: EventKind::RunCreated(spec) })
                if spec.version <= RunSpec::VERSION =>
            {
                Self::new(*spec, at)
            }
            Some(Event { kind: EventKind::RunCreated(spec), .. }) => {
                return Err(InvalidEvents::Newer { version: spec.version });
            }
            _ => return Err(InvalidEvents::NoBeginning),
        };
        for (index, event) in (1..).zip(events) {
            let placed = rollout.place(&event.kind);
            placed.map_err(|why| InvalidEvents::Misplaced { index, why })?;
            rollout.apply(event);
        }
        Ok(rollout)
    }

    /// What to do next. Asking twice changes nothing.
    #[must_use]
    pub fn next(&self) -> Action {
        if self.entries.iter().all(|entry| entry.outcome().is_some()) {
            return Action::Done;
        }
        if let Some(rest) = self.rest {
            return Action::Wait(rest);
        }
        if self.may_send() {
            if let Some(entry) = self.to_check().find(|entry| self.is_stale(entry)) {
                return Action::Observe(entry.id);
            }
            if let (true, Some(request)) = (self.cleared, self.request()) {
                return Action::Deploy { request, fresh_until: self.fresh_until() };
            }
        }
        if !self.listed {
            return Action::List(Box::new(self.query()));
        }
        let due = self.watched().find(|entry| entry.due);
        due.map_or(Action::Wait(self.pause()), |entry| Action::Observe(entry.id))
    }

    /// What all was asked for.
    #[must_use]
    pub fn spec(&self) -> &RunSpec {
        &self.spec
    }

    /// When.
    #[must_use]
    pub fn created_at(&self) -> Timestamp {
        self.began_at
    }

    /// What is known now; final once [`next`](Self::next) answers [`Action::Done`].
    #[must_use]
    pub fn report(&self) -> Report {
        Report::new(self.entries.iter().map(PackageReport::of).collect())
    }

    /// What the report would be if nobody looked any more from now on, for this reason in one line:
    /// what waits is not sent, what is in doubt is unknown. Nothing is folded.
    #[must_use]
    pub fn report_if_left(&self, why: &str) -> Report {
        let mut left = self.clone();
        let not_sent = NotSent::Left(why.to_owned());
        left.settle(&not_sent, &not_sent, why);
        left.report()
    }

    /// The same for one package.
    #[must_use]
    pub fn package(&self, id: PackageId) -> Option<PackageReport> {
        let entry = self.entries.iter().find(|entry| entry.id == id);
        entry.map(PackageReport::of)
    }

    /// What another request for this package would be up against; `None` if it is not of this run.
    #[must_use]
    pub fn claim(&self, id: PackageId) -> Option<Claim> {
        let entry = self.entries.iter().find(|entry| entry.id == id);
        entry.map(Entry::claim)
    }

    fn watched(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.is_watched())
    }

    fn waiting(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.is_waiting())
    }

    /// The packages that are next in turn: as many as one request may name.
    fn batch(&self) -> impl Iterator<Item = &Entry> {
        let size = match self.spec.options.in_order {
            true => 1,
            false => PackageIds::MAX,
        };
        self.waiting().take(size)
    }

    /// Of these, those that can go out now. Where the looks at a batch take longer than they stay fresh, it
    /// goes out in several requests.
    fn ready(&self) -> impl Iterator<Item = &Entry> {
        self.batch().take_while(|entry| !self.is_old(entry))
    }

    fn request(&self) -> Option<Deploy> {
        let packages = PackageIds::new(self.ready().map(|entry| entry.id)).ok()?;
        self.spec.options.request(packages)
    }

    fn fresh_until(&self) -> Timestamp {
        if !holds(Guard::LookIsFresh) {
            return Timestamp::MAX;
        }
        let looks = self.ready().filter_map(|entry| entry.looked_at);
        let oldest = looks.min().unwrap_or(self.now).to_system_time();
        Timestamp::from_system_time(oldest + FRESH).unwrap_or(Timestamp::MAX)
    }

    /// Whether it is a batch's turn: none is in doubt and, in order, none is under way.
    fn may_send(&self) -> bool {
        let doubt = self.watched().any(Entry::is_in_doubt) && holds(Guard::DoubtBlocksSending);
        let ours = || self.watched().any(|entry| entry.sent);
        self.waiting().next().is_some() && !doubt && !(self.spec.options.in_order && ours())
    }

    /// What must be looked at before the next request: everything before the first one, then the
    /// batch alone.
    fn to_check(&self) -> impl Iterator<Item = &Entry> {
        let size = if self.started { self.batch().count() } else { usize::MAX };
        self.waiting().take(size)
    }

    /// Whether it must be looked at before the next request. Each is looked at once a turn, and the first of the
    /// batch until its look is fresh: so every turn ends with a request.
    fn is_stale(&self, entry: &Entry) -> bool {
        if entry.looked_at.is_none() {
            return holds(Guard::BaselineFirst);
        }
        let is_first = || self.waiting().next().is_some_and(|it| it.id == entry.id);
        self.started && self.is_old(entry) && (!entry.checked || is_first())
    }

    fn is_old(&self, entry: &Entry) -> bool {
        let looked = entry.looked_at.unwrap_or(self.now);
        since(looked, self.now) > FRESH && holds(Guard::LookIsFresh)
    }

    /// Whoever is neither to be reviewed nor being released is asked for by a look of its own.
    fn query(&self) -> ListPackages {
        let running = |entry: &Entry| entry.status() == Some(Status::BeingReleased);
        let unmoved = self.watched().any(|entry| !running(entry));
        let statuses = unmoved.then_some(Status::ToBeReviewed);
        ListPackages::new()
            .with_statuses(statuses.into_iter().chain([Status::BeingReleased]))
            .with_limit(PAGE)
    }
}

/// Why events are no rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidEvents {
    /// The first one does not say what was asked for.
    NoBeginning,
    /// An event cannot have happened where it stands, so events are missing, or doubled, or of another run.
    Misplaced {
        /// Its place among the events, counted from 0.
        index: usize,
        /// Why not, in one line.
        why: &'static str,
    },
    /// A later version of this crate wrote them.
    Newer {
        /// Its version of the events.
        version: u32,
    },
}

impl fmt::Display for InvalidEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoBeginning => f.write_str("the first event does not begin a run"),
            Self::Misplaced { index, why } => {
                write!(f, "event {index} cannot have happened there: {why}")
            }
            Self::Newer { version } => write!(
                f,
                "the events are of version {version}, and only those up to {} are known",
                RunSpec::VERSION
            ),
        }
    }
}

impl std::error::Error for InvalidEvents {}
