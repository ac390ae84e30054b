//! What may be sent at all: status, plan, deletions, overlaps.

use dls_model::{AnswerError, PackageDetail, Timestamp};
use dls_rollout::{
    Action, EventKind, IfReleased, NotSent, ObserveError, Options, Plan, RunOutcome, RunSpec,
};

use crate::bench::*;

#[test]
fn a_released_package_is_never_sent() {
    let mut bench = Bench::new(&[41, 23], later());
    bench.observe(41, 2, 5);
    bench.observe(23, 1, 0);
    assert_eq!(bench.to_send(), [23]);
    assert_eq!(bench.words(), ["already-released", "-"]);
}

#[test]
fn everything_released_before_is_nothing_to_do() {
    let mut bench = Bench::new(&[41], later());
    bench.observe(41, 2, 5);
    assert_eq!(bench.next(), Action::Done);
    assert_eq!(bench.run_outcome(), RunOutcome::NothingToDo);
}

#[test]
fn a_released_package_stops_the_run_if_that_was_asked_for() {
    let mut bench = Bench::new(&[41, 23], later_with(|it| it.if_released = IfReleased::Fail));
    bench.observe(41, 2, 5);
    bench.observe(23, 1, 0);
    assert_eq!(bench.next(), Action::Done);
    assert!(matches!(bench.not_sent(41), NotSent::ReleasedBefore { .. }));
    assert_eq!((bench.words(), bench.run_outcome()), (vec!["not-sent"; 2], RunOutcome::Refused));
}

#[test]
fn a_package_that_is_being_released_is_watched_and_never_sent() {
    let mut bench = Bench::new(&[23], later());
    bench.observe(23, 5, 0);
    assert!(matches!(bench.next(), Action::Observe(_)));
    bench.observe(23, 2, 7);
    assert_eq!((bench.words(), bench.run_outcome()), (vec!["successful"], RunOutcome::Successful));
    assert!(!bench.report().packages[0].sent);
}

#[test]
fn a_package_whose_last_release_failed_stops_the_run_before_anything_is_sent() {
    let mut bench = Bench::new(&[23, 31], later());
    bench.observe(23, 1, 0);
    bench.observe(31, 3, 5);
    assert_eq!(bench.next(), Action::Done);
    assert!(matches!(bench.not_sent(31), NotSent::LastReleaseFailed));
    assert_eq!((bench.words(), bench.run_outcome()), (vec!["not-sent"; 2], RunOutcome::Refused));
}

#[test]
fn an_unknown_status_is_not_sent_and_is_no_end() {
    let mut blocked = Bench::new(&[23], later());
    blocked.observe(23, 4, 0);
    assert!(matches!(blocked.not_sent(23), NotSent::WrongStatus(Some(_))));
    let mut watched = Bench::accepted(&[23], later());
    watched.observe(23, 4, 0);
    watched.wait();
    assert_eq!(watched.next(), Action::Observe(id(23)));
}

#[test]
fn an_unknown_package_ends_the_run_as_not_found() {
    let mut bench = Bench::new(&[23, 99], later());
    bench.observe(23, 1, 0);
    let missing = ObserveError::NotFound(service_error(400, "DLF.0810"));
    bench.fail_observation(99, missing);
    assert_eq!(bench.words(), ["not-sent", "gone"]);
    assert_eq!(bench.run_outcome(), RunOutcome::Refused);
}

#[test]
fn not_found_may_be_about_the_package_or_about_its_destination() {
    for (status, code, is_the_package) in [
        (400, "DLF.0810", true),
        (404, "DLF.20810", true),
        (400, "DLF.0819", false),
        (404, "APIGW.0101", false),
    ] {
        let answer = AnswerError::Service(*service_error(status, code));
        let failure = ObserveError::of_answer(answer);
        let is_missing = matches!(failure, ObserveError::NotFound(_));
        assert_eq!(is_missing, is_the_package, "{code}");
        let mut bench = Bench::new(&[23], later());
        bench.fail_observation(23, failure);
        let word = if is_the_package { "gone" } else { "not-sent" };
        assert_eq!(
            (bench.words(), bench.run_outcome()),
            (vec![word], RunOutcome::Refused),
            "{code}"
        );
    }
}

#[test]
fn a_deletion_needs_consent() {
    let deleting = || detail_with(51, 1, 0, &[("dwd", 2, 12), ("legacy", 3, 0)]);
    let mut bench = Bench::new(&[51, 23], later());
    bench.observe_as(51, deleting());
    bench.observe(23, 1, 0);
    assert!(matches!(bench.not_sent(51), NotSent::Deletes(tasks) if tasks == ["legacy"]));
    assert!(matches!(bench.not_sent(23), NotSent::RunStopped));
    assert_eq!(bench.run_outcome(), RunOutcome::Refused);

    let mut bench = Bench::new(&[51], later_with(|it| it.allow_delete = true));
    bench.observe_as(51, deleting());
    assert!(matches!(bench.next(), Action::Deploy { .. }));
}

