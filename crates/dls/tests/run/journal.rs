//! Runs that are recorded, and taken over.

use std::fs;
use std::time::Duration;

use dls::rollout::{EventKind, RunOutcome};
use dls::run::Fence;
use dls::{ResendRefused, Resume, RunStore as _, StoreError};

use crate::bench::*;

const LONG: Duration = Duration::from_secs(3600);
const SHORT: Duration = Duration::from_millis(30);

#[tokio::test]
async fn a_run_that_ended_after_its_request_is_taken_up_and_sends_nothing() {
    let bench = Bench::new(Duration::from_millis(300)).await;
    let mut run = bench.run(&[23, 24]).await;
    until(&mut run, "accepted").await;
    let id = run.id().unwrap().clone();
    drop(run);

    let stored = bench.store().await.load(&id).await.unwrap();
    assert!(stored.is_open());
    let run = bench.client.resume(&bench.store().await, &id, Resume::new()).await.unwrap();
    let report = run.wait().await;
    assert_eq!(report.outcome, RunOutcome::Successful);
    assert!(report.packages.iter().all(|it| it.ours));
    assert_eq!((bench.releases(), bench.requests("deploy")), (2, 1));
    assert!(!bench.store().await.load(&id).await.unwrap().is_open());
}

#[tokio::test]
async fn a_run_that_ended_before_its_request_is_taken_up_and_sends_it() {
    let bench = Bench::new(SHORT).await;
    let mut run = bench.run(&[23, 24]).await;
    until(&mut run, "observed").await;
    let id = run.id().unwrap().clone();
    drop(run);
    let run = bench.client.resume(&bench.store().await, &id, Resume::new()).await.unwrap();
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
async fn a_half_written_line_is_cut_and_the_run_goes_on() {
    let bench = Bench::new(SHORT).await;
    let mut run = bench.run(&[23]).await;
    until(&mut run, "accepted").await;
    let id = run.id().unwrap().clone();
    drop(run);
    let path = bench.file(&id);
    let mut bytes = fs::read(&path).unwrap();
    // As if the outcome had not been written whole.
    let last = bytes[..bytes.len() - 1].iter().rposition(|it| *it == b'\n').unwrap();
    bytes.truncate(last + 20);
    fs::write(&path, bytes).unwrap();
    let run = bench.client.resume(&bench.store().await, &id, Resume::new()).await.unwrap();
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
async fn only_one_process_is_at_a_run() {
    let bench = Bench::new(LONG).await;
    let mut run = bench.run(&[23]).await;
    until(&mut run, "observed").await;
    let id = run.id().unwrap().clone();
    let second = bench.client.resume(&bench.store().await, &id, Resume::new()).await;
    assert_eq!(second.unwrap_err(), StoreError::InUse { run: id });
}

#[tokio::test]
async fn a_package_of_an_open_run_is_not_sent_by_another() {
    let bench = Bench::new(SHORT).await;
    let mut run = bench.run(&[23, 24]).await;
    until(&mut run, "accepted").await;
    let first = run.id().unwrap().clone();
    drop(run);
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
    let resumed = bench.client.resume(&bench.store().await, &first, Resume::new()).await.unwrap();
    assert_eq!(resumed.wait().await.outcome, RunOutcome::Successful);
    assert_eq!(bench.run(&[24, 12]).await.wait().await.outcome, RunOutcome::Successful);
    assert_eq!(bench.releases(), 3);
}

#[tokio::test]
async fn a_run_is_taken_up_only_where_it_took_place() {
    let bench = Bench::new(LONG).await;
    let mut run = bench.run(&[23]).await;
    until(&mut run, "accepted").await;
    let id = run.id().unwrap().clone();
    drop(run);
    let elsewhere = client(&bench.emulator, "d1cd7861478748a6925bc02f47c69279");
    let error = elsewhere.resume(&bench.store().await, &id, Resume::new()).await;
    assert_eq!(error.unwrap_err(), StoreError::OtherDestination { run: id.clone() });
    let unknown = "20200101-000000-0000".parse().unwrap();
    let error = bench.client.resume(&bench.store().await, &unknown, Resume::new()).await;
    assert!(matches!(error.unwrap_err(), StoreError::NoSuchRun { .. }));
}

#[tokio::test]
async fn a_run_is_taken_up_at_another_address_only_if_that_is_vouched_for_and_recorded() {
    let bench = Bench::new(LONG).await;
    let mut run = bench.run(&[23]).await;
    until(&mut run, "accepted").await;
    let id = run.id().unwrap().clone();
    drop(run);
    let proxy = client_of("http://proxy.example.com:8080", "default");
    let store = bench.store().await;
    let refused = proxy.resume(&store, &id, Resume::new()).await;
    assert_eq!(refused.unwrap_err(), StoreError::OtherDestination { run: id.clone() });
    let vouched = Resume::new().with_same_service(true);
    let mut run = proxy.resume(&store, &id, vouched).await.unwrap();
    let resumed = run.next_event().await.unwrap().kind;
    let EventKind::Resumed { other_endpoint: Some(address), .. } = &resumed else {
        panic!("{resumed:?}")
    };
    assert!(address.contains("proxy.example.com:8080"), "{address}");
    let text = fs::read_to_string(bench.file(&id)).unwrap();
    assert!(text.lines().last().unwrap().contains(address), "{text}");
}

#[tokio::test]
async fn a_run_that_is_under_way_cannot_begin_to_be_recorded() {
    let bench = Bench::new(LONG).await;
    let mut run = bench.client.rollout(selection(&[23]), quick()).unwrap();
    until(&mut run, "accepted").await;
    let late = run.with_store(&bench.store().await).await;
    assert_eq!(late.unwrap_err(), StoreError::TooLate);
    assert!(bench.store().await.list().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_record_holds_no_secret() {
    let bench = Bench::new(SHORT).await;
    let run = bench.run(&[23]).await;
    let id = run.id().unwrap().clone();
    run.wait().await;
    let text = fs::read_to_string(bench.file(&id)).unwrap();
    assert!(!text.contains(SECRET) && !text.contains("Signature"));
}

#[tokio::test]
async fn nothing_is_sent_once_more_before_the_first_request_is_dead() {
    let bench = Bench::new(LONG).await;
    let mut run = bench.run(&[23]).await;
    until(&mut run, "send-intended").await;
    let name = run.id().unwrap().clone();
    drop(run);
    // Without its outcome, as after a crash.
    let path = bench.file(&name);
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let intended = lines.iter().position(|it| it.contains("send-intended"));
    let kept = lines[..=intended.unwrap()].join("\n");
    fs::write(&path, format!("{kept}\n")).unwrap();
    let resume = Resume::new();
    let mut run = bench.client.resume(&bench.store().await, &name, resume).await.unwrap();
    let early = run.allow_resend(&[id(23)], Fence::Needed).await.unwrap_err();
    assert!(
        matches!(early, ResendRefused::TooEarly { left, .. } if left > Duration::from_secs(900)),
        "{early}"
    );
    let wrong = run.allow_resend(&[id(24)], Fence::Needed).await.unwrap_err();
    assert!(matches!(wrong, ResendRefused::NotUnknown { .. }));
    assert_eq!(bench.requests("deploy"), 1);
}
