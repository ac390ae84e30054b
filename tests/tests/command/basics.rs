//! Basic commands: deploy, list, view, status, revoke and sign.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::bench::*;

#[test]
fn a_deploy_releases_each_package_once_and_exits_0() {
    let bench = Bench::quick();
    let output = bench.ends(0, "deploy 23 24 --no-start -o json");
    let document = json(&output);
    assert_eq!(document["outcome"], "successful");
    assert_eq!(outcomes(&document), ["successful", "successful"]);
    assert_eq!(document["packages"][0]["id"], "23");
    assert_eq!(document["packages"][0]["name"], "orders_2025w46");
    assert_eq!(bench.releases(), 2);
}

#[test]
fn the_exit_code_follows_from_the_outcome() {
    for (args, exit_code, outcome, releases) in [
        ("deploy 31 --no-start", 3, "failed", 1),
        ("deploy 23 31 --no-start", 6, "partial", 2),
        // A job does not start.
        ("deploy 32 --start", 6, "partial", 1),
        ("deploy 23 4711 --no-start", 5, "refused", 0),
        ("deploy 23 --no-start --no-wait", 0, "accepted", 1),
    ] {
        let bench = Bench::quick();
        let output = bench.ends(exit_code, format!("{args} -o json"));
        assert_eq!(json(&output)["outcome"], outcome, "{args}");
        assert_eq!(bench.releases(), releases, "{args}");
    }
    let bench = Bench::quick();
    bench.ends(5, "view 4711");
    bench.ends(5, "status 23 4711");
}

