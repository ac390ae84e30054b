//! The ledger: what it holds, how it tells copies apart, and what it never holds.

use dls_emulator::{Initiator, LedgerRelease};
use http::Request;
use serde_json::{Value, json};

use crate::support::*;

fn page(world: &mut World, path: &str) -> Received {
    world.send(&Request::get(path).body(Vec::new()).unwrap())
}

#[test]
fn each_request_and_each_release_is_recorded() {
    let mut world = world();
    world.ask(deploy(&["23", "31"]));
    world.show("999");
    world.ask(show("23").by(("AKIDEXAMPLE", "wrong")));
    world.send(&get("/nowhere".to_owned()).unsigned(None));
    world.pass(2000);
    world.deploy(&["24"]);

    let seen = page(&mut world, "/__emulator/ledger");
    assert_eq!(seen.status, 200);
    assert_eq!(seen.header("content-type"), Some("application/json"));
    let requests = seen.body["requests"].as_array().unwrap();
    let summary: Vec<Value> = requests
        .iter()
        .map(|row| {
            json!([
                row["seq"],
                row["operation"],
                row["packages"],
                row["user"],
                row["status"],
                row["error_code"]
            ])
        })
        .collect();
    let expected = [
        json!([1, "deploy", ["23", "31"], "ci-bot", 200, null]),
        json!([2, "show", [], "ci-bot", 400, "DLF.0810"]),
        json!([3, "show", [], null, 401, "APIGW.0301"]),
        json!([4, null, [], null, 404, "APIGW.0101"]),
        json!([5, "deploy", ["24"], "ci-bot", 200, null]),
    ];
    assert_eq!(summary, expected);
    assert_eq!(requests[0]["at"], "2025-11-24T16:00:00Z");
    assert_eq!(requests[0]["at_ms"], 1_764_000_000_000_i64);
    assert!(requests.iter().all(|row| row["seen"] == true && row["answered"] == true));
    assert_eq!(requests[0]["method"], "POST");
    assert_eq!(requests[0]["path"], packages("/deploy"));
    assert_eq!(requests[2]["access_key"], "AKIDEXAMPLE");

    let (first, second) = ("2025-11-24T16:00:00Z", "2025-11-24T16:00:02Z");
    let (first_ms, second_ms) = (1_764_000_000_000_i64, 1_764_000_002_000_i64);
    let release = |id: &str, request: usize, outcome: Value| {
        let is_first = request == 0;
        json!({
            "package_id": id,
            "accepted_at": if is_first { first } else { second },
            "accepted_ms": if is_first { first_ms } else { second_ms },
            "by": "client",
            "request_id": requests[request]["request_id"],
            "user": "ci-bot",
            "copy_of": null,
            "finished_at": outcome.is_string().then_some(second),
            "finished_ms": outcome.is_string().then_some(second_ms),
            "outcome": outcome,
        })
    };
    let expected = [
        release("23", 0, json!("succeeded")),
        release("31", 0, json!("failed")),
        release("24", 4, Value::Null),
    ];
    assert_eq!(seen.body["releases"], json!(expected));
    assert_eq!(seen.body, json!(world.ledger()));
}

#[test]
fn a_copy_of_a_signed_request_names_the_first_one() {
    let mut world = World::of(builder().assume("redeploy-running", "new-release").unwrap());
    let request = deploy(&["23"]).signed(world.now);
    world.send(&request);
    world.pass(1500);
    world.send(&request);
    world.send(&request);
    world.deploy(&["23"]);

    let ledger = world.ledger();
    let first = ledger.requests[0].request_id.clone();
    let copies: Vec<Option<String>> =
        ledger.requests.iter().map(|request| request.copy_of.clone()).collect();
    assert_eq!(copies, [None, Some(first.clone()), Some(first.clone()), None]);
    let copies: Vec<Option<String>> =
        ledger.releases.iter().map(|release| release.copy_of.clone()).collect();
    assert_eq!(copies, [None, Some(first.clone()), Some(first), None]);
    let sent = |release: &LedgerRelease| release.by == Initiator::Client;
    assert!(ledger.releases.iter().all(sent), "no fault made them");
    assert_eq!(ledger.requests[0].fingerprint, ledger.requests[1].fingerprint);
    assert_ne!(ledger.requests[0].fingerprint, ledger.requests[3].fingerprint);
}

