//! From the first observation to the answer of the one request.

use std::time::Duration;

use dls_model::{Deploy, DeployOptions, JobStart, PublishType};
use dls_rollout::{Action, EventKind, ObserveError, Options, RunOutcome, SendError};

use crate::bench::*;

#[test]
fn nothing_is_sent_before_every_baseline_was_read() {
    let mut bench = Bench::new(&[23, 24], later());
    bench.observe(23, 1, 0);
    assert_eq!(bench.next(), Action::Observe(id(24)));
    bench.observe(24, 1, 0);
    assert_eq!(bench.to_send(), [23, 24]);
}

#[test]
fn the_request_says_the_publish_type_that_was_chosen_and_none_otherwise() {
    for chosen in [None, Some(PublishType::Asynchronous)] {
        let mut deploy = DeployOptions::from(JobStart::Later);
        deploy.publish_type = chosen;
        let (request, _) = Bench::ready(&[23], Options::new(deploy.clone())).next_request();
        assert_eq!(request, Deploy::new(ids(&[23]), deploy));
    }
}

#[test]
fn a_package_succeeds_when_it_moved_and_is_released() {
    let mut bench = Bench::accepted(&[23], later());
    bench.observe_all(&[23], 5, 0);
    bench.wait();
    bench.observe_all(&[23], 2, 7);
    assert_eq!(bench.next(), Action::Done);
    bench.assert_ends(&["Succeeded"], RunOutcome::Successful);
    let package = bench.package(23);
    assert!(package.ours && package.sent);
    assert_eq!(package.background_task.as_deref(), Some("t23"));
    assert_eq!(package.request_id.as_deref(), Some("r-1"));
}

#[test]
fn without_a_baseline_a_package_is_not_sent() {
    for (failure, why) in [
        (ObserveError::Unreachable("refused".into()), "NotSent Unreachable"),
        (unavailable(), "NotSent Unavailable"),
        (observe_refused(401, "APIGW.0301"), "NotSent ObserveRefused"),
        (observe_refused(400, "DLF.0819"), "NotSent ObserveRefused"),
        (ObserveError::NotAuthenticated("stopped".into()), "NotSent NotAuthenticated"),
    ] {
        let mut bench = Bench::new(&[23], later());
        bench.drive(|it| it.fail_observation(23, failure.clone()));
        bench.assert_ends(&[why], RunOutcome::Refused);
    }
}

#[test]
fn when_the_time_is_over_before_the_send_the_reason_is_reported() {
    let failing = |failure| {
        let mut bench = Bench::new(&[23, 24], later());
        bench.fail_observation(23, failure);
        bench
    };
    let nothing = Bench::new(&[23, 24], later());
    let unreachable = failing(ObserveError::Unreachable("refused".into()));
    let mut observed = Bench::new(&[23, 24], later());
    observed.observe(23, 1, 0);
    let mut unconnected = Bench::ready(&[23, 24], later());
    unconnected.apply(not_sent());
    let throttled = Bench::sent(&[23, 24], later(), refused(429, "APIGW.0308"));
    for (mut bench, why) in [
        (nothing, "NotSent Unavailable"),
        (unreachable, "NotSent Unreachable"),
        (failing(unavailable()), "NotSent Unavailable"),
        (observed, "NotSent OutOfTime"),
        (unconnected, "NotSent Unreachable"),
        (throttled, "NotSent Unavailable"),
    ] {
        bench.apply(EventKind::OutOfTime);
        assert_eq!(bench.outcomes(), [why; 2], "{:?}", bench.events);
    }
}

#[test]
fn only_a_proved_refusal_ends_at_once() {
    for (packages, status, code, is_proved) in [
        (&[23][..], 400, "DLF.3051", true),
        (&[23, 24], 403, "APIGW.0302", true),
        (&[23], 404, "APIGW.0101", true),
        (&[23, 24], 400, "DLF.3051", false),
        (&[23], 400, "OTHER.1", false),
        (&[23], 429, "OTHER.1", false),
        (&[23], 504, "APIGW.0203", false),
        (&[23], 500, "DLF.0001", false),
    ] {
        let mut bench = Bench::sent(packages, later(), refused(status, code));
        if is_proved {
            assert_eq!(bench.next(), Action::Done, "{status} {code}");
            bench.assert_ends(&["Refused"; 2][..packages.len()], RunOutcome::Refused);
        } else {
            assert_eq!(bench.next(), Action::Observe(id(23)), "{status} {code}");
            bench.apply(EventKind::OutOfTime);
            bench.assert_ends(&["Unknown"; 2][..packages.len()], RunOutcome::Unknown);
        }
    }
}

