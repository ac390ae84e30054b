//! Runs a rollout: performs its actions, and applies and records the resulting events.
//!
//! A [`Run`] reaches the service and the clock only through [`Service`] and [`Clock`], so that a simulation runs the
//! code that ships.

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
use clock::{EventClock, timestamp};
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
    clock: EventClock,
    rollout: Rollout,
    recorder: Option<RunRecorder>,
    evidence: Option<Box<dyn Evidence>>,
    store_timeout: Duration,
    deadline: Option<Instant>,
    has_started: bool,
    /// Events that [`next_event`](Self::next_event) has not returned yet.
    pending_events: VecDeque<Event>,
}

impl Run {
    /// A run with any service and clock. [`Client::rollout`](crate::Client::rollout) creates one over HTTP
    /// with the machine's clocks.
    #[must_use]
    pub fn new(
        service: impl Service + 'static,
        clock: impl Clock + 'static,
        spec: RunSpec,
    ) -> Self {
        let clock = EventClock::new(clock);
        let rollout = Rollout::new(spec, clock.now());
        Self {
            service: Box::new(service),
            clock,
            rollout,
            recorder: None,
            evidence: None,
            store_timeout: recorder::TIMEOUT,
            deadline: None,
            has_started: false,
            pending_events: VecDeque::new(),
        }
    }

    /// Takes a run over with any service and clock. [`Client::resume`](crate::Client::resume) does it over HTTP, and
    /// checks that the run is of the client's destination. Here that is up to the caller.
    ///
    /// # Errors
    ///
    /// There is no such run, another process writes it, or its record cannot be read, is of another
    /// version, or is older than [known to be recorded](Resume::must_contain).
    pub async fn resume(
        service: impl Service + 'static,
        clock: impl Clock + 'static,
        store: &dyn RunStore,
        run: &RunId,
        resume: Resume,
    ) -> Result<Self, StoreError> {
        let taken = resume.take_over(store, run).await?;
        let event = resume.event(&taken.1, None);
        Ok(Self::taken_over(service, clock, taken, event).await)
    }

    pub(crate) async fn taken_over(
        service: impl Service + 'static,
        clock: impl Clock + 'static,
        (recorder, rollout): (RunRecorder, Rollout),
        resumed: EventKind,
    ) -> Self {
        let spec = rollout.spec().clone();
        let mut run = Self {
            rollout,
            recorder: Some(recorder),
            has_started: true,
            ..Self::new(service, clock, spec)
        };
        if run.report().is_open() {
            run.record(resumed).await;
        }
        run
    }

    /// Records this run from its first event on, so that it can be [taken over](crate::Client::resume)
    /// if this process ends. It claims its packages: other runs of this store cannot send them.
    ///
    /// If recording fails later, nothing more is sent; see [`journal_failure`](Self::journal_failure).
    ///
    /// # Errors
    ///
    /// The run cannot be recorded, an open run claims one of its packages, or this run has already started: a record
    /// without its first events would lack what was sent.
    pub async fn with_store(mut self, store: &dyn RunStore) -> Result<Self, StoreError> {
        if self.has_started {
            return Err(StoreError::TooLate);
        }
        let (spec, at) = (self.rollout.spec().clone(), self.now());
        let writer = recorder::in_time(self.store_timeout, store.create(spec, at)).await?;
        self.recorder = Some(RunRecorder::new(writer, self.store_timeout));
        Ok(self)
    }

    /// How long the store may take for one call; 10 s by default. Call it before [`with_store`](Self::with_store).
    #[must_use]
    pub fn with_store_timeout(self, timeout: Duration) -> Self {
        Self { store_timeout: timeout, ..self }
    }

    /// Records each intention to send outside of the store, too. It does nothing for a run without a store.
    #[must_use]
    pub fn with_evidence(self, evidence: impl Evidence + 'static) -> Self {
        Self { evidence: Some(Box::new(evidence)), ..self }
    }

