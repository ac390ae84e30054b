//! What the service would refuse is refused, with the documented status and code.

use dls_emulator::{Emulator, Seed};
use http::{HeaderValue, Request};
use serde_json::{Value, json};

use crate::support::*;

const MINUTE: u64 = 60_000;
const MB: usize = 1024 * 1024;
const FOREIGN: &str = "ffffb9e9ab9b4ee8994c8633aabc9505";

/// Asserts that a new emulator refuses the request so, releases nothing, and does not revoke package 12.
#[track_caller]
fn assert_refused(what: &str, request: &Request<Vec<u8>>, status: u16, code: &str) -> Received {
    let mut world = world();
    let received = world.send(request);
    assert_eq!((received.status, received.code()), (status, code), "{what}: {}", received.body);
    received.assert_refused(status, code);
    assert_eq!((world.releases(), world.status("12")), (0, json!(1)), "{what}");
    received
}

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
fn what_is_signed_rightly_is_accepted_and_everything_else_refused() {
    let temporary = show("23").by(("AKIDTEMPORARY", "example-temporary-key"));
    let with_token = |token: &str| temporary.clone().with_security_token(token).signed(start());
    let mut respelled = get(packages("/23?b=2&a=x%20y")).signed(start());
    assert!(respelled.uri().to_string().ends_with("?a=x%20y&b=2"));
    *respelled.uri_mut() = packages("/23?b=2&a=%78%20y").parse().unwrap();
    for (what, request) in [
        ("a security token", with_token("example-security-token")),
        ("a token", show("23").unsigned(Some("example-token"))),
        ("a header that the signature does not name", with_header(show("23"), "via", "1.1 proxy")),
        ("a query in another order and spelling", respelled),
    ] {
        assert_eq!(world().send(&request).status, 200, "{what}");
    }

    let deploy = || deploy(&["23"]);
    let retarget = |target: String| changed(deploy(), |it| *it.uri_mut() = target.parse().unwrap());
    let body = br#"{"package_ids":["24"]}"#;
    let hash = deploy().with("X-Sdk-Content-Sha256", &"0".repeat(64));
    let permanent = show("23").with("X-Security-Token", "example-security-token");
    let mut unsigned = with_header(deploy(), "x-sdk-content-sha256", "UNSIGNED-PAYLOAD");
    *unsigned.body_mut() = body.to_vec();
    let mut requests = vec![
        ("nothing", show("23").unsigned(None)),
        ("another secret", deploy().by(("AKIDEXAMPLE", "another-secret-key")).signed(start())),
        ("another body", changed(deploy(), |it| *it.body_mut() = body.to_vec())),
        ("another workspace", with_header(deploy(), "workspace", OTHER_WORKSPACE)),
        ("another host", with_header(deploy(), "host", "example.com")),
        ("another path", retarget(packages("/unpack"))),
        ("a query", retarget(packages("/deploy?a=b"))),
        ("a body that is not signed", unsigned),
        ("the hash of another body", hash.signed(start())),
        ("an unknown key", show("23").by(("AKIDNOBODY", "example-secret-key")).signed(start())),
        ("another algorithm", authorization("SDK-HMAC-SHA256", "SDK-HMAC-SM3")),
        ("no security token", temporary.signed(start())),
        ("another security token", with_token("another-token")),
        ("a security token of a permanent key", permanent.signed(start())),
        ("an unknown token", show("23").unsigned(Some("example-token-of-nobody"))),
    ];
    for name in ["host", "x-sdk-date"] {
        let twice = changed(show("23"), |it| {
            let value = it.headers()[name].clone();
            it.headers_mut().append(name, value);
        });
        let missing = changed(show("23"), |it| drop(it.headers_mut().remove(name)));
        requests.extend([(name, missing), (name, twice), (name, authorization(name, "workspace"))]);
    }
    for (what, request) in requests {
        let received = assert_refused(what, &request, 401, "APIGW.0301");
        let text = received.body["error_msg"].as_str().unwrap();
        match what {
            "another secret" => assert!(text.ends_with("verify aksk signature fail"), "{text}"),
            "no security token" => assert!(text.ends_with("ak AKIDTEMPORARY not exist"), "{text}"),
            _ => {}
        }
    }
    let expired = show("23").unsigned(Some("example-expired-token"));
    assert_refused("an expired token", &expired, 401, "APIGW.0307");
}

#[test]
fn a_body_goes_unsigned_only_if_the_signature_says_so() {
    // The official signer leaves a body unsigned that is no JSON; the service then refuses its type.
    let text = deploy(&["23"]).with("Content-Type", "text/plain");
    let mut request = text.signed(start());
    assert_eq!(request.headers()["x-sdk-content-sha256"], "UNSIGNED-PAYLOAD");
    assert_refused("the body that was signed", &request, 400, "APIGW.0106");
    *request.body_mut() = b"anything".to_vec();
    assert_refused("another body", &request, 400, "APIGW.0106");
}

