//! Observing until the end, with few calls.

use dls_model::Status;
use dls_rollout::{Action, PackageOutcome, RunOutcome};
use serde_json::json;

use crate::bench::*;

/// Eleven packages, too many to be observed one by one, whose release was accepted.
fn many() -> (Vec<u64>, Bench) {
    let all: Vec<u64> = (1..=11).collect();
    (all.clone(), Bench::accepted(&all, later()))
}

#[test]
fn a_failed_observation_of_a_running_release_is_no_end_but_a_401_is() {
    let mut bench = Bench::accepted(&[23], later());
    for _ in 0..20 {
        bench.fail_observation(23, unavailable());
        bench.wait();
    }
    bench.fail_observation(23, observe_refused(401, "APIGW.0301"));
    bench.assert_ends(&["StillRunning"], RunOutcome::Pending);
}

#[test]
fn a_403_leaves_what_is_in_doubt_unknown() {
    let mut bench = Bench::lost(&[23], later());
    bench.fail_observation(23, observe_refused(403, "APIGW.0302"));
    bench.assert_ends(&["Unknown"], RunOutcome::Unknown);
}

#[test]
fn a_success_beside_a_failure_is_partial() {
    let mut bench = Bench::accepted(&[23, 31], later());
    bench.observe_all(&[23], 2, 7);
    bench.observe_all(&[31], 3, 7);
    bench.assert_ends(&["Succeeded", "Failed"], RunOutcome::Partial);
    let tasks = vec!["job_31".to_owned()];
    assert_eq!(bench.package(31).outcome, Some(PackageOutcome::Failed { tasks }));
}

#[test]
fn a_package_is_gone_after_three_absences_in_a_row() {
    let mut bench = Bench::accepted(&[23], later());
    for _ in 0..2 {
        bench.fail_observation(23, not_found());
        bench.wait();
    }
    bench.observe_all(&[23], 1, 0);
    bench.wait();
    for round in 0..3 {
        assert_eq!(bench.outcomes(), ["-"], "{round}");
        bench.fail_observation(23, not_found());
        if round < 2 {
            bench.wait();
        }
    }
    assert!(matches!(bench.package(23).outcome, Some(PackageOutcome::Gone { sent: true })));
    assert_eq!(bench.run_outcome(), RunOutcome::Unknown);
}

#[test]
fn more_than_ten_packages_are_watched_by_lists_and_each_end_is_read_in_full() {
    let asked_for = |bench: &Bench| match bench.next() {
        Action::List(query) => serde_json::to_value(query).unwrap()["deploy_status_filter"].clone(),
        other => panic!("{other:?}"),
    };
    let (all, mut bench) = many();
    assert_eq!(asked_for(&bench), json!([1, 5]));
    bench.list(all.iter().map(|id| row(*id, 5)).collect());
    bench.wait();
    assert_eq!(asked_for(&bench), json!([5]), "none is to be reviewed");
    // 1 is not among them any more: only it is observed.
    bench.list(all[1..].iter().map(|id| row(*id, 5)).collect());
    bench.observe_all(&[1], 2, 7);
    assert_eq!(bench.outcomes()[..2], ["Succeeded", "-"]);
    assert!(matches!(bench.next(), Action::Wait(_)));
}

#[test]
fn a_list_that_began_within_the_grace_does_not_end_the_doubt_however_long_it_took() {
    let (all, _) = many();
    let mut bench = Bench::lost(&all, later());
    let slow = bench.rollout.listed(all.iter().map(|id| row(*id, 1)));
    bench.pass(GRACE * 2);
    bench.apply(slow);
    assert!(bench.outcomes().iter().all(|it| *it == "-"));
}

#[test]
fn rows_of_other_packages_and_unchanged_rows_are_not_recorded() {
    let (_, bench) = many();
    let rows = (1..=40).map(|id| row(id, if id == 3 { 5 } else { 1 }));
    let kind = serde_json::to_value(bench.rollout.listed(rows)).unwrap();
    assert_eq!(kind["listed"]["rows"].as_array().unwrap().len(), 1);
    assert_eq!(kind["listed"]["missing"], json!([]));
}

#[test]
fn absence_from_a_list_proves_nothing() {
    let (all, mut bench) = many();
    bench.list(Vec::new());
    bench.observe_all(&all, 5, 0);
    assert!(bench.outcomes().iter().all(|it| *it == "-"));
    assert!(matches!(bench.next(), Action::Wait(_)));
}

#[test]
fn an_unchanged_row_resets_the_count_of_absences() {
    let (all, mut bench) = many();
    let rows = |there: &[u64]| there.iter().map(|id| row(*id, 5)).collect();
    bench.list(rows(&all));
    for there in [1, 1, 0, 1, 1] {
        bench.wait();
        bench.list(rows(&all[there..]));
        if there > 0 {
            assert_eq!(bench.next(), Action::Observe(id(1)));
            bench.fail_observation(1, not_found());
        }
        assert_eq!(bench.outcomes()[0], "-");
    }
}

#[test]
fn an_end_in_a_list_is_not_believed_without_an_observation() {
    let (all, mut bench) = many();
    let status = |id| if id == 1 { 2 } else { 5 };
    bench.list(all.iter().map(|id| row(*id, status(*id))).collect());
    assert_eq!(bench.outcomes()[0], "-");
    bench.observe_all(&[1], 2, 7);
    assert_eq!(bench.outcomes()[0], "Succeeded");
}

#[test]
fn where_lists_are_refused_each_package_is_observed() {
    let (all, mut bench) = many();
    let failure = observe_refused(400, "DLF.3051");
    bench.apply(dls_rollout::EventKind::ListFailed { failure });
    bench.observe_all(&all, 5, 0);
    bench.wait();
    assert_eq!(bench.next(), Action::Observe(id(1)));
}

#[test]
fn pauses_grow_between_rounds() {
    let mut bench = Bench::accepted(&[23], later());
    let mut pauses = Vec::new();
    for _ in 0..12 {
        bench.observe_all(&[23], 5, 0);
        match bench.next() {
            Action::Wait(pause) => pauses.push(pause.as_secs()),
            other => panic!("{other:?}"),
        }
        bench.wait();
    }
    assert!(pauses.is_sorted());
    assert_eq!((pauses[0], pauses[11]), (1, 30));
    let latest = bench.package(23).latest.unwrap();
    assert_eq!(latest.package.status, Some(Status::BeingReleased));
}