#[test]
fn requests_with_a_token_have_no_date_and_so_are_never_called_copies() {
    let mut world = world();
    let request = show("23").unsigned(Some("example-token"));
    world.send(&request);
    world.send(&request);
    let ledger = world.ledger();
    assert_eq!(ledger.requests[0].fingerprint, ledger.requests[1].fingerprint);
    assert_eq!(ledger.requests[1].copy_of, None);
}

#[test]
fn the_emulators_own_pages_need_no_signature_and_are_not_recorded() {
    let mut world = world();
    let health = page(&mut world, "/__emulator/health");
    assert_eq!((health.status, health.body), (200, json!({"status": "ok"})));
    let empty = page(&mut world, "/__emulator/ledger");
    assert_eq!(
        empty.body,
        json!({"connections": 0, "requests": [], "releases": [], "running_before": []})
    );
    for path in ["/__emulator", "/__emulator/", "/__emulator/other", "/__emulator/ledger/"] {
        assert_eq!(page(&mut world, path).status, 404, "{path}");
    }
    let post = Request::post("/__emulator/ledger").body(Vec::new()).unwrap();
    assert_eq!(world.send(&post).status, 404);
    assert!(world.ledger().requests.is_empty());
    assert_eq!(page(&mut world, "/__emulators").status, 404);
    assert_eq!(world.ledger().requests.len(), 1, "that one was to the service");
}

#[test]
fn no_secret_is_in_the_ledger_nor_in_an_answer_nor_in_debug() {
    let mut world = world();
    let signed = show("23").signed(world.now);
    let signature = signed.headers()["authorization"].to_str().unwrap();
    let signature = signature.rsplit('=').next().unwrap().to_owned();
    let temporary =
        show("23").by(("AKIDTEMPORARY", "wrong")).with_security_token("example-security-token");
    let mut shown = String::new();
    for request in [
        signed,
        temporary.signed(world.now),
        show("23").by(("AKIDEXAMPLE", "wrong")).signed(world.now),
        show("23").unsigned(Some("example-token")),
        show("23").unsigned(Some("example-expired-token")),
    ] {
        let seen = world.send(&request);
        shown.push_str(&format!("{seen:?}"));
    }
    shown.push_str(&page(&mut world, "/__emulator/ledger").body.to_string());
    shown.push_str(&format!("{:?}", world.ledger()));
    shown.push_str(&format!("{:?} {:?}", world.engine, builder()));
    shown.push_str(&format!("{:?}", dls_emulator::Seed::built_in()));
    for secret in [
        signature.as_str(),
        "example-secret-key",
        "example-security-token",
        "example-token",
        "example-expired-token",
        "example-temporary-key",
    ] {
        assert!(!shown.contains(secret), "{secret}");
    }
}

#[test]
fn of_a_large_request_that_nobody_signed_nothing_is_kept() {
    let ids = vec!["\"1234567890\""; 900_000].join(",");
    let body = format!(r#"{{"package_ids":[{ids}],"startup_mode":0}}"#).into_bytes();
    assert!(body.len() > 11 * 1024 * 1024);
    let large = Ask { body, ..deploy(&[]) };
    let mut world = world();
    let path = packages(&format!("/{}", "x".repeat(10_000)));
    let unknown = Request::builder().method("PROPFIND".repeat(10).as_str()).uri(path);
    world.send(&unknown.body(Vec::new()).unwrap()).assert_refused(404, "APIGW.0101");
    world.send(&large.clone().unsigned(None)).assert_refused(401, "APIGW.0301");
    world.send(&deploy(&["23"]).unsigned(None)).assert_refused(401, "APIGW.0301");
    world.ask(large).assert_refused(400, "DLF.3051");

    let requests = world.ledger().requests;
    let named: Vec<usize> = requests.iter().map(|request| request.packages.len()).collect();
    assert_eq!(named, [0, 0, 1, 100]);
    assert_eq!(requests[0].path.len(), 1024);
    assert_eq!(requests[0].method.len(), 32);
}
