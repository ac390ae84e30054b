//! A lost answer, and how observations settle it.

use std::time::Duration;

use dls_rollout::{Action, EventKind, OnLostAnswer, PackageOutcome, RunOutcome};

use crate::bench::*;

#[test]
fn a_lost_answer_is_settled_by_observing_and_never_by_sending() {
    let mut bench = Bench::lost(&[23, 24], later());
    bench.observe_all(&[23], 5, 0);
    bench.observe_all(&[24], 1, 0);
    bench.wait();
    bench.observe_all(&[23, 24], 2, 7);
    assert_eq!(bench.next(), Action::Done);
    bench.assert_ends(&["Succeeded"; 2], RunOutcome::Successful);
    let report = bench.report();
    assert!(report.packages.iter().all(|it| it.sent && !it.ours));
}

#[test]
fn what_has_not_moved_within_the_grace_is_unknown() {
    let mut bench = Bench::lost(&[23], later());
    let mut observations = 0;
    bench.drive(|it| {
        observations += 1;
        it.observe_all(&[23], 1, 0);
    });
    bench.assert_ends(&["Unknown"], RunOutcome::Unknown);
    assert!(observations > 5, "{observations}");
    let waited = bench.events.last().unwrap().at.as_millis() - START;
    assert_eq!(waited, 120_000, "it observes once when the grace is over, and not later");
}

#[test]
fn an_observation_that_began_within_the_grace_does_not_end_the_doubt_however_long_it_took() {
    let mut bench = Bench::lost(&[23], later());
    let started_at = bench.events.last().unwrap().at;
    bench.pass(GRACE * 2);
    let slow = bench.rollout.observed(id(23), started_at, detail(23, 1, 0));
    bench.apply(slow);
    assert_eq!(bench.outcomes(), ["-"]);
    bench.wait();
    bench.observe(23, 2, 7);
    assert_eq!(bench.outcomes(), ["Succeeded"]);
}

#[test]
fn a_failed_observation_settles_nothing() {
    let mut bench = Bench::lost(&[23], later());
    bench.pass(GRACE * 2);
    bench.fail_observation(23, unavailable());
    bench.wait();
    bench.observe(23, 5, 0);
    bench.observe(23, 2, 7);
    assert_eq!(bench.outcomes(), ["Succeeded"]);
}

#[test]
fn a_lost_answer_is_unknown_at_once_if_it_is_not_to_be_reconciled() {
    let options = later_with(|it| it.on_lost_answer = OnLostAnswer::Stop);
    let bench = Bench::lost(&[23, 24], options);
    assert_eq!(bench.next(), Action::Done);
    bench.assert_ends(&["Unknown"; 2], RunOutcome::Unknown);
}

#[test]
fn a_lost_answer_still_unsettled_when_time_is_over_is_unknown() {
    let mut bench = Bench::lost(&[23, 24], later());
    bench.observe_all(&[23], 5, 0);
    bench.apply(EventKind::OutOfTime);
    bench.assert_ends(&["StillRunning", "Unknown"], RunOutcome::Unknown);
}

#[test]
fn a_package_that_the_answer_does_not_name_is_in_doubt() {
    let mut bench = Bench::sent(&[23, 24], later_with(|it| it.wait = false), accepted(&[23]));
    assert_eq!(bench.outcomes(), ["Accepted", "-"]);
    bench.pass(GRACE);
    bench.observe(24, 1, 0);
    bench.assert_ends(&["Accepted", "Unknown"], RunOutcome::Unknown);
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
    bench.assert_ends(&["Succeeded", "Refused"], RunOutcome::Unknown);
    let refused = bench.package(24);
    assert!(matches!(refused.outcome, Some(PackageOutcome::Refused { proved: false, .. })));
    assert!(refused.is_open());
    bench.resume();
    bench.observe_all(&[24], 2, 7);
    bench.assert_ends(&["Succeeded"; 2], RunOutcome::Successful);
}

/// What the observations after the request, or of a release of others, lead to: after how many seconds each is made,
/// the status and the release time that it shows, and the outcome then.
#[test]
fn an_observation_is_an_end_only_if_it_cannot_show_a_state_from_before() {
    let redeployed = |outcome| Bench::redeployed(detail(31, 3, 5), outcome);
    let of_others = || Bench::new(&[31], later());
    for (behaviour, mut bench, observations) in [
        (
            "an old failure is not taken for the new result",
            redeployed(accepted(&[31])),
            &[(0, 3, 5, "-"), (1, 3, 9, "Failed")][..],
        ),
        (
            "an old failure after an observed release is believed once no status lags so long",
            redeployed(accepted(&[31])),
            &[(60, 5, 9, "-"), (119, 3, 5, "-"), (1, 3, 5, "Failed")],
        ),
        (
            "the release before this run, as a status that lags shows it, proves no release",
            redeployed(lost()),
            &[(0, 5, 5, "-"), (1, 3, 5, "-"), (120, 3, 5, "Unknown")],
        ),
        (
            "a release that is newer than the baseline is believed at once",
            redeployed(lost()),
            &[(0, 5, 9, "-"), (1, 3, 9, "Failed")],
        ),
        (
            "a running release has not failed because an older one did, whose time it may have borne",
            of_others(),
            &[(0, 5, 9, "-"), (0, 3, 5, "-"), (1, 3, 9, "-"), (120, 3, 9, "Failed")],
        ),
        (
            "without times a success is believed at once",
            of_others(),
            &[(0, 5, 0, "-"), (0, 2, 0, "Succeeded")],
        ),
        (
            "without times a failure is believed once no status lags so long",
            of_others(),
            &[(0, 5, 0, "-"), (0, 3, 0, "-"), (120, 3, 0, "Failed")],
        ),
        (
            "a package in doubt that is revoked is unknown",
            Bench::lost(&[31], later()),
            &[(120, 4, 0, "Unknown")],
        ),
    ] {
        for (seconds, status, released_at, outcome) in observations {
            bench.pass(Duration::from_secs(*seconds));
            bench.observe(31, *status, *released_at);
            assert_eq!(bench.outcomes(), [*outcome], "{behaviour}");
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
    bench.send_then(&[31, 23], lost());
    bench.pass(GRACE);
    bench.observe(31, 3, 5);
    assert_eq!(bench.outcomes(), ["Unknown", "-"]);
}
