//! The ledger: what it holds, how it tells copies apart, and what it never holds.

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
    assert_eq!(seen.assert_ok().header("content-type"), Some("application/json"));
    assert_eq!(seen.body, json!(world.ledger()));
    let (requests, releases) = (&seen.body["requests"], &seen.body["releases"]);
    let members = ["seq", "operation", "packages", "user", "status", "error_code"];
    let expected = json!([
        [1, "deploy", ["23", "31"], "ci-bot", 200, null],
        [2, "show", [], "ci-bot", 400, "DLF.0810"],
        [3, "show", [], null, 401, "APIGW.0301"],
        [4, null, [], null, 404, "APIGW.0101"],
        [5, "deploy", ["24"], "ci-bot", 200, null],
    ]);
    assert_eq!(columns(requests, &members), expected);
    assert_eq!(columns(requests, &["seen", "answered"]), json!([[true, true]].repeat(5)));
    let (first, second) = ("2025-11-24T16:00:00Z", "2025-11-24T16:00:02Z");
    let (first_ms, second_ms) = (1_764_000_000_000_i64, 1_764_000_002_000_i64);
    let expected = json!([[first, first_ms, "POST", packages("/deploy"), "AKIDEXAMPLE"]]);
    let members = ["at", "at_ms", "method", "path", "access_key"];
    assert_eq!(columns(&json!([requests[0]]), &members), expected);

    let members = ["package_id", "accepted_at", "accepted_ms", "by", "user", "copy_of"];
    let expected = json!([
        ["23", first, first_ms, "client", "ci-bot", null],
        ["31", first, first_ms, "client", "ci-bot", null],
        ["24", second, second_ms, "client", "ci-bot", null],
    ]);
    assert_eq!(columns(releases, &members), expected);
    let members = ["outcome", "finished_at", "finished_ms", "request_id"];
    let by = [0, 4].map(|index| &requests[index]["request_id"]);
    let expected = json!([
        ["succeeded", second, second_ms, by[0]],
        ["failed", second, second_ms, by[0]],
        [null, null, null, by[1]],
    ]);
    assert_eq!(columns(releases, &members), expected);
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

    let ledger = json!(world.ledger());
    let (requests, releases) = (&ledger["requests"], &ledger["releases"]);
    let first = &requests[0]["request_id"];
    let expected = [Value::Null, first.clone(), first.clone(), Value::Null];
    // No fault made them.
    let expected = expected.map(|copy_of| json!([copy_of, "client"]));
    assert_eq!(columns(requests, &["copy_of", "by"]), json!(expected));
    assert_eq!(columns(releases, &["copy_of", "by"]), json!(expected));
    assert_eq!(requests[0]["fingerprint"], requests[1]["fingerprint"]);
    assert_ne!(requests[0]["fingerprint"], requests[3]["fingerprint"]);

    // A request with a token has no date, and so is never called a copy.
    let request = show("23").unsigned(Some("example-token"));
    world.send(&request);
    world.send(&request);
    let requests = &world.ledger().requests[4..];
    assert_eq!(requests[0].fingerprint, requests[1].fingerprint);
    assert_eq!(requests[1].copy_of, None);
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
        shown.push_str(&format!("{:?}", world.send(&request)));
    }
    shown.push_str(&page(&mut world, "/__emulator/ledger").body.to_string());
    let (ledger, seed) = (world.ledger(), dls_emulator::Seed::built_in());
    shown.push_str(&format!("{ledger:?} {:?} {:?} {seed:?}", world.engine, builder()));
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
fn the_first_hundred_ids_that_are_short_texts_are_recorded() {
    let many: Vec<String> = (0..1000).map(|id| id.to_string()).collect();
    let long = "2".repeat(33);
    let mixed = json!(["23", 24, null, ["25"], {"a": "26"}, "27"]);
    for (body, expected) in [
        (r#"{"a":[1],"package_ids":["23","\u0032\u0034"]}"#.to_owned(), json!(["23", "24"])),
        (json!({"package_ids": mixed}).to_string(), json!(["23", "27"])),
        (json!({"package_ids": [long, "23"]}).to_string(), json!(["23"])),
        (json!({"package_ids": many}).to_string(), json!(many[..100])),
        (json!({"package_ids": "23"}).to_string(), json!([])),
        ("7".to_owned(), json!([])),
        ("null".to_owned(), json!([])),
        ("no JSON".to_owned(), json!([])),
    ] {
        let mut world = world();
        world.send(&Ask { body: body.clone().into_bytes(), ..deploy(&[]) }.unsigned(None));
        assert_eq!(json!(world.ledger().requests[0].packages), expected, "{body}");
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
