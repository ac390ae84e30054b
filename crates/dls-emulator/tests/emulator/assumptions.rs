//! Each assumption switches its own behaviour and no other: every probe runs under every value.

use dls_emulator::{EmulatorBuilder, RateLimit, assumptions};
use dls_transport::credentials::SecretKey;
use dls_transport::sign::{self, SdkDate};
use http::Request;
use serde_json::{Value, json};

use crate::support::*;

/// What can be seen of one assumption, under whatever the builder assumes.
type Probe = fn(EmulatorBuilder) -> Value;

/// Status and code of a response.
fn code_of(seen: &Received) -> Value {
    json!([seen.status, seen.code()])
}

/// Status and code of the response to each of these, in one world.
fn codes(builder: EmulatorBuilder, asks: impl IntoIterator<Item = Ask>) -> Value {
    let mut world = World::of(builder);
    asks.into_iter().map(|ask| code_of(&world.ask(ask))).collect()
}

/// The status of a deploy of `ids` after one of `before`, and how many releases there are then.
fn deployed(builder: EmulatorBuilder, before: &[&str], ids: &[&str]) -> Value {
    let mut world = World::of(builder);
    if !before.is_empty() {
        world.deploy(before).assert_ok();
    }
    json!([world.deploy(ids).status, world.releases()])
}

/// A request whose signature covers nothing but the date.
fn signed_without_host() -> Request<Vec<u8>> {
    let mut request = show("23").signed(start());
    let date = SdkDate::from(start());
    let headers = [("x-sdk-date", date.to_string())];
    let path = request.uri().path();
    let canonical =
        sign::canonical_request("GET", path, &[], &headers, &sign::payload_hash(None, b""));
    let secret = SecretKey::new(CI_BOT.1).unwrap();
    let signature = sign::signature(&secret, &sign::string_to_sign(date, &canonical));
    let value = sign::authorization(CI_BOT.0, "x-sdk-date", &signature);
    request.headers_mut().insert("authorization", value.parse().unwrap());
    request
}