#[test]
fn a_date_up_to_15_minutes_off_is_accepted_and_a_second_more_is_not() {
    for (off_by, is_accepted) in [(15 * MINUTE, true), (15 * MINUTE + 1000, false)] {
        for (signed_after, received_after) in [(0, off_by), (off_by, 0)] {
            let (mut signer, mut world) = (world(), world());
            signer.pass(signed_after);
            world.pass(received_after);
            let received = world.send(&show("23").signed(signer.now));
            if is_accepted {
                received.assert_ok();
            } else {
                received.assert_refused(401, "APIGW.0303");
            }
        }
    }
}

#[test]
fn a_key_is_locked_for_five_minutes_after_five_wrong_signatures_in_a_row() {
    let mut world = world();
    let wrong = |world: &mut World, count: usize| {
        (0..count).for_each(|_| drop(world.ask(show("23").by(("AKIDEXAMPLE", "wrong")))));
    };
    for _ in 0..2 {
        wrong(&mut world, 4);
        world.show("23").assert_ok();
    }
    wrong(&mut world, 5);
    let locked = world.show("23");
    locked.assert_refused(401, "APIGW.0301");
    assert!(locked.body["error_msg"].as_str().unwrap().contains("reach the limit, forbidden"));
    world.ask(show("23").by(DEVELOPER)).assert_ok();
    world.pass(5 * MINUTE - 1);
    world.show("23").assert_refused(401, "APIGW.0301");
    world.pass(1);
    // What else is wrong with a request does not count.
    let incomplete = changed(show("23"), |it| drop(it.headers_mut().remove("host")));
    for _ in 0..9 {
        world.show("999").assert_refused(400, "DLF.0810");
        world.send(&incomplete).assert_refused(401, "APIGW.0301");
    }
    world.show("23").assert_ok();
}

