//! A lost answer, and how observations settle it.

use std::time::Duration;

use dls_rollout::{Action, EventKind, OnLostAnswer, PackageOutcome, RunOutcome};

use crate::bench::*;

const GRACE: Duration = Duration::from_secs(120);

#[test]
fn a_lost_answer_is_settled_by_observing_and_never_by_sending() {
    let mut bench = Bench::lost(&[23, 24], later());
    bench.observe_all(&[23], 5, 0);
    bench.observe_all(&[24], 1, 0);
    bench.wait();
    bench.observe_all(&[23, 24], 2, 7);
    assert_eq!(bench.next(), Action::Done);
    assert_eq!(
        (bench.words(), bench.run_outcome()),
        (vec!["successful"; 2], RunOutcome::Successful)
    );
    let report = bench.report();
    assert!(report.packages.iter().all(|it| it.sent && !it.ours));
}

#[test]
fn what_has_not_moved_within_the_grace_is_unknown() {
    let mut bench = Bench::lost(&[23], later());
    let mut observations = 0;
    while bench.next() != Action::Done {
        match bench.next() {
            Action::Observe(_) => {
                observations += 1;
                bench.observe(23, 1, 0);
            }
            _ => bench.wait(),
        }
    }
    assert_eq!((bench.words(), bench.run_outcome()), (vec!["unknown"], RunOutcome::Unknown));
    assert!(observations > 5, "{observations}");
    let waited = bench.events.last().unwrap().at.as_millis() - START;
    assert_eq!(
        u64::try_from(waited).unwrap(),
        u64::try_from(GRACE.as_millis()).unwrap(),
        "it observes once when the grace is over, and not later"
    );
}

#[test]
fn a_failed_observation_settles_nothing() {
    let mut bench = Bench::lost(&[23], later());
    bench.pass(GRACE * 2);
    bench.fail_observation(23, unavailable());
    bench.wait();
    bench.observe(23, 5, 0);
    bench.observe(23, 2, 7);
    assert_eq!(bench.words(), ["successful"]);
}

#[test]
fn a_lost_answer_is_unknown_at_once_if_it_is_not_to_be_reconciled() {
    let options = later_with(|it| it.on_lost_answer = OnLostAnswer::Stop);
    let bench = Bench::lost(&[23, 24], options);
    assert_eq!(bench.next(), Action::Done);
    assert_eq!((bench.words(), bench.run_outcome()), (vec!["unknown"; 2], RunOutcome::Unknown));
}

#[test]
fn a_lost_answer_still_unsettled_when_time_is_over_is_unknown() {
    let mut bench = Bench::lost(&[23, 24], later());
    bench.observe_all(&[23], 5, 0);
    bench.apply(EventKind::OutOfTime);
    assert_eq!(bench.words(), ["pending", "unknown"]);
    assert_eq!(bench.run_outcome(), RunOutcome::Unknown);
}

#[test]
fn a_package_that_the_answer_does_not_name_is_in_doubt() {
    let mut bench = Bench::sent(&[23, 24], later_with(|it| it.wait = false), accepted(&[23]));
    assert_eq!(bench.words(), ["accepted", "-"]);
    bench.pass(GRACE);
    bench.observe(24, 1, 0);
    assert_eq!(bench.words(), ["accepted", "unknown"]);
    assert_eq!(bench.run_outcome(), RunOutcome::Unknown);
}

#[test]
fn a_refusal_of_several_packages_is_reconciled_and_proves_nothing() {
    let mut bench = Bench::sent(&[23, 24], later(), refused(400, "DLF.20990"));
    bench.observe_all(&[23], 5, 0);
    bench.observe_all(&[24], 1, 0);
    bench.pass(GRACE);
    bench.apply(EventKind::Waited);
    bench.observe(23, 2, 7);
    bench.observe(24, 1, 0);
    assert_eq!(bench.words(), ["successful", "refused"]);
    assert!(matches!(bench.outcome(24), Some(PackageOutcome::Refused { proved: false, .. })));
    assert_eq!(bench.run_outcome(), RunOutcome::Unknown);
}