const PROBES: &[(&str, &[&str], Probe)] = &[
    ("host-signed", &["optional"], |builder| {
        code_of(&World::of(builder).send(&signed_without_host()))
    }),
    ("key-lock-after", &["2", "7"], |builder| {
        let mut world = World::of(builder);
        let wrong = || show("23").by(("AKIDEXAMPLE", "wrong"));
        let is_locked = |seen: &Received| seen.body["error_msg"].to_string().contains("limit");
        json!((0..10).find(|_| is_locked(&world.ask(wrong()))))
    }),
    ("canonical-request-echo", &["yes"], |builder| {
        let wrong = deploy(&["23"]).by(("AKIDEXAMPLE", "wrong"));
        let text = World::of(builder).ask(wrong).body["error_msg"].to_string();
        json!(
            text.contains("POST|/v2/")
                && text.contains("|content-type;host;workspace;x-project-id;x-sdk-date|")
        )
    }),
    ("user-rate", &["per-user-and-api"], |builder| {
        let mut world = World::of(builder.rate_limit(RateLimit::Documented));
        let shown = (0..9).filter(|_| world.show("23").status == 200).count();
        let listed = (0..9).filter(|_| world.list(json!({})).status == 200).count();
        json!([shown, listed])
    }),
    ("retry-after", &["present"], |builder| {
        let mut world = World::of(builder.rate_limit(RateLimit::Scaled(0.1)));
        let passed = world.show("23");
        let refused = world.show("23");
        json!([passed.header("retry-after"), refused.status, refused.header("retry-after")])
    }),
    ("unknown-project", &["APIGW.0301", "DLF.0819"], |builder| {
        codes(builder, [get("/v2/p-1/factory/release-packages/23".to_owned())])
    }),
    ("project-header", &["required", "ignored"], |builder| {
        let mut world = World::of(builder);
        let without = show("23").without("X-Project-Id");
        let requests = [
            show("23").unsigned(Some("example-token")),
            without.unsigned(Some("example-token")),
            without.signed(start()),
            show("23").signed(start()),
            show("23").with("X-Project-Id", "another").signed(start()),
        ];
        requests.iter().map(|request| code_of(&world.send(request))).collect()
    }),
    ("role-refusal", &["APIGW.0302"], |builder| {
        codes(builder, [deploy(&["23"]).by(VIEWER), deploy(&["23"])])
    }),
    ("unknown-package", &["DLF.20810"], |builder| {
        codes(builder, [show("999"), deploy(&["999"]), revoke(&["999"])])
    }),
    ("duplicate-ids", &["once"], |builder| deployed(builder, &[], &["23", "23"])),
    ("publish-type", &["required"], |builder| {
        let bodies = [
            json!({"package_ids": ["12"], "publish_type": "asy"}),
            json!({"package_ids": ["13"], "publish_type": "syn"}),
            json!({"package_ids": ["23"]}),
        ];
        codes(builder, bodies.iter().map(|body| post(packages("/deploy"), body)))
    }),
    ("deploy-partial", &["each", "each-but-refused"], |builder| {
        deployed(builder, &[], &["23", "999", "24"])
    }),
    ("deploy-names-ids", &["without-tasks", "none"], |builder| {
        let body = World::of(builder).deploy(&["23", "24"]).body;
        let rows = body.get("deploy_package_details").and_then(Value::as_array);
        json!(rows.map(|rows| {
            let task = |row: &Value| json!([row["package_id"], row["asy_task_id"].is_string()]);
            rows.iter().map(task).collect::<Vec<_>>()
        }))
    }),
    ("redeploy-running", &["no-op", "new-release"], |builder| deployed(builder, &["23"], &["23"])),
    ("redeploy-released", &["no-op", "new-release"], |builder| deployed(builder, &[], &["41"])),
    ("redeploy-failed", &["error", "no-op"], |builder| deployed(builder, &[], &["42"])),
    ("deploy-timestamp", &["finished"], |builder| {
        let mut world = World::of(builder);
        world.deploy(&["23"]);
        world.pass(1500);
        let mut times = Vec::new();
        for _ in 0..2 {
            times.push(world.show("23").body["release_package"]["deploy_timestamp"].as_i64());
            world.pass(1500);
        }
        // Not zero or null, which another assumption decides.
        json!(times.iter().map(|time| time.filter(|time| *time > 0)).collect::<Vec<_>>())
    }),
    ("before-release", &["zero", "null"], |builder| {
        let mut world = World::of(builder);
        let members = ["deploy_timestamp", "deploy_user_id", "deploy_user_name"];
        let of = |row: &Value| json!(members.map(|member| row.get(member).cloned().map(|v| [v])));
        let shown = of(&world.show("23").body["release_package"]);
        let listed = of(&world.list(json!({"key_word": "orders_2025w46"})).body["data"][0]);
        json!([shown, listed])
    }),
    ("start-status-later", &["zero"], |builder| {
        let mut world = World::of(builder);
        world.deploy(&["23"]);
        world.ask(deploy_and_start(&["32"]));
        world.pass(2000);
        // Long after, so that what lags has caught up.
        world.pass(10_000);
        let details = ["23", "32"].map(|id| world.show(id).body["task_details"].take());
        json!(details.map(|tasks| columns(&tasks, &["start_job_status"])))
    }),
    ("status-lag", &["700ms"], |builder| {
        let mut world = World::of(builder);
        world.deploy(&["24"]);
        let mut seen = Vec::new();
        for _ in 0..30 {
            let status = world.status("24");
            let listed =
                world.list(json!({"key_word": "crm_fix"})).body["data"][0]["deploy_status"].clone();
            assert_eq!(status, listed);
            seen.push(status.as_i64().unwrap());
            world.pass(100);
        }
        json!(seen)
    }),
    ("system-task-pollable", &["no"], |builder| {
        codes(builder, [deploy(&["23"]), system_task("ff8080818c81c8ab0000000000000001")])
    }),
    ("list-offset", &["rows"], |builder| {
        let mut world = World::of(builder);
        let seen = world.list(json!({"offset": 2, "limit": 5, "order_column": "package_id"}));
        json!(seen.ids())
    }),
    ("list-max-limit", &["12", "none"], |builder| {
        let mut world = World::of(builder.extra_packages(120));
        let limits = [12, 13, 100, 101];
        json!(limits.map(|limit| {
            let seen = world.list(json!({"limit": limit, "sorted_direction": "desc"}));
            seen.body["data"].as_array().map_or(0, Vec::len) == limit
        }))
    }),
    ("list-over-limit", &["clamped"], |builder| {
        // With a maximum of its own, as the greatest limit is another assumption.
        let mut world = World::of(builder.assume("list-max-limit", "15").unwrap());
        let seen = world.list(json!({"limit": 16}));
        let second = world.list(json!({"limit": 15}));
        json!([code_of(&seen), seen.body["data"].as_array().map(Vec::len), second.ids().len()])
    }),
    ("list-ascending", &["refused"], |builder| {
        codes(builder, ["asc", "desc"].map(|order| list(json!({"sorted_direction": order}))))
    }),
    ("revoke-partial", &["each", "each-but-refused"], |builder| {
        let mut world = World::of(builder);
        let seen = world.revoke(&["12", "41"]);
        world.pass(10_000);
        // Whatever a revoke leaves of a package, it cannot be revoked again.
        let again = world.revoke(&["12"]).status;
        json!([code_of(&seen), again])
    }),
    ("revoke-failed", &["refused"], |builder| codes(builder, [revoke(&["42"])])),
    ("revoke-max-ids", &["2", "none"], |builder| {
        let ids: Vec<String> = (1001..=1200).map(|id| id.to_string()).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        codes(builder.extra_packages(200), [&ids[..2], &ids[2..5], &ids[50..151]].map(revoke))
    }),
    ("revoke-effect", &["status-4", "deleted-flag"], |builder| {
        let mut world = World::of(builder);
        world.revoke(&["12"]).assert_ok();
        world.pass(10_000);
        let row = world.show("12").body["release_package"].clone();
        let listed = world.list(json!({"key_word": "customers_"})).body["data"][0].clone();
        let of = |row: Value| json!([row["deploy_status"], row["delete_flag"]]);
        json!([of(row), of(listed), world.deploy(&["12"]).status])
    }),
];

