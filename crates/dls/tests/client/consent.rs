//! Consent to another request, and the fence before it.

use std::time::Duration;

use dls::model::Status;
use dls::rollout::{EventKind, RunOutcome};
use dls::run::Fence::{self, Needed, Waived};
use dls::{MemoryStore, PackageId, ResendRefused, Resume, Run, RunId};

use crate::bench::{id, quick, quick_with};
use crate::fake_service::FakeService;

const FENCE: Duration = Run::RESEND_FENCE;
const SECOND: Duration = Duration::from_secs(1);

/// A recorded run whose requests were lost.
struct Lost {
    service: FakeService,
    store: MemoryStore,
    run: RunId,
}

impl Lost {
    async fn new(packages: &[u64], with_token: bool) -> Self {
        let (service, store) = (FakeService::new(), MemoryStore::new());
        service.state().bears_token = with_token;
        let run = service.run(packages, quick_with(|it| it.grace = SECOND));
        let run = run.with_store(&store).await.unwrap();
        let name = run.id().unwrap().clone();
        assert_eq!(run.wait().await.outcome, RunOutcome::Unknown);
        Self { service, store, run: name }
    }

    async fn resumed(&self) -> Run {
        self.service.resume(&self.store, &self.run, Resume::default()).await.unwrap()
    }

    /// Sets the wall clock to a time after the last request was signed.
    fn pass(&self, after: Duration) {
        let mut state = self.service.state();
        let now = state.wall();
        let then = state.sent.last().unwrap().1 + after;
        state.wall += then.duration_since(now).unwrap();
    }

    async fn allow(
        &self,
        after: Duration,
        packages: &[u64],
        fence: Fence,
    ) -> Result<Run, ResendRefused> {
        let mut run = self.resumed().await;
        self.pass(after);
        let packages: Vec<PackageId> = packages.iter().map(|it| id(*it)).collect();
        run.allow_resend(&packages, fence).await.map(|()| run)
    }

    async fn refusal(&self, after: Duration, packages: &[u64], fence: Fence) -> ResendRefused {
        self.allow(after, packages, fence).await.err().unwrap()
    }

    async fn is_too_early(&self, after: Duration, packages: &[u64], fence: Fence) -> bool {
        matches!(self.refusal(after, packages, fence).await, ResendRefused::TooEarly { .. })
    }

    /// Consents, and sends another request, which is lost, too.
    async fn resend(&self, after: Duration, packages: &[u64], fence: Fence) {
        let before = self.service.state().sent.len();
        let run = self.allow(after, packages, fence).await.unwrap();
        assert_eq!(run.wait().await.outcome, RunOutcome::Unknown);
        assert_eq!(self.service.state().sent.len(), before + 1);
    }
}

#[tokio::test(start_paused = true)]
async fn consent_counts_once_the_signature_has_expired_and_not_a_second_before() {
    for skew in [Duration::ZERO, Duration::from_secs(600)] {
        let lost = Lost::new(&[23], false).await;
        lost.service.state().skew = Ok(Some(skew));
        let expiry = FENCE + skew;
        assert!(lost.is_too_early(expiry - SECOND, &[23], Needed).await);
        lost.resend(expiry + SECOND, &[23], Needed).await;
        // The last signature of a package counts.
        assert!(lost.is_too_early(expiry - SECOND, &[23], Needed).await);
    }
}

