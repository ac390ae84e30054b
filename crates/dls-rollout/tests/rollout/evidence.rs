//! What counts as proof, and what does not.

use std::time::Duration;

use dls_rollout::{
    Action, EventKind, InvalidEvents, ObserveError, Options, Rollout, RunOutcome, SendError,
    is_refusal,
};
use http::HeaderMap;

use crate::bench::*;

#[test]
fn a_throttled_answer_that_says_more_than_its_error_is_not_sent_again() {
    let body = r#"{"status":"partly done","deployed":["23"],"failed":[
        {"package_id":"24","error_code":"APIG.0308"}]}"#;
    let failure = SendError::Answered(error_answer(429, &HeaderMap::new(), body));
    let mut bench = Bench::sent(&[23, 24], later(), failed(failure));
    assert_eq!(bench.next(), Action::Observe(id(23)));
    bench.apply(EventKind::OutOfTime);
    bench.assert_ends(&["Unknown"; 2], RunOutcome::Unknown);
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
        let error = error_answer(400, &HeaderMap::new(), body);
        assert_eq!(is_refusal(&error, packages), proved, "{packages} {body}");
    }
}

#[test]
fn only_a_time_that_both_observations_have_and_that_differs_is_movement() {
    let failed_at = |time: i64| {
        let mut seen = detail(31, 3, time);
        seen.package.deployer.get_or_insert_default().name = Some("ops".to_owned());
        seen
    };
    let bare = || {
        let mut seen = detail(31, 3, 0);
        seen.package.deployed_at = None;
        seen
    };
    for (before, after, outcome) in [
        (bare(), failed_at(1), "-"),
        (failed_at(1), bare(), "-"),
        (failed_at(1), failed_at(1), "-"),
        (failed_at(1), failed_at(2), "Failed"),
    ] {
        let mut bench = Bench::redeployed(before, accepted(&[31]));
        bench.pass(Duration::from_secs(600));
        bench.observe_as(31, after);
        assert_eq!(bench.outcomes(), [outcome], "{:?}", bench.package(31));
    }
}

#[test]
fn without_a_grace_an_old_status_still_proves_nothing() {
    let mut options = later_with(|it| it.redeploy_failed = true);
    options.grace = Duration::ZERO;
    let mut bench = Bench::new(&[31], options);
    bench.observe(31, 3, 0);
    bench.send_then(&[31], accepted(&[31]));
    // A release of others before the baseline is shown late.
    bench.observe(31, 2, 0);
    assert_eq!(bench.outcomes(), ["-"]);
    bench.pass(Options::LEAST_LAG);
    bench.wait();
    bench.observe(31, 2, 0);
    assert_eq!(bench.outcomes(), ["Succeeded"]);
}

#[test]
fn an_answer_that_does_not_describe_the_package_is_a_failed_observation_which_is_repeated() {
    let mut bench = Bench::new(&[23], later());
    let mut nameless = detail(23, 1, 0);
    nameless.package.id = None;
    for seen in [nameless, detail(24, 1, 0)] {
        match bench.rollout.observed(id(23), bench.events[0].at, seen) {
            kind @ EventKind::ObserveFailed { failure: ObserveError::Unavailable(_), .. } => {
                bench.apply(kind);
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(bench.outcomes(), ["-"]);
        bench.wait();
    }
    bench.observe_all(&[23], 1, 0);
    assert_eq!(bench.to_send(), [23]);
}

#[test]
fn a_replay_refuses_events_that_cannot_have_happened_at_their_position() {
    // created, observed, observed, intended, accepted, and an observation of another run
    let mut events = Bench::accepted(&[23, 24], later()).events;
    events.extend(Bench::ready(&[77], later()).events.pop());
    let replay =
        |indices: &[usize]| Rollout::replay(indices.iter().map(|index| events[*index].clone()));
    replay(&[0, 1, 2, 3, 4]).unwrap();
    let misplaced: [(&[usize], usize); 6] = [
        (&[0, 1, 2, 4], 3),
        (&[0, 1, 2, 3, 3], 4),
        (&[0, 1, 2, 3, 4, 4], 5),
        (&[0, 0], 1),
        (&[0, 1, 2, 3, 4, 3], 5),
        (&[0, 5], 1),
    ];
    for (indices, at) in misplaced {
        match replay(indices).unwrap_err() {
            InvalidEvents::Misplaced { index, .. } => assert_eq!(index, at, "{indices:?}"),
            other => panic!("{other:?}"),
        }
    }
}