    /// Stops after this time, counted from now. A release in progress continues without us, and is reported as still
    /// running; a request that is being written then is reported as unknown.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { deadline: Instant::now().checked_add(timeout), ..self }
    }

    /// The name under which this run is recorded, if it is recorded.
    #[must_use]
    pub fn id(&self) -> Option<&RunId> {
        self.recorder.as_ref().map(|recorder| recorder.writer.run())
    }

    /// The last recorded entry. Evidence stores it, to detect an
    /// [older copy of the record](Resume::must_contain).
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        self.recorder.as_ref().map(|recorder| recorder.writer.position())
    }

    /// Why recording failed, in one line. From then on nothing is sent, and watching continues.
    #[must_use]
    pub fn journal_failure(&self) -> Option<&str> {
        self.recorder.as_ref()?.failure.as_deref()
    }

    /// Performs one action and returns its event; `None` once every package has its outcome.
    ///
    /// Dropping the future during a request leaves that request in doubt.
    pub async fn next_event(&mut self) -> Option<Event> {
        if self.pending_events.is_empty() {
            self.step().await;
        }
        self.pending_events.pop_front()
    }

    /// Runs to the end, and reports the outcome of each package.
    pub async fn wait(mut self) -> Report {
        while self.next_event().await.is_some() {}
        self.report()
    }

    /// The current state of all packages.
    #[must_use]
    pub fn report(&self) -> Report {
        self.rollout.report()
    }

    /// The current state of one package.
    #[must_use]
    pub fn package(&self, id: PackageId) -> Option<PackageReport> {
        self.rollout.package(id)
    }

    /// The report if observing stopped now, for this reason in one line: packages that wait are not sent,
    /// packages in doubt are unknown. Nothing is recorded.
    #[must_use]
    pub fn report_if_left(&self, why: &str) -> Report {
        self.rollout.report_if_left(why)
    }

    /// What the run was created with.
    #[must_use]
    pub fn spec(&self) -> &RunSpec {
        self.rollout.spec()
    }

    /// When the run was created.
    #[must_use]
    pub fn created_at(&self) -> Timestamp {
        self.rollout.created_at()
    }

    async fn step(&mut self) {
        let kind = match self.rollout.next() {
            Action::Done => return self.finish().await,
            _ if self.time_left().is_zero() => None,
            Action::Observe(id) => Some(self.observe(id).await),
            Action::List(query) => in_time(self.deadline, self.list(*query)).await,
            Action::Wait(time) => {
                let waited = in_time(self.deadline, tokio::time::sleep(time)).await;
                waited.map(|()| EventKind::Waited)
            }
            Action::Deploy { request, fresh_until } => self.deploy(&request, fresh_until).await,
            // An action of a later version of the rollout, which this version cannot perform.
            _ => None,
        };
        self.record(kind.unwrap_or(EventKind::OutOfTime)).await;
    }

    /// Sends one request, in this order: connect, where a failure proves that nothing was sent; record the intention;
    /// sign and write. A request that was delayed for too long is not written.
    async fn deploy(&mut self, deploy: &Deploy, fresh_until: Timestamp) -> Option<EventKind> {
        if let Some(why) = self.journal_failure() {
            return Some(not_recorded(why));
        }
        let connected = match in_time(self.deadline, self.service.connect(deploy)).await? {
            Ok(connected) => connected,
            Err(failure) => return Some(EventKind::SendFailed { failure }),
        };
        let signed_at = self.clock.wall();
        let intention = EventKind::SendIntended {
            packages: deploy.packages().clone(),
            signed_at: timestamp(signed_at),
            with_token: connected.bears_token(),
        };
        if let Err(why) = self.decide(intention).await {
            return Some(not_recorded(&why));
        }
        if let Err(why) = self.record_evidence().await {
            return Some(not_recorded(&why));
        }
        if self.now() > fresh_until {
            let why = "the packages were observed too long before the request";
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

    /// A decision is durable before it is applied.
    async fn decide(&mut self, kind: EventKind) -> Result<(), String> {
        let event = Event::new(self.now(), kind);
        if let Some(recorder) = &mut self.recorder {
            recorder.append(&event).await?;
        }
        self.apply(event);
        Ok(())
    }

    /// A full disk does not undo what already happened: the run continues without sending, and a later writer
    /// observes what is missing in the record.
    async fn record(&mut self, kind: EventKind) {
        let event = Event::new(self.now(), kind);
        if let Some(recorder) = &mut self.recorder {
            // The recorder keeps the failure, and refuses every later intention.
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
        let started_at = self.now();
        match self.service.observe(package, self.time_left()).await {
            Ok(detail) => self.rollout.observed(package, started_at, detail),
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
        let left = self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        left.unwrap_or(Duration::MAX)
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

fn not_recorded(why: &str) -> EventKind {
    let failure = SendError::NotRecorded(format!("the run cannot be recorded: {why}"));
    EventKind::SendFailed { failure }
}

/// The result of the work, or `None` at the deadline.
async fn in_time<T>(deadline: Option<Instant>, work: impl Future<Output = T>) -> Option<T> {
    match deadline {
        Some(deadline) => tokio::time::timeout_at(deadline, work).await.ok(),
        None => Some(work.await),
    }
}