#[test]
fn an_old_failure_is_not_taken_for_the_new_result() {
    let mut bench = Bench::new(&[31], later_with(|it| it.redeploy_failed = true));
    bench.observe(31, 3, 5);
    bench.send(&[31]);
    bench.apply(accepted(&[31]));
    bench.observe_all(&[31], 3, 5);
    assert_eq!(bench.words(), ["-"], "it has not moved");
    bench.wait();
    bench.observe_all(&[31], 3, 9);
    assert!(
        matches!(bench.outcome(31), Some(PackageOutcome::Failed { tasks }) if tasks == ["job_31"])
    );
    assert_eq!(bench.run_outcome(), RunOutcome::Failed);
}

#[test]
fn an_old_failure_after_an_observed_release_is_believed_once_no_status_lags_so_long() {
    let mut bench = Bench::new(&[31], later_with(|it| it.redeploy_failed = true));
    bench.observe(31, 3, 5);
    bench.send(&[31]);
    bench.apply(accepted(&[31]));
    bench.observe_all(&[31], 5, 9);
    bench.pass(Duration::from_secs(119));
    bench.observe(31, 3, 5);
    assert_eq!(bench.words(), ["-"], "the status may lag");
    bench.pass(Duration::from_secs(1));
    bench.observe(31, 3, 5);
    assert_eq!(bench.words(), ["failed"]);
}

#[test]
fn a_package_in_doubt_that_is_revoked_is_unknown() {
    let mut bench = Bench::lost(&[23], later());
    bench.pass(GRACE);
    bench.observe(23, 4, 0);
    assert_eq!(bench.words(), ["unknown"]);
}

/// Its last release failed at 5; it was sent again, and accepted or lost.
fn redeployed(outcome: EventKind) -> Bench {
    let mut bench = Bench::new(&[31], later_with(|it| it.redeploy_failed = true));
    bench.observe(31, 3, 5);
    bench.send(&[31]);
    bench.apply(outcome);
    bench
}

#[test]
fn a_status_that_lags_behind_the_baseline_proves_no_release() {
    let mut bench = redeployed(lost());
    // The release before this run, as a status that lags shows it.
    bench.observe_all(&[31], 5, 5);
    bench.wait();
    bench.observe_all(&[31], 3, 5);
    bench.pass(GRACE);
    bench.apply(EventKind::Waited);
    bench.observe(31, 3, 5);
    assert_eq!(bench.words(), ["unknown"]);
}

#[test]
fn a_release_that_is_newer_than_the_baseline_is_believed_at_once() {
    let mut bench = redeployed(lost());
    bench.observe_all(&[31], 5, 9);
    bench.wait();
    bench.observe_all(&[31], 3, 9);
    assert_eq!(bench.words(), ["failed"]);
}

#[test]
fn a_running_release_has_not_failed_because_an_older_one_did() {
    let mut bench = Bench::new(&[23], later());
    bench.observe(23, 5, 9);
    bench.observe(23, 3, 5);
    assert_eq!(bench.words(), ["-"]);
    bench.wait();
    bench.observe(23, 3, 9);
    assert_eq!(bench.words(), ["-"], "5 may have borne the time of the one before");
    bench.pass(GRACE);
    bench.observe(23, 3, 9);
    assert_eq!(bench.words(), ["failed"]);
}

#[test]
fn without_times_a_failure_is_believed_once_no_status_lags_so_long() {
    for (status, at_once) in [(2, "successful"), (3, "-")] {
        let mut bench = Bench::new(&[23], later());
        bench.observe(23, 5, 0);
        bench.observe(23, status, 0);
        assert_eq!(bench.words(), [at_once]);
        if at_once == "-" {
            bench.pass(GRACE);
            bench.observe(23, status, 0);
            assert_eq!(bench.words(), ["failed"]);
        }
    }
}

#[test]
fn a_release_that_was_over_at_the_baseline_is_not_taken_for_the_new_one() {
    let mut bench = Bench::new(&[31, 23], later_with(|it| it.redeploy_failed = true));
    bench.observe(31, 5, 5);
    bench.resume();
    bench.observe_all(&[31], 3, 5);
    bench.observe_all(&[23], 1, 0);
    bench.send(&[31, 23]);
    bench.apply(lost());
    bench.pass(GRACE);
    bench.observe(31, 3, 5);
    assert_eq!(bench.words(), ["unknown", "-"]);
}
