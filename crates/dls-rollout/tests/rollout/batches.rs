//! More packages than a request may name.

use std::time::Duration;

use dls_rollout::{Action, EventKind, Options, RunOutcome};

use crate::bench::*;

/// 250 packages, which take three requests.
fn many() -> Vec<u64> {
    (1..=250).collect()
}

/// Many packages, of which the first batch was sent, and this came of it.
fn first_sent(options: Options, outcome: EventKind) -> Bench {
    let all = many();
    let mut bench = Bench::ready(&all, options);
    bench.send_then(&all[..100], outcome);
    bench
}

#[test]
fn the_next_batch_is_sent_once_the_last_one_is_accepted() {
    let all = many();
    let mut bench = Bench::ready(&all, later());
    for batch in all.chunks(100) {
        bench.send_then(batch, accepted(batch));
    }
    assert!(matches!(bench.next(), Action::List(_)));
    assert!(bench.report().packages.iter().all(|it| it.ours));
}

#[test]
fn the_next_batch_waits_while_one_is_in_doubt() {
    let all = many();
    let mut bench = first_sent(later(), lost());
    let rows = |status| all[..100].iter().map(|id| row(*id, status)).collect();
    bench.list(rows(1));
    bench.wait();
    bench.list(rows(5));
    bench.send(&all[100..200]);
}

#[test]
fn an_unknown_batch_stops_the_rest_even_if_told_to_keep_going() {
    let mut bench = first_sent(later_with(|it| it.keep_going = true), lost());
    bench.drive(|bench| bench.list(many()[..100].iter().map(|id| row(*id, 1)).collect()));
    bench.assert_ends(
        &[["Unknown"; 100].as_slice(), &["NotSent RunStopped"; 150]].concat(),
        RunOutcome::Unknown,
    );
}

#[test]
fn a_refused_batch_stops_the_rest_unless_told_to_keep_going() {
    for (keep_going, next) in [(false, "NotSent RunStopped"), (true, "-")] {
        let options = later_with(|it| it.keep_going = keep_going);
        let mut bench = first_sent(options, refused(400, "APIGW.0201"));
        assert_eq!(bench.outcomes()[100], next);
        if keep_going {
            bench.send(&many()[100..200]);
        }
    }
}

#[test]
fn a_batch_that_could_not_be_sent_stops_the_rest_and_the_first_goes_on() {
    let all = many();
    let mut bench = first_sent(later(), accepted(&all[..100]));
    for _ in 0..3 {
        bench.send_then(&all[100..200], not_sent());
        if matches!(bench.next(), Action::Wait(_)) {
            bench.wait();
        }
    }
    let outcomes = [0, 100, 200].map(|index| bench.outcomes()[index].clone());
    assert_eq!(outcomes, ["-", "NotSent Unreachable", "NotSent RunStopped"]);
    assert!(matches!(bench.next(), Action::List(_)));
}

#[test]
fn in_order_each_package_waits_for_the_one_before() {
    let mut bench = Bench::ready(&[61, 62, 63], later_with(|it| it.in_order = true));
    bench.send_then(&[61], accepted(&[61]));
    bench.observe_all(&[61], 5, 0);
    bench.wait();
    bench.observe_all(&[61], 2, 7);
    bench.send_then(&[62], accepted(&[62]));
    bench.observe_all(&[62], 3, 7);
    assert_eq!(bench.next(), Action::Done);
    bench.assert_ends(&["Succeeded", "Failed", "NotSent RunStopped"], RunOutcome::Partial);
}

#[test]
fn in_order_a_package_is_observed_again_if_the_one_before_took_long() {
    let mut bench = Bench::ready(&[61, 62], later_with(|it| it.in_order = true));
    bench.send_then(&[61], accepted(&[61]));
    bench.pass(Duration::from_secs(600));
    bench.observe(61, 2, 7);
    assert_eq!(bench.next(), Action::Observe(id(62)));
    bench.observe(62, 2, 8);
    assert_eq!(bench.outcomes(), ["Succeeded", "AlreadyReleased"]);
}

#[test]
fn when_time_is_over_unsent_batches_are_not_sent() {
    let mut bench = first_sent(later(), accepted(&many()[..100]));
    bench.apply(EventKind::OutOfTime);
    assert_eq!(bench.outcomes()[100], "NotSent OutOfTime");
    assert_eq!(bench.run_outcome(), RunOutcome::Pending);
}
