//! For each promise a history that breaks it, and one that keeps it.

use super::*;
use crate::ledger::LedgerRelease;
use dls_model::Timestamp;

const BEGAN: i64 = 1_764_000_000_000;

fn at(millis: i64) -> SystemTime {
    Timestamp::from_millis(BEGAN + millis).unwrap().into()
}

fn release(
    by: Initiator,
    outcome: Option<&'static str>,
    accepted: i64,
    finished: i64,
) -> LedgerRelease {
    LedgerRelease {
        package_id: "23".to_owned(),
        accepted_at: String::new(),
        accepted_ms: BEGAN + accepted,
        by,
        request_id: None,
        user: String::new(),
        copy_of: None,
        outcome,
        finished_at: None,
        finished_ms: outcome.map(|_| BEGAN + finished),
    }
}

fn of_package(id: &str, release: LedgerRelease) -> LedgerRelease {
    LedgerRelease { package_id: id.to_owned(), ..release }
}

fn request() -> LedgerRequest {
    let mut request = crate::ledger::RequestLog::default().open(
        Timestamp::from_millis(BEGAN).unwrap(),
        &http::Request::post("/").body(Vec::new()).unwrap(),
    );
    request.packages = vec!["23".to_owned()];
    request
}

fn request_at(millis: i64) -> LedgerRequest {
    LedgerRequest { at_ms: BEGAN + millis, ..request() }
}

fn sent(millis: i64) -> Sent {
    Sent { packages: vec!["23".to_owned()], at: at(millis) }
}

fn consent(kind: ConsentKind, millis: i64) -> Consent {
    Consent { package: "23".to_owned(), at: at(millis), kind }
}

fn said(outcome: &str) -> History {
    let claim = Claim { package: "23".to_owned(), outcome: outcome.to_owned(), at: at(5000) };
    History {
        started_at: at(0),
        ids: vec!["23".to_owned()],
        claims: vec![claim],
        ..History::default()
    }
}

fn with(mut history: History, releases: &[LedgerRelease]) -> History {
    history.ledger.releases = releases.to_vec();
    history
}

/// What is broken, by the first word of its name.
fn broken(history: &History) -> Vec<String> {
    let broken = check(history).into_iter();
    let names = broken.map(|it| {
        assert_eq!(it.to_string().lines().count(), 1, "{it}");
        format!("{it:?}").split(' ').next().unwrap().to_owned()
    });
    names.collect()
}

#[test]
fn a_run_that_keeps_every_promise_passes() {
    let ok = Some("succeeded");
    let mut history = with(said("successful"), &[release(Initiator::Client, ok, 0, 4000)]);
    history.sends = vec![sent(0)];
    history.ledger.requests = vec![request()];
    history.elapsed = Duration::from_secs(61);
    history.limit = Duration::from_secs(60);
    history.texts = vec!["all is well".to_owned()];
    history.secrets = vec!["s3cret".to_owned(), String::new()];
    assert_eq!(check(&history), []);
    assert_eq!(check(&said("unknown")), []);
}

/// What is broken by requests that are written then, of which these arrive.
fn broken_by_sends(
    sends: &[i64],
    consents: &[(ConsentKind, i64)],
    requests: Vec<LedgerRequest>,
) -> Vec<String> {
    let mut history = said("unknown");
    history.sends = sends.iter().map(|millis| sent(*millis)).collect();
    let consents = consents.iter();
    history.consents = consents.map(|(kind, at)| consent(*kind, *at)).collect();
    history.ledger.requests = requests;
    broken(&history)
}

