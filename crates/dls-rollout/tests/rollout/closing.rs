//! What keeps other runs away from a package, and how it is given up.

use std::time::Duration;

use dls_model::Timestamp;
use dls_rollout::{
    Action, Claim, Event, EventKind, InvalidEvents, NotSent, PackageOutcome, Rollout, RunOutcome,
    SendError,
};

use crate::bench::*;

/// A run in which this package was sent, accepted, and then not found any more.
fn gone(package: u64) -> Bench {
    let mut bench = Bench::accepted(&[package], later());
    for _ in 0..3 {
        not_found(&mut bench, package);
    }
    assert_eq!(bench.words(), ["gone"]);
    bench
}

fn not_found(bench: &mut Bench, package: u64) {
    if let Action::Wait(_) = bench.next() {
        bench.wait();
    }
    assert_eq!(bench.next(), Action::Observe(id(package)));
    let error = service_error(404, "DLF.0810");
    bench.fail_observation(package, dls_rollout::ObserveError::NotFound(error));
}

/// A run in which the service refused two packages at once, and no release of them was observed.
fn unproved() -> Bench {
    let mut bench = Bench::sent(&[23, 24], later(), refused(400, "DLF.20990"));
    bench.pass(Duration::from_secs(120));
    bench.observe_all(&[23, 24], 1, 0);
    bench
}

fn forget(bench: &mut Bench, package: u64) {
    bench.apply(EventKind::Forgotten {
        packages: vec![id(package)],
        by: "ops".to_owned(),
        no_fence: false,
    });
}

/// A run in which the answer for package 23 was lost, and somebody consents to another request.
fn consented() -> Bench {
    let mut bench = Bench::lost(&[23], later());
    bench.pass(Duration::from_secs(120));
    bench.observe(23, 1, 0);
    bench.resume();
    bench.apply(EventKind::ResendAllowed { packages: vec![id(23)], no_fence: false });
    bench
}

fn is_open(bench: &Bench, package: u64) -> bool {
    let packages = bench.report().packages;
    let report = packages.iter().find(|it| it.id == id(package));
    report.unwrap().is_open()
}

fn unsettled() -> Claim {
    let signed_at = Timestamp::from_millis(START).unwrap();
    Claim::Unsettled { signed_at, with_token: false }
}

#[test]
fn a_package_that_vanished_after_it_was_sent_stays_open() {
    let mut bench = gone(23);
    assert_eq!(bench.run_outcome(), RunOutcome::Unknown);
    assert!(is_open(&bench, 23));
    assert_eq!(bench.rollout.claim(id(23)), Some(unsettled()));
    bench.resume();
    assert_eq!(bench.words(), ["-"]);
    bench.observe_all(&[23], 2, 7);
    assert_eq!((bench.words(), bench.run_outcome()), (vec!["successful"], RunOutcome::Successful));
}

#[test]
fn a_package_that_vanished_and_came_back_as_it_was_is_unknown() {
    let mut bench = gone(23);
    bench.resume();
    bench.pass(Duration::from_secs(120));
    bench.observe_all(&[23], 1, 0);
    assert_eq!((bench.words(), bench.run_outcome()), (vec!["unknown"], RunOutcome::Unknown));
}

#[test]
fn a_package_that_vanished_before_it_was_sent_is_closed() {
    let mut bench = Bench::new(&[23], later());
    let error = service_error(404, "DLF.0810");
    bench.fail_observation(23, dls_rollout::ObserveError::NotFound(error));
    assert_eq!((bench.words(), bench.run_outcome()), (vec!["gone"], RunOutcome::Refused));
    assert!(!is_open(&bench, 23));
    assert_eq!(bench.rollout.claim(id(23)), Some(Claim::Settled));
}

#[test]
fn a_refusal_that_proves_nothing_stays_open_and_makes_the_run_unknown() {
    let mut bench = unproved();
    assert_eq!(bench.words(), ["refused", "refused"]);
    assert_eq!(bench.run_outcome(), RunOutcome::Unknown);
    assert!(is_open(&bench, 23) && is_open(&bench, 24));
    bench.resume();
    bench.observe_all(&[23], 2, 7);
    bench.observe_all(&[24], 1, 0);
    assert_eq!(bench.words(), ["successful", "refused"]);
}

