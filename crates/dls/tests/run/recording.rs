//! A store that fails: nothing more is sent, and the run still ends with a report.

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dls::model::{Status, Timestamp};
use dls::rollout::{Event, NotSent, PackageOutcome, RunOutcome, RunSpec};
use dls::run::Fence;
use dls::store::{Position, RunStore, RunWriter, StoreFuture, StoredRun, TakenOver};
use dls::{MemoryStore, ResendRefused, Resume, Run, RunId, StoreError};

use crate::bench::{id, quick, quick_with};
use crate::fake_service::FakeService;

/// Records in memory. After some appends, one fails or never ends, and later ones would succeed. Clones share it.
#[derive(Debug, Clone)]
struct FailingStore {
    inner: MemoryStore,
    service: FakeService,
    hangs: bool,
    /// The appends before the one that fails.
    left: Arc<AtomicUsize>,
    /// For each append: whether it must be durable, and how many requests had been sent by then.
    appends: Arc<Mutex<Vec<(bool, usize)>>>,
}

impl FailingStore {
    fn new(service: &FakeService, left: usize) -> Self {
        Self {
            inner: MemoryStore::new(),
            service: service.clone(),
            hangs: false,
            left: Arc::new(AtomicUsize::new(left)),
            appends: Arc::default(),
        }
    }

    fn appends(&self) -> Vec<(bool, usize)> {
        self.appends.lock().unwrap().clone()
    }

    fn wrap(&self, inner: Box<dyn RunWriter>) -> Box<dyn RunWriter> {
        let store = self.clone();
        Box::new(FailingWriter { store, inner })
    }
}

#[derive(Debug)]
struct FailingWriter {
    store: FailingStore,
    inner: Box<dyn RunWriter>,
}

impl RunStore for FailingStore {
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
            Ok(TakenOver { writer: self.wrap(taken.writer), ..taken })
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

    fn append<'a>(&'a mut self, event: &'a Event) -> StoreFuture<'a, Position> {
        let sent = self.store.service.state().sent.len();
        self.store.appends.lock().unwrap().push((event.kind.is_decision(), sent));
        // After zero it starts over.
        match self.store.left.fetch_sub(1, Ordering::Relaxed) {
            0 if self.store.hangs => Box::pin(pending()),
            0 => Box::pin(async {
                let (path, why) = ("runs".into(), "no space left on device".to_owned());
                Err(StoreError::Unusable { path, why })
            }),
            _ => self.inner.append(event),
        }
    }

    fn finish(&mut self) -> StoreFuture<'_, ()> {
        self.inner.finish()
    }
}

#[tokio::test(start_paused = true)]
async fn once_an_event_is_not_recorded_nothing_is_sent_and_nothing_more_is_recorded() {
    for (hangs, why) in [(false, "no space left"), (true, "did not answer within 10 s")] {
        // The observation before the request; the intention itself.
        for left in [0, 1] {
            let service = FakeService::new();
            let mut store = FailingStore::new(&service, left);
            store.hangs = hangs;
            let mut run = service.run(&[23], quick()).with_store(&store).await.unwrap();
            while run.next_event().await.is_some() {}
            assert!(service.state().sent.is_empty(), "{left}");
            let outcome = run.report().packages.remove(0).outcome;
            let expected =
                matches!(outcome, Some(PackageOutcome::NotSent(NotSent::NotRecorded(_))));
            assert!(expected, "{outcome:?}");
            assert!(run.journal_failure().unwrap().contains(why), "{run:?}");
            assert_eq!(store.appends().len(), left + 1, "the store is not called again");
            assert_eq!(run.position().unwrap().entry, 1 + left as u64);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn after_an_append_was_cancelled_nothing_more_is_recorded() {
    let service = FakeService::new();
    let mut store = FailingStore::new(&service, 0);
    store.hangs = true;
    let mut run = service.run(&[23], quick()).with_store(&store).await.unwrap();
    let cancelled = tokio::time::timeout(Duration::from_secs(1), run.next_event()).await;
    assert!(cancelled.is_err());
    while run.next_event().await.is_some() {}
    assert!(run.journal_failure().unwrap().contains("cancelled"), "{run:?}");
    assert_eq!((store.appends().len(), service.state().sent.len()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_sent_package_is_watched_to_its_end_after_recording_failed() {
    let service = FakeService::new();
    let store = FailingStore::new(&service, 2);
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
    assert!(stored.is_open(), "whoever takes it over observes again");
    assert!(stored.report.packages[0].sent);
}

#[tokio::test(start_paused = true)]
async fn an_intention_is_durable_before_its_request_and_observations_are_not() {
    let service = FakeService::new();
    let store = FailingStore::new(&service, usize::MAX);
    let run = service.run(&[23], quick());
    run.with_store(&store).await.unwrap().wait().await;
    assert_eq!(service.state().sent.len(), 1);
    let mut durable = store.appends();
    durable.retain(|(is_durable, _)| *is_durable);
    assert_eq!(durable, [(true, 0)]);
}

#[tokio::test(start_paused = true)]
async fn an_unrecorded_consent_does_not_count() {
    let service = FakeService::new();
    let store = FailingStore::new(&service, usize::MAX);
    let run = service.run(&[23], quick_with(|it| it.grace = Duration::from_secs(1)));
    let run = run.with_store(&store).await.unwrap();
    let name = run.id().unwrap().clone();
    assert_eq!(run.wait().await.outcome, RunOutcome::Unknown);
    service.state().wall += Run::RESEND_FENCE * 2;
    let mut run = service.resume(&store, &name, Resume::default()).await.unwrap();
    store.left.store(0, Ordering::Relaxed);
    let refused = run.allow_resend(&[id(23)], Fence::Needed).await;
    assert!(matches!(refused, Err(ResendRefused::NotRecorded(_))), "{refused:?}");
    run.wait().await;
    assert_eq!(service.state().sent.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_take_over_is_durable_and_sends_nothing_if_recording_fails() {
    let service = FakeService::new();
    let store = FailingStore::new(&service, usize::MAX);
    let run = service.run(&[23], quick()).with_store(&store).await.unwrap();
    let name = run.id().unwrap().clone();
    drop(run);
    store.left.store(0, Ordering::Relaxed);
    let run = service.resume(&store, &name, Resume::default()).await.unwrap();
    assert_eq!(store.appends(), [(true, 0)]);
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
    let mut resume = Resume::default();
    resume.must_contain = Some(evidence);
    for (store, fits) in [(&older, false), (&store, true)] {
        let run = service.resume(store, &name, resume.clone()).await;
        assert_eq!(run.is_ok(), fits, "{run:?}");
    }
}
