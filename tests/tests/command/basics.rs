//! Basic commands: deploy, list, view, status, revoke and sign.

use std::process::Command;

use serde_json::Value;

use crate::bench::*;

#[test]
fn the_exit_code_follows_from_the_outcome() {
    for (args, exit_code, outcome, packages, releases) in [
        ("23 24 --no-start", 0, "successful", "successful successful", 2),
        ("31 --no-start", 3, "failed", "failed", 1),
        ("23 31 --no-start", 6, "partial", "successful failed", 2),
        // A job does not start.
        ("32 --start", 6, "partial", "successful", 1),
        ("23 4711 --no-start", 5, "refused", "not-sent gone", 0),
        ("23 --no-start --no-wait", 0, "accepted", "accepted", 1),
        ("41 --no-start", 0, "nothing-to-do", "already-released", 0),
        ("23 --no-start --endpoint http://127.0.0.1:1", 11, "refused", "not-sent", 0),
    ] {
        let bench = Bench::quick();
        let document = json(&bench.ends(exit_code, format!("deploy {args} -o json")));
        assert_eq!(document["outcome"], outcome, "{args}");
        assert_eq!(outcomes(&document).join(" "), packages, "{args}");
        let ids: Vec<_> = args.split(' ').take_while(|it| !it.starts_with('-')).collect();
        let named: Vec<_> =
            document["packages"].as_array().unwrap().iter().map(|it| &it["id"]).collect();
        assert_eq!(named, ids, "{args}");
        assert_eq!(bench.releases(), releases, "{args}");
    }
    let bench = Bench::quick();
    bench.ends(5, "view 4711");
    bench.ends(5, "status 23 4711");
}

#[test]
fn a_wrong_key_exits_4_after_one_request_in_all() {
    let bench = Bench::quick();
    let wrong = [("HUAWEICLOUD_SDK_SK", "another-secret-key")];
    let output = ended(4, &mut bench.dls_with(wrong, "deploy 23 24 --no-start"));
    assert!(!stderr(&output).contains("another-secret-key"));
    assert_eq!(bench.requests(), 1);
}

#[test]
fn a_proxy_setting_that_is_not_used_is_reported() {
    let bench = Bench::quick();
    for args in ["list", "deploy 23 --no-start"] {
        let mut command = bench.dls_with([("DLS_ENDPOINT", "https://127.0.0.1:1")], args);
        let run = |command: &mut Command| stderr(&command.output().unwrap());
        let text = run(&mut command);
        assert!(text.contains("SSL_CERT_FILE"), "{args}: {text}");
        assert!(!text.contains("proxy"), "{args}: {text}");
        let text = run(command.env("HTTPS_PROXY", "http://proxy.example:8080"));
        let said = "HTTPS_PROXY is set, but dls does not use a proxy";
        assert!(text.contains(said), "{args}: {text}");
    }
}

#[test]
fn a_timeout_without_a_connection_is_not_pending() {
    let bench = Bench::quick();
    let output = bench.run("deploy 23 --no-start --timeout 100ms --endpoint http://127.0.0.1:1");
    assert!([10, 11].contains(&code(&output)), "{}", stderr(&output));
    assert!(!stderr(&output).contains("goes on"), "{}", stderr(&output));
}

#[test]
fn a_revoked_package_is_not_found_and_a_released_one_cannot_be_revoked() {
    let bench = Bench::quick();
    bench.ends(0, "revoke 12 13");
    bench.ends(5, "status 12");
    bench.ends(9, "revoke 41");
}

#[test]
fn a_list_reads_all_pages() {
    let bench = Bench::quick();
    let document = json(&bench.run("list -o json"));
    assert!(document["packages"].as_array().unwrap().len() >= 25);
    let limited = json(&bench.run("list -o json --limit 3 --status to-be-reviewed"));
    assert_eq!(limited["packages"].as_array().unwrap().len(), 3);
}

#[test]
fn a_refusal_has_its_request_id_and_a_fitting_next_step() {
    let bench = Bench::quick();
    bench.write("token", "example-expired-token");
    let viewer =
        [("HUAWEICLOUD_SDK_AK", "AKIDVIEWER"), ("HUAWEICLOUD_SDK_SK", "example-viewer-key")];
    let developer =
        [("HUAWEICLOUD_SDK_AK", "AKIDDEVELOPER"), ("HUAWEICLOUD_SDK_SK", "example-developer-key")];
    let other = [("HUAWEICLOUD_SDK_PROJECT_ID", "another-project"), viewer[0]];
    let own = [("DLS_WORKSPACE", "default"); 2];
    let [role, project] = ["role in the workspace", "check the project id"];
    for (args, variables, exit_code, fitting) in [
        ("deploy 23 --no-start", viewer, 4, role),
        ("deploy 23 --no-start", developer, 4, role),
        ("revoke 23", viewer, 4, role),
        ("list", [other[0], own[0]], 4, project),
        ("deploy 23 --no-start", [other[0], own[0]], 4, project),
        ("list --token-file token", own, 4, "get a new one"),
        ("revoke 41", own, 9, "cannot be revoked"),
        ("view 4711", own, 5, "dls list"),
        ("list --workspace elsewhere", own, 5, "not the name"),
        ("deploy 23 --no-start --workspace elsewhere", own, 5, "not the name"),
    ] {
        let output = bench.dls_with(variables, args).output().unwrap();
        let text = stderr(&output);
        assert_eq!(code(&output), exit_code, "{args}: {text}");
        assert!(text.contains("(request id 0"), "{args}: {text}");
        let next = text.lines().last().unwrap();
        assert!(next.contains(fitting), "{args}: {text}");
    }
    let document = json(&bench.run("status 4711 -o json"));
    let id = &document["packages"][0]["error"]["request_id"];
    assert!(id.as_str().is_some_and(|id| id.starts_with('0')), "{id}");
    assert_eq!(bench.releases(), 0);
}

#[test]
fn sign_reproduces_the_official_signer() {
    let text = include_str!("../../../crates/dls-transport/tests/data/signing-vectors.json");
    let file: Value = serde_json::from_str(text).unwrap();
    let plain = file["vectors"].as_array().unwrap().iter().filter(|it| {
        let is_of_header = it["id"].as_str().unwrap().starts_with("header");
        it["quirk"] == false
            && it["request"]["body_len"] == 0
            && it["via"] == "Signer"
            && !is_of_header
    });
    let mut checked = 0;
    for vector in plain {
        let (request, expected) = (&vector["request"], &vector["expected"]);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let mut command = bare();
        command.env("HUAWEICLOUD_SDK_AK", text(&vector["ak"]));
        command.env("HUAWEICLOUD_SDK_SK", text(&vector["sk"]));
        let url = format!("https://{}{}", text(&request["host"]), text(&expected["uri"]));
        command.args(["sign", &text(&request["method"]), &url, "-o", "json"]);
        for header in request["headers"].as_array().unwrap() {
            command.args(["-H", &format!("{}: {}", text(&header[0]), text(&header[1]))]);
        }
        let document = json(&ended(0, &mut command));
        for stage in ["canonical_request", "string_to_sign", "authorization", "uri"] {
            assert_eq!(document[stage], expected[stage], "{} {stage}", vector["id"]);
        }
        checked += 1;
    }
    assert!(checked >= 30, "{checked}");
}
