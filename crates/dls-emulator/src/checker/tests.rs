//! For each promise histories that break it, and ones that keep it.

use dls_model::Timestamp;

use super::ViolationKind::*;
use super::*;
use crate::ledger::LedgerRelease;

const START: i64 = 1_764_000_000_000;

fn at(millis: i64) -> SystemTime {
    Timestamp::from_millis(START + millis).unwrap().into()
}

fn release(
    by: Initiator,
    outcome: Option<&'static str>,
    accepted: i64,
    finished: i64,
) -> LedgerRelease {
    LedgerRelease {
        package_id: "23".to_owned(),
        accepted_ms: START + accepted,
        by,
        outcome,
        finished_ms: outcome.map(|_| START + finished),
        ..LedgerRelease::default()
    }
}

fn request() -> LedgerRequest {
    LedgerRequest { packages: vec!["23".to_owned()], at_ms: START, ..LedgerRequest::default() }
}

fn request_at(millis: i64) -> LedgerRequest {
    LedgerRequest { at_ms: START + millis, ..request() }
}

fn answered(status: u16, code: Option<&'static str>) -> LedgerRequest {
    LedgerRequest { answered: true, status: Some(status), error_code: code, ..request() }
}

fn sends(times: &[i64]) -> Vec<Sent> {
    let sent = |time: &i64| Sent { packages: vec!["23".to_owned()], at: at(*time) };
    times.iter().map(sent).collect()
}

fn consent(kind: ConsentKind, millis: i64) -> Consent {
    Consent { package: "23".to_owned(), at: at(millis), kind }
}

/// A run that reports this outcome of package 23 after five seconds.
fn said(outcome: &str) -> History {
    let claim = Claim { package: "23".to_owned(), outcome: outcome.to_owned(), at: at(5000) };
    History {
        started_at: at(0),
        ids: vec!["23".to_owned()],
        claims: vec![claim],
        ..History::default()
    }
}

/// A run of requests that were written then, of which these arrive.
fn sent(times: &[i64], consents: &[Consent], requests: Vec<LedgerRequest>) -> History {
    let mut history = said("unknown");
    history.sends = sends(times);
    history.consents = consents.to_vec();
    history.ledger.requests = requests;
    history
}

fn broken(history: &History) -> Vec<ViolationKind> {
    let broken = check(history).into_iter();
    let kinds = broken.map(|it| {
        assert_eq!(it.to_string().lines().count(), 1, "{it}");
        it.kind
    });
    kinds.collect()
}

#[test]
fn a_run_that_keeps_every_promise_passes() {
    let mut history = said("successful");
    history.ledger.releases = vec![release(Initiator::Client, Some("succeeded"), 0, 4000)];
    history.sends = sends(&[0]);
    history.ledger.requests = vec![request()];
    history.elapsed = Duration::from_secs(61);
    history.limit = Duration::from_secs(60);
    history.texts = vec!["all is well".to_owned()];
    history.secrets = vec!["s3cret".to_owned(), String::new()];
    assert_eq!(check(&history), []);
    assert_eq!(check(&said("unknown")), []);
}

#[test]
fn a_package_is_named_once_unless_the_gateway_threw_it_away() {
    assert_eq!(broken(&sent(&[0, 100], &[], vec![])), [SentAgain]);
    for (code, answered, fault, expected) in [
        (Some(THROTTLED), true, None, vec![]),
        (Some(THROTTLED), false, Some("drip"), vec![]),
        (None, false, Some("throttle"), vec![]),
        (Some(THROTTLED), false, Some("reset"), vec![SentAgain]),
        (Some("DLF.20990"), true, None, vec![SentAgain]),
        (None, false, Some("status"), vec![SentAgain]),
        (None, false, Some("partly-done"), vec![SentAgain]),
        (None, false, Some("nested-code"), vec![SentAgain]),
    ] {
        let faults = fault.into_iter().map(str::to_owned).collect();
        let first = LedgerRequest { error_code: code, answered, faults, ..request() };
        let both = vec![first.clone(), request_at(100)];
        assert_eq!(broken(&sent(&[0, 100], &[], both)), expected, "{first:?}");
        // It says nothing of a request before it.
        let later = LedgerRequest { at_ms: START + 100, ..first.clone() };
        let both = vec![request(), later];
        assert_eq!(broken(&sent(&[0, 100], &[], both)), [SentAgain], "{first:?}");
    }
}

