//! For each promise a history that breaks it, and one that keeps it.

use super::*;
use dls_model::Timestamp;

const BEGAN: i64 = 1_764_000_000_000;

fn at(millis: i64) -> SystemTime {
    Timestamp::from_millis(BEGAN + millis).unwrap().into()
}

fn release(by: By, outcome: Option<&'static str>, accepted: i64, finished: i64) -> LedgerRelease {
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

fn request() -> LedgerRequest {
    let mut request = crate::ledger::Book::default().open(
        Timestamp::from_millis(BEGAN).unwrap(),
        &http::Request::post("/").body(Vec::new()).unwrap(),
    );
    request.packages = vec!["23".to_owned()];
    request
}

fn sent(consented: bool) -> Sent {
    Sent {
        packages: vec!["23".to_owned()],
        consented,
    }
}

fn said(verdict: &str) -> History {
    let claim = Claim {
        package: "23".to_owned(),
        verdict: verdict.to_owned(),
        at: at(5000),
    };
    History {
        began: at(0),
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
    let mut history = with(said("successful"), &[release(By::Client, ok, 0, 4000)]);
    history.sends = vec![sent(false)];
    history.ledger.requests = vec![request()];
    history.ended_in = Duration::from_secs(61);
    history.limit = Duration::from_secs(60);
    history.texts = vec!["all is well".to_owned()];
    history.secrets = vec!["s3cret".to_owned(), String::new()];
    assert_eq!(check(&history), []);
    for verdict in ["unknown", "pending", "gone", "accepted"] {
        assert_eq!(check(&said(verdict)), [], "{verdict}");
    }
}

#[test]
fn a_package_is_named_once_unless_somebody_consented_or_the_gateway_threw_it_away() {
    let run = |sends: &[bool], requests: Vec<LedgerRequest>| {
        let mut history = said("unknown");
        history.sends = sends.iter().map(|consented| sent(*consented)).collect();
        history.ledger.requests = requests;
        broken(&history)
    };
    assert_eq!(run(&[false, false], vec![]), ["SentAgain"]);
    assert_eq!(run(&[false, true, true], vec![]), [""; 0]);
    let throttled = |code, answered, faults: &[&str]| LedgerRequest {
        error_code: code,
        answered,
        faults: faults.iter().map(|word| (*word).to_owned()).collect(),
        ..request()
    };
    for (first, expected) in [
        (throttled(Some(THROTTLED), true, &[]), vec![]),
        (throttled(None, false, &["throttle"]), vec![]),
        (
            throttled(Some(THROTTLED), false, &["reset"]),
            vec!["SentAgain"],
        ),
        (throttled(Some("DLF.20990"), true, &[]), vec!["SentAgain"]),
        (throttled(None, false, &["status"]), vec!["SentAgain"]),
    ] {
        assert_eq!(
            run(&[false, false], vec![first.clone(), request()]),
            expected,
            "{first:?}"
        );
    }
}

#[test]
fn a_client_cannot_hide_what_arrived() {
    let mut history = said("unknown");
    history.ledger.requests = vec![request(), request()];
    history.sends = vec![sent(false)];
    assert_eq!(broken(&history), ["NotTold"]);
    history.ledger.requests[1].by = By::Copy;
    assert_eq!(broken(&history), [""; 0], "a copy is not the client's");
    history.sends.clear();
    assert_eq!(broken(&history), ["NotTold"]);
}

#[test]
fn a_success_had_succeeded_by_then_and_since_the_beginning() {
    let (ok, bad) = (Some("succeeded"), Some("failed"));
    for (releases, expected) in [
        (vec![], vec!["FalseSuccess"]),
        (vec![release(By::Client, None, 0, 0)], vec!["FalseSuccess"]),
        (
            vec![release(By::Client, bad, 0, 2000)],
            vec!["FalseSuccess"],
        ),
        (vec![release(By::Client, ok, 0, 5001)], vec!["FalseSuccess"]),
        (
            vec![release(By::Client, ok, -9000, -1)],
            vec!["FalseSuccess"],
        ),
        (vec![release(By::Client, ok, 0, 5000)], vec![]),
        (vec![release(By::Other, ok, 0, 2000)], vec![]),
        (vec![release(By::Copy, ok, -1, 0)], vec![]),
    ] {
        let history = with(said("successful"), &releases);
        assert_eq!(broken(&history), expected, "{releases:?}");
    }
    let mut other = release(By::Client, ok, 0, 2000);
    other.package_id = "24".to_owned();
    assert_eq!(
        broken(&with(said("successful"), &[other])),
        ["FalseSuccess"]
    );
}

#[test]
fn a_failure_had_failed_and_nothing_later_succeeded() {
    let (ok, bad) = (Some("succeeded"), Some("failed"));
    for (releases, expected) in [
        (vec![], vec!["FalseFailure"]),
        (vec![release(By::Client, ok, 0, 2000)], vec!["FalseFailure"]),
        (
            vec![release(By::Client, bad, 0, 5001)],
            vec!["FalseFailure"],
        ),
        (
            vec![release(By::Client, bad, -9000, -1)],
            vec!["FalseFailure"],
        ),
        (
            vec![
                release(By::Client, bad, 0, 2000),
                release(By::Other, ok, 0, 3000),
            ],
            vec!["FalseFailure"],
        ),
        (vec![release(By::Client, bad, 0, 2000)], vec![]),
        (
            vec![
                release(By::Client, ok, 0, 1000),
                release(By::Client, bad, 0, 2000),
            ],
            vec![],
        ),
        (
            vec![
                release(By::Client, bad, 0, 2000),
                release(By::Other, ok, 0, 9000),
            ],
            vec![],
        ),
    ] {
        let history = with(said("failed"), &releases);
        assert_eq!(broken(&history), expected, "{releases:?}");
    }
}

#[test]
fn a_copy_of_a_request_that_was_turned_away_is_not_held_against_the_client() {
    let mut copy = release(By::Copy, None, 900_000, 0);
    let mut first = request();
    copy.copy_of = Some(first.request_id.clone());
    first.faults = vec!["throttle".to_owned()];
    let mut history = with(said("not-sent"), &[copy]);
    history.sends = vec![sent(false)];
    history.ledger.requests = vec![first];
    assert_eq!(broken(&history), [""; 0]);
    history.ledger.requests[0].faults.clear();
    assert_eq!(broken(&history), ["FalseRefusal"]);
}

#[test]
fn what_was_not_accepted_is_never_released_by_us_later() {
    for verdict in ["not-sent", "refused", "already-released"] {
        for (release, expected) in [
            (release(By::Client, None, 0, 0), vec!["FalseRefusal"]),
            (
                release(By::Copy, Some("failed"), 900_000, 901_000),
                vec!["FalseRefusal"],
            ),
            (release(By::Other, Some("succeeded"), 0, 2000), vec![]),
            (release(By::Client, Some("succeeded"), -5000, -2000), vec![]),
        ] {
            let history = with(said(verdict), std::slice::from_ref(&release));
            assert_eq!(broken(&history), expected, "{verdict} {release:?}");
        }
    }
}

#[test]
fn every_package_has_exactly_one_verdict_that_is_one() {
    let mut history = said("unknown");
    history.ids.push("24".to_owned());
    assert_eq!(broken(&history), ["Verdicts"]);
    let mut history = said("unknown");
    history.claims.push(history.claims[0].clone());
    assert_eq!(broken(&history), ["Verdicts"]);
    let mut history = said("unknown");
    history.ids.clear();
    assert_eq!(broken(&history), ["Unasked"]);
    assert_eq!(broken(&said("fine")), ["NoVerdict"]);
}

#[test]
fn it_ends_within_its_limit_and_a_second() {
    let mut history = said("unknown");
    history.limit = Duration::from_secs(60);
    history.ended_in = Duration::from_millis(61_001);
    assert_eq!(broken(&history), ["Late"]);
}

#[test]
fn a_secret_in_a_text_is_found_and_not_shown() {
    let mut history = said("unknown");
    history.texts = vec!["fine".to_owned(), "the key is s3cret!".to_owned()];
    history.secrets = vec!["t0ken".to_owned(), "s3cret".to_owned()];
    let told = check(&history);
    assert_eq!(told, [Violation::SecretTold { text: 1, secret: 1 }]);
    assert!(!format!("{told:?} {}", told[0]).contains("s3cret"));
}