#[test]
fn packages_that_change_the_same_object_are_sent_only_in_order() {
    let observe = |bench: &mut Bench| {
        bench.observe_as(61, detail_with(61, 1, 0, &[("stock", 2, 5)]));
        bench.observe_as(62, detail_with(62, 1, 0, &[("stock", 2, 6)]));
    };
    let mut bench = Bench::new(&[61, 62], later());
    observe(&mut bench);
    assert!(
        matches!(bench.not_sent(62), NotSent::Overlaps { name, with } if name == "stock" && with == [id(61)])
    );
    assert_eq!(bench.run_outcome(), RunOutcome::Refused);

    let mut bench = Bench::new(&[61, 62], later_with(|it| it.in_order = true));
    observe(&mut bench);
    bench.send(&[61]);
}

#[test]
fn a_package_that_is_released_already_overlaps_with_nothing() {
    let mut bench = Bench::new(&[61, 62], later());
    bench.observe_as(61, detail_with(61, 2, 5, &[("stock", 2, 5)]));
    bench.observe_as(62, detail_with(62, 1, 0, &[("stock", 2, 6)]));
    bench.send(&[62]);
}

fn planned_run(packages: &[(u64, PackageDetail)], options: Options) -> Bench {
    let rows = packages.iter().map(|(id, seen)| planned(*id, seen.clone()));
    let made_at = Timestamp::from_millis(START).unwrap();
    let plan = Plan::new(destination(), made_at, options.start(), rows.collect());
    let all: Vec<u64> = packages.iter().map(|(id, _)| *id).collect();
    let spec: RunSpec = run_spec(&all, options).with_plan(plan, "hash");
    Bench::of(spec)
}

#[test]
fn a_package_that_is_not_as_planned_stops_the_run() {
    let plan = [(23, detail(23, 1, 0)), (24, detail(24, 1, 0))];
    for (now, says) in [
        (
            detail_with(24, 1, 0, &[("job_24", 2, 17)]),
            "task job job_24 is now modify v17 (plan: modify v15)",
        ),
        (
            detail_with(24, 1, 0, &[("job_24", 2, 15), ("new", 1, 1)]),
            "task job new (add v1) was added since the plan",
        ),
        (detail_with(24, 1, 0, &[]), "task job job_24 (modify v15) was removed since the plan"),
    ] {
        let mut bench = planned_run(&plan, later());
        bench.observe(23, 1, 0);
        bench.observe_as(24, now);
        assert!(matches!(bench.not_sent(24), NotSent::Drifted(kind) if kind == says));
        assert_eq!(
            (bench.words(), bench.run_outcome()),
            (vec!["not-sent"; 2], RunOutcome::Refused)
        );
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
    let plan = || [(23, detail(23, 1, 0))];
    let strict = later_with(|it| it.if_released = IfReleased::Fail);
    for (status, word, outcome) in [
        (2, "already-released", RunOutcome::NothingToDo),
        (3, "failed", RunOutcome::Failed),
        (5, "-", RunOutcome::NothingToDo),
    ] {
        let mut bench = planned_run(&plan(), strict.clone());
        bench.observe(23, status, 7);
        assert_eq!(bench.words(), [word]);
        assert_eq!(bench.run_outcome(), outcome, "{status}");
        assert!(!bench.report().packages[0].ours, "presumed, never said");
    }
}

#[test]
fn a_failure_that_may_be_older_than_the_plan_is_not_presumed_to_be_ours() {
    for (released_at, word) in [(6, "not-sent"), (7, "not-sent"), (8, "failed")] {
        let mut bench = planned_run(&[(23, detail(23, 5, 7))], later());
        bench.observe(23, 3, released_at);
        assert_eq!(bench.words(), [word], "{released_at}");
    }
}

#[test]
fn the_plan_is_checked_again_before_each_batch() {
    let all: Vec<u64> = (1..=150).collect();
    let plan: Vec<_> = all.iter().map(|id| (*id, detail(*id, 1, 0))).collect();
    let mut bench = planned_run(&plan, later());
    bench.observe_all(&all, 1, 0);
    bench.send(&all[..100]);
    bench.pass(std::time::Duration::from_secs(90));
    bench.apply(accepted(&all[..100]));
    bench.observe_all(&all[100..149], 1, 0);
    bench.observe_as(150, detail_with(150, 1, 0, &[("job_150", 2, 99)]));
    assert!(matches!(bench.not_sent(150), NotSent::Drifted(_)));
    assert!(matches!(bench.not_sent(101), NotSent::RunStopped));
    assert!(matches!(bench.next(), Action::List(_)), "the first goes on");
}

#[test]
fn watching_sends_nothing_and_reports_the_status() {
    for (status, word, outcome) in
        [(2, "already-released", RunOutcome::NothingToDo), (3, "failed", RunOutcome::Failed)]
    {
        let mut bench = Bench::new(&[23], Options::watch_only());
        bench.observe(23, status, 5);
        assert_eq!(bench.next(), Action::Done);
        assert_eq!((bench.words(), bench.run_outcome()), (vec![word], outcome), "{status}");
    }
    for (status, word) in [(1, "not-sent"), (5, "pending")] {
        let mut bench = Bench::new(&[23], Options::watch_only());
        bench.observe(23, status, 0);
        assert_eq!(bench.next(), Action::Observe(id(23)));
        bench.apply(EventKind::OutOfTime);
        assert_eq!((bench.words(), bench.run_outcome()), (vec![word], RunOutcome::Pending));
    }
    let mut bench = Bench::new(&[23], Options::watch_only());
    bench.observe(23, 1, 0);
    bench.observe(23, 2, 7);
    assert_eq!(bench.words(), ["successful"]);
}
