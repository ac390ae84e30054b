//! A store that fails: nothing is sent any more, and the end is told all the same.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dls::model::{Status, Timestamp};
use dls::rollout::{Event, NotSent, PackageOutcome, RunOutcome, RunSpec};
use dls::run::Fence;
use dls::store::{Durability, Position, RunStore, RunWriter, StoreFuture, StoredRun, TakenOver};
use dls::{MemoryStore, ResendRefused, Resume, Run, RunId, StoreError};

use crate::bench::{id, quick};
use crate::fake_service::FakeService;

/// What is known when an append begins: how durable it is to be, and how many requests were sent.
type Seen = Arc<Mutex<Vec<(Durability, usize)>>>;

/// Records in memory, until it fails from some append on.
#[derive(Debug, Clone)]
struct Failing {
    inner: MemoryStore,
    service: FakeService,
    /// The appends that still succeed.
    left: Arc<AtomicUsize>,
    seen: Seen,
}

impl Failing {
    fn new(service: &FakeService, left: usize) -> Self {
        Self {
            inner: MemoryStore::new(),
            service: service.clone(),
            left: Arc::new(AtomicUsize::new(left)),
            seen: Seen::default(),
        }
    }

    fn wrap(&self, inner: Box<dyn RunWriter>) -> Box<dyn RunWriter> {
        let store = self.clone();
        Box::new(FailingWriter { store, inner })
    }
}

#[derive(Debug)]
struct FailingWriter {
    store: Failing,
    inner: Box<dyn RunWriter>,
}

impl RunStore for Failing {
    fn create(&self, spec: RunSpec, at: Timestamp) -> StoreFuture<'_, Box<dyn RunWriter>> {
        Box::pin(async move { Ok(self.wrap(self.inner.create(spec, at).await?)) })
    }

    fn load<'a>(&'a self, run: &'a RunId) -> StoreFuture<'a, StoredRun> {
        self.inner.load(run)
    }

    fn list(&self) -> StoreFuture<'_, Vec<Result<StoredRun, StoreError>>> {
        self.inner.list()
    }

    fn take_over<'a>(
        &'a self,
        run: &'a RunId,
        must_contain: Option<&'a Position>,
    ) -> StoreFuture<'a, TakenOver> {
        Box::pin(async move {
            let taken = self.inner.take_over(run, must_contain).await?;
            Ok(TakenOver::new(self.wrap(taken.writer), taken.rollout))
        })
    }
}

impl RunWriter for FailingWriter {
    fn run(&self) -> &RunId {
        self.inner.run()
    }

    fn position(&self) -> Position {
        self.inner.position()
    }

    fn append<'a>(
        &'a mut self,
        event: &'a Event,
        durability: Durability,
    ) -> StoreFuture<'a, Position> {
        let sent = self.store.service.state().sent.len();
        self.store.seen.lock().unwrap().push((durability, sent));
        let left = self.store.left.load(Ordering::Relaxed);
        if left == 0 {
            let full = StoreError::Unusable {
                path: "runs".into(),
                why: "no space left on device".to_owned(),
            };
            return Box::pin(async move { Err(full) });
        }
        self.store.left.store(left - 1, Ordering::Relaxed);
        self.inner.append(event, durability)
    }

    fn finish(&mut self) -> StoreFuture<'_, ()> {
        self.inner.finish()
    }
}

