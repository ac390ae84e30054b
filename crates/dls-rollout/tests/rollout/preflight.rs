//! What may be sent at all: status, plan, deletions, overlaps.

use std::time::Duration;

use dls_model::{AnswerError, PackageDetail, Timestamp};
use dls_rollout::{
    Action, EventKind, IfReleased, NotSent, ObserveError, Options, PackageOutcome, Plan,
    PlannedPackage, RunOutcome,
};

use crate::bench::*;

#[test]
fn everything_released_before_is_nothing_to_do() {
    let mut bench = Bench::new(&[41], later());
    bench.observe(41, 2, 5);
    assert_eq!(bench.next(), Action::Done);
    bench.assert_ends(&["AlreadyReleased"], RunOutcome::NothingToDo);
}

#[test]
fn a_released_package_stops_the_run_if_that_was_asked_for() {
    let mut bench = Bench::new(&[41, 23], later_with(|it| it.if_released = IfReleased::Fail));
    bench.observe(41, 2, 5);
    bench.observe(23, 1, 0);
    assert_eq!(bench.next(), Action::Done);
    bench.assert_ends(&["NotSent ReleasedBefore", "NotSent RunStopped"], RunOutcome::Refused);
}

#[test]
fn a_package_whose_last_release_failed_stops_the_run_before_anything_is_sent() {
    let mut bench = Bench::new(&[23, 31], later());
    bench.observe(23, 1, 0);
    bench.observe(31, 3, 5);
    assert_eq!(bench.next(), Action::Done);
    bench.assert_ends(&["NotSent RunStopped", "NotSent LastReleaseFailed"], RunOutcome::Refused);
}

#[test]
fn a_released_package_is_never_sent() {
    let mut bench = Bench::new(&[41, 23], later());
    bench.observe(41, 2, 5);
    bench.observe(23, 1, 0);
    assert_eq!(bench.to_send(), [23]);
    assert_eq!(bench.outcomes(), ["AlreadyReleased", "-"]);
}

#[test]
fn a_package_that_is_being_released_is_watched_and_never_sent() {
    let mut bench = Bench::new(&[23], later());
    bench.observe(23, 5, 0);
    assert!(matches!(bench.next(), Action::Observe(_)));
    bench.observe(23, 2, 7);
    bench.assert_ends(&["Succeeded"], RunOutcome::Successful);
    assert!(!bench.package(23).sent);
}

#[test]
fn an_unknown_status_is_not_sent_and_is_no_end() {
    let mut bench = Bench::new(&[23], later());
    bench.observe(23, 4, 0);
    bench.assert_ends(&["NotSent WrongStatus"], RunOutcome::Refused);
    let mut bench = Bench::accepted(&[23], later());
    bench.observe(23, 4, 0);
    bench.wait();
    assert_eq!(bench.next(), Action::Observe(id(23)));
}

#[test]
fn not_found_may_be_about_the_package_or_about_its_destination() {
    let (missing, elsewhere) = (["NotSent RunStopped", "Gone"], ["NotSent ObserveRefused"; 2]);
    for (status, code, outcomes) in [
        (400, "DLF.0810", missing),
        (404, "DLF.20810", missing),
        (400, "DLF.0819", elsewhere),
        (404, "APIGW.0101", elsewhere),
    ] {
        let failure = ObserveError::of_answer(AnswerError::Service(*service_error(status, code)));
        let is_missing = matches!(failure, ObserveError::NotFound(_));
        assert_eq!(is_missing, outcomes == missing, "{code}");
        let mut bench = Bench::new(&[23, 99], later());
        bench.observe(23, 1, 0);
        bench.fail_observation(99, failure);
        bench.assert_ends(&outcomes, RunOutcome::Refused);
    }
}

#[test]
fn a_deletion_needs_consent() {
    let deleting = || detail_with(51, 1, 0, &[("dwd", 2, 12), ("legacy", 3, 0)]);
    let mut bench = Bench::new(&[51, 23], later());
    bench.observe_as(51, deleting());
    bench.observe(23, 1, 0);
    let why = NotSent::Deletes(vec!["legacy".to_owned()]);
    assert_eq!(bench.package(51).outcome, Some(PackageOutcome::NotSent(why)));
    bench.assert_ends(&["NotSent Deletes", "NotSent RunStopped"], RunOutcome::Refused);

    let mut bench = Bench::new(&[51], later_with(|it| it.allow_delete = true));
    bench.observe_as(51, deleting());
    assert_eq!(bench.to_send(), [51]);
}

#[test]
fn packages_that_change_the_same_object_are_sent_only_in_order() {
    let observed = |in_order, status_of_61| {
        let mut bench = Bench::new(&[61, 62], later_with(|it| it.in_order = in_order));
        bench.observe_as(61, detail_with(61, status_of_61, 5, &[("stock", 2, 5)]));
        bench.observe_as(62, detail_with(62, 1, 0, &[("stock", 2, 6)]));
        bench
    };
    let bench = observed(false, 1);
    let why = NotSent::Overlaps { name: "stock".to_owned(), with: vec![id(61)] };
    assert_eq!(bench.package(62).outcome, Some(PackageOutcome::NotSent(why)));
    bench.assert_ends(&["NotSent Overlaps"; 2], RunOutcome::Refused);
    assert_eq!(observed(true, 1).to_send(), [61]);
    assert_eq!(
        observed(false, 2).to_send(),
        [62],
        "what is released already overlaps with nothing"
    );
}

