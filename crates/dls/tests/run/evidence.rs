//! Evidence outside of the store: it is recorded before the request, and nothing is sent without it.

use dls::rollout::{NotSent, PackageOutcome, RunOutcome};
use dls::{MemoryStore, Resume, RunStore as _};

use crate::bench::quick;
use crate::fake_service::FakeService;

#[tokio::test(start_paused = true)]
async fn an_intention_is_recorded_in_the_store_and_as_evidence_before_its_request() {
    let (service, store) = (FakeService::new(), MemoryStore::new());
    let run = service.run(&[23], quick()).with_evidence(service.clone());
    let mut run = run.with_store(&store).await.unwrap();
    let name = run.id().unwrap().clone();
    // The observation; then the intention, whose request was made by the time that it is reported.
    run.next_event().await.unwrap();
    let before = run.position().unwrap();
    run.next_event().await.unwrap();
    assert_eq!(service.state().sent.len(), 1);
    drop(run);
    let kept = service.state().intentions.clone();
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
    service.state().recording.1 = Err("no space left on device".to_owned());
    let run = service.run(&[23], quick()).with_evidence(service.clone());
    let report = run.with_store(&store).await.unwrap().wait().await;
    assert_eq!(service.state().intentions.len(), 1);
    assert!(service.state().sent.is_empty());
    let outcome = report.packages[0].outcome.as_ref();
    assert!(
        matches!(outcome, Some(PackageOutcome::NotSent(NotSent::NotRecorded(why))) if why.contains("no space")),
        "{outcome:?}"
    );
    assert_eq!(report.outcome, RunOutcome::Refused);
}