#[tokio::test(start_paused = true)]
async fn of_several_packages_the_one_that_was_sent_last_counts() {
    let lost = Lost::new(&[23, 24], false).await;
    lost.resend(FENCE * 4, &[24], Needed).await;
    for packages in [[23, 24], [24, 23]] {
        let early = lost.refusal(FENCE - SECOND, &packages, Needed).await;
        let ResendRefused::TooEarly { package, .. } = early else { panic!("{early:?}") };
        assert_eq!(package, id(24));
    }
    assert!(lost.allow(FENCE, &[23], Needed).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn if_the_service_has_no_clock_only_a_waiver_allows_another_request() {
    let lost = Lost::new(&[23], false).await;
    lost.service.state().skew = Ok(None);
    assert_eq!(lost.refusal(FENCE * 1000, &[23], Needed).await, ResendRefused::NoClock);
    lost.resend(FENCE * 1001, &[23], Waived).await;
}

#[tokio::test(start_paused = true)]
async fn the_fence_is_not_waived_where_the_service_has_a_clock_or_cannot_be_asked() {
    let lost = Lost::new(&[23], false).await;
    for after in [SECOND * 2, FENCE * 2] {
        let refused = lost.refusal(after, &[23], Waived).await;
        assert_eq!(refused, ResendRefused::ProofPossible);
    }
    lost.service.state().skew = Err("no route".to_owned());
    let refused = lost.refusal(FENCE * 3, &[23], Waived).await;
    assert_eq!(refused, ResendRefused::Unreachable("no route".to_owned()));
    assert_eq!(lost.service.state().sent.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_unlimited_grace_is_an_unlimited_fence() {
    let lost = Lost::new(&[23], false).await;
    let mut forever = Resume::default();
    forever.grace = Some(Duration::MAX);
    let mut run = lost.service.resume(&lost.store, &lost.run, forever).await.unwrap();
    let refused = run.allow_resend(&[id(23)], Needed).await;
    assert!(matches!(refused, Err(ResendRefused::TooEarly { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_request_with_a_token_never_expires() {
    let lost = Lost::new(&[23], true).await;
    let no_signature = ResendRefused::NoSignature(id(23));
    assert_eq!(lost.refusal(FENCE * 1000, &[23], Needed).await, no_signature);
    // It depends on what the lost request contained, not on what the next one would contain.
    lost.service.state().bears_token = false;
    assert_eq!(lost.refusal(FENCE * 1001, &[23], Needed).await, no_signature);
    lost.resend(FENCE * 1002, &[23], Waived).await;
}

#[tokio::test(start_paused = true)]
async fn a_fence_that_is_waived_for_a_token_still_counts_for_a_signature() {
    let lost = Lost::new(&[23, 24], false).await;
    for (package, with_token) in [(24, true), (23, false)] {
        lost.service.state().bears_token = with_token;
        lost.resend(FENCE * 4, &[package], Needed).await;
    }
    assert!(lost.is_too_early(FENCE - SECOND, &[23, 24], Waived).await);
    assert!(lost.allow(FENCE + SECOND, &[23, 24], Waived).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_waived_fence_is_recorded() {
    let lost = Lost::new(&[23], true).await;
    let mut run = lost.allow(SECOND * 2, &[23], Waived).await.unwrap();
    let consent = EventKind::ResendAllowed { packages: vec![id(23)], no_fence: true };
    while run.next_event().await.expect("the consent").kind != consent {}
}

#[tokio::test(start_paused = true)]
async fn a_package_is_forgotten_only_after_the_same_fence() {
    let lost = Lost::new(&[23], false).await;
    lost.pass(FENCE - SECOND);
    let early = lost.resumed().await.forget(&[id(23)], "ops", Needed).await;
    assert!(matches!(early, Err(ResendRefused::TooEarly { .. })));
    lost.pass(FENCE + SECOND);
    let mut run = lost.resumed().await;
    run.forget(&[id(23)], "ops", Needed).await.unwrap();
    assert!(!run.report().is_open());
    assert_eq!(run.wait().await.outcome, RunOutcome::Unknown, "it stays unknown");
    assert_eq!(lost.service.state().sent.len(), 1);
    let second = lost.service.run(&[23], quick());
    drop(second.with_store(&lost.store).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn an_unsent_package_is_forgotten_without_a_fence_and_one_in_progress_never() {
    let (service, store) = (FakeService::new(), MemoryStore::new());
    let mut run = service.run(&[23], quick()).with_store(&store).await.unwrap();
    run.forget(&[id(23)], "ops", Needed).await.unwrap();
    assert!(!run.report().is_open());

    service.state().observed = Ok(Status::BeingReleased);
    let mut run = service.run(&[24], quick()).with_store(&store).await.unwrap();
    run.next_event().await;
    let refused = run.forget(&[id(24)], "ops", Needed).await.unwrap_err();
    assert_eq!(refused, ResendRefused::NotUnknown(id(24)));
    // A package that the run does not have.
    let refused = run.allow_resend(&[id(25)], Needed).await.unwrap_err();
    assert_eq!(refused, ResendRefused::NotUnknown(id(25)));
    assert!(service.state().sent.is_empty());
}
