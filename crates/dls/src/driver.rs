//! Feeds a rollout: does what it asks for and tells it, and the journal, what came of that.

use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, SystemTime};

use dls_model::{Deploy, ListPackages, PackageId, Timestamp};
use dls_rollout::{
    Action, Event, LookFailure, Pace, PackageReport, Report, Rollout, SendFailure, Verdict, What,
};
use dls_transport::{ClockSkew, Delivery};
use tokio::time::Instant;

use crate::client::Client;
use crate::error::Error;
use crate::journal::{Journal, JournalError, Record, RunId};

/// A release under way.
///
/// Dropping it stops the watching and never takes back a release.
#[derive(Debug)]
pub struct Run {
    client: Client,
    rollout: Rollout,
    record: Option<Record>,
    clock: Clock,
    deadline: Option<Instant>,
    /// Something has happened.
    is_under_way: bool,
    /// Events that happened in one step and were not handed out yet.
    told: VecDeque<Event>,
}

impl Run {
    /// How long after it was signed a request may still be accepted, wherever a copy of it is: 15
    /// minutes, and one for clocks to differ. [`allow_resend`](Self::allow_resend) adds how far
    /// they do.
    pub const FENCE: Duration = Duration::from_secs(15 * 60 + 60);

    pub(crate) fn new(client: Client, began: dls_rollout::Began) -> Self {
        let clock = Clock::new(client.transport().now());
        let rollout = Rollout::new(began, clock.now());
        Self {
            client,
            rollout,
            record: None,
            clock,
            deadline: None,
            is_under_way: false,
            told: VecDeque::new(),
        }
    }

    pub(crate) fn taken_up(
        client: Client,
        record: Record,
        rollout: Rollout,
        resume: Resume,
    ) -> Self {
        let options = rollout.began().options;
        let mut run = Self {
            clock: Clock::new(client.transport().now()),
            client,
            rollout,
            record: Some(record),
            deadline: None,
            is_under_way: true,
            told: VecDeque::new(),
        };
        if run.report().is_open() {
            run.note(What::Resumed {
                grace: resume.grace.unwrap_or(options.grace),
                pace: resume.pace.unwrap_or(options.pace),
            });
        }
        run
    }

    /// Keeps a journal of this run from its first event on, so that it can be
    /// [taken up again](Client::resume) after whatever ends it.
    ///
    /// # Errors
    ///
    /// The journal cannot be written, a package belongs to a run whose end is not known, or this
    /// run is under way already: a journal without its beginning would not know what was sent.
    pub fn with_journal(mut self, journal: &Journal) -> Result<Self, JournalError> {
        if self.is_under_way {
            return Err(JournalError::TooLate);
        }
        self.record = Some(journal.begin(self.rollout.began(), self.clock.now())?);
        Ok(self)
    }