#[test]
fn a_consent_covers_one_request_that_comes_later_and_no_second_one() {
    let resend = |at| consent(ConsentKind::Resend, at);
    for (times, consents, expected) in [
        (&[0, 200][..], vec![resend(100)], vec![]),
        (&[0, 100], vec![resend(200)], vec![SentAgain]),
        (&[0, 200, 300], vec![resend(100)], vec![SentAgain]),
        (&[0, 200, 300], vec![resend(100), resend(250)], vec![]),
        (&[0, 200], vec![Consent { package: "24".to_owned(), ..resend(100) }], vec![SentAgain]),
    ] {
        assert_eq!(broken(&sent(times, &consents, vec![])), expected, "{times:?} {consents:?}");
    }
    let sixteen: Vec<i64> = (0..16).map(|number| number * 100).collect();
    let violations = check(&sent(&sixteen, &[resend(50)], vec![]));
    let expected = "package 23 was sent again 14 times without consent";
    assert_eq!(violations.iter().map(ToString::to_string).collect::<Vec<_>>(), [expected]);
}

#[test]
fn another_run_may_send_what_is_settled() {
    let failed = |by, accepted, end| vec![release(by, Some("failed"), accepted, end)];
    let refused = answered(400, Some("DLF.0810"));
    let of_two = vec!["23".to_owned(), "24".to_owned()];
    for (why, request, releases, is_settled) in [
        ("refused by the service", refused.clone(), vec![], true),
        ("refused by the gateway", answered(401, Some("APIGW.0301")), vec![], true),
        ("no refusal", answered(502, Some("APIGW.0202")), vec![], false),
        ("accepted", answered(200, None), vec![], false),
        ("lost", LedgerRequest { answered: false, ..refused.clone() }, vec![], false),
        ("of two packages", LedgerRequest { packages: of_two, ..refused.clone() }, vec![], false),
        ("still on its way", request_at(5500), vec![], false),
        ("its release ended", request(), failed(Initiator::Client, 10, 4000), true),
        ("it ended after the consent", request(), failed(Initiator::Client, 10, 5500), false),
        ("one before it ended", request(), failed(Initiator::Client, -20, -10), false),
        (
            "it was being released, which ended",
            request(),
            failed(Initiator::Other, -20, 4000),
            true,
        ),
    ] {
        let mut history = sent(&[0, 6000], &[consent(ConsentKind::NewRun, 5000)], vec![request]);
        history.ledger.releases = releases;
        assert_eq!(!broken(&history).contains(&SentAgain), is_settled, "{why}");
    }
    // A run that sends nothing saves no right for later.
    let runs = [100, 200, 300].map(|at| consent(ConsentKind::NewRun, at));
    assert_eq!(broken(&sent(&[0, 400, 500], &runs, vec![refused])), [SentAgain]);
}

#[test]
fn a_client_cannot_hide_what_arrived() {
    let copy = LedgerRequest { by: Initiator::Copy, ..request() };
    assert_eq!(broken(&sent(&[0], &[], vec![request(), request()])), [UnreportedRequest]);
    assert_eq!(broken(&sent(&[0], &[], vec![request(), copy.clone()])), [], "not the client's");
    assert_eq!(broken(&sent(&[], &[], vec![request(), copy])), [UnreportedRequest]);
}

