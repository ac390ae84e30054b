//! The journal: the same events give the same rollout, and a resumed run observes first.

use std::time::Duration;

use dls_rollout::{
    Action, Event, EventKind, InvalidEvents, Options, Rollout, RunOutcome, RunSpec, SendError,
};

use crate::bench::*;

/// What a journal would hold, read back.
fn through_text(events: &[Event]) -> Vec<Event> {
    serde_json::from_str(&serde_json::to_string(events).unwrap()).unwrap()
}

fn replayed(bench: &Bench) -> Rollout {
    Rollout::replay(through_text(&bench.events)).unwrap()
}

#[test]
fn a_replay_gives_the_same_rollout_at_every_step() {
    let mut bench = Bench::ready(&[23, 24], later());
    bench.send_then(&[23, 24], refused(400, "DLF.3051"));
    bench.observe_all(&[23], 5, 0);
    bench.observe_all(&[24], 1, 0);
    bench.wait();
    bench.fail_observation(23, unavailable());
    bench.apply(EventKind::OutOfTime);
    bench.resume();
    bench.observe_all(&[23], 2, 7);
    let all = through_text(&bench.events);
    assert_eq!(all, bench.events);
    for end in 1..=all.len() {
        let rollout = Rollout::replay(all[..end].to_vec()).unwrap();
        let second = Rollout::replay(bench.events[..end].to_vec()).unwrap();
        assert_eq!(rollout.next(), second.next());
        assert_eq!(format!("{rollout:?}"), format!("{second:?}"));
    }
    assert_eq!(format!("{:?}", replayed(&bench)), format!("{:?}", bench.rollout));
}

