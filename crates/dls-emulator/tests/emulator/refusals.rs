//! What the service would refuse is refused, with the documented status and code.

use dls_emulator::{Emulator, RateLimit, Seed};
use http::{HeaderValue, Request};
use serde_json::{Value, json};

use crate::support::*;

const MINUTE: u64 = 60_000;
const MB: usize = 1024 * 1024;
const FOREIGN: &str = "ffffb9e9ab9b4ee8994c8633aabc9505";

/// A signed request that is changed on the way.
fn changed(ask: Ask, change: impl FnOnce(&mut Request<Vec<u8>>)) -> Request<Vec<u8>> {
    let mut request = ask.signed(start());
    change(&mut request);
    request
}

fn with_header(ask: Ask, name: &'static str, value: &str) -> Request<Vec<u8>> {
    let value = HeaderValue::from_str(value).unwrap();
    changed(ask, |request| drop(request.headers_mut().insert(name, value)))
}

fn authorization(from: &str, to: &str) -> Request<Vec<u8>> {
    let signed = show("23").signed(start());
    let value = signed.headers()["authorization"].to_str().unwrap().replace(from, to);
    with_header(show("23"), "authorization", &value)
}

#[test]
fn what_is_not_signed_or_signed_wrongly_is_refused() {
    let temporary = show("23").by(("AKIDTEMPORARY", "example-temporary-key"));
    let with_token = |token: &str| temporary.clone().with_security_token(token).signed(start());
    world().send(&with_token("example-security-token")).assert_ok();
    world().send(&show("23").unsigned(Some("example-token"))).assert_ok();

    let path = packages("/unpack");
    let query = packages("/deploy?a=b");
    let mut requests = vec![
        ("nothing", show("23").unsigned(None)),
        (
            "another secret",
            deploy(&["23"]).by(("AKIDEXAMPLE", "another-secret-key")).signed(start()),
        ),
        (
            "another body",
            changed(deploy(&["23"]), |it| *it.body_mut() = br#"{"package_ids":["24"]}"#.to_vec()),
        ),
        ("another workspace", with_header(deploy(&["23"]), "workspace", OTHER_WORKSPACE)),
        ("another host", with_header(deploy(&["23"]), "host", "example.com")),
        ("another path", changed(deploy(&["23"]), |it| *it.uri_mut() = path.parse().unwrap())),
        ("a query", changed(deploy(&["23"]), |it| *it.uri_mut() = query.parse().unwrap())),
        (
            "a body that is not signed",
            changed(deploy(&["23"]), |it| {
                let unsigned = HeaderValue::from_static("UNSIGNED-PAYLOAD");
                it.headers_mut().insert("x-sdk-content-sha256", unsigned);
                *it.body_mut() = br#"{"package_ids":["24"]}"#.to_vec();
            }),
        ),
        (
            "the hash of another body",
            deploy(&["23"]).with("X-Sdk-Content-Sha256", &"0".repeat(64)).signed(start()),
        ),
        ("an unknown key", show("23").by(("AKIDNOBODY", "example-secret-key")).signed(start())),
        ("another algorithm", authorization("SDK-HMAC-SHA256", "SDK-HMAC-SM3")),
        ("no security token", temporary.signed(start())),
        ("another security token", with_token("another-token")),
        (
            "a security token of a permanent key",
            show("23").with("X-Security-Token", "example-security-token").signed(start()),
        ),
        ("an unknown token", show("23").unsigned(Some("example-token-of-nobody"))),
    ];
    for name in ["host", "x-sdk-date"] {
        requests.push((name, changed(show("23"), |it| drop(it.headers_mut().remove(name)))));
        requests.push((
            name,
            changed(show("23"), |it| {
                let value = it.headers()[name].clone();
                it.headers_mut().append(name, value);
            }),
        ));
        requests.push((name, authorization(name, "workspace")));
    }
    for (what, request) in requests {
        let mut world = world();
        let received = world.send(&request);
        assert_eq!((received.status, received.code()), (401, "APIGW.0301"), "{what}");
        received.assert_refused(401, "APIGW.0301");
        let text = received.body["error_msg"].as_str().unwrap();
        match what {
            "another secret" => assert!(text.ends_with("verify aksk signature fail"), "{text}"),
            "no security token" => assert!(text.ends_with("ak AKIDTEMPORARY not exist"), "{text}"),
            _ => {}
        }
        assert_eq!(world.releases(), 0, "{what}");
    }
    let expired = world().send(&show("23").unsigned(Some("example-expired-token")));
    expired.assert_refused(401, "APIGW.0307");
}

#[test]
fn headers_that_the_signature_does_not_name_may_be_added_on_the_way() {
    let mut request = show("23").signed(start());
    request.headers_mut().insert("via", HeaderValue::from_static("1.1 proxy"));
    world().send(&request).assert_ok();
}

#[test]
fn a_query_in_another_order_or_spelling_has_the_same_signature() {
    let signed = get(packages("/23?b=2&a=x%20y")).signed(start());
    assert!(signed.uri().to_string().ends_with("?a=x%20y&b=2"));
    let mut turned = signed;
    *turned.uri_mut() = packages("/23?b=2&a=%78%20y").parse().unwrap();
    world().send(&turned).assert_ok();
}

#[test]
fn a_body_goes_unsigned_only_if_the_signature_says_so() {
    // The official signer leaves a body unsigned that is no JSON; the service then refuses its type.
    let text = deploy(&["23"]).with("Content-Type", "text/plain");
    let mut request = text.signed(start());
    assert_eq!(request.headers()["x-sdk-content-sha256"], "UNSIGNED-PAYLOAD");
    world().send(&request).assert_refused(400, "APIGW.0106");
    *request.body_mut() = b"anything".to_vec();
    world().send(&request).assert_refused(400, "APIGW.0106");
}

#[test]
fn a_date_up_to_15_minutes_off_is_accepted_and_a_second_more_is_not() {
    for (signed_before, expected) in [(15 * MINUTE, 200), (15 * MINUTE + 1000, 401)] {
        let mut late = world();
        let request = show("23").signed(late.now);
        late.pass(signed_before);
        let seen = late.send(&request);
        assert_eq!(seen.status, expected);

        let mut early = world();
        let mut ahead = world();
        ahead.pass(signed_before);
        let seen = early.send(&show("23").signed(ahead.now));
        assert_eq!(seen.status, expected);
        if expected == 401 {
            seen.assert_refused(401, "APIGW.0303");
        }
    }
}

#[test]
fn a_key_is_locked_for_five_minutes_after_five_wrong_signatures_in_a_row() {
    let mut world = world();
    let wrong = || show("23").by(("AKIDEXAMPLE", "wrong"));
    for _ in 0..4 {
        world.ask(wrong());
    }
    world.show("23").assert_ok();
    for _ in 0..4 {
        world.ask(wrong());
    }
    world.show("23").assert_ok();

    for _ in 0..5 {
        world.ask(wrong());
    }
    let locked = world.show("23");
    locked.assert_refused(401, "APIGW.0301");
    assert!(locked.body["error_msg"].as_str().unwrap().contains("reach the limit, forbidden"));
    world.ask(show("23").by(DEVELOPER)).assert_ok();
    world.pass(5 * MINUTE - 1);
    world.show("23").assert_refused(401, "APIGW.0301");
    world.pass(1);
    world.show("23").assert_ok();
}

#[test]
fn what_is_wrong_beside_the_signature_does_not_lock_a_key() {
    let mut world = world();
    for _ in 0..9 {
        world.show("999").assert_refused(400, "DLF.0810");
        let mut old = show("23").signed(start());
        old.headers_mut().remove("host");
        world.send(&old).assert_refused(401, "APIGW.0301");
    }
    world.show("23").assert_ok();
}

#[test]
fn a_body_needs_its_content_type_and_the_right_one() {
    for (value, accepted) in [
        ("application/json", true),
        ("application/json;charset=utf-8", true),
        ("application/json; charset=\"UTF-8\"", true),
        ("application/json;charset=GBK", false),
        ("application/jsonp", false),
        ("application/json5, text/plain", false),
    ] {
        let received = world().ask(deploy(&["23"]).with("Content-Type", value));
        assert_eq!(received.status == 200, accepted, "{value}: {}", received.body);
    }
}

#[test]
fn what_the_gateway_or_the_service_does_not_accept_is_refused_with_its_code() {
    let (v2, v1) = ("dayu.cn-north-4.myhuaweicloud.com", "dayu-dlf.cn-north-4.myhuaweicloud.com");
    let task = "ff8080818c81c8ab0000000000000001";
    let in_project = |id| get(format!("/v2/{id}/factory/release-packages/23"));
    let headers = (0..6).fold(show("23"), |it, n| it.with(&format!("x-{n}"), &"a".repeat(25_000)));
    for (what, ask, status, code) in [
        ("no content type", deploy(&["23"]).without("Content-Type"), 400, "APIGW.0106"),
        ("no content type", list(json!({})).without("Content-Type"), 400, "APIGW.0106"),
        ("no content type", revoke(&["12"]).without("Content-Type"), 400, "APIGW.0106"),
        ("a GET with a body", Ask { body: b"{}".to_vec(), ..show("23") }, 400, "APIGW.0106"),
        ("a path", get("/".to_owned()), 404, "APIGW.0101"),
        ("a path", get("/v2".to_owned()), 404, "APIGW.0101"),
        ("a path", get(packages("")), 404, "APIGW.0101"),
        ("a path", post(packages("/pack"), &json!({})), 404, "APIGW.0101"),
        ("a path", post(packages("/deploy/"), &json!({})), 404, "APIGW.0101"),
        ("a method", Ask { method: "DELETE", ..show("23") }, 404, "APIGW.0101"),
        ("a method", Ask { method: "PUT", ..deploy(&["23"]) }, 404, "APIGW.0101"),
        ("the other host", deploy(&["23"]).to(v1), 404, "APIGW.0101"),
        ("the other host", system_task(task).to(v2), 404, "APIGW.0101"),
        ("the right host", system_task(task).to(v1), 400, "DLF.20810"),
        ("another host", system_task(task).to("proxy.example.com:8443"), 400, "DLF.20810"),
        ("a project", in_project(FOREIGN), 403, "APIGW.0310"),
        ("a project", show("23").with("X-Project-Id", FOREIGN), 400, "DLF.0819"),
        ("a workspace", show("23").with("workspace", FOREIGN), 400, "DLF.0819"),
        ("of another workspace", show("201"), 400, "DLF.0810"),
        ("of another workspace", deploy(&["201"]), 400, "DLF.0810"),
        ("an unknown package", show("999"), 400, "DLF.0810"),
        ("an unknown package", deploy(&["999"]), 400, "DLF.0810"),
        ("an unknown package", revoke(&["999"]), 400, "DLF.0810"),
        ("a body", Ask { body: vec![b' '; 12 * MB + 1], ..list(json!({})) }, 413, "APIGW.0201"),
        ("a body", Ask { body: vec![b' '; 12 * MB], ..list(json!({})) }, 400, "DLF.3051"),
        ("a target", get(packages(&format!("/23?a={}", "b".repeat(32_768)))), 414, "APIGW.0201"),
        ("a header", show("23").with("X-Language", &"a".repeat(32_768)), 494, "APIGW.0201"),
        ("all headers", headers, 494, "APIGW.0201"),
    ] {
        let mut world = world();
        let received = world.ask(ask);
        assert_eq!((received.status, received.code()), (status, code), "{what}");
        received.assert_refused(status, code);
        assert_eq!(world.releases(), 0, "{what}");
    }
    let message = world().ask(system_task(task)).body["error_msg"].clone();
    assert_eq!(message, format!("Task[{task}] does not exist."));
    world().ask(deploy(&["23"]).to(v2)).assert_ok();
    world().ask(show("23").without("X-Project-Id")).assert_ok();
    world().ask(show("201").with("workspace", OTHER_WORKSPACE)).assert_ok();
    world().ask(deploy(&["23"]).without("workspace")).assert_ok();
    let shown = world().ask(show("23").with("workspace", "default"));
    assert_eq!(shown.assert_ok().body["release_package"]["workspace_id"], "default");
}

#[test]
fn a_deploy_and_a_revoke_name_1_to_100_ids() {
    let ids: Vec<String> = (1001..=1101).map(|id| id.to_string()).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let call: [fn(&[&str]) -> Ask; 2] = [deploy, revoke];
    for (call, releases) in call.into_iter().zip([100, 0]) {
        let mut world = World::of(builder().extra_packages(101));
        world.ask(call(&ids)).assert_refused(400, "DLF.3051");
        world.ask(call(&[])).assert_refused(400, "DLF.3051");
        assert_eq!(world.releases(), 0);
        world.ask(call(&ids[..100])).assert_ok();
        assert_eq!(world.releases(), releases);
    }
}

#[test]
fn a_body_that_is_not_as_documented_is_refused() {
    let deploys = [
        json!({"package_ids": ["23"], "startup_mode": 2}),
        json!({"package_ids": ["23"], "startup_mode": -1}),
        json!({"package_ids": ["23"], "startup_mode": "0"}),
        json!({"package_ids": ["23"], "startup_mode": 0.5}),
        json!({"package_ids": ["23"], "startup_mode": true}),
        json!({"package_ids": [23], "startup_mode": 0}),
        json!({"package_ids": "23", "startup_mode": 0}),
        json!({"package_ids": ["023"], "startup_mode": 0}),
        json!({"package_ids": [" 23"], "startup_mode": 0}),
        json!({"package_ids": ["abc"], "startup_mode": 0}),
        json!({"package_ids": [""], "startup_mode": 0}),
        json!({"package_ids": ["9223372036854775808"], "startup_mode": 0}),
        json!({"package_ids": ["23", "23"], "startup_mode": 0}),
        json!({"package_ids": null}),
        json!({"startup_mode": 0}),
        json!(["23"]),
        json!([["23"], 0, "asy"]),
        Value::Null,
    ];
    for body in deploys {
        let mut world = world();
        let seen = world.ask(post(packages("/deploy"), &body));
        assert_eq!((seen.status, seen.code()), (400, "DLF.3051"), "{body}");
        assert_eq!(world.releases(), 0);
    }
    for bytes in ["", "{", "\u{feff}{}", "{}{}"] {
        let broken = Ask { body: bytes.as_bytes().to_vec(), ..deploy(&[]) };
        world().ask(broken).assert_refused(400, "DLF.3051");
    }
    for id in ["0", "-1", "023", "abc", "%32%33", "9223372036854775808"] {
        world().show(id).assert_refused(400, "DLF.3051");
    }
}

#[test]
fn a_package_that_is_or_is_being_released_is_refused() {
    let mut world = world();
    world.deploy(&["41"]).assert_refused(400, "DLF.20990");
    world.revoke(&["41"]).assert_refused(400, "DLF.20990");
    world.deploy(&["23"]).assert_ok();
    world.deploy(&["23"]).assert_refused(400, "DLF.20990");
    world.revoke(&["23"]).assert_refused(400, "DLF.20990");
    assert_eq!(world.releases(), 1);
}

#[test]
fn the_eleventh_request_of_a_user_in_a_second_is_throttled() {
    let mut world = World::of(Emulator::builder());
    for _ in 0..10 {
        world.show("23").assert_ok();
    }
    let seen = world.show("23");
    seen.assert_refused(429, "APIGW.0308");
    assert_eq!(seen.header("retry-after"), None);
    world.ask(show("23").by(DEVELOPER)).assert_ok();
    world.pass(1000);
    world.show("23").assert_ok();

    let mut scaled = World::of(Emulator::builder().rate_limit(RateLimit::Scaled(0.2)));
    scaled.show("23").assert_ok();
    scaled.show("23").assert_ok();
    scaled.show("23").assert_refused(429, "APIGW.0308");
}

#[test]
fn each_role_may_do_what_the_documents_say() {
    let keys = [
        (CI_BOT, true, true),
        (("AKIDADMIN", "example-admin-key"), true, true),
        (("AKIDOPERATOR", "example-operator-key"), true, true),
        (DEVELOPER, false, true),
        (VIEWER, false, false),
    ];
    for (key, may_deploy, may_revoke) in keys {
        let mut world = world();
        world.ask(show("23").by(key)).assert_ok();
        world.ask(list(json!({})).by(key)).assert_ok();
        for (ask, may) in [(deploy(&["23"]), may_deploy), (revoke(&["12"]), may_revoke)] {
            let seen = world.ask(ask.by(key));
            if may {
                seen.assert_ok();
            } else {
                seen.assert_refused(400, "DLF.6888");
            }
        }
        assert_eq!(world.releases(), usize::from(may_deploy));
    }
}

#[test]
fn without_a_workspace_called_default_the_header_is_needed() {
    let seed = format!(
        "project = \"{PROJECT}\"\nworkspaces = [{{ id = \"{OTHER_WORKSPACE}\" }}]\n\
         users = [{{ name = \"a\", id = \"1\", role = \"admin\" }}]\n\
         tokens = [{{ token = \"t\", user = \"a\" }}]\n"
    );
    let mut world = World::of(builder().seed(Seed::from_toml(&seed).unwrap()));
    let ask = list(json!({})).without("workspace");
    world.send(&ask.unsigned(Some("t"))).assert_refused(400, "DLF.0819");
    world.send(&ask.with("workspace", OTHER_WORKSPACE).unsigned(Some("t"))).assert_ok();
}

#[test]
fn every_answer_carries_a_request_id_and_a_date() {
    let mut world = world();
    let mut seen = vec![
        world.show("23"),
        world.show("999"),
        world.revoke(&["12"]),
        world.send(&show("23").unsigned(None)),
    ];
    let ids: Vec<String> =
        seen.iter().map(|seen| seen.header("x-request-id").unwrap().to_owned()).collect();
    let mut unique = ids.clone();
    unique.dedup();
    assert_eq!(unique.len(), 4, "{ids:?}");
    for seen in &seen {
        assert_eq!(seen.header("date"), Some("Mon, 24 Nov 2025 16:00:00 GMT"));
    }
    let refused = seen.pop().unwrap();
    assert_eq!(refused.body["request_id"], ids[3]);
}
