//! What the service would refuse is refused, with the documented status and code.

use dls_emulator::{Emulator, RateLimit, Seed};
use http::{HeaderValue, Request};
use serde_json::{Value, json};

use crate::support::*;

const MINUTE: u64 = 60_000;

#[test]
fn a_request_that_nobody_signed_is_refused() {
    let mut world = world();
    world.send(&show("23").unsigned(None)).assert_refused(401, "APIGW.0301");
}

#[test]
fn a_signature_with_another_secret_is_refused() {
    let mut world = world();
    let wrong = deploy(&["23"]).by(("AKIDEXAMPLE", "another-secret-key"));
    let seen = world.ask(wrong);
    seen.assert_refused(401, "APIGW.0301");
    assert!(seen.body["error_msg"].as_str().unwrap().ends_with("verify aksk signature fail"));
    assert_eq!(world.releases(), 0);
}

#[test]
fn a_request_that_was_changed_after_signing_is_refused() {
    let signed = || deploy(&["23"]).signed(start());
    let mut changed: Vec<Request<Vec<u8>>> = Vec::new();

    let mut body = signed();
    *body.body_mut() = br#"{"package_ids":["24"],"startup_mode":0}"#.to_vec();
    changed.push(body);
    let mut workspace = signed();
    workspace.headers_mut().insert("workspace", HeaderValue::from_static(OTHER_WORKSPACE));
    changed.push(workspace);
    let mut host = signed();
    host.headers_mut().insert("host", HeaderValue::from_static("example.com"));
    changed.push(host);
    let mut path = signed();
    *path.uri_mut() = packages("/unpack").parse().unwrap();
    changed.push(path);
    let mut query = signed();
    *query.uri_mut() = packages("/deploy?a=b").parse().unwrap();
    changed.push(query);

    for request in changed {
        let mut world = world();
        world.send(&signed()).assert_ok();
        world.send(&request).assert_refused(401, "APIGW.0301");
    }
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

    let mut added = deploy(&["23"]).signed(start());
    let unsigned = HeaderValue::from_static("UNSIGNED-PAYLOAD");
    added.headers_mut().insert("x-sdk-content-sha256", unsigned);
    *added.body_mut() = br#"{"package_ids":["24"]}"#.to_vec();
    world().send(&added).assert_refused(401, "APIGW.0301");
}

#[test]
fn a_hash_that_is_given_instead_of_the_bodys_own_is_refused() {
    let wrong = deploy(&["23"]).with("X-Sdk-Content-Sha256", &"0".repeat(64));
    world().ask(wrong).assert_refused(401, "APIGW.0301");
}