#[test]
fn a_released_package_is_not_sent_again() {
    let bench = Bench::quick();
    bench.run("deploy 23 --no-start");
    let output = bench.ends(0, "deploy 23 41 --no-start -o json");
    assert_eq!(json(&output)["outcome"], "nothing-to-do");
    assert_eq!(bench.releases(), 1);
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
fn nobody_listening_exits_11() {
    let bench = Bench::quick();
    let output = bench.ends(11, "deploy 23 --no-start -o json --endpoint http://127.0.0.1:1");
    assert_eq!(json(&output)["packages"][0]["outcome"], "not-sent");
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
fn a_timeout_exits_8_and_the_release_continues() {
    let bench = Bench::new(Duration::from_secs(60));
    let output = bench.ends(8, "deploy 23 --no-start --timeout 1s -o json");
    assert_eq!(json(&output)["outcome"], "pending");
    assert_eq!(bench.releases(), 1);
}

#[test]
fn a_dry_run_sends_nothing_at_all() {
    let bench = Bench::quick();
    let output = bench.ends(0, "deploy 23 --start --dry-run -o json");
    assert_eq!(json(&output)["request"]["body"]["startup_mode"], 1);
    assert_eq!(bench.requests(), 0);
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
fn bad_input_gets_one_line_exits_2_and_sends_nothing() {
    let bench = Bench::quick();
    for args in [
        "deploy --no-start",
        "deploy 23",
        "deploy 23 --start --no-start",
        "deploy 23 23 --no-start",
        "deploy x --no-start",
        "deploy 作业 --no-start",
        "deploy 0 --no-start",
        "deploy 23 --no-start --timeout soon",
        "deploy 23 --no-start --connect-timeout 0",
        "deploy 23 --no-start --request-timeout 0s",
        "list --endpoint dayu.example.com",
        "list --endpoint https://dayu.example.com/v2",
        "list --endpoint https://me:hunter2@dayu.example.com",
        "list --workspace x",
        "list --project-id a/b",
    ] {
        let output = bench.ends(2, args);
        let text = stderr(&output);
        assert!(text.starts_with("error: ") && text.lines().count() <= 2, "{args}: {text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
    for id in ["2 3", "23\n24", ""] {
        let output = ended(2, bench.dls().args(["status", id]));
        assert!(stderr(&output).lines().count() <= 2, "{}", stderr(&output));
    }
    assert_eq!(bench.requests(), 0);
}

#[test]
fn a_typo_gets_a_suggestion() {
    for (args, meant) in [
        ("deployx 23", "deploy"),
        ("deploy 23 --no-starts", "--no-start"),
        ("list --status fail", "failed"),
    ] {
        let output = ended(2, bare().args(args.split_whitespace()));
        let text = stderr(&output);
        assert!(text.contains(&format!("did you mean {meant}?")), "{args}: {text}");
    }
}

#[test]
fn a_refusal_has_its_request_id_and_a_fitting_next_step() {
    let bench = Bench::quick();
    bench.write("token", "example-expired-token");
    let viewer =
        [("HUAWEICLOUD_SDK_AK", "AKIDVIEWER"), ("HUAWEICLOUD_SDK_SK", "example-viewer-key")];
    let other = [("HUAWEICLOUD_SDK_PROJECT_ID", "another-project"), viewer[0]];
    let own = [("DLS_WORKSPACE", "default"); 2];
    let [role, project] = ["role in the workspace", "check the project id"];
    for (args, variables, exit_code, fitting) in [
        ("deploy 23 --no-start", viewer, 4, role),
        ("revoke 23", viewer, 4, role),
        ("list", [other[0], own[0]], 4, project),
        ("deploy 23 --no-start", [other[0], own[0]], 4, project),
        ("list --token-file token", own, 4, "get a new one"),
        ("revoke 41", own, 9, "cannot be revoked"),
        ("view 4711", own, 5, "dls list"),
        ("list --workspace elsewhere", own, 5, "not the name"),
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
fn an_address_without_the_api_is_reported_as_such() {
    use std::io::{BufRead as _, BufReader, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    // It ends with the tests.
    std::thread::spawn(move || {
        let body = r#"{"error_code":"APIGW.0101","error_msg":"The API does not exist"}"#;
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
            let length = body.len();
            write!(
                stream,
                "HTTP/1.1 404 Not Found\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
            )
            .unwrap();
        }
    });
    let bench = Bench::quick();
    let output = bench.ends(5, format!("deploy 23 --no-start --endpoint {url}"));
    let text = stderr(&output);
    assert!(text.contains("error: package 23: HTTP 404 APIGW.0101"), "{text}");
    assert!(text.contains("next: check the endpoint"), "{text}");
}

#[test]
fn a_missing_workspace_is_not_reported_as_a_missing_package() {
    let bench = Bench::quick();
    let output = bench.ends(5, "deploy 23 --no-start --workspace 0123456789abcdef -o json");
    assert_eq!(outcomes(&json(&output)), ["not-sent"]);
    let text = stderr(&output);
    assert!(text.contains("DLF.0819"), "{text}");
    assert!(text.contains("next: check the workspace id"), "{text}");
    assert_eq!(bench.requests_to("deploy"), 0);
}

#[test]
fn missing_settings_are_named() {
    let bench = Bench::quick();
    for (variable, exit_code, named) in [
        ("HUAWEICLOUD_SDK_PROJECT_ID", 2, "HUAWEICLOUD_SDK_PROJECT_ID"),
        ("DLS_WORKSPACE", 2, "DLS_WORKSPACE"),
        ("DLS_ENDPOINT", 2, "DLS_ENDPOINT"),
        ("HUAWEICLOUD_SDK_SK", 4, "HUAWEICLOUD_SDK_SK"),
    ] {
        let mut command = bench.dls();
        command.env_remove(variable);
        let output = ended(exit_code, command.args(["deploy", "23", "--no-start", "-o", "json"]));
        if exit_code == 4 {
            let document = json(&output);
            assert_eq!(document["outcome"], "refused");
            assert_eq!(document["packages"][0]["outcome"], "not-sent");
        }
        says(&output, named);
    }
    assert_eq!(bench.requests(), 0);
}

#[test]
fn a_state_file_with_an_unknown_key_is_refused_with_key_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.toml");
    let seed = bare().args(["emulator", "seed"]).output().unwrap();
    let text = String::from_utf8(seed.stdout).unwrap();
    std::fs::write(&path, text.replacen("role =", "rolle =", 1)).unwrap();
    let serve = ["emulator", "serve", "--state"];
    let output = ended(2, bare().args(serve).arg(&path));
    let text = stderr(&output);
    assert!(text.contains("rolle") && text.contains("line "), "{text}");
}

#[test]
fn sign_reproduces_the_official_signer() {
    let text = include_str!("../../../crates/dls-transport/tests/data/signing-vectors.json");
    let file: Value = serde_json::from_str(text).unwrap();
    let mut checked = 0;
    for vector in file["vectors"].as_array().unwrap() {
        let (request, expected) = (&vector["request"], &vector["expected"]);
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let plain = vector["quirk"] == false
            && request["body_len"] == 0
            && vector["via"] == "Signer"
            && vector["id"].as_str().is_some_and(|id| !id.starts_with("header"));
        if !plain {
            continue;
        }
        let mut command = bare();
        command
            .env("HUAWEICLOUD_SDK_AK", text(&vector["ak"]).unwrap())
            .env("HUAWEICLOUD_SDK_SK", text(&vector["sk"]).unwrap());
        let host = text(&request["host"]).unwrap();
        let url = format!("https://{host}{}", text(&expected["uri"]).unwrap());
        command.args(["sign", &text(&request["method"]).unwrap(), &url, "-o", "json"]);
        for header in request["headers"].as_array().unwrap() {
            let (name, value) = (header[0].as_str().unwrap(), header[1].as_str().unwrap());
            command.args(["-H", &format!("{name}: {value}")]);
        }
        let output = ended(0, &mut command);
        let document = json(&output);
        for stage in ["canonical_request", "string_to_sign", "authorization", "uri"] {
            assert_eq!(document[stage], expected[stage], "{} {stage}", vector["id"]);
        }
        checked += 1;
    }
    assert!(checked >= 30, "{checked}");
}
