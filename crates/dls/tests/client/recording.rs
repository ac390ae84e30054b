//! What a run records, in its store and as evidence. If that fails, nothing more is sent, and the run still ends with a
//! report.

use std::time::Duration;

use dls::model::Status;
use dls::rollout::{NotSent, PackageOutcome, RunOutcome};
use dls::run::Fence;
use dls::{FileStore, MemoryStore, ResendRefused, Resume, Run, RunStore as _};

use crate::bench::{id, quick, quick_with};
use crate::fake_service::FakeService;
use crate::fault::Fault;

async fn recorded() -> (FakeService, Fault, FileStore, Run) {
    let (service, fault) = (FakeService::new(), Fault::default());
    let store = fault.store().await;
    let run = service.run(&[23], quick_with(|it| it.grace = Duration::from_secs(1)));
    let run = run.with_store(&store).await.unwrap();
    (service, fault, store, run)
}

#[tokio::test(start_paused = true)]
async fn once_an_event_is_not_recorded_nothing_is_sent_and_nothing_more_is_recorded() {
    for (hangs, why) in [(false, "no space left"), (true, "did not answer within 10 s")] {
        for (fails, what, entry) in [
            (1, "the observation before the request", 1),
            (2, "the intention", 2),
            (3, "the flush of the intention", 2),
        ] {
            let (service, fault, _, mut run) = recorded().await;
            fault.set(fails, hangs);
            while run.next_event().await.is_some() {}
            assert!(service.state().sent.is_empty(), "{what}");
            let outcome = run.report().packages.remove(0).outcome;
            let expected =
                matches!(outcome, Some(PackageOutcome::NotSent(NotSent::NotRecorded(_))));
            assert!(expected, "{what}: {outcome:?}");
            assert!(run.journal_failure().unwrap().contains(why), "{what}: {run:?}");
            assert_eq!(fault.calls(), fails, "{what}: the store is not called again");
            assert_eq!(run.position().unwrap().entry, entry, "{what}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn after_an_append_was_cancelled_nothing_more_is_recorded() {
    let (service, fault, _, mut run) = recorded().await;
    fault.set(1, true);
    let cancelled = tokio::time::timeout(Duration::from_secs(1), run.next_event()).await;
    assert!(cancelled.is_err());
    while run.next_event().await.is_some() {}
    assert!(run.journal_failure().unwrap().contains("cancelled"), "{run:?}");
    assert_eq!((fault.calls(), service.state().sent.len()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_sent_package_is_watched_to_its_end_after_recording_failed() {
    let (service, fault, store, mut run) = recorded().await;
    // The observation, the intention and its flush; then what became of the request.
    fault.set(4, false);
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
async fn an_unrecorded_consent_does_not_count() {
    let (service, fault, store, run) = recorded().await;
    let name = run.id().unwrap().clone();
    assert_eq!(run.wait().await.outcome, RunOutcome::Unknown);
    service.state().wall += Run::RESEND_FENCE * 2;
    let mut run = service.resume(&store, &name, Resume::default()).await.unwrap();
    fault.set(1, false);
    let refused = run.allow_resend(&[id(23)], Fence::Needed).await;
    assert!(matches!(refused, Err(ResendRefused::NotRecorded(_))), "{refused:?}");
    run.wait().await;
    assert_eq!(service.state().sent.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_take_over_is_durable_and_sends_nothing_if_recording_fails() {
    for (fails, what) in [(2, "the event"), (3, "its flush")] {
        let (service, fault, store, run) = recorded().await;
        let name = run.id().unwrap().clone();
        drop(run);
        // What is taken over is flushed first.
        fault.set(fails, false);
        let run = service.resume(&store, &name, Resume::default()).await.unwrap();
        assert!(run.journal_failure().is_some(), "{what}");
        assert_eq!(run.wait().await.outcome, RunOutcome::Refused, "{what}");
        assert_eq!((fault.calls(), service.state().sent.len()), (fails, 0), "{what}");
    }
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
