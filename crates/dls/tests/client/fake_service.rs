//! A service, a clock and evidence as the test sets them.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use dls::model::{Deploy, DeployAnswer, ListPackages, Package, PackageDetail, Status};
use dls::rollout::{ObserveError, Options, SendError};
use dls::run::{Clock, Connection, Evidence, Service};
use dls::store::{BoxFuture, Position};
use dls::{PackageId, Resume, Run, RunId, RunStore, StoreError};
use tokio::time::Instant;

use crate::bench::spec;

/// Its answers, and the requests that were sent to it. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct FakeService(Arc<Mutex<State>>);

#[derive(Debug)]
pub(crate) struct State {
    /// What the wall clock is ahead of the passing of time; tests set it.
    pub(crate) wall: SystemTime,
    started: Instant,
    pub(crate) observed: Result<Status, ObserveError>,
    pub(crate) skew: Result<Option<Duration>, String>,
    pub(crate) bears_token: bool,
    /// How long an observation takes.
    pub(crate) observing: Duration,
    /// How long it takes to connect.
    pub(crate) connecting: Duration,
    /// For how long the machine is suspended when it connects next.
    pub(crate) suspends: Duration,
    suspended: Duration,
    /// The packages and the signature's time of each request that was sent.
    pub(crate) sent: Vec<(Vec<PackageId>, SystemTime)>,
    /// How long it takes to record an intention as evidence, and with which result.
    pub(crate) recording: (Duration, Result<(), String>),
    /// The recorded intentions, and how many requests had been sent by then.
    pub(crate) intentions: Vec<(Position, usize)>,
}

impl FakeService {
    /// Every package waits to be reviewed, every request is lost, and the clocks agree.
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            wall: UNIX_EPOCH + Duration::from_secs(1_748_736_000),
            started: Instant::now(),
            observed: Ok(Status::ToBeReviewed),
            skew: Ok(Some(Duration::ZERO)),
            bears_token: false,
            observing: Duration::ZERO,
            connecting: Duration::ZERO,
            suspends: Duration::ZERO,
            suspended: Duration::ZERO,
            sent: Vec::new(),
            recording: (Duration::ZERO, Ok(())),
            intentions: Vec::new(),
        })))
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub(crate) fn run(&self, packages: &[u64], options: Options) -> Run {
        let mut spec = spec(packages);
        spec.options = options;
        Run::new(self.clone(), self.clone(), spec)
    }

    pub(crate) async fn resume(
        &self,
        store: &dyn RunStore,
        run: &RunId,
        resume: Resume,
    ) -> Result<Run, StoreError> {
        Run::resume(self.clone(), self.clone(), store, run, resume).await
    }
}

impl State {
    pub(crate) fn wall(&self) -> SystemTime {
        self.wall + self.elapsed()
    }

    fn elapsed(&self) -> Duration {
        self.started.elapsed() + self.suspended
    }
}

impl Clock for FakeService {
    fn wall(&self) -> SystemTime {
        self.state().wall()
    }

    fn elapsed(&self) -> Duration {
        self.state().elapsed()
    }
}

impl Service for FakeService {
    fn observe(
        &self,
        id: PackageId,
        _: Duration,
    ) -> BoxFuture<'_, Result<PackageDetail, ObserveError>> {
        Box::pin(async move {
            let takes = self.state().observing;
            tokio::time::sleep(takes).await;
            let status = self.state().observed.clone()?;
            let mut detail = PackageDetail::default();
            detail.package.id = Some(id);
            detail.package.status = Some(status);
            Ok(detail)
        })
    }

    fn list(&self, _: ListPackages) -> BoxFuture<'_, Result<Vec<Package>, ObserveError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn connect<'a>(
        &'a self,
        _: &'a Deploy,
    ) -> BoxFuture<'a, Result<Box<dyn Connection>, SendError>> {
        Box::pin(async {
            let takes = {
                let state = &mut *self.state();
                state.suspended += std::mem::take(&mut state.suspends);
                state.connecting
            };
            tokio::time::sleep(takes).await;
            Ok(Box::new(self.clone()) as Box<dyn Connection>)
        })
    }

    fn clock_skew(&self, _: PackageId) -> BoxFuture<'_, Result<Option<Duration>, String>> {
        Box::pin(async { self.state().skew.clone() })
    }
}

impl Connection for FakeService {
    fn bears_token(&self) -> bool {
        self.state().bears_token
    }

    fn send<'a>(
        self: Box<Self>,
        request: &'a Deploy,
        signed_at: SystemTime,
    ) -> BoxFuture<'a, Result<DeployAnswer, SendError>> {
        Box::pin(async move {
            let mut state = self.state();
            let packages = request.packages().iter().copied().collect();
            state.sent.push((packages, signed_at));
            Err(SendError::Lost("connection reset".to_owned()))
        })
    }
}

impl Evidence for FakeService {
    fn record<'a>(&'a mut self, intention: &'a Position) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async {
            let (takes, result) = {
                let state = &mut *self.state();
                state.intentions.push((intention.clone(), state.sent.len()));
                state.recording.clone()
            };
            tokio::time::sleep(takes).await;
            result
        })
    }
}