#[tokio::test(start_paused = true)]
async fn once_an_event_is_not_recorded_nothing_is_sent() {
    // The observation before the request; the intention itself.
    for left in [0, 1] {
        let service = FakeService::new();
        let store = Failing::new(&service, left);
        let run = service.run(&[23], quick());
        let mut run = run.with_store(&store).await.unwrap();
        while run.next_event().await.is_some() {}
        assert!(service.state().sent.is_empty(), "{left}");
        let report = run.report();
        assert_eq!(report.outcome, RunOutcome::Refused, "{report:?}");
        assert!(matches!(
            report.packages[0].outcome,
            Some(PackageOutcome::NotSent(NotSent::NotRecorded(_)))
        ));
        let why = run.journal_failure().unwrap();
        assert!(why.contains("no space left"), "{why}");
        assert_eq!(store.seen.lock().unwrap().len(), left + 1, "it is asked no more");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_sent_is_watched_to_its_end_when_nothing_is_recorded_any_more() {
    let service = FakeService::new();
    let store = Failing::new(&service, 2);
    let run = service.run(&[23], quick());
    let mut run = run.with_store(&store).await.unwrap();
    let mut events = 0;
    while run.next_event().await.is_some() {
        events += 1;
        if service.state().sent.len() == 1 {
            service.state().observed = Ok(Status::Successful);
        }
    }
    assert!(events > 3);
    assert_eq!(run.report().outcome, RunOutcome::Successful, "{:?}", run.report());
    assert!(run.journal_failure().is_some());
    let stored = store.load(run.id().unwrap()).await.unwrap();
    assert!(stored.is_open(), "whoever takes it over looks again");
    assert!(stored.report.packages[0].sent);
}

#[tokio::test(start_paused = true)]
async fn an_intention_is_durable_before_its_request_and_what_was_seen_need_not_be() {
    let service = FakeService::new();
    let store = Failing::new(&service, usize::MAX);
    let run = service.run(&[23], quick());
    run.with_store(&store).await.unwrap().wait().await;
    assert_eq!(service.state().sent.len(), 1);
    let seen = store.seen.lock().unwrap();
    let durable: Vec<_> = seen.iter().filter(|it| it.0 == Durability::Durable).collect();
    assert_eq!(durable, [&(Durability::Durable, 0)], "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn a_consent_that_is_not_recorded_is_none() {
    let service = FakeService::new();
    let store = Failing::new(&service, usize::MAX);
    let run = service.run(&[23], quick().with_grace(Duration::from_secs(1)));
    let run = run.with_store(&store).await.unwrap();
    let name = run.id().unwrap().clone();
    assert_eq!(run.wait().await.outcome, RunOutcome::Unknown);
    service.state().wall += Run::RESEND_FENCE * 2;
    let resume = Resume::new();
    let run = Run::resume(service.clone(), service.clone(), &store, &name, resume);
    let mut run = run.await.unwrap();
    store.left.store(0, Ordering::Relaxed);
    let refused = run.allow_resend(&[id(23)], Fence::Needed).await;
    assert!(matches!(refused, Err(ResendRefused::NotRecorded(_))), "{refused:?}");
    run.wait().await;
    assert_eq!(service.state().sent.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_take_over_is_durable_and_sends_nothing_if_it_is_not_recorded() {
    let service = FakeService::new();
    let store = Failing::new(&service, usize::MAX);
    let run = service.run(&[23], quick()).with_store(&store).await.unwrap();
    let name = run.id().unwrap().clone();
    drop(run);
    store.left.store(0, Ordering::Relaxed);
    let resume = Resume::new();
    let run = Run::resume(service.clone(), service.clone(), &store, &name, resume);
    let run = run.await.unwrap();
    assert_eq!(*store.seen.lock().unwrap(), [(Durability::Durable, 0)]);
    assert!(run.journal_failure().is_some());
    assert_eq!(run.wait().await.outcome, RunOutcome::Refused);
    assert!(service.state().sent.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_record_that_is_older_than_the_evidence_is_not_taken_over() {
    let service = FakeService::new();
    let (store, older) = (MemoryStore::new(), MemoryStore::new());
    let run = service.run(&[23], quick()).with_store(&store).await.unwrap();
    let evidence = run.position().unwrap();
    let name = run.id().unwrap().clone();
    drop(run);
    let copy = service.run(&[24], quick()).with_store(&older).await.unwrap();
    assert_eq!(copy.id(), Some(&name));
    let resume = Resume::new().with_must_contain(evidence);
    for (store, fits) in [(&older, false), (&store, true)] {
        let (service, clock) = (service.clone(), service.clone());
        let run = Run::resume(service, clock, store, &name, resume.clone()).await;
        assert_eq!(run.is_ok(), fits, "{run:?}");
    }
}
