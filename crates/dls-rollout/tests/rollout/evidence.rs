//! What counts as proof, and what does not.

use std::time::Duration;

use dls_model::{AnswerError, Deploy, Operation, PackageDetail, ServiceError, ShowPackage};
use dls_rollout::{
    Action, EventKind, InvalidEvents, ObserveError, Options, Rollout, SendError, is_refusal,
};
use http::{HeaderMap, StatusCode};

use crate::bench::*;

fn answered(status: u16, body: &str) -> Box<ServiceError> {
    let status = StatusCode::from_u16(status).unwrap();
    match Deploy::decode(status, &HeaderMap::new(), body.as_bytes()) {
        Err(AnswerError::Service(error)) => Box::new(error),
        other => panic!("{other:?}"),
    }
}

/// The observation of a package with these members.
fn observed(members: &str) -> PackageDetail {
    let body =
        format!(r#"{{"release_package":{{"package_id":"31",{members}}},"task_details":[]}}"#);
    ShowPackage::decode(StatusCode::OK, &HeaderMap::new(), body.as_bytes()).unwrap()
}

#[test]
fn a_throttled_answer_that_says_more_than_its_error_is_not_sent_again() {
    let body = r#"{"status":"partly done","deployed":["23"],"failed":[
        {"package_id":"24","error_code":"APIG.0308"}]}"#;
    let failure = SendError::Answered(answered(429, body));
    let mut bench = Bench::sent(&[23, 24], later(), failed(failure));
    assert_eq!(bench.next(), Action::Observe(id(23)));
    bench.apply(EventKind::OutOfTime);
    assert_eq!(bench.words(), ["unknown", "unknown"]);
}

#[test]
fn only_an_answer_that_is_nothing_but_an_error_is_a_proved_refusal() {
    let gateway = r#"{"error_code":"APIGW.0101","error_msg":"no","request_id":"r-1"}"#;
    let nested = r#"{"result":{"error_code":"APIGW.0101","error_msg":"no"}}"#;
    let service = r#"{"error_code":"DLF.20990","error_msg":"no"}"#;
    let with_more = r#"{"error_code":"DLF.20990","error_msg":"no","deployed":[23]}"#;
    for (body, packages, proved) in [
        (gateway, 2, true),
        (nested, 2, false),
        (nested, 1, false),
        (service, 1, true),
        (service, 2, false),
        (with_more, 1, false),
    ] {
        let error = answered(400, body);
        assert_eq!(is_refusal(&error, packages), proved, "{packages} {body}");
    }
}

#[test]
fn a_member_that_appears_is_no_movement() {
    let old = r#""deploy_status":3"#;
    let with_time =
        r#""deploy_status":3,"deploy_timestamp":1747106000000,"deploy_user_name":"ops""#;
    for (before, after) in [(old, with_time), (with_time, old)] {
        let mut bench = Bench::new(&[31], later_with(|it| it.redeploy_failed = true));
        bench.observe_as(31, observed(before));
        bench.send(&[31]);
        bench.apply(accepted(&[31]));
        bench.pass(Duration::from_secs(600));
        bench.observe_as(31, observed(after));
        assert_eq!(bench.words(), ["-"], "a failure from before is not ours");
    }
}

#[test]
fn a_time_that_both_observations_have_and_that_differs_is_movement() {
    let mut bench = Bench::new(&[31], later_with(|it| it.redeploy_failed = true));
    bench.observe(31, 3, 1);
    bench.send(&[31]);
    bench.apply(accepted(&[31]));
    bench.pass(Duration::from_secs(600));
    bench.observe(31, 3, 2);
    assert_eq!(bench.words(), ["failed"]);
}

#[test]
fn without_a_grace_an_old_status_still_proves_nothing() {
    let mut bench = Bench::new(
        &[31],
        later_with(|it| {
            it.redeploy_failed = true;
            it.grace = Duration::ZERO;
        }),
    );
    bench.observe(31, 3, 0);
    bench.send(&[31]);
    bench.apply(accepted(&[31]));
    // A release of others before the baseline is shown late.
    bench.observe(31, 2, 0);
    assert_eq!(bench.words(), ["-"]);
    bench.pass(Options::LEAST_LAG);
    bench.wait();
    bench.observe(31, 2, 0);
    assert_eq!(bench.words(), ["successful"]);
}

#[test]
fn an_answer_that_does_not_describe_the_package_is_a_failed_observation() {
    let mut bench = Bench::new(&[23], later());
    let mut nameless = detail(23, 1, 0);
    nameless.package.id = None;
    for seen in [nameless, detail(24, 1, 0)] {
        match bench.rollout.observed(id(23), seen) {
            kind @ EventKind::ObserveFailed { failure: ObserveError::Unavailable(_), .. } => {
                bench.apply(kind);
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(bench.words(), ["-"]);
        bench.wait();
        assert_eq!(bench.next(), Action::Observe(id(23)));
    }
}

#[test]
fn a_replay_refuses_events_that_cannot_have_happened_at_their_position() {
    let bench = Bench::accepted(&[23, 24], later());
    let events = &bench.events;
    // created, observed, observed, intended, accepted
    let kept = |indices: &[usize]| {
        let events = indices.iter().map(|index| events[*index].clone());
        Rollout::replay(events)
    };
    kept(&[0, 1, 2, 3, 4]).unwrap();
    let misplaced: [(&[usize], usize); 5] = [
        (&[0, 1, 2, 4], 3),
        (&[0, 1, 2, 3, 3], 4),
        (&[0, 1, 2, 3, 4, 4], 5),
        (&[0, 0], 1),
        (&[0, 1, 2, 3, 4, 3], 5),
    ];
    for (indices, at) in misplaced {
        match kept(indices).unwrap_err() {
            InvalidEvents::Misplaced { index, .. } => assert_eq!(index, at, "{indices:?}"),
            other => panic!("{other:?}"),
        }
    }
    let other_run = Bench::new(&[77], later());
    let mut mixed = other_run.events.clone();
    mixed.push(events[1].clone());
    let error = Rollout::replay(mixed).unwrap_err();
    assert!(matches!(error, InvalidEvents::Misplaced { index: 1, .. }));
}