#[test]
fn a_package_is_named_once_unless_the_gateway_threw_it_away() {
    assert_eq!(broken_by_sends(&[0, 100], &[], vec![]), ["SentAgain"]);
    let throttled = |code, answered, faults: &[&str]| LedgerRequest {
        error_code: code,
        answered,
        faults: faults.iter().map(|word| (*word).to_owned()).collect(),
        ..request()
    };
    let broken = vec!["SentAgain"];
    for (first, expected) in [
        (throttled(Some(THROTTLED), true, &[]), vec![]),
        (throttled(Some(THROTTLED), false, &["drip"]), vec![]),
        (throttled(None, false, &["throttle"]), vec![]),
        (throttled(Some(THROTTLED), false, &["reset"]), broken.clone()),
        (throttled(Some("DLF.20990"), true, &[]), broken.clone()),
        (throttled(None, false, &["status"]), broken.clone()),
        (throttled(None, false, &["partly-done"]), broken.clone()),
        (throttled(None, false, &["nested-code"]), broken.clone()),
    ] {
        let both = vec![first.clone(), request_at(100)];
        assert_eq!(broken_by_sends(&[0, 100], &[], both), expected, "{first:?}");
        // It says nothing of a request before it.
        let later = LedgerRequest { at_ms: BEGAN + 100, ..first.clone() };
        let both = vec![request(), later];
        assert_eq!(broken_by_sends(&[0, 100], &[], both), broken, "{first:?}");
    }
}

#[test]
fn a_consent_covers_one_request_that_comes_later_and_no_second_one() {
    let resend = |at| (ConsentKind::Resend, at);
    let none = [""; 0];
    assert_eq!(broken_by_sends(&[0, 200], &[resend(100)], vec![]), none);
    assert_eq!(broken_by_sends(&[0, 100], &[resend(200)], vec![]), ["SentAgain"]);
    assert_eq!(broken_by_sends(&[0, 200, 300], &[resend(100)], vec![]), ["SentAgain"]);
    let both = [resend(100), resend(250)];
    assert_eq!(broken_by_sends(&[0, 200, 300], &both, vec![]), none);

    let mut history = said("unknown");
    history.sends = vec![sent(0), sent(200)];
    history.consents =
        vec![Consent { package: "24".to_owned(), ..consent(ConsentKind::Resend, 100) }];
    assert_eq!(broken(&history), ["SentAgain"], "it is about another package");
}

#[test]
fn fifteen_requests_after_one_consent_are_fourteen_too_many() {
    let mut history = said("unknown");
    history.sends = (0..16).map(|number| sent(number * 100)).collect();
    history.consents = vec![consent(ConsentKind::Resend, 50)];
    let package = "23".to_owned();
    assert_eq!(check(&history), [Violation::SentAgain { package, sends: 14 }]);
}

#[test]
fn another_run_may_send_what_is_settled() {
    let again = |request: LedgerRequest, releases: &[LedgerRelease]| {
        let mut history = with(said("unknown"), releases);
        history.sends = vec![sent(0), sent(6000)];
        history.consents = vec![consent(ConsentKind::NewRun, 5000)];
        history.ledger.requests = vec![request];
        broken(&history).contains(&"SentAgain".to_owned())
    };
    let answered = |status, code| LedgerRequest {
        answered: true,
        status: Some(status),
        error_code: code,
        ..request()
    };
    assert!(!again(answered(400, Some("DLF.0810")), &[]));
    assert!(!again(answered(401, Some("APIGW.0301")), &[]));
    assert!(again(answered(502, Some("APIGW.0202")), &[]));
    assert!(again(answered(200, None), &[]));
    let lost = LedgerRequest { answered: false, ..answered(400, Some("DLF.0810")) };
    assert!(again(lost, &[]));
    let mut of_two = answered(400, Some("DLF.0810"));
    of_two.packages.push("24".to_owned());
    assert!(again(of_two, &[]));
    assert!(again(request_at(5500), &[]), "it is still on its way");

    let failed = |end| [release(Initiator::Client, Some("failed"), 10, end)];
    assert!(!again(request(), &failed(4000)));
    assert!(again(request(), &failed(5500)));
    assert!(again(request(), &[release(Initiator::Client, Some("failed"), -20, -10)]));
    let of_others = [release(Initiator::Other, Some("failed"), -20, 4000)];
    assert!(
        !again(request(), &of_others),
        "it was being released when the request came, and has ended since"
    );
}

