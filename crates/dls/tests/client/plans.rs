//! Plans: what they hold, and what a run makes of them.

use std::time::Duration;

use dls::plan::{self, InvalidPlan};
use dls::rollout::RunOutcome;
use dls::{ErrorKind, JobStart, Release};

use crate::bench::*;

#[tokio::test]
async fn a_plan_reads_each_package_once_and_survives_its_file() {
    let bench = Bench::new(Duration::from_millis(30)).await;
    let packages = selection(&[23, 24]);
    let made = bench.client.plan(packages, Some(JobStart::Later)).await;
    let made = made.unwrap();
    assert_eq!(bench.emulator.ledger().requests.len(), 2);
    let read = plan::from_json(&plan::to_json(&made)).unwrap();
    assert_eq!(plan::hash(&read), plan::hash(&made));
    let run = bench.client.rollout(read, quick()).unwrap();
    assert_eq!(run.wait().await.outcome, RunOutcome::Successful);
    assert_eq!(bench.releases(), 2);
}

#[tokio::test]
async fn a_plan_that_was_changed_by_hand_is_refused() {
    let bench = Bench::new(Duration::ZERO).await;
    let made = bench.client.plan(selection(&[23]), None).await.unwrap();
    let text = plan::to_json(&made);
    for (from, to) in [
        ("\"ods_orders_d\"", "\"another\""),
        ("not-chosen", "start"),
        ("\"pending_version\": 15", "\"pending_version\": 16"),
    ] {
        assert!(text.contains(from), "{from}");
        let changed = plan::from_json(&text.replace(from, to));
        assert_eq!(changed.unwrap_err(), InvalidPlan::Changed, "{from}");
    }
    let newer = text.replace("dls.plan/1", "dls.plan/2");
    assert!(matches!(plan::from_json(&newer), Err(InvalidPlan::Schema(_))));
    assert!(matches!(plan::from_json("{"), Err(InvalidPlan::Unreadable(_))));
}

#[tokio::test]
async fn a_release_does_not_change_the_hash() {
    let bench = Bench::new(Duration::ZERO).await;
    let before = bench.client.plan(selection(&[23]), None).await.unwrap();
    let run = bench.client.rollout(selection(&[23]), quick()).unwrap();
    assert_eq!(run.wait().await.outcome, RunOutcome::Successful);
    let after = bench.client.plan(selection(&[23]), None).await.unwrap();
    assert_ne!(before.packages, after.packages);
    assert_eq!(plan::hash(&before), plan::hash(&after));
    let chosen = bench.client.plan(selection(&[23]), Some(JobStart::Later)).await.unwrap();
    assert_ne!(plan::hash(&after), plan::hash(&chosen));
}

#[tokio::test]
async fn a_plan_is_refused_for_another_start_or_workspace_and_for_an_unconfirmed_address() {
    let bench = Bench::new(Duration::ZERO).await;
    let (later, now) = (Some(JobStart::Later), Some(JobStart::Immediately));
    let (here, proxy) = (bench.emulator.base_url(), "http://proxy.example.com:8080");
    let elsewhere = "d1cd7861478748a6925bc02f47c69279";
    for (base_url, workspace, start, same_service, is_accepted) in [
        (here, "default", now, false, false),
        (here, elsewhere, later, false, false),
        (proxy, "default", later, false, false),
        (proxy, "default", later, true, true),
    ] {
        let plan = bench.client.plan(selection(&[23]), start).await.unwrap();
        let release = Release::Plan { plan: Box::new(plan), same_service };
        match client_of(base_url, workspace).rollout(release, quick()) {
            Ok(run) => {
                assert_eq!((&*run.spec().destination.endpoint, is_accepted), (base_url, true))
            }
            Err(error) => assert_eq!((error.kind(), is_accepted), (ErrorKind::Plan, false)),
        }
    }
    assert_eq!(bench.requests("deploy"), 0);
}

#[tokio::test]
async fn a_second_rollout_of_a_plan_has_nothing_to_do() {
    let bench = Bench::new(Duration::from_millis(30)).await;
    let made = bench.client.plan(selection(&[23]), None).await.unwrap();
    for outcome in [RunOutcome::Successful, RunOutcome::NothingToDo] {
        let run = bench.client.rollout(made.clone(), quick()).unwrap();
        let report = run.wait().await;
        assert_eq!(report.outcome, outcome);
    }
    assert_eq!(bench.requests("deploy"), 1);
}
