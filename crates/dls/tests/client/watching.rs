//! What watching costs, counted by the emulator.

use std::time::Duration;

use dls::rollout::{EventKind, PackageOutcome, RunOutcome};
use dls_emulator::Emulator;

use crate::bench::*;

/// Of the workspace `default` so many are to be reviewed or being released, beside ours.
const FOREIGN: u64 = 330;
const OURS: u64 = 1000;
const PAGE: u64 = 100;

#[tokio::test]
async fn watching_many_packages_costs_few_lists_and_two_shows_at_each_end() {
    let builder = Emulator::builder().extra_packages(1300).release_time(Duration::from_secs(2));
    let bench = Bench::of(builder).await;
    let ours: Vec<u64> = (1001..1001 + OURS).collect();
    let mut run = bench.client.rollout(selection(&ours), quick()).unwrap();
    let mut rounds = 0;
    while let Some(event) = run.next_event().await {
        if let EventKind::Listed { .. } = event.kind {
            rounds += 1;
        }
    }
    assert_eq!(run.report().outcome, RunOutcome::Successful);
    assert_eq!((bench.releases(), bench.requests("deploy")), (1000, 10));
    let lists = u64::try_from(bench.requests("list")).unwrap();
    let limit = rounds * ((OURS + FOREIGN).div_ceil(PAGE) + 1);
    assert!(rounds > 2, "{rounds}");
    assert!(lists <= limit, "{lists} lists in {rounds} rounds");
    let shows = u64::try_from(bench.requests("show")).unwrap();
    assert!(shows <= OURS + 2 * OURS, "{shows} shows");
}

#[tokio::test]
async fn a_few_packages_are_watched_with_their_tasks() {
    let bench = Bench::new(Duration::from_millis(200)).await;
    let run = bench.client.rollout(selection(&[23, 24]), quick()).unwrap();
    assert_eq!(run.wait().await.outcome, RunOutcome::Successful);
    assert_eq!(bench.requests("list"), 0);
    assert!(bench.requests("show") > 4);
}

#[tokio::test]
async fn watching_sends_nothing() {
    let bench = Bench::new(Duration::ZERO).await;
    let run = bench.client.watch(selection(&[41, 31, 23]), quick());
    let report = run.with_timeout(Duration::from_millis(300)).wait().await;
    let outcomes = report.packages.iter().map(|it| it.outcome.as_ref().unwrap());
    assert!(
        matches!(
            *outcomes.collect::<Vec<_>>(),
            [
                PackageOutcome::AlreadyReleased { .. },
                PackageOutcome::NotSent(_),
                PackageOutcome::NotSent(_)
            ]
        ),
        "{report:?}"
    );
    assert_eq!((report.outcome, bench.requests("deploy")), (RunOutcome::Pending, 0));
}