#[test]
fn another_run_that_sends_nothing_saves_no_right_for_later() {
    let refused = LedgerRequest {
        answered: true,
        status: Some(400),
        error_code: Some("DLF.0810"),
        ..request()
    };
    let runs = [100, 200, 300].map(|at| (ConsentKind::NewRun, at));
    let again = broken_by_sends(&[0, 400, 500], &runs, vec![refused]);
    assert_eq!(again, ["SentAgain"]);
}

#[test]
fn a_client_cannot_hide_what_arrived() {
    let mut history = said("unknown");
    history.ledger.requests = vec![request(), request()];
    history.sends = vec![sent(0)];
    assert_eq!(broken(&history), ["UnreportedRequest"]);
    history.ledger.requests[1].by = Initiator::Copy;
    assert_eq!(broken(&history), [""; 0], "a copy is not the client's");
    history.sends.clear();
    assert_eq!(broken(&history), ["UnreportedRequest"]);
}

#[test]
fn an_outcome_agrees_with_the_releases() {
    use Initiator::{Client, Copy, Other};
    let (ok, bad) = (Some("succeeded"), Some("failed"));
    let not_accepted = ["not-sent", "refused", "already-released"];
    let accepted = ["accepted", "pending"];
    for (outcomes, releases, expected) in [
        // A success had succeeded by then and since the start.
        (&["successful"][..], vec![], "FalseSuccess"),
        (&["successful"], vec![release(Client, None, 0, 0)], "FalseSuccess"),
        (&["successful"], vec![release(Client, bad, 0, 2000)], "FalseSuccess"),
        (&["successful"], vec![release(Client, ok, 0, 5001)], "FalseSuccess"),
        (&["successful"], vec![release(Client, ok, -9000, -1)], "FalseSuccess"),
        (&["successful"], vec![of_package("24", release(Client, ok, 0, 2000))], "FalseSuccess"),
        (&["successful"], vec![release(Client, ok, 0, 5000)], ""),
        (&["successful"], vec![release(Other, ok, 0, 2000)], ""),
        (&["successful"], vec![release(Copy, ok, -1, 0)], ""),
        // A failure had failed, and nothing later had succeeded.
        (&["failed"], vec![], "FalseFailure"),
        (&["failed"], vec![release(Client, ok, 0, 2000)], "FalseFailure"),
        (&["failed"], vec![release(Client, bad, 0, 5001)], "FalseFailure"),
        (&["failed"], vec![release(Client, bad, -9000, -1)], "FalseFailure"),
        (
            &["failed"],
            vec![release(Client, bad, 0, 2000), release(Other, ok, 0, 3000)],
            "FalseFailure",
        ),
        (&["failed"], vec![release(Client, bad, 0, 2000)], ""),
        (&["failed"], vec![release(Client, ok, 0, 1000), release(Client, bad, 0, 2000)], ""),
        (&["failed"], vec![release(Client, bad, 0, 2000), release(Other, ok, 0, 9000)], ""),
        // What was not accepted is never released by the client later.
        (&not_accepted, vec![release(Client, None, 0, 0)], "FalseRefusal"),
        (&not_accepted, vec![release(Copy, bad, 900_000, 901_000)], "FalseRefusal"),
        (&not_accepted, vec![release(Other, ok, 0, 2000)], ""),
        (&not_accepted, vec![release(Client, ok, -5000, -2000)], ""),
        // What is accepted or pending was released by then.
        (&accepted, vec![], "FalseAcceptance"),
        (&accepted, vec![release(Client, None, 5001, 0)], "FalseAcceptance"),
        (&accepted, vec![release(Client, None, 0, 0)], ""),
        (&accepted, vec![release(Other, None, 5000, 0)], ""),
    ] {
        for outcome in outcomes {
            let found = broken(&with(said(outcome), &releases)).join(" ");
            assert_eq!(found, expected, "{outcome} {releases:?}");
        }
    }
}

#[test]
fn a_copy_of_a_refused_request_is_not_held_against_the_client() {
    let mut copy = release(Initiator::Copy, None, 900_000, 0);
    let mut first = request();
    copy.copy_of = Some(first.request_id.clone());
    first.faults = vec!["throttle".to_owned()];
    let mut history = with(said("not-sent"), &[copy]);
    history.sends = vec![sent(0)];
    history.ledger.requests = vec![first];
    assert_eq!(broken(&history), [""; 0]);
    history.ledger.requests[0].faults.clear();
    assert_eq!(broken(&history), ["FalseRefusal"]);
}

