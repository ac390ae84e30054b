//! Consent to another request, and the fence before it.

use std::time::Duration;

use dls::model::Status;
use dls::rollout::{EventKind, ObserveError, RunOutcome};
use dls::run::Fence;
use dls::{MemoryStore, PackageId, ResendRefused, Resume, Run, RunId};

use crate::bench::{id, quick};
use crate::fake_service::FakeService;

const FENCE: Duration = Run::RESEND_FENCE;
const SECOND: Duration = Duration::from_secs(1);

/// A run whose requests were lost, in a journal.
struct Lost {
    service: FakeService,
    store: MemoryStore,
    run: RunId,
}

impl Lost {
    async fn new(packages: &[u64]) -> Self {
        Self::of(FakeService::new(), packages).await
    }

    async fn with_token(packages: &[u64]) -> Self {
        let service = FakeService::new();
        service.state().bears_token = true;
        Self::of(service, packages).await
    }

    async fn of(service: FakeService, packages: &[u64]) -> Self {
        let store = MemoryStore::new();
        let run = service.run(packages, quick().with_grace(SECOND));
        let run = run.with_store(&store).await.unwrap();
        let name = run.id().unwrap().clone();
        let report = run.wait().await;
        assert_eq!(report.outcome, RunOutcome::Unknown, "{report:?}");
        Self { service, store, run: name }
    }

    async fn resumed(&self) -> Run {
        let (service, clock) = (self.service.clone(), self.service.clone());
        let run = Run::resume(service, clock, &self.store, &self.run, Resume::new());
        run.await.unwrap()
    }

    /// Lets the wall clock show so long after the last request was signed.
    fn pass(&self, after: Duration) {
        let mut state = self.service.state();
        let now = state.wall();
        let then = state.sent.last().unwrap().1 + after;
        state.wall += then.duration_since(now).unwrap();
    }

    /// Asks for another request, so long after the last one was signed.
    async fn allow(&self, after: Duration, packages: &[u64], fence: Fence) -> Answer {
        let mut run = self.resumed().await;
        self.pass(after);
        let packages: Vec<PackageId> = packages.iter().map(|it| id(*it)).collect();
        run.allow_resend(&packages, fence).await.map(|()| run)
    }
}

type Answer = Result<Run, ResendRefused>;

fn is_too_early(answer: &Answer) -> bool {
    matches!(answer, Err(ResendRefused::TooEarly { .. }))
}