    /// Stops after this time, counted from now, whatever was reached by then. A release that is
    /// under way goes on without us, and is reported as still running; a request that was just
    /// being written is unknown.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self {
            deadline: Instant::now().checked_add(timeout),
            ..self
        }
    }

    /// The name under which the journal keeps it, if there is one.
    #[must_use]
    pub fn id(&self) -> Option<&RunId> {
        self.record.as_ref().map(Record::id)
    }

    /// Does one thing and says what happened; `None` once every package has its verdict.
    ///
    /// Dropping the future in the middle of a request leaves that request in doubt.
    pub async fn next_event(&mut self) -> Option<Event> {
        if self.told.is_empty() {
            self.step().await;
        }
        self.told.pop_front()
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
    pub fn began(&self) -> &dls_rollout::Began {
        self.rollout.began()
    }

    /// When.
    #[must_use]
    pub fn began_at(&self) -> Timestamp {
        self.rollout.began_at()
    }

    /// Consents to sending these packages once more, although what became of the first request is
    /// not known. They are looked at once more before.
    ///
    /// # Errors
    ///
    /// One of them is not unknown, or a copy of its first request could still be accepted: its
    /// signature is good for 15 minutes. With a token instead of a pair of keys there is no
    /// signature, and the fence proves less.
    pub async fn allow_resend(&mut self, packages: &[PackageId]) -> Result<(), ResendRefused> {
        let report = self.report();
        let mut last = None;
        for id in packages {
            let package = report.packages.iter().find(|package| package.id == *id);
            // Taken up again, it has no verdict until it was looked at.
            let package =
                package.filter(|it| it.sent && it.verdict.as_ref().is_none_or(is_unknown));
            let signed_at = package.and_then(|package| package.signed_at);
            let signed_at = signed_at.ok_or(ResendRefused::NotUnknown { package: *id })?;
            last = last.max(Some((signed_at, *id)));
        }
        let Some((signed_at, package)) = last else {
            return Ok(());
        };
        let skew = self.client.clock_skew(package).await;
        let skew = skew.map_err(|error| ResendRefused::NoClock(error.in_full()))?;
        // A status may lag by as much as the grace, should that be longer.
        let wait = Self::FENCE.max(self.began().options.grace) + skew;
        let fence = signed_at.to_system_time() + wait;
        if let Ok(left) = fence.duration_since(self.client.transport().now()) {
            let left = Duration::from_secs(left.as_secs() + 1);
            return Err(ResendRefused::TooEarly { package, left });
        }
        self.note(What::ResendAllowed {
            packages: packages.to_vec(),
        });
        Ok(())
    }

    async fn step(&mut self) {
        let what = match self.rollout.next() {
            Action::Done => return self.finish(),
            Action::Look(id) => in_time(self.deadline, self.look(id)).await,
            Action::List(query) => in_time(self.deadline, self.list(*query)).await,
            Action::Wait(time) => in_time(self.deadline, rest(time)).await,
            Action::Deploy(ids, start) => self.deploy(&Deploy::new(ids, start)).await,
            // An action of a later version of the fold, which this driver cannot do.
            _ => None,
        };
        self.note(what.unwrap_or(What::OutOfTime));
    }

    /// One step for the fold, in this order: connect, where a failure proves that nothing was sent;
    /// write the intention to disk; sign and write. Nothing is decided in between.
    async fn deploy(&mut self, deploy: &Deploy) -> Option<What> {
        let connected = match in_time(self.deadline, self.client.connect(deploy)).await? {
            Ok(connected) => connected,
            Err(error) => return Some(send_failed(error)),
        };
        let signed_at = self.client.transport().now();
        let intended = self.intend(What::SendIntended {
            packages: deploy.packages().clone(),
            signed_at: timestamp(signed_at),
        });
        if let Err(error) = intended {
            let why = format!("the journal cannot be written: {error}");
            let failure = SendFailure::NotRecorded(why);
            return Some(What::SendFailed { failure });
        }
        let sent = in_time(self.deadline, connected.send::<Deploy>(signed_at)).await?;
        Some(match sent {
            Ok(answer) => What::Accepted {
                request_id: answer.request_id.clone(),
                answer,
            },
            Err(error) => send_failed(error),
        })
    }

    /// The intention is on disk before the fold, or anybody, takes it for one.
    fn intend(&mut self, what: What) -> std::io::Result<()> {
        let event = Event::new(self.clock.now(), what);
        if let Some(record) = &self.record {
            record.append(&event)?;
            record.flush()?;
        }
        self.tell(event);
        Ok(())
    }

    /// What already happened is not undone by a full disk: the run goes on, and whoever takes it
    /// up again knows less and looks more.
    fn note(&mut self, what: What) {
        let event = Event::new(self.clock.now(), what);
        if let Some(record) = &self.record {
            drop(record.append(&event));
        }
        self.tell(event);
    }

    fn tell(&mut self, event: Event) {
        self.is_under_way = true;
        self.rollout.fold(event.clone());
        self.told.push_back(event);
    }

    fn finish(&mut self) {
        let is_open = self.report().is_open();
        if let Some(record) = self.record.as_mut().filter(|_| !is_open) {
            record.finish();
        }
    }

    async fn look(&self, package: PackageId) -> What {
        match self.client.package(package).await {
            Ok(detail) => self.rollout.looked(package, detail),
            Err(error) => What::LookFailed {
                package,
                failure: look_failure(error),
            },
        }
    }

    async fn list(&self, query: ListPackages) -> What {
        let mut pager = self.client.packages(query);
        let mut rows = Vec::new();
        loop {
            match pager.next().await {
                Ok(Some(row)) => rows.push(row),
                Ok(None) => return self.rollout.listed(rows),
                Err(error) => {
                    return What::ListFailed {
                        failure: look_failure(error),
                    };
                }
            }
        }
    }
}

