//! More packages than a request may name.

use std::time::Duration;

use dls_rollout::{Action, EventKind, NotSent, RunOutcome};

use crate::bench::*;

fn many() -> Vec<u64> {
    (1..=250).collect()
}

#[test]
fn the_next_batch_is_sent_once_the_last_one_is_accepted() {
    let all = many();
    let mut bench = Bench::ready(&all, later());
    for batch in all.chunks(100) {
        bench.send(batch);
        bench.apply(accepted(batch));
    }
    assert!(matches!(bench.next(), Action::List(_)));
    assert!(bench.report().packages.iter().all(|it| it.ours));
}

#[test]
fn the_next_batch_waits_while_one_is_in_doubt() {
    let all = many();
    let mut bench = Bench::first_lost(&all, later());
    let rows = |status| all[..100].iter().map(|id| row(*id, status)).collect();
    bench.list(rows(1));
    bench.wait();
    bench.list(rows(5));
    bench.send(&all[100..200]);
}

impl Bench {
    /// All was observed, and the answer to the first batch was lost.
    fn first_lost(all: &[u64], options: dls_rollout::Options) -> Self {
        let mut bench = Self::ready(all, options);
        bench.send(&all[..100]);
        bench.apply(lost());
        bench
    }
}

#[test]
fn an_unknown_batch_stops_the_rest_even_if_told_to_keep_going() {
    let all = many();
    let mut bench = Bench::first_lost(&all, later_with(|it| it.keep_going = true));
    bench.pass(Duration::from_secs(120));
    bench.list(all[..100].iter().map(|id| row(*id, 1)).collect());
    assert_eq!(bench.next(), Action::Done);
    let words = bench.words();
    assert!(words[..100].iter().all(|it| *it == "unknown"));
    assert!(words[100..].iter().all(|it| *it == "not-sent"));
    assert!(matches!(bench.not_sent(101), NotSent::RunStopped));
    assert_eq!(bench.run_outcome(), RunOutcome::Unknown);
}

#[test]
fn a_refused_batch_stops_the_rest_unless_told_to_keep_going() {
    let all = many();
    for (keep_going, word) in [(false, "not-sent"), (true, "-")] {
        let mut bench = Bench::ready(&all, later_with(|it| it.keep_going = keep_going));
        bench.send(&all[..100]);
        bench.apply(refused(400, "APIGW.0201"));
        assert_eq!(bench.words()[100], word);
        if keep_going {
            bench.send(&all[100..200]);
        }
    }
}

#[test]
fn a_batch_that_could_not_be_sent_stops_the_rest_and_the_first_goes_on() {
    let all = many();
    let mut bench = Bench::ready(&all, later());
    bench.send(&all[..100]);
    bench.apply(accepted(&all[..100]));
    for _ in 0..3 {
        bench.send(&all[100..200]);
        bench.apply(not_sent());
        if matches!(bench.next(), Action::Wait(_)) {
            bench.wait();
        }
    }
    let words = bench.words();
    assert_eq!((words[0], words[100], words[200]), ("-", "not-sent", "not-sent"));
    assert!(matches!(bench.not_sent(101), NotSent::Unreachable(_)));
    assert!(matches!(bench.not_sent(201), NotSent::RunStopped));
    assert!(matches!(bench.next(), Action::List(_)));
}

#[test]
fn in_order_each_package_waits_for_the_one_before() {
    let mut bench = Bench::ready(&[61, 62, 63], later_with(|it| it.in_order = true));
    bench.send(&[61]);
    bench.apply(accepted(&[61]));
    bench.observe_all(&[61], 5, 0);
    bench.wait();
    bench.observe_all(&[61], 2, 7);
    bench.send(&[62]);
    bench.apply(accepted(&[62]));
    bench.observe_all(&[62], 3, 7);
    assert_eq!(bench.next(), Action::Done);
    assert_eq!(bench.words(), ["successful", "failed", "not-sent"]);
    assert_eq!(bench.run_outcome(), RunOutcome::Partial);
}

#[test]
fn in_order_a_package_is_observed_again_if_the_one_before_took_long() {
    let mut bench = Bench::ready(&[61, 62], later_with(|it| it.in_order = true));
    bench.send(&[61]);
    bench.apply(accepted(&[61]));
    bench.pass(Duration::from_secs(600));
    bench.observe(61, 2, 7);
    assert_eq!(bench.next(), Action::Observe(id(62)));
    bench.observe(62, 2, 8);
    assert_eq!(bench.words(), ["successful", "already-released"]);
}

#[test]
fn when_time_is_over_unsent_batches_are_not_sent() {
    let all = many();
    let mut bench = Bench::ready(&all, later());
    bench.send(&all[..100]);
    bench.apply(accepted(&all[..100]));
    bench.apply(EventKind::OutOfTime);
    assert!(matches!(bench.not_sent(101), NotSent::OutOfTime));
    assert_eq!(bench.run_outcome(), RunOutcome::Pending);
}
