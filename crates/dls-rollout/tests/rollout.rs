//! The fold, held against the promises.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

use dls_model::{
    AnswerError, Deploy, DeployAnswer, JobStart, Operation, PackageDetail, PackageId, PackageIds,
    ServiceError, ShowPackage,
};
use dls_rollout::{
    Action, Event, LookFailure, NotSent, Options, Outcome, Rollout, SendFailure, Verdict,
};
use http::{HeaderMap, StatusCode};

fn id(id: u64) -> PackageId {
    PackageId::try_from(id).unwrap()
}

fn rollout(ids: &[u64], options: Options) -> Rollout {
    Rollout::new(
        PackageIds::new(ids.iter().map(|it| id(*it))).unwrap(),
        options,
    )
}

fn later() -> Options {
    Options::new(JobStart::Later)
}

/// What the service would say of a package in this status.
fn detail(package: u64, status: i64, released_at: i64) -> Box<PackageDetail> {
    let body = format!(
        r#"{{"release_package":{{"package_id":"{package}","package_name":"p{package}",
            "deploy_status":{status},"deploy_timestamp":{released_at},"package_approvers":[]}},
            "task_details":[{{"item_name":"job_{package}","deploy_status":{status}}}]}}"#
    );
    let decoded = ShowPackage::decode(StatusCode::OK, &HeaderMap::new(), body.as_bytes());
    Box::new(decoded.unwrap())
}

