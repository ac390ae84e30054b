//! Evidence outside of the store: kept before the request, and a request without it is none.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use dls::rollout::{EventKind, NotSent, PackageOutcome, RunOutcome, SendError};
use dls::run::Evidence;
use dls::store::{BoxFuture, Position};
use dls::{MemoryStore, Resume, RunStore as _};

use crate::bench::quick;
use crate::fake_service::FakeService;

/// Keeps what it is given, beside the number of requests that had been sent by then; or fails.
#[derive(Debug, Clone)]
struct Intentions {
    service: FakeService,
    fails: bool,
    takes: Duration,
    intentions: Arc<Mutex<Vec<(Position, usize)>>>,
}

impl Intentions {
    fn of(service: &FakeService, fails: bool) -> Self {
        Self { service: service.clone(), fails, takes: Duration::ZERO, intentions: Arc::default() }
    }
}

impl Evidence for Intentions {
    fn record<'a>(&'a mut self, intention: &'a Position) -> BoxFuture<'a, Result<(), String>> {
        let sent = self.service.state().sent.len();
        let mut intentions = self.intentions.lock().unwrap();
        intentions.push((intention.clone(), sent));
        let (fails, takes) = (self.fails, self.takes);
        Box::pin(async move {
            tokio::time::sleep(takes).await;
            match fails {
                true => Err("no space left on device".to_owned()),
                false => Ok(()),
            }
        })
    }
}

#[tokio::test(start_paused = true)]
async fn an_intention_is_recorded_in_the_store_and_as_evidence_before_its_request() {
    let (service, store) = (FakeService::new(), MemoryStore::new());
    let evidence = Intentions::of(&service, false);
    let run = service.run(&[23], quick()).with_evidence(evidence.clone());
    let mut run = run.with_store(&store).await.unwrap();
    let name = run.id().unwrap().clone();
    // The observation; then the intention, whose request was made by the time that it is reported.
    run.next_event().await.unwrap();
    let before = run.position().unwrap();
    run.next_event().await.unwrap();
    assert_eq!(service.state().sent.len(), 1);
    drop(run);
    let kept = evidence.intentions.lock().unwrap().clone();
    let [(intention, sent)] = kept.as_slice() else { panic!("{kept:?}") };
    assert_eq!((intention.entry, *sent), (before.entry + 1, 0));
    let stored = store.load(&name).await.unwrap();
    assert!(stored.contains(intention) && stored.report.packages[0].sent);
    let mut resume = Resume::default();
    resume.must_contain = Some(intention.clone());
    service.resume(&store, &name, resume).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn without_evidence_no_request_is_sent() {
    let (service, store) = (FakeService::new(), MemoryStore::new());
    let evidence = Intentions::of(&service, true);
    let run = service.run(&[23], quick()).with_evidence(evidence.clone());
    let report = run.with_store(&store).await.unwrap().wait().await;
    assert_eq!(evidence.intentions.lock().unwrap().len(), 1);
    assert!(service.state().sent.is_empty());
    let outcome = report.packages[0].outcome.as_ref();
    assert!(
        matches!(outcome, Some(PackageOutcome::NotSent(NotSent::NotRecorded(why))) if why.contains("no space")),
        "{outcome:?}"
    );
    assert_eq!(report.outcome, RunOutcome::Refused);
}

#[tokio::test(start_paused = true)]
async fn a_request_is_not_written_when_recording_its_intention_took_too_long() {
    let (service, store) = (FakeService::new(), MemoryStore::new());
    let mut evidence = Intentions::of(&service, false);
    // What was read is fresh for 60 s.
    evidence.takes = Duration::from_secs(61);
    let run = service.run(&[23], quick()).with_evidence(evidence.clone());
    let mut run = run.with_store(&store).await.unwrap();
    let mut not_sent = 0;
    while let Some(event) = run.next_event().await {
        if let EventKind::SendFailed { failure } = event.kind {
            assert!(matches!(failure, SendError::NotSent(_)), "{failure:?}");
            not_sent += 1;
        }
    }
    assert!(not_sent > 1, "it is tried again on a new observation");
    assert_eq!(evidence.intentions.lock().unwrap().len(), not_sent);
    assert!(service.state().sent.is_empty());
    let stored = store.load(run.id().unwrap()).await.unwrap();
    assert!(!stored.report.packages[0].sent);
}
