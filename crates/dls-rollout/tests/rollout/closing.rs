//! What keeps other runs away from a package, and how it is given up.

use dls_model::Timestamp;
use dls_rollout::{
    Action, Claim, EventKind, InvalidEvents, NotSent, PackageOutcome, Rollout, RunOutcome,
};

use crate::bench::*;

/// A run in which this package was sent, accepted, and then not found any more.
fn gone(package: u64) -> Bench {
    let mut bench = Bench::accepted(&[package], later());
    for _ in 0..3 {
        miss(&mut bench, package);
    }
    assert_eq!(bench.outcomes(), ["Gone"]);
    bench
}

/// The package is observed, perhaps after a pause, and not found.
fn miss(bench: &mut Bench, package: u64) {
    if let Action::Wait(_) = bench.next() {
        bench.wait();
    }
    assert_eq!(bench.next(), Action::Observe(id(package)));
    bench.fail_observation(package, not_found());
}

/// A run in which the service refused two packages at once, and no release of them was observed.
fn unproved() -> Bench {
    let mut bench = Bench::sent(&[23, 24], later(), refused(400, "DLF.20990"));
    bench.pass(GRACE);
    bench.observe_all(&[23, 24], 1, 0);
    bench
}

fn forgotten(package: u64) -> EventKind {
    EventKind::Forgotten { packages: vec![id(package)], by: "ops".to_owned(), no_fence: false }
}

/// What the run has to do with package 23, and whether it is open.
fn claim(bench: &Bench) -> (Claim, bool) {
    (bench.rollout.claim(id(23)).unwrap(), bench.package(23).is_open())
}

fn unsettled_since(signed_at: i64) -> Claim {
    let signed_at = Timestamp::from_millis(signed_at).unwrap();
    Claim::Unsettled { signed_at, with_token: false }
}

#[test]
fn a_package_that_vanished_after_it_was_sent_or_is_unknown_stays_open_and_is_observed_once_more() {
    let (succeeded, unknown) = (RunOutcome::Successful, RunOutcome::Unknown);
    for (mut bench, status, outcome, run) in [
        (gone(23), 2, "Succeeded", succeeded),
        (gone(23), 1, "Unknown", unknown),
        (Bench::unknown(&[23]), 2, "Succeeded", succeeded),
        (Bench::unknown(&[23]), 1, "Unknown", unknown),
    ] {
        assert_eq!(bench.run_outcome(), unknown);
        assert_eq!(claim(&bench), (unsettled_since(START), true));
        bench.resume();
        assert_eq!(bench.outcomes(), ["-"]);
        bench.pass(GRACE);
        bench.observe_all(&[23], status, 0);
        bench.assert_ends(&[outcome], run);
    }
}

#[test]
fn a_package_that_vanished_before_it_was_sent_or_was_refused_with_proof_is_closed() {
    let mut vanished = Bench::new(&[23], later());
    vanished.fail_observation(23, not_found());
    let refused = Bench::sent(&[23], later(), refused(400, "DLF.20990"));
    for (bench, outcome) in [(vanished, "Gone"), (refused, "Refused")] {
        bench.assert_ends(&[outcome], RunOutcome::Refused);
        assert_eq!(claim(&bench), (Claim::Settled, false));
    }
}

#[test]
fn a_package_that_is_given_up_is_claimed_no_longer_and_keeps_its_outcome() {
    let unknown = Bench::unknown(&[23]);
    for (mut bench, outcome) in [(unknown, "Unknown"), (gone(23), "Gone"), (unproved(), "Refused")]
    {
        assert!(bench.package(23).is_open());
        bench.apply(forgotten(23));
        assert_eq!(bench.outcomes()[0], outcome);
        assert_eq!(bench.run_outcome(), RunOutcome::Unknown);
        assert_eq!(claim(&bench), (Claim::Settled, false), "{outcome}");
        assert_eq!(bench.package(23).forgotten.unwrap().by, "ops");
        // It stays so, whoever takes the run up again.
        bench.resume();
        assert_eq!(bench.outcomes()[0], outcome);
    }
}

#[test]
fn what_is_given_up_in_doubt_is_unknown_and_what_was_never_sent_is_not_sent() {
    let mut bench = Bench::lost(&[23], later());
    bench.resume();
    bench.apply(forgotten(23));
    assert_eq!(bench.next(), Action::Done);
    assert_eq!(bench.outcomes(), ["Unknown"]);

    let mut bench = Bench::ready(&[23], later());
    assert_eq!(claim(&bench), (Claim::NeverSent, true));
    bench.apply(forgotten(23));
    let why = NotSent::Left("given up by ops".to_owned());
    assert_eq!(bench.package(23).outcome, Some(PackageOutcome::NotSent(why)));
    assert_eq!(bench.next(), Action::Done);
}

#[test]
fn an_accepted_package_is_under_way_and_cannot_be_given_up() {
    let mut bench = Bench::accepted(&[23], later());
    assert_eq!(claim(&bench), (Claim::UnderWay, true));
    bench.apply(EventKind::OutOfTime);
    assert_eq!(bench.outcomes(), ["StillRunning"]);
    assert_eq!(claim(&bench), (Claim::UnderWay, true));
    bench.apply(forgotten(23));
    assert_eq!(claim(&bench), (Claim::UnderWay, true));
    let refused = Rollout::replay(bench.events).unwrap_err();
    assert!(matches!(refused, InvalidEvents::Misplaced { .. }));
}

#[test]
fn a_consented_package_is_gone_only_when_it_was_not_found_three_times_and_stays_open() {
    let mut bench = Bench::consented();
    for _ in 0..2 {
        miss(&mut bench, 23);
        assert_eq!(bench.outcomes(), ["-"]);
    }
    miss(&mut bench, 23);
    assert_eq!(bench.package(23).outcome, Some(PackageOutcome::Gone { sent: true }));
    assert!(bench.package(23).is_open());
}

#[test]
fn a_claim_says_when_the_latest_request_was_signed() {
    let mut bench = Bench::consented();
    bench.observe(23, 1, 0);
    bench.send_then(&[23], lost());
    assert_eq!(claim(&bench), (unsettled_since(START + 120_000), true));
    assert_eq!(bench.package(23).signed_at.unwrap().as_millis(), START + 120_000);
}