fn answer(ids: &[u64]) -> DeployAnswer {
    let details: Vec<String> = ids
        .iter()
        .map(|id| format!(r#"{{"package_id":{id},"asy_task_id":"t{id}"}}"#))
        .collect();
    let body = format!(r#"{{"deploy_package_details":[{}]}}"#, details.join(","));
    Deploy::decode(StatusCode::OK, &HeaderMap::new(), body.as_bytes()).unwrap()
}

fn service_error(status: u16, code: &str) -> Box<ServiceError> {
    let body = format!(r#"{{"error_code":"{code}","error_msg":"no"}}"#);
    let status = StatusCode::from_u16(status).unwrap();
    match Deploy::decode(status, &HeaderMap::new(), body.as_bytes()) {
        Err(AnswerError::Service(error)) => Box::new(error),
        other => panic!("{other:?}"),
    }
}

/// Folds looks until the batch may go out.
fn ready(ids: &[u64], options: Options) -> Rollout {
    let mut rollout = rollout(ids, options);
    for package in ids {
        assert_eq!(rollout.next(), Action::Look(id(*package)));
        rollout.fold(Event::Looked(id(*package), detail(*package, 1, 0)));
    }
    rollout
}

fn words(rollout: &Rollout) -> Vec<&'static str> {
    rollout
        .report()
        .packages
        .iter()
        .map(|it| it.verdict.as_ref().unwrap().word())
        .collect()
}

#[test]
fn nothing_is_sent_before_every_baseline_was_read() {
    let mut rollout = rollout(&[23, 24], later());
    rollout.fold(Event::Looked(id(23), detail(23, 1, 0)));
    assert_eq!(rollout.next(), Action::Look(id(24)));
    rollout.fold(Event::Looked(id(24), detail(24, 1, 0)));
    let both = PackageIds::new([id(23), id(24)]).unwrap();
    assert_eq!(rollout.next(), Action::Deploy(both, JobStart::Later));
}

#[test]
fn an_intended_send_without_an_outcome_is_looked_at_and_never_sent() {
    let mut rollout = ready(&[23], later());
    rollout.fold(Event::SendIntended);
    assert_eq!(rollout.next(), Action::Look(id(23)));
    rollout.fold(Event::OutOfTime);
    assert_eq!(rollout.report().exit_code, 7);
}

#[test]
fn a_package_succeeds_when_it_moved_and_is_released() {
    let mut rollout = ready(&[23], later());
    rollout.fold(Event::SendIntended);
    rollout.fold(Event::Accepted(answer(&[23])));
    assert_eq!(rollout.next(), Action::Look(id(23)));
    rollout.fold(Event::Looked(id(23), detail(23, 5, 0)));
    assert!(matches!(rollout.next(), Action::Wait(_)));
    rollout.fold(Event::Waited);
    rollout.fold(Event::Looked(id(23), detail(23, 2, 7)));
    assert_eq!(rollout.next(), Action::Done);
    let report = rollout.report();
    assert_eq!((report.outcome, report.exit_code), (Outcome::Successful, 0));
    assert!(report.packages.iter().all(|it| it.ours));
}

#[test]
fn an_old_failure_is_not_taken_for_the_new_result() {
    let mut rollout = rollout(&[31], later().with_again(true));
    rollout.fold(Event::Looked(id(31), detail(31, 3, 5)));
    assert!(matches!(rollout.next(), Action::Deploy(..)));
    rollout.fold(Event::SendIntended);
    rollout.fold(Event::Accepted(answer(&[31])));
    rollout.fold(Event::Looked(id(31), detail(31, 3, 5)));
    assert!(
        matches!(rollout.next(), Action::Wait(_)),
        "it has not moved"
    );
    rollout.fold(Event::Waited);
    rollout.fold(Event::Looked(id(31), detail(31, 3, 9)));
    assert!(matches!(
        rollout.report().packages.first().unwrap().verdict,
        Some(Verdict::Failed { ref tasks }) if tasks == &["job_31"]
    ));
    assert_eq!(rollout.report().exit_code, 3);
}

#[test]
fn a_released_package_is_never_sent() {
    let mut rollout = rollout(&[41, 23], later());
    rollout.fold(Event::Looked(id(41), detail(41, 2, 5)));
    rollout.fold(Event::Looked(id(23), detail(23, 1, 0)));
    let rest = PackageIds::new([id(23)]).unwrap();
    assert_eq!(rollout.next(), Action::Deploy(rest, JobStart::Later));
}

#[test]
fn everything_released_before_is_nothing_to_do() {
    let mut rollout = rollout(&[41], later());
    rollout.fold(Event::Looked(id(41), detail(41, 2, 5)));
    assert_eq!(rollout.next(), Action::Done);
    let report = rollout.report();
    assert_eq!(
        (report.outcome, report.exit_code),
        (Outcome::NothingToDo, 0)
    );
}

#[test]
fn a_package_whose_last_release_failed_stops_the_run_before_anything_is_sent() {
    let mut rollout = rollout(&[23, 31], later());
    rollout.fold(Event::Looked(id(23), detail(23, 1, 0)));
    rollout.fold(Event::Looked(id(31), detail(31, 3, 5)));
    assert_eq!(rollout.next(), Action::Done);
    assert_eq!(words(&rollout), ["not-sent", "not-sent"]);
    assert_eq!(rollout.report().exit_code, 9);
}

#[test]
fn an_unknown_package_ends_the_run_as_not_found() {
    let mut rollout = rollout(&[23, 99], later());
    rollout.fold(Event::Looked(id(23), detail(23, 1, 0)));
    let missing = LookFailure::NotFound(service_error(400, "DLF.0810"));
    rollout.fold(Event::LookFailed(id(99), missing));
    assert_eq!(words(&rollout), ["not-sent", "gone"]);
    let report = rollout.report();
    assert_eq!((report.outcome, report.exit_code), (Outcome::Refused, 5));
}

#[test]
fn a_baseline_that_never_comes_ends_as_not_sent() {
    for (failure, exit_code) in [
        (LookFailure::Unreachable("refused".into()), 11),
        (LookFailure::Unavailable("502".into()), 10),
        (LookFailure::Refused(service_error(401, "APIGW.0301")), 4),
        (LookFailure::Refused(service_error(400, "DLF.0819")), 5),
        (LookFailure::NotAuthenticated("stopped".into()), 4),
    ] {
        let mut rollout = rollout(&[23], later());
        for _ in 0..10 {
            match rollout.next() {
                Action::Look(id) => rollout.fold(Event::LookFailed(id, failure.clone())),
                Action::Wait(_) => rollout.fold(Event::Waited),
                Action::Done => break,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(rollout.next(), Action::Done, "{failure:?}");
        assert_eq!(words(&rollout), ["not-sent"]);
        assert_eq!(rollout.report().exit_code, exit_code, "{failure:?}");
    }
}

#[test]
fn when_the_time_is_over_before_the_send_the_obstacle_is_told() {
    let after = |events: &[Event]| {
        let mut rollout = rollout(&[23, 24], later());
        for event in events {
            rollout.fold(event.clone());
        }
        rollout.fold(Event::OutOfTime);
        assert_eq!(words(&rollout), ["not-sent", "not-sent"]);
        rollout.report().exit_code
    };
    let failed = |failure| Event::LookFailed(id(23), failure);
    let seen = |package| Event::Looked(id(package), detail(package, 1, 0));
    assert_eq!(after(&[]), 10, "nothing was ever heard");
    assert_eq!(
        after(&[failed(LookFailure::Unreachable("refused".into()))]),
        11
    );
    assert_eq!(after(&[failed(LookFailure::Unavailable("502".into()))]), 10);
    assert_eq!(after(&[seen(23)]), 8);
    let not_sent = Event::SendFailed(SendFailure::NotSent("refused".into()));
    assert_eq!(after(&[seen(23), seen(24), not_sent]), 11);
    let throttled = SendFailure::Answered(service_error(429, "APIGW.0308"));
    let sent = [
        seen(23),
        seen(24),
        Event::SendIntended,
        Event::SendFailed(throttled),
    ];
    assert_eq!(after(&sent), 10);
}

#[test]
fn a_lost_answer_is_unknown_and_not_sent_again() {
    let mut rollout = ready(&[23, 24], later());
    rollout.fold(Event::SendIntended);
    rollout.fold(Event::SendFailed(SendFailure::Lost("reset".into())));
    assert_eq!(rollout.next(), Action::Done);
    assert_eq!(words(&rollout), ["unknown", "unknown"]);
    assert_eq!(rollout.report().exit_code, 7);
}

#[test]
fn only_a_proved_refusal_counts_as_one() {
    for (ids, status, code, word, exit_code) in [
        (&[23][..], 400, "DLF.3051", "refused", 9),
        (&[23, 24], 400, "DLF.3051", "unknown", 7),
        (&[23, 24], 403, "APIGW.0302", "refused", 4),
        (&[23], 404, "APIGW.0101", "refused", 5),
        (&[23], 400, "OTHER.1", "unknown", 7),
        (&[23], 504, "APIGW.0203", "unknown", 7),
        (&[23], 500, "DLF.0001", "unknown", 7),
    ] {
        let mut rollout = ready(ids, later());
        rollout.fold(Event::SendIntended);
        rollout.fold(Event::SendFailed(SendFailure::Answered(service_error(
            status, code,
        ))));
        assert_eq!(rollout.next(), Action::Done);
        assert!(
            words(&rollout).iter().all(|it| *it == word),
            "{status} {code}"
        );
        assert_eq!(rollout.report().exit_code, exit_code, "{status} {code}");
    }
}

#[test]
fn a_package_that_the_answer_does_not_name_is_unknown() {
    let mut rollout = ready(&[23, 24], later().with_wait(false));
    rollout.fold(Event::SendIntended);
    rollout.fold(Event::Accepted(answer(&[23])));
    assert_eq!(words(&rollout), ["accepted", "unknown"]);
    assert_eq!(rollout.report().exit_code, 7);
}

#[test]
fn a_batch_goes_out_again_only_after_proof_and_three_times_at_most() {
    let throttled = || SendFailure::Answered(service_error(429, "APIGW.0308"));
    let not_sent = || SendFailure::NotSent("refused".into());
    for (failure, exit_code) in [(throttled as fn() -> SendFailure, 10), (not_sent, 11)] {
        let mut rollout = ready(&[23], later());
        let mut sends = 0;
        loop {
            match rollout.next() {
                Action::Deploy(..) => {
                    sends += 1;
                    rollout.fold(Event::SendIntended);
                    rollout.fold(Event::SendFailed(failure()));
                }
                Action::Wait(_) => rollout.fold(Event::Waited),
                Action::Done => break,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!((sends, rollout.report().exit_code), (3, exit_code));
    }
}

#[test]
fn impatience_is_neither_failure_nor_success() {
    let mut rollout = ready(&[23], later());
    rollout.fold(Event::SendIntended);
    rollout.fold(Event::Accepted(answer(&[23])));
    rollout.fold(Event::OutOfTime);
    let report = rollout.report();
    assert_eq!((report.outcome, report.exit_code), (Outcome::Pending, 8));
    assert_eq!(words(&rollout), ["pending"]);
}

#[test]
fn a_failed_look_at_a_running_release_is_no_end_but_a_401_is() {
    let mut rollout = ready(&[23], later());
    rollout.fold(Event::SendIntended);
    rollout.fold(Event::Accepted(answer(&[23])));
    for _ in 0..20 {
        rollout.fold(Event::LookFailed(
            id(23),
            LookFailure::Unavailable("502".into()),
        ));
        assert!(matches!(rollout.next(), Action::Wait(_)));
        rollout.fold(Event::Waited);
    }
    let refused = LookFailure::Refused(service_error(401, "APIGW.0301"));
    rollout.fold(Event::LookFailed(id(23), refused));
    assert_eq!(words(&rollout), ["pending"]);
}

#[test]
fn a_success_beside_a_failure_is_partial() {
    let mut rollout = ready(&[23, 31], later());
    rollout.fold(Event::SendIntended);
    rollout.fold(Event::Accepted(answer(&[23, 31])));
    rollout.fold(Event::Looked(id(23), detail(23, 2, 7)));
    rollout.fold(Event::Looked(id(31), detail(31, 3, 7)));
    let report = rollout.report();
    assert_eq!((report.outcome, report.exit_code), (Outcome::Partial, 6));
}

#[test]
fn a_status_that_nobody_knows_is_not_sent_and_not_an_end() {
    let mut blocked = rollout(&[23], later());
    blocked.fold(Event::Looked(id(23), detail(23, 4, 0)));
    assert!(matches!(
        blocked.report().packages.first().unwrap().verdict,
        Some(Verdict::NotSent(NotSent::WrongStatus(Some(_))))
    ));
    let mut watched = ready(&[23], later());
    watched.fold(Event::SendIntended);
    watched.fold(Event::Accepted(answer(&[23])));
    watched.fold(Event::Looked(id(23), detail(23, 4, 0)));
    assert!(matches!(watched.next(), Action::Wait(_)));
}
