//! A rollout and its events, with short constructors for the tests.

use std::time::Duration;

use dls_model::{
    AnswerError, Deploy, JobStart, Operation, Package, PackageDetail, PackageId, PackageIds,
    ServiceError, Timestamp,
};
use dls_rollout::{
    Action, Destination, Event, EventKind, ObserveError, Options, PackageOutcome, PackageReport,
    Report, Rollout, RunOutcome, RunSpec, Selection, SendError,
};
use http::{HeaderMap, StatusCode, header::RETRY_AFTER};
use serde_json::json;

pub(crate) const START: i64 = 1_747_106_000_000;
pub(crate) const GRACE: Duration = Options::GRACE;

pub(crate) fn id(id: u64) -> PackageId {
    PackageId::try_from(id).unwrap()
}

pub(crate) fn ids(all: &[u64]) -> PackageIds {
    PackageIds::new(all.iter().map(|it| id(*it))).unwrap()
}

pub(crate) fn later() -> Options {
    Options::new(JobStart::Later)
}

pub(crate) fn later_with(set: impl FnOnce(&mut Options)) -> Options {
    let mut options = later();
    set(&mut options);
    options
}

pub(crate) fn destination() -> Destination {
    let (project, workspace) = ("p-1".parse().unwrap(), "default".parse().unwrap());
    Destination::new("https://dayu.example.com", project, workspace)
}

pub(crate) fn run_spec(packages: &[u64], options: Options) -> RunSpec {
    let packages = Selection::new(packages.iter().map(|it| id(*it))).unwrap();
    RunSpec::new(destination(), packages, options)
}

/// What the service would say of a package in this status, with a task that is a job of its own.
pub(crate) fn detail(package: u64, status: i64, released_at: i64) -> PackageDetail {
    detail_with(package, status, released_at, &[(&format!("job_{package}"), 2, 15)])
}

/// The same with tasks: name, change, pending version.
pub(crate) fn detail_with(
    package: u64,
    status: i64,
    released_at: i64,
    tasks: &[(&str, i64, i64)],
) -> PackageDetail {
    let task = |(name, change, version): &(&str, i64, i64)| {
        json!({"item_name": name, "task_type": 1, "update_type": change, "pending_version": version,
            "deploy_status": status})
    };
    let tasks: Vec<_> = tasks.iter().map(task).collect();
    let package = json!({"package_id": package, "package_name": format!("p{package}"),
        "deploy_status": status, "deploy_timestamp": released_at});
    let detail = json!({"release_package": package, "task_details": tasks});
    serde_json::from_value(detail).unwrap()
}

pub(crate) fn row(package: u64, status: i64) -> Package {
    detail(package, status, 0).package
}

