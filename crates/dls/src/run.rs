//! Drives a rollout: does what it asks for, and tells it and the journal what came of that.
//!
//! A [`Run`] knows the service and the clock through two seams only, [`Service`] and [`Clock`], so that
//! a simulation drives the code that ships.

mod clock;
mod consent;
mod evidence;
mod resume;
mod service;

use std::collections::VecDeque;
use std::time::Duration;

use dls_model::{Deploy, ListPackages, PackageId, Timestamp};
use dls_rollout::{Action, Event, EventKind, PackageReport, Report, Rollout, RunSpec, SendError};
use tokio::time::Instant;

pub use clock::Clock;
pub(crate) use clock::SystemClock;
use clock::{EventTimes, timestamp};
pub use consent::{Fence, ResendRefused};
pub use evidence::Evidence;
pub use resume::Resume;
pub use service::{Connection, Service};

use crate::recorder::{self, RunRecorder};
use crate::store::{Position, RunId, RunStore, StoreError};

/// A release under way.
///
/// Dropping it stops the watching and never takes back a release.
#[derive(Debug)]
pub struct Run {
    service: Box<dyn Service>,
    clock: Box<dyn Clock>,
    times: EventTimes,
    rollout: Rollout,
    recorder: Option<RunRecorder>,
    evidence: Option<Box<dyn Evidence>>,
    store_timeout: Duration,
    deadline: Option<Instant>,
    /// Something has happened.
    has_started: bool,
    /// Events that happened in one step and were not handed out yet.
    pending_events: VecDeque<Event>,
}

impl Run {
    /// A run of what was asked for over any service and clock. [`Client::rollout`](crate::Client::rollout)
    /// makes one over HTTP and the machine's clocks.
    #[must_use]
    pub fn new(
        service: impl Service + 'static,
        clock: impl Clock + 'static,
        spec: RunSpec,
    ) -> Self {
        let times = EventTimes::new(&clock);
        let rollout = Rollout::new(spec, times.now(&clock));
        Self {
            service: Box::new(service),
            clock: Box::new(clock),
            times,
            rollout,
            recorder: None,
            evidence: None,
            store_timeout: recorder::LIMIT,
            deadline: None,
            has_started: false,
            pending_events: VecDeque::new(),
        }
    }

    /// Takes a run over, on any service and clock.
    /// [`Client::resume`](crate::Client::resume) does it over HTTP, and checks that the run is of the
    /// client's place. Here that is up to the caller.
    ///
    /// # Errors
    ///
    /// There is no such run, another process writes it, or its record cannot be read, is of a later
    /// version, or is older than [what is known of it](Resume::must_contain).
    pub async fn resume(
        service: impl Service + 'static,
        clock: impl Clock + 'static,
        store: &dyn RunStore,
        run: &RunId,
        resume: Resume,
    ) -> Result<Self, StoreError> {
        let (recorder, rollout) = resume.take_over(store, run).await?;
        Ok(Self::taken_over(service, clock, recorder, rollout, resume, None).await)
    }

    pub(crate) async fn taken_over(
        service: impl Service + 'static,
        clock: impl Clock + 'static,
        recorder: RunRecorder,
        rollout: Rollout,
        resume: Resume,
        other_endpoint: Option<String>,
    ) -> Self {
        let options = rollout.spec().options;
        let mut run = Self {
            times: EventTimes::new(&clock),
            service: Box::new(service),
            clock: Box::new(clock),
            rollout,
            recorder: Some(recorder),
            evidence: None,
            store_timeout: resume.store_timeout,
            deadline: None,
            has_started: true,
            pending_events: VecDeque::new(),
        };
        if run.report().is_open() {
            let resumed = EventKind::Resumed {
                grace: resume.grace.unwrap_or(options.grace),
                poll_interval: resume.poll_interval.unwrap_or(options.poll_interval),
                other_endpoint,
            };
            run.record(resumed).await;
        }
        run
    }