fn planned_run(packages: &[(u64, PackageDetail)], options: Options) -> Bench {
    let planned = packages.iter();
    let planned = planned.map(|(package, seen)| PlannedPackage::new(id(*package), seen.clone()));
    let made_at = Timestamp::from_millis(START).unwrap();
    let plan = Plan::new(destination(), made_at, options.start(), planned.collect());
    let all: Vec<u64> = packages.iter().map(|(id, _)| *id).collect();
    Bench::of(run_spec(&all, options).with_plan(plan, "hash"))
}

#[test]
fn a_package_that_is_not_as_planned_stops_the_run() {
    let plan = [(23, detail(23, 1, 0)), (24, detail(24, 1, 0))];
    for (tasks, says) in [
        (&[("job_24", 2, 17)][..], "task job job_24 is now modify v17 (plan: modify v15)"),
        (&[("job_24", 2, 15), ("new", 1, 1)], "task job new (add v1) was added since the plan"),
        (&[], "task job job_24 (modify v15) was removed since the plan"),
    ] {
        let mut bench = planned_run(&plan, later());
        bench.observe(23, 1, 0);
        bench.observe_as(24, detail_with(24, 1, 0, tasks));
        let why = NotSent::Drifted(says.to_owned());
        assert_eq!(bench.package(24).outcome, Some(PackageOutcome::NotSent(why)));
        bench.assert_ends(&["NotSent RunStopped", "NotSent Drifted"], RunOutcome::Refused);
    }
}

#[test]
fn what_a_release_changes_is_no_drift() {
    let mut bench = planned_run(&[(23, detail(23, 1, 0))], later());
    let mut now = detail(23, 1, 99);
    now.tasks[0].deployed_version = Some(14);
    bench.observe_as(23, now);
    bench.send(&[23]);
}

#[test]
fn a_package_that_moved_since_the_plan_is_presumed_to_be_ours() {
    for (status, name, outcome) in [
        (2, "AlreadyReleased", RunOutcome::NothingToDo),
        (3, "Failed", RunOutcome::Failed),
        (5, "-", RunOutcome::NothingToDo),
    ] {
        let strict = later_with(|it| it.if_released = IfReleased::Fail);
        let mut bench = planned_run(&[(23, detail(23, 1, 0))], strict);
        bench.observe(23, status, 7);
        bench.assert_ends(&[name], outcome);
        assert!(!bench.package(23).ours, "presumed, never said");
    }
}

#[test]
fn a_failure_that_may_be_older_than_the_plan_is_not_presumed_to_be_ours() {
    let before = "NotSent LastReleaseFailed";
    for (released_at, outcome) in [(6, before), (7, before), (8, "Failed")] {
        let mut bench = planned_run(&[(23, detail(23, 5, 7))], later());
        bench.observe(23, 3, released_at);
        assert_eq!(bench.outcomes(), [outcome], "{released_at}");
    }
}

#[test]
fn the_plan_is_checked_again_before_each_batch() {
    let all: Vec<u64> = (1..=150).collect();
    let plan: Vec<_> = all.iter().map(|id| (*id, detail(*id, 1, 0))).collect();
    let mut bench = planned_run(&plan, later());
    bench.observe_all(&all, 1, 0);
    bench.send(&all[..100]);
    bench.pass(Duration::from_secs(90));
    bench.apply(accepted(&all[..100]));
    bench.observe_all(&all[100..149], 1, 0);
    bench.observe_as(150, detail_with(150, 1, 0, &[("job_150", 2, 99)]));
    let outcomes = bench.outcomes();
    assert_eq!([&outcomes[149], &outcomes[100]], ["NotSent Drifted", "NotSent RunStopped"]);
    assert!(matches!(bench.next(), Action::List(_)), "the first goes on");
}

#[test]
fn watching_sends_nothing_and_reports_the_status() {
    for (status, name, outcome) in [
        (2, "AlreadyReleased", RunOutcome::NothingToDo),
        (3, "Failed", RunOutcome::Failed),
        (1, "NotSent OutOfTime", RunOutcome::Pending),
        (5, "StillRunning", RunOutcome::Pending),
    ] {
        let mut bench = Bench::new(&[23], Options::watch_only());
        bench.observe(23, status, 5);
        if outcome == RunOutcome::Pending {
            assert_eq!(bench.next(), Action::Observe(id(23)));
            bench.apply(EventKind::OutOfTime);
        }
        assert_eq!(bench.next(), Action::Done);
        bench.assert_ends(&[name], outcome);
    }
    let mut bench = Bench::new(&[23], Options::watch_only());
    bench.observe(23, 1, 0);
    bench.observe(23, 2, 7);
    assert_eq!(bench.outcomes(), ["Succeeded"]);
}