/// What is to be otherwise when a run is taken up again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Resume {
    /// How long a status may lag behind; as before if absent.
    pub grace: Option<Duration>,
    /// How long to rest between looks; as before if absent.
    pub pace: Option<Pace>,
}

impl Resume {
    /// Everything as before.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Another [grace](dls_rollout::Options::grace).
    #[must_use]
    pub fn with_grace(self, grace: Duration) -> Self {
        Self {
            grace: Some(grace),
            ..self
        }
    }

    /// Another [pace](dls_rollout::Options::pace).
    #[must_use]
    pub fn with_pace(self, pace: Pace) -> Self {
        Self {
            pace: Some(pace),
            ..self
        }
    }
}

/// Why a package is not sent once more.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResendRefused {
    /// What became of it is known, or it is not of this run.
    NotUnknown {
        /// The package.
        package: PackageId,
    },
    /// Its first request could still be accepted.
    TooEarly {
        /// The package.
        package: PackageId,
        /// How long yet.
        left: Duration,
    },
    /// How far our clock is from the service's could not be asked.
    NoClock(String),
}

impl fmt::Display for ResendRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUnknown { package } => write!(
                f,
                "package {package} is not unknown in this run, so there is nothing to send again"
            ),
            Self::TooEarly { package, left } => write!(
                f,
                "the first request for package {package} could still be accepted for {} s",
                left.as_secs()
            ),
            Self::NoClock(why) => write!(f, "the service's clock could not be asked: {why}"),
        }
    }
}

impl std::error::Error for ResendRefused {}

/// The wall clock when the run began, and the time that has passed since: it never goes back.
#[derive(Debug)]
struct Clock {
    began: SystemTime,
    since: Instant,
}

impl Clock {
    fn new(now: SystemTime) -> Self {
        Self {
            began: now,
            since: Instant::now(),
        }
    }

    fn now(&self) -> Timestamp {
        timestamp(self.began + self.since.elapsed())
    }
}

/// A clock that shows no year that can be written is as good as none.
fn timestamp(time: SystemTime) -> Timestamp {
    Timestamp::from_system_time(time).unwrap_or(Timestamp::MAX)
}

async fn rest(time: Duration) -> What {
    tokio::time::sleep(time).await;
    What::Waited
}

/// What the work came to, or `None` if the deadline came first.
async fn in_time<T>(deadline: Option<Instant>, work: impl Future<Output = T>) -> Option<T> {
    match deadline {
        Some(deadline) => tokio::time::timeout_at(deadline, work).await.ok(),
        None => Some(work.await),
    }
}

fn is_unknown(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Unknown { .. })
}

pub(crate) fn length(skew: ClockSkew) -> Duration {
    match skew {
        ClockSkew::Ahead(by) | ClockSkew::Behind(by) => by,
    }
}

fn look_failure(error: Error) -> LookFailure {
    let text = error.in_full();
    if is_about_credentials(&error) {
        return LookFailure::NotAuthenticated(text);
    }
    match error.into_service() {
        Ok(service) => LookFailure::of_answer(service.into()),
        Err(error) if error.status().is_some() => LookFailure::Unavailable(text),
        Err(_) => LookFailure::Unreachable(text),
    }
}

fn send_failed(error: Error) -> What {
    What::SendFailed {
        failure: send_failure(error),
    }
}

fn send_failure(error: Error) -> SendFailure {
    let text = error.in_full();
    if is_about_credentials(&error) {
        return SendFailure::NotAuthenticated(text);
    }
    if error.delivery() == Delivery::NotSent {
        return SendFailure::NotSent(text);
    }
    match error.into_service() {
        Ok(service) => SendFailure::of_answer(service.into()),
        Err(_) => SendFailure::Lost(text),
    }
}

fn is_about_credentials(error: &Error) -> bool {
    use dls_transport::ErrorKind::{Credentials, Stopped};
    error
        .transport()
        .is_some_and(|error| matches!(error.kind(), Credentials | Stopped))
}