#[test]
fn an_outcome_agrees_with_the_releases() {
    use Initiator::{Client, Copy, Other};
    let (ok, bad) = (Some("succeeded"), Some("failed"));
    let of_24 = LedgerRelease { package_id: "24".to_owned(), ..release(Client, ok, 0, 2000) };
    let not_accepted = ["not-sent", "refused", "already-released"];
    let accepted = ["accepted", "pending"];
    let failed = release(Client, bad, 0, 2000);
    for (outcomes, releases, expected) in [
        // A success had succeeded by then and since the start.
        (&["successful"][..], vec![], vec![FalseSuccess]),
        (&["successful"], vec![release(Client, None, 0, 0)], vec![FalseSuccess]),
        (&["successful"], vec![release(Client, bad, 0, 2000)], vec![FalseSuccess]),
        (&["successful"], vec![release(Client, ok, 0, 5001)], vec![FalseSuccess]),
        (&["successful"], vec![release(Client, ok, -9000, -1)], vec![FalseSuccess]),
        (&["successful"], vec![of_24], vec![FalseSuccess]),
        (&["successful"], vec![release(Client, ok, 0, 5000)], vec![]),
        (&["successful"], vec![release(Other, ok, 0, 2000)], vec![]),
        (&["successful"], vec![release(Copy, ok, -1, 0)], vec![]),
        // A failure had failed, and nothing later had succeeded.
        (&["failed"], vec![], vec![FalseFailure]),
        (&["failed"], vec![release(Client, ok, 0, 2000)], vec![FalseFailure]),
        (&["failed"], vec![release(Client, bad, 0, 5001)], vec![FalseFailure]),
        (&["failed"], vec![release(Client, bad, -9000, -1)], vec![FalseFailure]),
        (&["failed"], vec![failed.clone(), release(Other, ok, 0, 3000)], vec![FalseFailure]),
        (&["failed"], vec![failed.clone()], vec![]),
        (&["failed"], vec![release(Client, ok, 0, 1000), failed.clone()], vec![]),
        (&["failed"], vec![failed, release(Other, ok, 0, 9000)], vec![]),
        // What was not accepted is never released by the client later.
        (&not_accepted, vec![release(Client, None, 0, 0)], vec![FalseRefusal]),
        (&not_accepted, vec![release(Copy, bad, 900_000, 901_000)], vec![FalseRefusal]),
        (&not_accepted, vec![release(Other, ok, 0, 2000)], vec![]),
        (&not_accepted, vec![release(Client, ok, -5000, -2000)], vec![]),
        // What is accepted or pending was released by then.
        (&accepted, vec![], vec![FalseAcceptance]),
        (&accepted, vec![release(Client, None, 5001, 0)], vec![FalseAcceptance]),
        (&accepted, vec![release(Client, None, 0, 0)], vec![]),
        (&accepted, vec![release(Other, None, 5000, 0)], vec![]),
    ] {
        for outcome in outcomes {
            let mut history = said(outcome);
            history.ledger.releases.clone_from(&releases);
            assert_eq!(broken(&history), expected, "{outcome} {releases:?}");
        }
    }
}

#[test]
fn a_copy_of_a_refused_request_is_not_held_against_the_client() {
    for (fault, expected) in [(Some("throttle"), vec![]), (None, vec![FalseRefusal])] {
        let mut first = LedgerRequest { request_id: "1".to_owned(), ..request() };
        first.faults = fault.into_iter().map(str::to_owned).collect();
        let mut copy = release(Initiator::Copy, None, 900_000, 0);
        copy.copy_of = Some(first.request_id.clone());
        let mut history = said("not-sent");
        history.sends = sends(&[0]);
        history.ledger.requests = vec![first];
        history.ledger.releases = vec![copy];
        assert_eq!(broken(&history), expected, "{fault:?}");
    }
}