#[test]
fn a_batch_is_sent_again_only_after_proof_and_three_times_at_most() {
    let throttled = refused(429, "APIGW.0308");
    for (failure, outcome) in [(throttled, "Refused"), (not_sent(), "NotSent Unreachable")] {
        let mut bench = Bench::ready(&[23], later());
        let mut sends = 0;
        bench.drive(|it| {
            sends += 1;
            it.send_then(&[23], failure.clone());
        });
        assert_eq!(sends, 3, "{outcome}");
        bench.assert_ends(&[outcome], RunOutcome::Refused);
        assert!(!bench.package(23).sent);
    }
}

#[test]
fn a_throttled_batch_waits_for_its_retry_after_up_to_a_minute() {
    for (asked, waits) in [(0, Some(1)), (1, Some(1)), (20, Some(20)), (60, Some(60)), (61, None)] {
        let mut bench = Bench::sent(&[23], later(), throttled_for(asked));
        let pause = waits.map(|it| Action::Wait(Duration::from_secs(it)));
        assert_eq!(bench.next(), pause.unwrap_or(Action::Done), "{asked}");
        if waits.is_some() {
            bench.wait();
            bench.send(&[23]);
        } else {
            bench.assert_ends(&["Refused"], RunOutcome::Refused);
        }
    }
}

#[test]
fn a_batch_that_waited_for_long_is_observed_before_it_is_sent_again() {
    let mut bench = Bench::sent(&[23], later(), throttled_for(50));
    bench.wait();
    bench.send_then(&[23], throttled_for(50));
    bench.wait();
    assert_eq!(bench.next(), Action::Observe(id(23)));
    // Meanwhile somebody else has released it.
    bench.observe(23, 2, 9);
    assert_eq!(bench.next(), Action::Done);
    assert_eq!(bench.outcomes(), ["AlreadyReleased"]);
}

#[test]
fn what_could_not_be_signed_or_recorded_is_not_sent_and_not_tried_again() {
    for (failure, why) in [
        (SendError::NotAuthenticated("expired".into()), "NotSent NotAuthenticated"),
        (SendError::NotRecorded("no space left".into()), "NotSent NotRecorded"),
    ] {
        for is_intended in [false, true] {
            let mut bench = Bench::ready(&[23, 24], later());
            if is_intended {
                bench.send(&[23, 24]);
            }
            bench.apply(failed(failure.clone()));
            assert_eq!(bench.next(), Action::Done);
            bench.assert_ends(&[why; 2], RunOutcome::Refused);
        }
    }
}

#[test]
fn a_report_of_a_run_that_is_left_changes_nothing() {
    let waiting = Bench::new(&[23], later());
    let in_doubt = Bench::lost(&[23], later());
    let running = Bench::accepted(&[23], later());
    for (bench, outcome) in
        [(waiting, "NotSent Left"), (in_doubt, "Unknown"), (running, "StillRunning")]
    {
        let before = format!("{:?}", bench.rollout);
        let left = bench.rollout.report_if_left("interrupted").packages[0].outcome.clone().unwrap();
        assert_eq!(name(&left), outcome);
        assert!(format!("{left:?}").contains("interrupted"), "{left:?}");
        assert_eq!(format!("{:?}", bench.rollout), before);
    }
}

#[test]
fn without_waiting_an_accepted_package_ends_as_accepted() {
    let bench = Bench::accepted(&[23], later_with(|it| it.wait = false));
    assert_eq!(bench.next(), Action::Done);
    bench.assert_ends(&["Accepted"], RunOutcome::Accepted);
    assert!(bench.report().is_open(), "its end is not known");
}

#[test]
fn a_timeout_is_neither_failure_nor_success() {
    let mut bench = Bench::accepted(&[23], later());
    bench.pass(Duration::from_secs(1800));
    bench.apply(EventKind::OutOfTime);
    bench.assert_ends(&["StillRunning"], RunOutcome::Pending);
}