#[test]
fn host_and_date_must_be_signed_and_be_there_once() {
    for name in ["host", "x-sdk-date"] {
        let mut removed = show("23").signed(start());
        removed.headers_mut().remove(name);
        world().send(&removed).assert_refused(401, "APIGW.0301");

        let mut twice = show("23").signed(start());
        let value = twice.headers()[name].clone();
        twice.headers_mut().append(name, value);
        world().send(&twice).assert_refused(401, "APIGW.0301");

        let mut unnamed = show("23").signed(start());
        let value = unnamed.headers()["authorization"].to_str().unwrap().replace(name, "workspace");
        unnamed.headers_mut().insert("authorization", value.parse().unwrap());
        world().send(&unnamed).assert_refused(401, "APIGW.0301");
    }
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
fn an_unknown_key_is_refused() {
    let unknown = show("23").by(("AKIDNOBODY", "example-secret-key"));
    world().ask(unknown).assert_refused(401, "APIGW.0301");
}

#[test]
fn another_algorithm_is_refused() {
    let mut request = show("23").signed(start());
    let value = request.headers()["authorization"].to_str().unwrap();
    let value = value.replace("SDK-HMAC-SHA256", "SDK-HMAC-SM3");
    request.headers_mut().insert("authorization", value.parse().unwrap());
    world().send(&request).assert_refused(401, "APIGW.0301");
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
fn a_temporary_key_needs_its_security_token() {
    let temporary = show("23").by(("AKIDTEMPORARY", "example-temporary-key"));
    let with = |token: &str| Ask { security_token: Some(token.to_owned()), ..temporary.clone() };
    world().ask(with("example-security-token")).assert_ok();
    let missing = world().ask(temporary.clone());
    missing.assert_refused(401, "APIGW.0301");
    assert!(missing.body["error_msg"].as_str().unwrap().ends_with("ak AKIDTEMPORARY not exist"));
    world().ask(with("another-token")).assert_refused(401, "APIGW.0301");
    let stray = show("23").with("X-Security-Token", "example-security-token");
    world().ask(stray).assert_refused(401, "APIGW.0301");
}

#[test]
fn a_token_is_accepted_unless_it_is_unknown_or_has_ended() {
    let mut world = world();
    world.send(&show("23").unsigned(Some("example-token"))).assert_ok();
    let unknown = world.send(&show("23").unsigned(Some("example-token-of-nobody")));
    unknown.assert_refused(401, "APIGW.0301");
    let ended = world.send(&show("23").unsigned(Some("example-expired-token")));
    ended.assert_refused(401, "APIGW.0307");
}

#[test]
fn a_body_needs_its_content_type_and_the_right_one() {
    for ask in [deploy(&["23"]), list(json!({})), revoke(&["12"])] {
        world().ask(ask.without("Content-Type")).assert_refused(400, "APIGW.0106");
    }
    let with_body = Ask { body: b"{}".to_vec(), ..show("23") };
    world().ask(with_body).assert_refused(400, "APIGW.0106");
    for (value, accepted) in [
        ("application/json", true),
        ("application/json;charset=utf-8", true),
        ("application/json; charset=\"UTF-8\"", true),
        ("application/json;charset=GBK", false),
        ("application/jsonp", false),
        ("application/json5, text/plain", false),
    ] {
        let seen = world().ask(deploy(&["23"]).with("Content-Type", value));
        assert_eq!(seen.status == 200, accepted, "{value}: {}", seen.body);
    }
}

#[test]
fn an_unknown_path_or_method_is_refused() {
    for ask in [
        get("/".to_owned()),
        get("/v2".to_owned()),
        get(packages("")),
        post(packages("/pack"), &json!({})),
        post(packages("/deploy/"), &json!({})),
        Ask { method: "DELETE", ..show("23") },
        Ask { method: "PUT", ..deploy(&["23"]) },
    ] {
        world().ask(ask).assert_refused(404, "APIGW.0101");
    }
}

#[test]
fn a_host_of_the_other_family_does_not_know_the_path() {
    let (v2, v1) = ("dayu.cn-north-4.myhuaweicloud.com", "dayu-dlf.cn-north-4.myhuaweicloud.com");
    let mut world = world();
    world.ask(deploy(&["23"]).to(v1)).assert_refused(404, "APIGW.0101");
    let id =
        world.ask(deploy(&["23"]).to(v2)).body["deploy_package_details"][0]["asy_task_id"].clone();
    let id = id.as_str().unwrap();
    world.ask(system_task(id).to(v2)).assert_refused(404, "APIGW.0101");
    world.ask(system_task(id).to(v1)).assert_ok();
    world.ask(system_task(id).to("proxy.example.com:8443")).assert_ok();
}

#[test]
fn an_unknown_project_is_refused() {
    let foreign =
        get("/v2/ffffb9e9ab9b4ee8994c8633aabc9505/factory/release-packages/23".to_owned());
    world().ask(foreign).assert_refused(403, "APIGW.0310");
}

#[test]
fn an_unknown_workspace_is_refused() {
    let foreign = show("23").with("workspace", "ffff7861478748a6925bc02f47c69279");
    world().ask(foreign).assert_refused(400, "DLF.0819");
}

#[test]
fn a_request_without_a_workspace_means_the_one_called_default() {
    world().ask(deploy(&["23"]).without("workspace")).assert_ok();
    let named = world().ask(show("23").with("workspace", "default"));
    assert_eq!(named.assert_ok().body["release_package"]["workspace_id"], "default");
}

#[test]
fn a_project_header_that_names_another_project_is_refused() {
    world().ask(show("23").with("X-Project-Id", PROJECT)).assert_ok();
    world().ask(show("23").without("X-Project-Id")).assert_ok();
    let foreign = show("23").with("X-Project-Id", "ffffb9e9ab9b4ee8994c8633aabc9505");
    world().ask(foreign).assert_refused(400, "DLF.0819");
}

#[test]
fn a_package_of_another_workspace_is_unknown() {
    world().show("201").assert_refused(400, "DLF.0810");
    world().deploy(&["201"]).assert_refused(400, "DLF.0810");
    world().ask(show("201").with("workspace", OTHER_WORKSPACE)).assert_ok();
}

#[test]
fn a_deploy_names_1_to_100_ids() {
    let ids: Vec<String> = (1001..=1101).map(|id| id.to_string()).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let mut world = World::of(builder().extra_packages(101));
    world.deploy(&ids).assert_refused(400, "DLF.3051");
    world.deploy(&[]).assert_refused(400, "DLF.3051");
    assert_eq!(world.releases(), 0);
    world.deploy(&ids[..100]).assert_ok();
    assert_eq!(world.releases(), 100);
}

#[test]
fn a_revoke_names_1_to_100_ids() {
    let ids: Vec<String> = (1001..=1101).map(|id| id.to_string()).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let mut world = World::of(builder().extra_packages(101));
    world.revoke(&ids).assert_refused(400, "DLF.3051");
    world.revoke(&[]).assert_refused(400, "DLF.3051");
    world.revoke(&ids[..100]).assert_ok();
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
fn an_unknown_package_is_refused() {
    let mut world = world();
    world.show("999").assert_refused(400, "DLF.0810");
    world.deploy(&["999"]).assert_refused(400, "DLF.0810");
    world.revoke(&["999"]).assert_refused(400, "DLF.0810");
}

#[test]
fn an_unknown_background_task_is_refused() {
    let id = "ff8080818c81c8ab0000000000000001";
    let seen = world().ask(system_task(id));
    seen.assert_refused(400, "DLF.20810");
    assert_eq!(seen.body["error_msg"], format!("Task[{id}] does not exist."));
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
fn a_body_over_12_mb_is_refused() {
    let of_size = |size: usize| Ask { body: vec![b' '; size], ..list(json!({})) };
    const MB: usize = 1024 * 1024;
    world().ask(of_size(12 * MB + 1)).assert_refused(413, "APIGW.0201");
    world().ask(of_size(12 * MB)).assert_refused(400, "DLF.3051");
}

#[test]
fn a_target_and_headers_that_are_too_large_are_refused() {
    let long = get(packages(&format!("/23?a={}", "b".repeat(32 * 1024))));
    world().ask(long).assert_refused(414, "APIGW.0201");
    let one = show("23").with("X-Language", &"a".repeat(32 * 1024));
    world().ask(one).assert_refused(494, "APIGW.0201");
    let all = (0..6).fold(show("23"), |ask, n| ask.with(&format!("x-{n}"), &"a".repeat(25 * 1024)));
    world().ask(all).assert_refused(494, "APIGW.0201");
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
