//! Runs that are recorded, and taken over.

use std::fs;
use std::time::Duration;

use dls::rollout::{EventKind, RunOutcome};
use dls::{Resume, RunStore as _, StoreError};

use crate::bench::*;

const LONG: Duration = Duration::from_secs(3600);
const SHORT: Duration = Duration::from_millis(30);

#[tokio::test]
async fn a_run_that_ended_after_its_request_is_resumed_and_sends_nothing() {
    let bench = Bench::new(Duration::from_millis(300)).await;
    let id = bench.left_at("accepted", &[23, 24]).await;

    let stored = bench.store().await.load(&id).await.unwrap();
    assert!(stored.is_open());
    let run = bench.resume(&id).await;
    let report = run.wait().await;
    assert_eq!(report.outcome, RunOutcome::Successful);
    assert!(report.packages.iter().all(|it| it.ours));
    assert_eq!((bench.releases(), bench.requests("deploy")), (2, 1));
    assert!(!bench.store().await.load(&id).await.unwrap().is_open());
}

#[tokio::test]
async fn a_run_that_ended_before_its_request_is_resumed_and_sends_it() {
    let bench = Bench::new(SHORT).await;
    let id = bench.left_at("observed", &[23, 24]).await;
    let run = bench.resume(&id).await;
    assert_eq!(run.wait().await.outcome, RunOutcome::Successful);
    assert_eq!(bench.releases(), 2);
}

#[tokio::test]
async fn dropping_a_run_does_not_take_back_its_release() {
    let bench = Bench::new(SHORT).await;
    let mut run = bench.run(&[23]).await;
    until(&mut run, "accepted").await;
    drop(run);
    let report = bench.client.watch(id(23), quick()).wait().await;
    assert_eq!(report.outcome, RunOutcome::Successful);
}

#[tokio::test]
async fn an_incomplete_line_is_removed_and_the_run_continues() {
    let bench = Bench::new(SHORT).await;
    let id = bench.left_at("accepted", &[23]).await;
    let path = bench.file(&id);
    let mut bytes = fs::read(&path).unwrap();
    // As if the outcome had not been written whole.
    let last = bytes[..bytes.len() - 1].iter().rposition(|it| *it == b'\n').unwrap();
    bytes.truncate(last + 20);
    fs::write(&path, bytes).unwrap();
    let run = bench.resume(&id).await;
    let report = run.wait().await;
    assert_eq!(report.outcome, RunOutcome::Successful);
    assert!(!report.packages[0].ours, "the answer was lost with the line");
    assert_eq!(bench.requests("deploy"), 1);
    let text = fs::read_to_string(bench.file(&id)).unwrap();
    for line in text.lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
}

#[tokio::test]
async fn a_package_of_an_open_run_is_not_sent_by_another() {
    let bench = Bench::new(SHORT).await;
    let first = bench.left_at("accepted", &[23, 24]).await;
    let another = bench.client.rollout(selection(&[24, 12]), quick()).unwrap();
    let conflict = another.with_store(&bench.store().await).await.unwrap_err();
    assert_eq!(
        conflict,
        StoreError::Conflict {
            run: first.clone(),
            packages: vec![id(24)],
            same_plan: false,
            other_endpoint: None,
        }
    );
    // Elsewhere the same id is another package.
    let workspace = "d1cd7861478748a6925bc02f47c69279";
    let elsewhere = client(&bench.emulator, workspace);
    let other = elsewhere.rollout(selection(&[24]), quick()).unwrap();
    drop(other.with_store(&bench.store().await).await.unwrap());
    // And once its end is known, it stands in nobody's way.
    let resumed = bench.resume(&first).await;
    assert_eq!(resumed.wait().await.outcome, RunOutcome::Successful);
    assert_eq!(bench.run(&[24, 12]).await.wait().await.outcome, RunOutcome::Successful);
    assert_eq!(bench.releases(), 3);
}

#[tokio::test]
async fn a_run_is_resumed_in_its_workspace_and_at_another_address_only_if_confirmed_and_recorded() {
    let bench = Bench::new(LONG).await;
    let id = bench.left_at("accepted", &[23]).await;
    let store = bench.store().await;
    let url = bench.emulator.base_url();
    let [another_spelling, proxy] =
        [&url.replace("127.0.0.1", "LOCALHOST"), "http://proxy.example.com:8080"];
    let elsewhere = "d1cd7861478748a6925bc02f47c69279";
    for (base_url, workspace, same_service, recorded) in [
        (url, elsewhere, true, None),
        (proxy, "default", false, None),
        (another_spelling, "default", false, Some(None)),
        (proxy, "default", true, Some(Some(proxy.to_owned()))),
    ] {
        let mut resume = Resume::default();
        resume.same_service = same_service;
        let resumed = client_of(base_url, workspace).resume(&store, &id, resume).await;
        let Some(recorded) = recorded else {
            assert_eq!(resumed.unwrap_err(), StoreError::OtherDestination(id.clone()));
            continue;
        };
        let event = resumed.unwrap().next_event().await.unwrap().kind;
        let EventKind::Resumed { other_endpoint, .. } = &event else { panic!("{event:?}") };
        assert_eq!(*other_endpoint, recorded, "{base_url}");
        let text = fs::read_to_string(bench.file(&id)).unwrap();
        let last = text.lines().last().unwrap();
        assert!(recorded.is_none_or(|address| last.contains(&address)), "{text}");
    }
}

#[tokio::test]
async fn a_started_run_cannot_be_recorded() {
    let bench = Bench::new(LONG).await;
    let mut run = bench.client.rollout(selection(&[23]), quick()).unwrap();
    until(&mut run, "accepted").await;
    let late = run.with_store(&bench.store().await).await;
    assert_eq!(late.unwrap_err(), StoreError::TooLate);
    assert!(bench.store().await.list().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_record_contains_no_secret() {
    let bench = Bench::new(SHORT).await;
    let run = bench.run(&[23]).await;
    let id = run.id().unwrap().clone();
    run.wait().await;
    let text = fs::read_to_string(bench.file(&id)).unwrap();
    assert!(!text.contains(SECRET) && !text.contains("Signature"));
}