#[test]
fn options_are_read_as_they_were_written_and_damage_never_reads_as_watch_only() {
    for options in [later(), Options::watch_only()] {
        let text = serde_json::to_string(&options).unwrap();
        assert_eq!(serde_json::from_str::<Options>(&text).unwrap(), options);
    }
    let text = serde_json::to_string(&later()).unwrap();
    for (member, damaged) in [
        (r#""deploy":{"startup_mode":0},"#, ""),
        (r#""startup_mode":0"#, ""),
        (r#""startup_mode":0"#, r#""startup_mode":7"#),
        (r#""startup_mode":0"#, r#""startup_mode":0,"publish_type":"other""#),
    ] {
        assert!(text.contains(member), "{text}");
        let read = serde_json::from_str::<Options>(&text.replace(member, damaged));
        assert!(read.is_err(), "{member} as {damaged}: {read:?}");
    }
}

#[test]
fn events_of_a_later_version_and_those_without_a_beginning_are_refused() {
    let mut spec = run_spec(&[23], later());
    spec.version = RunSpec::VERSION + 1;
    let bench = Bench::of(spec);
    assert_eq!(
        Rollout::replay(bench.events).unwrap_err(),
        InvalidEvents::Newer { version: RunSpec::VERSION + 1 }
    );
    let bench = Bench::ready(&[23], later());
    let tail = bench.events.into_iter().skip(1);
    assert_eq!(Rollout::replay(tail).unwrap_err(), InvalidEvents::NoBeginning);
}

#[test]
fn a_run_that_ended_after_an_intention_observes_and_sends_nothing() {
    let mut bench = Bench::ready(&[23], later());
    bench.send(&[23]);
    assert_eq!(bench.next(), Action::Observe(id(23)));
    bench.rollout = replayed(&bench);
    bench.resume();
    bench.pass(Duration::from_secs(3600));
    assert_eq!(bench.next(), Action::Observe(id(23)));
    bench.observe(23, 1, 0);
    bench.assert_ends(&["Unknown"], RunOutcome::Unknown);
}

#[test]
fn a_run_that_ended_before_the_send_observes_again_and_sends() {
    let mut bench = Bench::ready(&[23, 24], later());
    bench.resume();
    bench.observe_all(&[23], 1, 0);
    assert_eq!(bench.next(), Action::Observe(id(24)));
    bench.observe(24, 2, 7);
    assert_eq!(bench.to_send(), [23]);
    assert_eq!(bench.outcomes(), ["-", "AlreadyReleased"]);
}

#[test]
fn open_packages_are_observed_again_and_others_stay() {
    let mut bench = Bench::accepted(&[23, 24], later());
    bench.observe_all(&[23], 2, 7);
    bench.apply(EventKind::OutOfTime);
    assert_eq!(bench.outcomes(), ["Succeeded", "StillRunning"]);
    bench.resume();
    assert_eq!(bench.outcomes(), ["Succeeded", "-"]);
    bench.observe_all(&[24], 2, 7);
    bench.assert_ends(&["Succeeded"; 2], RunOutcome::Successful);
}

#[test]
fn a_resumed_run_sends_the_rest_once_the_batch_in_flight_is_observed() {
    let all: Vec<u64> = (1..=250).collect();
    let mut bench = Bench::ready(&all, later());
    bench.send(&all[..100]);
    bench.resume();
    bench.list(all[..100].iter().map(|id| row(*id, 5)).collect());
    bench.observe_all(&all[100..200], 1, 0);
    bench.send(&all[100..200]);
}

#[test]
fn only_consent_sends_an_unknown_package_again_and_only_that_one() {
    let mut bench = Bench::unknown(&[23, 24]);
    bench.resume();
    bench.allow_resend(23);
    assert_eq!(bench.next(), Action::Observe(id(24)));
    bench.observe(24, 1, 0);
    assert_eq!(bench.outcomes(), ["-", "Unknown"]);
    bench.observe_all(&[23], 1, 0);
    bench.send_then(&[23], accepted(&[23]));
    bench.observe_all(&[23], 2, 7);
    assert_eq!(bench.outcomes(), ["Succeeded", "Unknown"]);
}

#[test]
fn a_package_that_has_moved_after_all_is_not_sent_again() {
    let mut bench = Bench::consented();
    bench.observe_all(&[23], 5, 0);
    bench.wait();
    bench.observe_all(&[23], 2, 7);
    assert_eq!(bench.outcomes(), ["Succeeded"]);
    let mut bench = Bench::consented();
    bench.observe_all(&[23], 2, 7);
    assert_eq!(bench.outcomes(), ["Succeeded"], "it was released since we sent it");
}

#[test]
fn a_second_request_that_had_no_effect_leaves_the_first_in_doubt() {
    let not_recorded = failed(SendError::NotRecorded("disk full".to_owned()));
    for outcome in [refused(403, "APIGW.0302"), refused(400, "DLF.20990"), not_recorded] {
        let mut bench = Bench::consented();
        bench.observe_all(&[23], 1, 0);
        bench.send_then(&[23], outcome);
        bench.assert_ends(&["Unknown"], RunOutcome::Unknown);
        assert!(bench.package(23).is_open());
    }
    let mut bench = Bench::consented();
    bench.observe_all(&[23], 1, 0);
    bench.apply(not_sent());
    bench.apply(EventKind::OutOfTime);
    assert_eq!(bench.outcomes(), ["Unknown"]);
}

#[test]
fn a_refused_second_request_leaves_the_first_unknown_and_stops_the_rest() {
    let options = later_with(|it| {
        it.in_order = true;
        it.keep_going = true;
    });
    let mut bench = Bench::ready(&[23, 24], options);
    bench.send(&[23]);
    bench.resume();
    bench.allow_resend(23);
    bench.observe_all(&[23], 1, 0);
    bench.send_then(&[23], refused(400, "DLF.20990"));
    assert_eq!(bench.outcomes(), ["Unknown", "NotSent RunStopped"]);
}

#[test]
fn a_package_that_must_not_be_sent_again_stays_unknown() {
    let mut bench = Bench::consented();
    bench.observe_as(23, detail_with(23, 1, 0, &[("job_23", 3, 15)]));
    assert_eq!(bench.outcomes(), ["Unknown"], "it deletes now");
}

#[test]
fn a_401_before_the_send_ends_the_watch_of_the_others_too() {
    let mut bench = Bench::unknown(&[23, 24]);
    bench.resume();
    bench.allow_resend(23);
    bench.observe_all(&[24], 5, 0);
    bench.fail_observation(23, observe_refused(401, "APIGW.0301"));
    assert_eq!(bench.next(), Action::Done);
    assert_eq!(bench.outcomes(), ["Unknown", "StillRunning"]);
}

#[test]
fn a_package_that_is_not_unknown_is_not_sent_again() {
    let mut bench = Bench::accepted(&[23], later());
    bench.resume();
    bench.allow_resend(23);
    assert_eq!(bench.next(), Action::Observe(id(23)));
    bench.observe(23, 1, 0);
    assert!(matches!(bench.next(), Action::Wait(_)));
}