    /// Records this run from its first event on, so that it can be
    /// [taken over](crate::Client::resume) after whatever ends it. Its packages are kept from other runs of
    /// this store.
    ///
    /// Whatever fails to be recorded later stops the sending, and [is told](Self::journal_failure).
    ///
    /// # Errors
    ///
    /// The run cannot be recorded, a package belongs to a run whose end is not known, or this
    /// run is under way already: a record without its beginning would not know what was sent.
    pub async fn with_store(mut self, store: &dyn RunStore) -> Result<Self, StoreError> {
        if self.has_started {
            return Err(StoreError::TooLate);
        }
        let (spec, at) = (self.rollout.spec().clone(), self.now());
        let recorder = RunRecorder::create(store, spec, at, self.store_timeout).await?;
        self.recorder = Some(recorder);
        Ok(self)
    }

    /// How long the store may take for one call; 10 s unless told otherwise. It counts from the next
    /// [`with_store`](Self::with_store) on.
    #[must_use]
    pub fn with_store_timeout(self, timeout: Duration) -> Self {
        Self { store_timeout: timeout, ..self }
    }

    /// Keeps evidence of each intention to send outside of the store. A run that is not recorded has none to keep.
    #[must_use]
    pub fn with_evidence(self, evidence: impl Evidence + 'static) -> Self {
        Self { evidence: Some(Box::new(evidence)), ..self }
    }