#[test]
fn a_package_is_accepted_or_pending_if_the_request_was_accepted_or_it_was_being_released() {
    for outcome in ["accepted", "pending"] {
        for (status, faults, expected) in [
            (Some(200), vec![], ""),
            (Some(200), vec!["partly-done".to_owned()], "FalseAcceptance"),
            (Some(400), vec![], "FalseAcceptance"),
            (None, vec![], "FalseAcceptance"),
        ] {
            let mut history = said(outcome);
            history.sends = vec![sent(0)];
            history.ledger.requests = vec![LedgerRequest { status, faults, ..request() }];
            assert_eq!(broken(&history).join(" "), expected, "{outcome} {status:?}");
        }
        let mut history = said(outcome);
        history.ledger.running_before = vec!["23".to_owned()];
        assert_eq!(broken(&history), [""; 0], "it was before the run");
    }
}

#[test]
fn what_is_gone_was_asked_for_and_not_found() {
    let absent = LedgerRequest {
        operation: Some("show"),
        path: "/v2/p/factory/release-packages/23".to_owned(),
        packages: vec![],
        answered: true,
        status: Some(400),
        error_code: Some("DLF.0810"),
        ..request_at(100)
    };
    let gone = |answers: Vec<LedgerRequest>, sends: Vec<Sent>| {
        let mut history = said("gone");
        history.sends = sends;
        history.ledger.requests = answers;
        broken(&history)
    };
    let (none, broken) = ([""; 0], ["FalseAbsence"]);
    assert_eq!(gone(vec![], vec![]), broken);
    assert_eq!(gone(vec![absent.clone()], vec![]), none);
    assert_eq!(gone(vec![absent.clone(); 2], vec![sent(0)]), broken);
    assert_eq!(gone(vec![absent.clone(); 3], vec![sent(0)]), none);
    assert_eq!(gone(vec![absent.clone()], vec![sent(-1000)]), none, "by an earlier run");
    assert_eq!(gone(vec![absent.clone()], vec![sent(9000)]), none, "by a later run");

    let other = |change: &dyn Fn(&mut LedgerRequest)| {
        let mut other = absent.clone();
        change(&mut other);
        gone(vec![other], vec![])
    };
    assert_eq!(other(&|it| it.path = it.path.replace("23", "123")), broken);
    assert_eq!(other(&|it| it.operation = Some("list")), broken);
    assert_eq!(other(&|it| it.at_ms = BEGAN - 1), broken);
    assert_eq!(other(&|it| it.at_ms = BEGAN + 5001), broken);
    assert_eq!(other(&|it| it.error_code = Some("DLF.0819")), broken);
    assert_eq!(other(&|it| it.error_code = Some("APIGW.0101")), broken);
    assert_eq!(other(&|it| it.answered = false), broken);
    assert_eq!(other(&|it| (it.answered, it.faults) = (false, vec!["padded".to_owned()])), none);
}

#[test]
fn each_package_of_the_run_has_one_known_outcome_within_the_limit() {
    type Change = fn(&mut History);
    let cases: [(Change, &str); 5] = [
        (|it| it.ids.push("24".to_owned()), "OutcomeCount"),
        (|it| it.claims.push(it.claims[0].clone()), "OutcomeCount"),
        (|it| it.ids.clear(), "UnexpectedPackage"),
        (|it| it.claims[0].outcome = "fine".to_owned(), "UnknownOutcome"),
        (
            |it| {
                it.limit = Duration::from_secs(60);
                it.elapsed = Duration::from_millis(61_001);
            },
            "OverTimeLimit",
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
    let leaked = check(&history);
    assert_eq!(leaked, [Violation::SecretLeaked { text: 1, secret: 1 }]);
    assert!(!format!("{leaked:?} {}", leaked[0]).contains("s3cret"));
}