#[test]
fn each_assumption_has_a_probe() {
    let probed: Vec<&str> = PROBES.iter().map(|(name, ..)| *name).collect();
    let known: Vec<&str> = assumptions().iter().map(|row| row.name).collect();
    assert_eq!(probed, known);
    for ((name, others, _), row) in PROBES.iter().zip(assumptions()) {
        let words = row.values.iter().filter(|word| !["N", "TIME", row.default].contains(word));
        for word in words {
            assert!(others.contains(word), "{name}={word} is not tried");
        }
    }
}

#[test]
fn each_value_changes_what_its_probe_sees_and_nothing_that_the_others_see() {
    let unchanged: Vec<Value> = PROBES.iter().map(|(.., probe)| probe(builder())).collect();
    for (name, others, _) in PROBES {
        let mut told_apart = Vec::new();
        for value in *others {
            for ((probed, _, probe), before) in PROBES.iter().zip(&unchanged) {
                let after = probe(builder().assume(name, value).unwrap());
                if probed == name {
                    assert_ne!(&after, before, "{name}={value} changes nothing");
                    assert!(!told_apart.contains(&after), "{name}={value} is like another value");
                    told_apart.push(after);
                } else {
                    assert_eq!(&after, before, "{name}={value} changes {probed}");
                }
            }
        }
    }
}