    /// Stops after this time, counted from now, whatever was reached by then. A release that is
    /// under way goes on without us, and is reported as still running; a request that was just
    /// being written is unknown.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { deadline: Instant::now().checked_add(timeout), ..self }
    }

    /// The name under which it is recorded, if it is.
    #[must_use]
    pub fn id(&self) -> Option<&RunId> {
        self.recorder.as_ref().map(RunRecorder::run)
    }

    /// The last entry that was recorded, if any is: for evidence, which can then tell an
    /// [older record](Resume::must_contain) from this one.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        self.recorder.as_ref().map(RunRecorder::position)
    }

    /// Why this run is not recorded any more, in one line; `None` as long as it is, or never was. From then on
    /// nothing is sent, and watching goes on.
    #[must_use]
    pub fn journal_failure(&self) -> Option<&str> {
        self.recorder.as_ref()?.failure()
    }

    /// Does one thing and says what happened; `None` once every package has its verdict.
    ///
    /// Dropping the future in the middle of a request leaves that request in doubt.
    pub async fn next_event(&mut self) -> Option<Event> {
        if self.pending_events.is_empty() {
            self.step().await;
        }
        self.pending_events.pop_front()
    }

    /// Goes on to the end, and says what became of each package.
    pub async fn wait(mut self) -> Report {
        while self.next_event().await.is_some() {}
        self.report()
    }

    /// What is known now.
    #[must_use]
    pub fn report(&self) -> Report {
        self.rollout.report()
    }

    /// The same for one package.
    #[must_use]
    pub fn package(&self, id: PackageId) -> Option<PackageReport> {
        self.rollout.package(id)
    }

    /// What the report would be if nobody looked any more from now on, for this reason in one line:
    /// what waits is not sent, what is in doubt is unknown. Nothing is recorded.
    #[must_use]
    pub fn report_if_left(&self, why: &str) -> Report {
        self.rollout.report_if_left(why)
    }

    /// What was asked for.
    #[must_use]
    pub fn spec(&self) -> &RunSpec {
        self.rollout.spec()
    }

    /// When.
    #[must_use]
    pub fn created_at(&self) -> Timestamp {
        self.rollout.created_at()
    }

    async fn step(&mut self) {
        let kind = match self.rollout.next() {
            Action::Done => return self.finish().await,
            _ if self.is_late() => None,
            Action::Observe(id) => Some(self.observe(id).await),
            Action::List(query) => in_time(self.deadline, self.list(*query)).await,
            Action::Wait(time) => in_time(self.deadline, rest(time)).await,
            Action::Deploy { request, fresh_until } => self.deploy(&request, fresh_until).await,
            // An action of a later version of the fold, which this driver cannot do.
            _ => None,
        };
        self.record(kind.unwrap_or(EventKind::OutOfTime)).await;
    }

    /// One step for the fold, in this order: connect, where a failure proves that nothing was sent;
    /// write the intention to disk; sign and write. Nothing is decided in between, but that what took too
    /// long is not written.
    async fn deploy(&mut self, deploy: &Deploy, fresh_until: Timestamp) -> Option<EventKind> {
        if let Some(why) = self.journal_failure() {
            return Some(not_recorded(why));
        }
        let connected = match in_time(self.deadline, self.service.connect(deploy)).await? {
            Ok(connected) => connected,
            Err(failure) => return Some(EventKind::SendFailed { failure }),
        };
        let signed_at = self.clock.wall();
        let intended = self.decide(EventKind::SendIntended {
            packages: deploy.packages().clone(),
            signed_at: timestamp(signed_at),
            with_token: connected.bears_token(),
        });
        if let Err(why) = intended.await {
            return Some(not_recorded(&why));
        }
        if let Err(why) = self.record_evidence().await {
            return Some(not_recorded(&why));
        }
        if self.now() > fresh_until {
            let why = "the state of the packages was read too long before the request";
            let failure = SendError::NotSent(why.to_owned());
            return Some(EventKind::SendFailed { failure });
        }
        let sent = in_time(self.deadline, connected.send(deploy, signed_at)).await?;
        Some(match sent {
            Ok(answer) => EventKind::Accepted { request_id: answer.request_id.clone(), answer },
            Err(failure) => EventKind::SendFailed { failure },
        })
    }

    async fn record_evidence(&mut self) -> Result<(), String> {
        let intention = self.position();
        match (&mut self.evidence, intention) {
            (Some(evidence), Some(intention)) => evidence.record(&intention).await,
            _ => Ok(()),
        }
    }

    /// A decision is durable before the fold, or anybody, takes it for one.
    async fn decide(&mut self, kind: EventKind) -> Result<(), String> {
        let event = Event::new(self.now(), kind);
        if let Some(recorder) = &mut self.recorder {
            recorder.append(&event).await?;
        }
        self.apply(event);
        Ok(())
    }

    /// What already happened is not undone by a full disk: the run goes on without sending, and whoever takes it
    /// over knows less and looks more.
    async fn record(&mut self, kind: EventKind) {
        let event = Event::new(self.now(), kind);
        if let Some(recorder) = &mut self.recorder {
            // The recorder remembers why, and lets no intention pass from here on.
            drop(recorder.append(&event).await);
        }
        self.apply(event);
    }

    fn apply(&mut self, event: Event) {
        self.has_started = true;
        self.rollout.apply(event.clone());
        self.pending_events.push_back(event);
    }

    async fn finish(&mut self) {
        let is_open = self.report().is_open();
        if let Some(recorder) = self.recorder.as_mut().filter(|_| !is_open) {
            recorder.finish().await;
        }
    }

    async fn observe(&self, package: PackageId) -> EventKind {
        let began_at = self.now();
        match self.service.observe(package, self.time_left()).await {
            Ok(detail) => self.rollout.observed(package, detail).with_began_at(began_at),
            Err(failure) => EventKind::ObserveFailed { package, failure },
        }
    }

    async fn list(&self, query: ListPackages) -> EventKind {
        match self.service.list(query).await {
            Ok(rows) => self.rollout.listed(rows),
            Err(failure) => EventKind::ListFailed { failure },
        }
    }

    fn time_left(&self) -> Duration {
        let deadline = self.deadline;
        deadline
            .map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()))
    }

    fn is_late(&self) -> bool {
        self.time_left().is_zero()
    }

    fn now(&self) -> Timestamp {
        self.times.now(&*self.clock)
    }
}

fn not_recorded(why: &str) -> EventKind {
    let failure = SendError::NotRecorded(format!("the run cannot be recorded: {why}"));
    EventKind::SendFailed { failure }
}

async fn rest(time: Duration) -> EventKind {
    tokio::time::sleep(time).await;
    EventKind::Waited
}

/// What the work came to, or `None` if the deadline came first.
async fn in_time<T>(deadline: Option<Instant>, work: impl Future<Output = T>) -> Option<T> {
    match deadline {
        Some(deadline) => tokio::time::timeout_at(deadline, work).await.ok(),
        None => Some(work.await),
    }
}
