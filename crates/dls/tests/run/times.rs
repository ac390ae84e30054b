//! The times of a run: of its events, and of what it read before it sends.

use std::time::Duration;

use dls::rollout::{EventKind, NotSent, ObserveError, PackageOutcome, SendError};

use crate::bench::{quick, quick_with};
use crate::fake_service::FakeService;

#[tokio::test(start_paused = true)]
async fn event_times_never_go_back() {
    let service = FakeService::new();
    service.state().observed = Err(ObserveError::Unreachable("nobody is there".to_owned()));
    let mut run = service.run(&[23], quick());
    let mut times = vec![run.created_at()];
    while let Some(event) = run.next_event().await {
        times.push(event.at);
        // Somebody sets the wall clock back.
        service.state().wall -= Duration::from_secs(3600);
    }
    assert!(times.len() > 3, "{times:?}");
    assert!(times.is_sorted(), "{times:?}");
    assert!(times.first() < times.last(), "the time does pass");
}

#[tokio::test(start_paused = true)]
async fn a_request_is_not_written_after_an_old_observation() {
    let service = FakeService::new();
    service.state().connecting = Duration::from_secs(61);
    let mut run = service.run(&[23], quick());
    let mut not_sent = 0;
    while let Some(event) = run.next_event().await {
        if let EventKind::SendFailed { failure } = event.kind {
            assert!(matches!(failure, SendError::NotSent(_)), "{failure:?}");
            not_sent += 1;
        }
    }
    let outcome = run.report().packages.remove(0).outcome;
    let unreachable = matches!(outcome, Some(PackageOutcome::NotSent(NotSent::Unreachable(_))));
    assert!(unreachable, "{outcome:?}");
    assert!(not_sent > 1, "it is tried again on a new observation");
    assert!(service.state().sent.is_empty());
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

#[tokio::test(start_paused = true)]
async fn the_duration_of_an_observation_counts_towards_its_age() {
    let service = FakeService::new();
    service.state().observing = Duration::from_secs(40);
    service.state().connecting = Duration::from_secs(30);
    let mut run = service.run(&[23], quick());
    while run.next_event().await.is_some() {}
    assert!(service.state().sent.is_empty(), "it was 70 s old each time");
}