#[test]
fn what_the_gateway_or_the_service_does_not_accept_is_refused_with_its_code() {
    let (v2, v1) = ("dayu.cn-north-4.myhuaweicloud.com", "dayu-dlf.cn-north-4.myhuaweicloud.com");
    let task = "ff8080818c81c8ab0000000000000001";
    let in_project = |id| get(format!("/v2/{id}/factory/release-packages/23"));
    let typed = |value| deploy(&["23"]).with("Content-Type", value);
    let headers = (0..6).fold(show("23"), |it, n| it.with(&format!("x-{n}"), &"a".repeat(25_000)));
    for (what, ask, status, code) in [
        ("no content type", deploy(&["23"]).without("Content-Type"), 400, "APIGW.0106"),
        ("no content type", list(json!({})).without("Content-Type"), 400, "APIGW.0106"),
        ("no content type", revoke(&["12"]).without("Content-Type"), 400, "APIGW.0106"),
        ("another charset", typed("application/json;charset=GBK"), 400, "APIGW.0106"),
        ("another content type", typed("application/jsonp"), 400, "APIGW.0106"),
        ("two content types", typed("application/json5, text/plain"), 400, "APIGW.0106"),
        ("a GET with a body", Ask { body: b"{}".to_vec(), ..show("23") }, 400, "APIGW.0106"),
        ("a path", get("/".to_owned()), 404, "APIGW.0101"),
        ("a path", get("/v2".to_owned()), 404, "APIGW.0101"),
        ("a path", get(packages("")), 404, "APIGW.0101"),
        ("a path", post(packages("/pack"), &json!({})), 404, "APIGW.0101"),
        ("a path", post(packages("/deploy/"), &json!({})), 404, "APIGW.0101"),
        ("a path", post(packages("/Deploy"), &json!({})), 404, "APIGW.0101"),
        ("a path", post(format!("/{}", packages("/deploy")), &json!({})), 404, "APIGW.0101"),
        ("a path", get(packages("/")), 404, "APIGW.0101"),
        ("a path under V1", get(packages("/23").replace("v2", "v1")), 404, "APIGW.0101"),
        ("a path under V2", get(format!("/v2/{PROJECT}/system-tasks/23")), 404, "APIGW.0101"),
        ("a path of show", get(packages("/deploy")), 400, "DLF.3051"),
        ("a path with a query", system_task("a%2Fb?c=d"), 400, "DLF.20810"),
        ("a method", Ask { method: "DELETE", ..show("23") }, 404, "APIGW.0101"),
        ("a method", Ask { method: "OPTIONS", ..get("*".to_owned()) }, 404, "APIGW.0101"),
        ("a method", Ask { method: "PUT", ..deploy(&["23"]) }, 404, "APIGW.0101"),
        ("the other host", deploy(&["23"]).to(v1), 404, "APIGW.0101"),
        ("the other host", system_task(task).to(v2), 404, "APIGW.0101"),
        ("the other host", system_task(task).to("DAYU.example.com:443"), 404, "APIGW.0101"),
        ("the right host", system_task(task).to(v1), 400, "DLF.20810"),
        ("another host", system_task(task).to("proxy.example.com:8443"), 400, "DLF.20810"),
        ("another host", system_task(task).to("dayu"), 400, "DLF.20810"),
        ("another host", system_task(task).to("dayu-other.example.com"), 400, "DLF.20810"),
        ("another host", system_task(task).to("proxy.dayu.example.com"), 400, "DLF.20810"),
        ("a project", in_project(FOREIGN), 403, "APIGW.0310"),
        ("a project", show("23").with("X-Project-Id", FOREIGN), 400, "DLF.0819"),
        ("a workspace", show("23").with("workspace", FOREIGN), 400, "DLF.0819"),
        ("of another workspace", show("201"), 400, "DLF.0810"),
        ("of another workspace", deploy(&["201"]), 400, "DLF.0810"),
        ("an unknown package", show("999"), 400, "DLF.0810"),
        ("an unknown package", deploy(&["999"]), 400, "DLF.0810"),
        ("an unknown package", revoke(&["999"]), 400, "DLF.0810"),
        ("one unknown package of three", deploy(&["23", "999", "24"]), 400, "DLF.0810"),
        ("a package that was released", deploy(&["41"]), 400, "DLF.20990"),
        ("one that was released of two", deploy(&["41", "23"]), 400, "DLF.20990"),
        ("one that was released of two", revoke(&["12", "41"]), 400, "DLF.20990"),
        ("a body", Ask { body: vec![b' '; 12 * MB + 1], ..list(json!({})) }, 413, "APIGW.0201"),
        ("a body", Ask { body: vec![b' '; 12 * MB], ..list(json!({})) }, 400, "DLF.3051"),
        ("a target", get(packages(&format!("/23?a={}", "b".repeat(32_768)))), 414, "APIGW.0201"),
        ("a header", show("23").with("X-Language", &"a".repeat(32_768)), 494, "APIGW.0201"),
        ("all headers", headers, 494, "APIGW.0201"),
    ] {
        assert_refused(what, &ask.signed(start()), status, code);
    }
    let message = world().ask(system_task(task)).body["error_msg"].clone();
    assert_eq!(message, format!("Task[{task}] does not exist."));
    for accepted in [
        typed("application/json"),
        typed("application/json;charset=utf-8"),
        typed("application/json; charset=\"UTF-8\""),
        deploy(&["23"]).to(v2),
        show("23").to("DAYU.example.com:443"),
        show("23").to("dayu"),
        show("23").to("dayu-other.example.com"),
        show("23").to("proxy.dayu.example.com"),
        deploy(&["23"]).without("workspace"),
        show("23").without("X-Project-Id"),
        show("201").with("workspace", OTHER_WORKSPACE),
    ] {
        world().ask(accepted).assert_ok();
    }
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
    let broken = ["", "{", "\u{feff}{}", "{}{}"].map(str::to_owned);
    for body in deploys.iter().map(Value::to_string).chain(broken) {
        let ask = Ask { body: body.clone().into_bytes(), ..deploy(&[]) };
        assert_refused(&body, &ask.signed(start()), 400, "DLF.3051");
    }
    for id in ["0", "-1", "023", "abc", "%32%33", "9223372036854775808"] {
        assert_refused(id, &show(id).signed(start()), 400, "DLF.3051");
    }
}

#[test]
fn a_package_that_is_being_released_is_refused() {
    let mut world = world();
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
    let throttled = world.show("23");
    throttled.assert_refused(429, "APIGW.0308");
    assert_eq!(throttled.header("retry-after"), None);
    world.ask(show("23").by(DEVELOPER)).assert_ok();
}

#[test]
fn each_role_may_do_what_the_documents_say() {
    for (key, may_deploy, may_revoke) in [
        (CI_BOT, true, true),
        (("AKIDADMIN", "example-admin-key"), true, true),
        (("AKIDOPERATOR", "example-operator-key"), true, true),
        (DEVELOPER, false, true),
        (VIEWER, false, false),
    ] {
        let mut world = world();
        world.ask(show("23").by(key)).assert_ok();
        world.ask(list(json!({})).by(key)).assert_ok();
        for (ask, may) in [(deploy(&["23"]), may_deploy), (revoke(&["12"]), may_revoke)] {
            let received = world.ask(ask.by(key));
            if may {
                received.assert_ok();
            } else {
                received.assert_refused(400, "DLF.6888");
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
fn every_answer_carries_a_request_id_of_its_own_and_a_date() {
    let mut world = world();
    let seen = [
        world.show("23"),
        world.show("999"),
        world.revoke(&["12"]),
        world.send(&show("23").unsigned(None)),
    ];
    let ids = seen.each_ref().map(|seen| seen.header("x-request-id").unwrap());
    assert_eq!(ids.iter().collect::<std::collections::HashSet<_>>().len(), 4, "{ids:?}");
    for seen in &seen {
        assert_eq!(seen.header("date"), Some("Mon, 24 Nov 2025 16:00:00 GMT"));
    }
    assert_eq!(seen[3].body["request_id"], ids[3]);
}
