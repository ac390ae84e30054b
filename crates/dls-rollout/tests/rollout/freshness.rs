//! How old an observation may be when the request that rests on it is written.

use std::time::Duration;

use dls_rollout::{Action, EventKind};

use crate::bench::*;

const MINUTE: Duration = Duration::from_secs(60);

/// Makes the observation that is asked for, which takes so long.
fn observe(bench: &mut Bench, takes: Duration) {
    let Action::Observe(package) = bench.next() else {
        panic!("{:?}", bench.next());
    };
    bench.pass(takes);
    bench.observe(package.as_u64(), 1, 0);
}

#[test]
fn the_first_batch_is_sent_on_fresh_observations_even_if_observing_all_took_long() {
    let all: Vec<u64> = (1..=250).collect();
    let mut bench = Bench::new(&all, later());
    for _ in &all {
        observe(&mut bench, Duration::from_millis(500));
    }
    assert_eq!(bench.next(), Action::Observe(id(1)), "125 s old");
    while matches!(bench.next(), Action::Observe(_)) {
        observe(&mut bench, Duration::from_millis(500));
    }
    assert_eq!(bench.to_send(), all[..100]);
}

#[test]
fn a_batch_is_the_longest_prefix_that_is_fresh_and_every_turn_ends_with_a_request() {
    let all: Vec<u64> = (1..=5).collect();
    let mut bench = Bench::new(&all, later());
    for _ in &all {
        observe(&mut bench, MINUTE / 2);
    }
    // The third observation is a minute old when the fifth is over; the first one is taken again.
    assert_eq!(bench.next(), Action::Observe(id(1)));
    let mut sent = Vec::new();
    for _ in 0..60 {
        match bench.next() {
            Action::Observe(_) => observe(&mut bench, MINUTE / 2),
            Action::Deploy { .. } => {
                let batch = bench.to_send();
                bench.send_then(&batch, accepted(&batch));
                sent.extend(batch);
            }
            _ => break,
        }
    }
    assert_eq!(sent, all);
}

#[test]
fn a_request_is_fresh_until_a_minute_after_its_oldest_observation_was_begun() {
    let mut bench = Bench::new(&[23, 24], later());
    let started_at = bench.events[0].at;
    bench.pass(MINUTE / 2);
    let slow = bench.rollout.observed(id(23), started_at, detail(23, 1, 0));
    bench.apply(slow);
    observe(&mut bench, MINUTE / 2);
    let (_, fresh_until) = bench.next_request();
    assert_eq!(fresh_until.as_millis(), START + 60_000);
}

#[test]
fn a_request_that_came_too_late_after_its_intention_is_sent_on_new_observations() {
    let mut bench = Bench::ready(&[23], later());
    bench.pass(MINUTE + Duration::from_secs(1));
    bench.send_then(&[23], not_sent());
    bench.wait();
    assert_eq!(bench.next(), Action::Observe(id(23)));
    bench.observe(23, 1, 0);
    assert_eq!(bench.to_send(), [23]);
}

#[test]
fn an_observation_ages_with_the_time_of_any_event() {
    let mut bench = Bench::new(&[23, 24], later());
    observe(&mut bench, Duration::ZERO);
    bench.pass(MINUTE * 2);
    bench.fail_observation(24, unavailable());
    bench.apply(EventKind::Waited);
    observe(&mut bench, Duration::ZERO);
    assert_eq!(bench.next(), Action::Observe(id(23)));
}