#[test]
fn a_package_is_accepted_or_pending_if_the_request_was_accepted_or_it_was_being_released() {
    for outcome in ["accepted", "pending"] {
        for (status, faults, expected) in [
            (Some(200), vec![], vec![]),
            (Some(200), vec!["partly-done".to_owned()], vec![FalseAcceptance]),
            (Some(400), vec![], vec![FalseAcceptance]),
            (None, vec![], vec![FalseAcceptance]),
        ] {
            let mut history = said(outcome);
            history.sends = sends(&[0]);
            history.ledger.requests = vec![LedgerRequest { status, faults, ..request() }];
            assert_eq!(broken(&history), expected, "{outcome} {status:?}");
        }
        let mut history = said(outcome);
        history.ledger.running_before = vec!["23".to_owned()];
        assert_eq!(broken(&history), [], "it was before the run");
    }
}

#[test]
fn what_is_gone_was_asked_for_and_not_found() {
    let absent = LedgerRequest {
        operation: Some("show"),
        path: "/v2/p/factory/release-packages/23".to_owned(),
        packages: vec![],
        at_ms: START + 100,
        ..answered(400, Some("DLF.0810"))
    };
    let gone = |answers: Vec<LedgerRequest>, times: &[i64]| {
        let mut history = said("gone");
        history.sends = sends(times);
        history.ledger.requests = answers;
        broken(&history)
    };
    for (answers, times, expected) in [
        (0, &[][..], vec![FalseAbsence]),
        (1, &[], vec![]),
        (2, &[0], vec![FalseAbsence]),
        (3, &[0], vec![]),
        // It was sent by an earlier run, or by a later one.
        (1, &[-1000], vec![]),
        (1, &[9000], vec![]),
    ] {
        let found = gone(vec![absent.clone(); answers], times);
        assert_eq!(found, expected, "{answers} {times:?}");
    }

    type Change = fn(&mut LedgerRequest);
    let others: [(Change, Option<ViolationKind>); 8] = [
        (|it| it.path = it.path.replace("23", "123"), Some(FalseAbsence)),
        (|it| it.operation = Some("list"), Some(FalseAbsence)),
        (|it| it.at_ms = START - 1, Some(FalseAbsence)),
        (|it| it.at_ms = START + 5001, Some(FalseAbsence)),
        (|it| it.error_code = Some("DLF.0819"), Some(FalseAbsence)),
        (|it| it.error_code = Some("APIGW.0101"), Some(FalseAbsence)),
        (|it| it.answered = false, Some(FalseAbsence)),
        (|it| (it.answered, it.faults) = (false, vec!["padded".to_owned()]), None),
    ];
    for (change, expected) in others {
        let mut other = absent.clone();
        change(&mut other);
        assert_eq!(gone(vec![other.clone()], &[]), Vec::from_iter(expected), "{other:?}");
    }
}

#[test]
fn each_package_of_the_run_has_one_known_outcome_within_the_limit() {
    type Change = fn(&mut History);
    let cases: [(Change, ViolationKind); 5] = [
        (|it| it.ids.push("24".to_owned()), OutcomeCount),
        (|it| it.claims.push(it.claims[0].clone()), OutcomeCount),
        (|it| it.ids.clear(), UnexpectedPackage),
        (|it| it.claims[0].outcome = "fine".to_owned(), UnknownOutcome),
        (
            |it| {
                it.limit = Duration::from_secs(60);
                it.elapsed = Duration::from_millis(61_001);
            },
            OverTimeLimit,
        ),
    ];
    for (change, expected) in cases {
        let mut history = said("unknown");
        change(&mut history);
        assert_eq!(broken(&history), [expected]);
    }
}

#[test]
fn a_secret_in_a_text_is_found_and_not_shown() {
    let mut history = said("unknown");
    history.texts = vec!["fine".to_owned(), "the key is s3cret!".to_owned()];
    history.secrets = vec!["t0ken".to_owned(), "s3cret".to_owned()];
    assert_eq!(broken(&history), [SecretLeaked]);
    let shown = check(&history)[0].to_string();
    assert_eq!(shown, "secret 1 is in text 1 (both counted from 0)");
}