#[tokio::test(start_paused = true)]
async fn consent_counts_once_the_signature_has_expired_and_not_a_second_before() {
    let lost = Lost::new(&[23]).await;
    let early = lost.allow(FENCE - SECOND, &[23], Fence::Needed).await;
    assert!(is_too_early(&early), "{early:?}");
    drop(early);
    let run = lost.allow(FENCE + SECOND, &[23], Fence::Needed).await;
    run.unwrap().wait().await;
    assert_eq!(lost.service.state().sent.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_fence_is_longer_by_as_much_as_the_clocks_differ() {
    let skew = Duration::from_secs(600);
    let lost = Lost::new(&[23]).await;
    lost.service.state().skew = Ok(Some(skew));
    let early = lost.allow(FENCE + skew - SECOND, &[23], Fence::Needed);
    let early = early.await;
    assert!(is_too_early(&early), "{early:?}");
    drop(early);
    let run = lost.allow(FENCE + skew + SECOND, &[23], Fence::Needed);
    assert!(run.await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn of_several_packages_the_one_that_was_sent_last_counts() {
    let lost = Lost::new(&[23, 24]).await;
    let run = lost.allow(FENCE * 4, &[24], Fence::Needed).await.unwrap();
    assert_eq!(run.wait().await.outcome, RunOutcome::Unknown, "the second is lost, too");
    for packages in [[23, 24], [24, 23]] {
        let early = lost.allow(FENCE - SECOND, &packages, Fence::Needed).await;
        let Err(ResendRefused::TooEarly { package, .. }) = early else { panic!("{early:?}") };
        assert_eq!(package, id(24));
    }
    assert!(lost.allow(FENCE, &[23], Fence::Needed).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_last_signature_of_a_package_counts() {
    let lost = Lost::new(&[23]).await;
    let run = lost.allow(FENCE * 4, &[23], Fence::Needed).await.unwrap();
    assert_eq!(run.wait().await.outcome, RunOutcome::Unknown, "the second is lost, too");
    let early = lost.allow(FENCE - SECOND, &[23], Fence::Needed).await;
    assert!(is_too_early(&early), "{early:?}");
}

#[tokio::test(start_paused = true)]
async fn without_a_clock_of_the_service_no_time_is_long_enough() {
    let lost = Lost::new(&[23]).await;
    lost.service.state().skew = Ok(None);
    let refused = lost.allow(FENCE * 1000, &[23], Fence::Needed).await;
    assert_eq!(refused.unwrap_err(), ResendRefused::NoClock);
    let run = lost.allow(FENCE * 1001, &[23], Fence::Waived).await;
    run.unwrap().wait().await;
    assert_eq!(lost.service.state().sent.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_fence_is_not_waived_where_the_service_tells_the_time() {
    let lost = Lost::new(&[23]).await;
    for after in [SECOND * 2, FENCE * 2] {
        let refused = lost.allow(after, &[23], Fence::Waived).await;
        assert_eq!(refused.unwrap_err(), ResendRefused::ProofCanBeHad);
    }
    lost.service.state().skew = Err(ObserveError::Unreachable("no route".to_owned()));
    let refused = lost.allow(FENCE * 3, &[23], Fence::Waived).await;
    let unreachable = ResendRefused::Unreachable("no route".to_owned());
    assert_eq!(refused.unwrap_err(), unreachable);
    assert_eq!(lost.service.state().sent.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_grace_without_end_is_a_fence_without_end() {
    let lost = Lost::new(&[23]).await;
    let (service, clock) = (lost.service.clone(), lost.service.clone());
    let forever = Resume::new().with_grace(Duration::MAX);
    let run = Run::resume(service, clock, &lost.store, &lost.run, forever);
    let refused = run.await.unwrap().allow_resend(&[id(23)], Fence::Needed).await;
    assert!(matches!(refused, Err(ResendRefused::TooEarly { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_request_with_a_token_never_expires() {
    let lost = Lost::with_token(&[23]).await;
    let refused = lost.allow(FENCE * 1000, &[23], Fence::Needed).await;
    let package = id(23);
    assert_eq!(refused.unwrap_err(), ResendRefused::NoSignature { package });
    // What counts is what the request bore, not what one would bear today.
    lost.service.state().bears_token = false;
    let refused = lost.allow(FENCE * 1001, &[23], Fence::Needed).await;
    assert_eq!(refused.unwrap_err(), ResendRefused::NoSignature { package });
    let run = lost.allow(FENCE * 1002, &[23], Fence::Waived).await;
    assert_eq!(run.unwrap().wait().await.outcome, RunOutcome::Unknown);
    assert_eq!(lost.service.state().sent.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_fence_that_is_waived_for_a_token_stands_for_a_signature_beside_it() {
    let lost = Lost::new(&[23, 24]).await;
    for (package, with_token) in [(24, true), (23, false)] {
        lost.service.state().bears_token = with_token;
        let run = lost.allow(FENCE * 4, &[package], Fence::Needed).await;
        assert_eq!(run.unwrap().wait().await.outcome, RunOutcome::Unknown);
    }
    let early = lost.allow(FENCE - SECOND, &[23, 24], Fence::Waived).await;
    assert!(is_too_early(&early), "{early:?}");
    drop(early);
    assert!(lost.allow(FENCE + SECOND, &[23, 24], Fence::Waived).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_waived_fence_is_recorded() {
    let lost = Lost::with_token(&[23]).await;
    let mut run = lost.allow(SECOND * 2, &[23], Fence::Waived).await.unwrap();
    let mut events = Vec::new();
    while let Some(event) = run.next_event().await {
        events.push(event.kind);
    }
    let consent = EventKind::ResendAllowed { packages: vec![id(23)], no_fence: true };
    assert!(events.contains(&consent), "{events:?}");
}

#[tokio::test(start_paused = true)]
async fn a_package_is_given_up_behind_the_same_fence() {
    let lost = Lost::new(&[23]).await;
    lost.pass(FENCE - SECOND);
    let mut run = lost.resumed().await;
    let early = run.forget(&[id(23)], "ops", Fence::Needed).await;
    assert!(matches!(early, Err(ResendRefused::TooEarly { .. })));
    drop(run);
    lost.pass(FENCE + SECOND);
    let mut run = lost.resumed().await;
    run.forget(&[id(23)], "ops", Fence::Needed).await.unwrap();
    assert!(!run.report().is_open());
    assert_eq!(run.wait().await.outcome, RunOutcome::Unknown, "it stays unknown");
    assert_eq!(lost.service.state().sent.len(), 1);
    let second = lost.service.run(&[23], quick());
    drop(second.with_store(&lost.store).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn what_was_never_sent_is_given_up_without_a_fence_and_what_is_under_way_never() {
    let (service, store) = (FakeService::new(), MemoryStore::new());
    let mut run = service.run(&[23], quick()).with_store(&store).await.unwrap();
    run.forget(&[id(23)], "ops", Fence::Needed).await.unwrap();
    assert!(!run.report().is_open());

    service.state().observed = Ok(Status::BeingReleased);
    let mut run = service.run(&[24], quick()).with_store(&store).await.unwrap();
    run.next_event().await;
    let refused = run.forget(&[id(24)], "ops", Fence::Needed).await;
    let package = id(24);
    assert_eq!(refused.unwrap_err(), ResendRefused::NotUnknown { package });
    assert!(service.state().sent.is_empty());
}