#[test]
fn a_refusal_that_is_proved_is_closed() {
    let bench = Bench::sent(&[23], later(), refused(400, "DLF.20990"));
    assert_eq!(bench.words(), ["refused"]);
    assert!(!is_open(&bench, 23));
    assert_ne!(bench.run_outcome(), RunOutcome::Unknown);
}

#[test]
fn a_package_that_is_given_up_is_claimed_no_longer_and_keeps_its_outcome() {
    let mut lost = Bench::lost(&[23], later());
    lost.pass(Duration::from_secs(120));
    lost.observe(23, 1, 0);
    for (mut bench, word) in [(lost, "unknown"), (gone(23), "gone"), (unproved(), "refused")] {
        assert!(is_open(&bench, 23));
        forget(&mut bench, 23);
        assert!(!is_open(&bench, 23), "{word}");
        assert_eq!((bench.words()[0], bench.run_outcome()), (word, RunOutcome::Unknown));
        assert_eq!(bench.rollout.claim(id(23)), Some(Claim::Settled));
        let report = bench.report().packages.remove(0);
        assert_eq!(report.forgotten.unwrap().by, "ops");
        // It stays so, whoever takes the run up again.
        bench.resume();
        assert_eq!(bench.words()[0], word);
    }
}

#[test]
fn what_is_given_up_in_doubt_is_unknown_and_what_was_never_sent_is_not_sent() {
    let mut bench = Bench::lost(&[23], later());
    bench.resume();
    forget(&mut bench, 23);
    assert_eq!((bench.next(), bench.words()), (Action::Done, vec!["unknown"]));

    let mut bench = Bench::ready(&[23], later());
    assert_eq!(bench.rollout.claim(id(23)), Some(Claim::NeverSent));
    forget(&mut bench, 23);
    let why = NotSent::Left("given up by ops".to_owned());
    assert_eq!(bench.not_sent(23), why);
    assert_eq!(bench.next(), Action::Done);
}

#[test]
fn an_accepted_package_is_under_way_and_cannot_be_given_up() {
    let mut bench = Bench::accepted(&[23], later());
    assert_eq!(bench.rollout.claim(id(23)), Some(Claim::UnderWay));
    bench.apply(EventKind::OutOfTime);
    assert_eq!(bench.words(), ["pending"]);
    assert_eq!(bench.rollout.claim(id(23)), Some(Claim::UnderWay));
    let given_up =
        EventKind::Forgotten { packages: vec![id(23)], by: "ops".to_owned(), no_fence: false };
    let at = bench.events.last().unwrap().at;
    let given_up = Event::new(at, given_up);
    bench.rollout.apply(given_up.clone());
    assert!(is_open(&bench, 23), "it is claimed all the same");
    let record = bench.events.iter().cloned().chain([given_up]);
    let refused = Rollout::replay(record).unwrap_err();
    assert!(matches!(refused, InvalidEvents::Misplaced { .. }));
}

#[test]
fn a_consented_package_is_gone_only_when_it_was_not_found_three_times_and_stays_open() {
    let mut bench = consented();
    for _ in 0..2 {
        not_found(&mut bench, 23);
        assert_eq!(bench.words(), ["-"]);
    }
    not_found(&mut bench, 23);
    assert_eq!(bench.outcome(23), Some(PackageOutcome::Gone { sent: true }));
    assert!(is_open(&bench, 23));
}

#[test]
fn a_consented_package_that_is_found_released_was_released_since_we_sent_it() {
    let mut bench = consented();
    bench.observe_all(&[23], 2, 7);
    assert_eq!(bench.words(), ["successful"]);
}

#[test]
fn the_latest_signature_counts_also_after_a_request_that_was_not_sent() {
    let mut bench = consented();
    bench.observe(23, 1, 0);
    bench.send(&[23]);
    bench.apply(lost());
    let signed_at = Timestamp::from_millis(START + 120_000).unwrap();
    let claim = Claim::Unsettled { signed_at, with_token: false };
    assert_eq!(bench.rollout.claim(id(23)), Some(claim));
    assert_eq!(bench.report().packages[0].signed_at, Some(signed_at));
}

#[test]
fn after_consent_a_request_that_is_proved_unsent_leaves_the_first_one_unknown() {
    let mut bench = consented();
    bench.observe(23, 1, 0);
    bench.send(&[23]);
    bench.apply(failed(SendError::NotRecorded("disk full".to_owned())));
    assert_eq!((bench.words(), bench.run_outcome()), (vec!["unknown"], RunOutcome::Unknown));
    assert!(is_open(&bench, 23));
}