pub(crate) fn service_error(status: u16, code: &str) -> Box<ServiceError> {
    let body = format!(r#"{{"error_code":"{code}","error_msg":"no"}}"#);
    error_answer(status, &HeaderMap::new(), &body)
}

pub(crate) fn error_answer(status: u16, headers: &HeaderMap, body: &str) -> Box<ServiceError> {
    let status = StatusCode::from_u16(status).unwrap();
    match Deploy::decode(status, headers, body.as_bytes()) {
        Err(AnswerError::Service(error)) => Box::new(error),
        other => panic!("{other:?}"),
    }
}

/// A rollout with the events that made it.
pub(crate) struct Bench {
    pub(crate) rollout: Rollout,
    pub(crate) events: Vec<Event>,
    now: Timestamp,
}

impl Bench {
    pub(crate) fn new(packages: &[u64], options: Options) -> Self {
        Self::of(run_spec(packages, options))
    }

    pub(crate) fn of(spec: RunSpec) -> Self {
        let now = Timestamp::from_millis(START).unwrap();
        Self {
            rollout: Rollout::new(spec.clone(), now),
            events: vec![Event::new(now, EventKind::RunCreated(Box::new(spec)))],
            now,
        }
    }

    /// Every package was observed and is to be reviewed.
    pub(crate) fn ready(packages: &[u64], options: Options) -> Self {
        let mut bench = Self::new(packages, options);
        bench.observe_all(packages, 1, 0);
        bench
    }

    /// The batch went out, and this came of it.
    pub(crate) fn sent(packages: &[u64], options: Options, outcome: EventKind) -> Self {
        let mut bench = Self::ready(packages, options);
        bench.send_then(packages, outcome);
        bench
    }

    /// The batch went out and was accepted.
    pub(crate) fn accepted(packages: &[u64], options: Options) -> Self {
        Self::sent(packages, options, accepted(packages))
    }

    /// The batch went out, and the answer was lost.
    pub(crate) fn lost(packages: &[u64], options: Options) -> Self {
        Self::sent(packages, options, lost())
    }

    /// The answer was lost, and no release was observed within the grace.
    pub(crate) fn unknown(packages: &[u64]) -> Self {
        let mut bench = Self::lost(packages, later());
        bench.pass(GRACE);
        packages.iter().for_each(|package| bench.observe(*package, 1, 0));
        bench
    }

    /// The outcome of package 23 was unknown, the run was resumed, and the user consented to another request.
    pub(crate) fn consented() -> Self {
        let mut bench = Self::unknown(&[23]);
        bench.resume();
        bench.allow_resend(23);
        bench
    }

    /// Package 31, whose last release failed, was observed so and sent once more, and this came of it.
    pub(crate) fn redeployed(baseline: PackageDetail, outcome: EventKind) -> Self {
        let mut bench = Self::new(&[31], later_with(|it| it.redeploy_failed = true));
        bench.observe_as(31, baseline);
        bench.send_then(&[31], outcome);
        bench
    }

    pub(crate) fn apply(&mut self, kind: EventKind) {
        let event = Event::new(self.now, kind);
        self.events.push(event.clone());
        self.rollout.apply(event);
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        let millis = i64::try_from(time.as_millis()).unwrap();
        self.now = Timestamp::from_millis(self.now.as_millis() + millis).unwrap();
    }

    pub(crate) fn next(&self) -> Action {
        self.rollout.next()
    }

    /// An observation, whether it was asked for or not.
    pub(crate) fn observe(&mut self, package: u64, status: i64, released_at: i64) {
        self.observe_as(package, detail(package, status, released_at));
    }

    pub(crate) fn observe_as(&mut self, package: u64, seen: PackageDetail) {
        let kind = self.rollout.observed(id(package), self.now, seen);
        self.apply(kind);
    }

    pub(crate) fn observe_all(&mut self, packages: &[u64], status: i64, released_at: i64) {
        for package in packages {
            assert_eq!(self.next(), Action::Observe(id(*package)));
            self.observe(*package, status, released_at);
        }
    }

    pub(crate) fn fail_observation(&mut self, package: u64, failure: ObserveError) {
        let package = id(package);
        self.apply(EventKind::ObserveFailed { package, failure });
    }

    pub(crate) fn list(&mut self, rows: Vec<Package>) {
        assert!(matches!(self.next(), Action::List(_)), "{:?}", self.next());
        let kind = self.rollout.listed(rows);
        self.apply(kind);
    }

    pub(crate) fn send(&mut self, packages: &[u64]) {
        assert_eq!(self.to_send(), packages);
        let (packages, signed_at) = (ids(packages), self.now);
        self.apply(EventKind::SendIntended { packages, signed_at, with_token: false });
    }

    /// The next request, and until when its observations are fresh.
    pub(crate) fn next_request(&self) -> (Deploy, Timestamp) {
        match self.next() {
            Action::Deploy { request, fresh_until } => (request, fresh_until),
            other => panic!("{other:?}"),
        }
    }

    /// The packages that the next request names.
    pub(crate) fn to_send(&self) -> Vec<u64> {
        self.next_request().0.packages().iter().map(|id| id.as_u64()).collect()
    }

    /// The batch goes out, and this comes of it.
    pub(crate) fn send_then(&mut self, packages: &[u64], outcome: EventKind) {
        self.send(packages);
        self.apply(outcome);
    }

    /// Lets the pause that is asked for pass.
    pub(crate) fn wait(&mut self) {
        let Action::Wait(time) = self.next() else {
            panic!("no pause but {:?}", self.next());
        };
        self.pass(time);
        self.apply(EventKind::Waited);
    }

    /// Does this for every observation and request, and lets the pauses pass, until the run is over.
    pub(crate) fn drive(&mut self, mut answer: impl FnMut(&mut Self)) {
        for _ in 0..1000 {
            match self.next() {
                Action::Wait(_) => self.wait(),
                Action::Done => return,
                _ => answer(self),
            }
        }
        panic!("it does not end: {:?}", self.next());
    }

    pub(crate) fn resume(&mut self) {
        let options = &self.rollout.spec().options;
        let (grace, poll_interval) = (options.grace, options.poll_interval);
        self.apply(EventKind::Resumed { grace, poll_interval, other_endpoint: None });
    }

    /// The user consents to another request for a package whose outcome is unknown.
    pub(crate) fn allow_resend(&mut self, package: u64) {
        self.apply(EventKind::ResendAllowed { packages: vec![id(package)], no_fence: false });
    }

    pub(crate) fn report(&self) -> Report {
        self.rollout.report()
    }

    pub(crate) fn run_outcome(&self) -> RunOutcome {
        self.report().outcome
    }

    pub(crate) fn package(&self, package: u64) -> PackageReport {
        self.rollout.package(id(package)).unwrap()
    }

    /// The name of each outcome, with the reason if it was not sent; `-` where there is none yet.
    pub(crate) fn outcomes(&self) -> Vec<String> {
        let packages = self.report().packages.into_iter();
        packages.map(|it| it.outcome.as_ref().map_or("-".to_owned(), name)).collect()
    }

    #[track_caller]
    pub(crate) fn assert_ends(&self, outcomes: &[&str], run: RunOutcome) {
        assert_eq!(self.outcomes(), outcomes);
        assert_eq!(self.run_outcome(), run);
    }
}

pub(crate) fn name(outcome: &PackageOutcome) -> String {
    let text = format!("{outcome:?}");
    let words = if let PackageOutcome::NotSent(_) = outcome { 2 } else { 1 };
    let words = text.split(|c: char| !c.is_alphanumeric()).take(words);
    words.collect::<Vec<_>>().join(" ")
}

pub(crate) fn accepted(packages: &[u64]) -> EventKind {
    let detail = |id| json!({"package_id": id, "asy_task_id": format!("t{id}")});
    let details: Vec<_> = packages.iter().map(detail).collect();
    let answer = serde_json::from_value(json!({"deploy_package_details": details})).unwrap();
    EventKind::Accepted { answer, request_id: Some("r-1".to_owned()) }
}

pub(crate) fn failed(failure: SendError) -> EventKind {
    EventKind::SendFailed { failure }
}

pub(crate) fn lost() -> EventKind {
    failed(SendError::Lost("reset after 300 bytes".to_owned()))
}

pub(crate) fn refused(status: u16, code: &str) -> EventKind {
    failed(SendError::Answered(service_error(status, code)))
}

/// Thrown away by the gateway, which asks to wait for so many seconds.
pub(crate) fn throttled_for(seconds: u64) -> EventKind {
    let headers = HeaderMap::from_iter([(RETRY_AFTER, seconds.into())]);
    let body = r#"{"error_code":"APIGW.0308","error_msg":"no"}"#;
    failed(SendError::Answered(error_answer(429, &headers, body)))
}

pub(crate) fn not_sent() -> EventKind {
    failed(SendError::NotSent("refused".to_owned()))
}

pub(crate) fn unavailable() -> ObserveError {
    ObserveError::Unavailable("502".to_owned())
}

pub(crate) fn not_found() -> ObserveError {
    ObserveError::NotFound(service_error(400, "DLF.0810"))
}

pub(crate) fn observe_refused(status: u16, code: &str) -> ObserveError {
    ObserveError::Refused(service_error(status, code))
}
