//! How old an observation may be when the request that rests on it is written.

use std::time::Duration;

use dls_model::Timestamp;
use dls_rollout::{Action, EventKind};

use crate::bench::*;

const MINUTE: Duration = Duration::from_secs(60);

/// Answers the look that is asked for; each takes so long.
fn look(bench: &mut Bench, takes: Duration) {
    let Action::Observe(package) = bench.next() else {
        panic!("{:?}", bench.next());
    };
    bench.pass(takes);
    bench.see(package.as_u64(), 1, 0);
}

#[test]
fn the_first_batch_goes_out_on_fresh_looks_even_if_looking_at_all_packages_took_long() {
    let all: Vec<u64> = (1..=250).collect();
    let mut bench = Bench::new(&all, later());
    for _ in &all {
        look(&mut bench, Duration::from_millis(500));
    }
    assert_eq!(bench.next(), Action::Observe(id(1)), "125 s old");
    while matches!(bench.next(), Action::Observe(_)) {
        look(&mut bench, Duration::from_millis(500));
    }
    assert_eq!(bench.to_send(), all[..100]);
}

#[test]
fn a_batch_is_the_longest_prefix_that_is_fresh_and_every_turn_ends_with_a_request() {
    let all: Vec<u64> = (1..=5).collect();
    let mut bench = Bench::new(&all, later());
    for _ in &all {
        look(&mut bench, MINUTE / 2);
    }
    // The third look is a minute old when the fifth is over; the first one is taken again.
    assert_eq!(bench.next(), Action::Observe(id(1)));
    let mut sent = Vec::new();
    for _ in 0..60 {
        match bench.next() {
            Action::Observe(_) => look(&mut bench, MINUTE / 2),
            Action::Deploy { .. } => {
                let batch = bench.to_send();
                bench.send(&batch);
                bench.apply(accepted(&batch));
                sent.extend(batch);
            }
            _ => break,
        }
        if sent.len() == all.len() {
            break;
        }
    }
    assert_eq!(sent, all);
}

#[test]
fn a_request_says_until_when_its_oldest_look_is_fresh() {
    let mut bench = Bench::new(&[23, 24], later());
    look(&mut bench, Duration::ZERO);
    look(&mut bench, MINUTE / 2);
    match bench.next() {
        Action::Deploy { fresh_until, .. } => assert_eq!(fresh_until.as_millis(), START + 60_000),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_request_that_came_too_late_after_its_intention_goes_out_on_new_looks() {
    let mut bench = Bench::ready(&[23], later());
    bench.pass(MINUTE + Duration::from_secs(1));
    bench.send(&[23]);
    bench.apply(not_sent());
    bench.rest();
    assert_eq!(bench.next(), Action::Observe(id(23)));
    bench.see(23, 1, 0);
    assert_eq!(bench.to_send(), [23]);
}

#[test]
fn a_look_grows_old_with_the_time_of_the_events_whatever_they_are() {
    let mut bench = Bench::new(&[23, 24], later());
    look(&mut bench, Duration::ZERO);
    bench.pass(MINUTE * 2);
    bench.fail_look(24, unavailable());
    bench.apply(EventKind::Waited);
    look(&mut bench, Duration::ZERO);
    assert_eq!(bench.next(), Action::Observe(id(23)));
}

#[test]
fn a_look_is_as_old_as_its_request_however_long_its_answer_took() {
    let mut bench = Bench::new(&[23], later());
    let spec = Timestamp::from_millis(START).unwrap();
    bench.pass(MINUTE / 2);
    let what = bench.rollout.observed(id(23), detail(23, 1, 0));
    bench.apply(what.with_began_at(spec));
    match bench.next() {
        Action::Deploy { fresh_until, .. } => assert_eq!(fresh_until.as_millis(), START + 60_000),
        other => panic!("{other:?}"),
    }
}
