//! The times of a run: of its events, and of what it read before it sends.

use std::time::Duration;

use dls::rollout::{EventKind, NotSent, ObserveError, PackageOutcome, SendError};
use dls::{MemoryStore, RunStore as _};
use tokio::time::Instant;

use crate::bench::{quick, quick_with};
use crate::fake_service::FakeService;

#[tokio::test(start_paused = true)]
async fn event_times_advance_when_the_wall_clock_is_set_back() {
    let service = FakeService::new();
    service.state().observed = Err(ObserveError::Unreachable("nobody is there".to_owned()));
    let (mut run, started) = (service.run(&[23], quick()), Instant::now());
    let mut events = 0;
    while let Some(event) = run.next_event().await {
        let passed = event.at.as_millis() - run.created_at().as_millis();
        assert_eq!(u128::try_from(passed), Ok(started.elapsed().as_millis()), "{event:?}");
        service.state().wall -= Duration::from_secs(3600);
        events += 1;
    }
    assert!(events > 3 && started.elapsed() > Duration::ZERO, "the time does pass");
}

/// What was read is fresh for 60 s.
#[tokio::test(start_paused = true)]
async fn a_request_is_not_written_after_an_old_observation() {
    for (observing, connecting, recording, why) in [
        (0, 61, 0, "connecting took too long"),
        (40, 30, 0, "the duration of an observation counts towards its age"),
        (0, 0, 61, "recording the intention took too long"),
    ] {
        let (service, store) = (FakeService::new(), MemoryStore::new());
        service.state().observing = Duration::from_secs(observing);
        service.state().connecting = Duration::from_secs(connecting);
        service.state().recording.0 = Duration::from_secs(recording);
        let run = service.run(&[23], quick()).with_evidence(service.clone());
        let mut run = run.with_store(&store).await.unwrap();
        let mut not_sent = 0;
        while let Some(event) = run.next_event().await {
            if let EventKind::SendFailed { failure } = event.kind {
                assert!(matches!(failure, SendError::NotSent(_)), "{why}: {failure:?}");
                not_sent += 1;
            }
        }
        let outcome = run.report().packages.remove(0).outcome;
        let unreachable = matches!(outcome, Some(PackageOutcome::NotSent(NotSent::Unreachable(_))));
        assert!(unreachable, "{why}: {outcome:?}");
        assert!(not_sent > 1, "{why}: it is tried again on a new observation");
        assert_eq!(service.state().intentions.len(), not_sent, "{why}");
        assert!(service.state().sent.is_empty(), "{why}");
        let stored = store.load(run.id().unwrap()).await.unwrap();
        assert!(!stored.report.packages[0].sent, "{why}");
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_suspend_packages_are_observed_again() {
    let service = FakeService::new();
    service.state().suspends = Duration::from_secs(2 * 3600);
    let options = quick_with(|it| it.grace = Duration::from_secs(1));
    let mut run = service.run(&[23], options);
    let mut story = Vec::new();
    while let Some(event) = run.next_event().await {
        story.push(match event.kind {
            EventKind::Observed { .. } => "observed",
            EventKind::SendIntended { .. } => "intended",
            EventKind::SendFailed { failure: SendError::NotSent(_) } => "not sent",
            EventKind::SendFailed { .. } => break,
            _ => continue,
        });
    }
    let expected = ["observed", "intended", "not sent", "observed", "intended"];
    assert_eq!(story, expected);
    assert_eq!(service.state().sent.len(), 1);
}
