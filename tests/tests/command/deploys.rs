//! `dls deploy`: consents, many packages, evidence, and where ids come from.

use std::io::Write as _;
use std::process::Stdio;

use dls_emulator::Emulator;

use crate::bench::*;

#[test]
fn a_deletion_needs_a_consent() {
    let bench = Bench::quick();
    let output = bench.ends(9, "deploy 23 51 --no-start -o json");
    assert_eq!(outcomes(&json(&output)), ["not-sent", "not-sent"]);
    says(&output, "legacy_orders_d");
    says(&output, "--allow-delete");
    assert_eq!(bench.requests_to("deploy"), 0);
    bench.ends(0, "deploy 23 51 --no-start --allow-delete");
    assert_eq!(bench.releases(), 2);
}

#[test]
fn packages_that_touch_the_same_job_go_out_only_in_order() {
    let bench = Bench::quick();
    let output = bench.ends(9, "deploy 61 62 --no-start");
    says(&output, "--in-order");
    assert_eq!(bench.requests_to("deploy"), 0);
    bench.ends(0, "deploy 61 62 --no-start --in-order --interval 50ms");
    assert_eq!(bench.requests_to("deploy"), 2);
}

#[test]
fn a_failed_release_is_sent_once_more_only_if_asked_for() {
    let bench = Bench::quick();
    let output = bench.ends(9, "deploy 42 --no-start");
    says(&output, "--redeploy-failed");
    assert_eq!(bench.requests_to("deploy"), 0);
    bench.ends(0, "deploy 42 --no-start --again");
}

#[test]
fn a_release_by_somebody_else_is_accepted_unless_a_flag_forbids_it() {
    let bench = Bench::quick();
    let output = bench.ends(0, "deploy 41 --no-start -o json");
    let why = json(&output)["packages"][0]["why"].to_string();
    assert!(why.contains("zhang.min") && why.contains("not by this run"), "{why}");
    bench.ends(9, "deploy 41 23 --no-start --if-released fail");
    assert_eq!(bench.releases(), 0);
}

#[test]
fn two_hundred_and_fifty_packages_are_one_run_in_three_requests() {
    let bench = Bench::of(Emulator::builder().release_time(SHORT).extra_packages(250));
    let ids: Vec<String> = (1001..=1250).map(|id| id.to_string()).collect();
    bench.write("ids.txt", &ids.join("\n"));
    let output = bench.ends(0, "deploy @ids.txt --no-start --rate 10000 --interval 50ms -o json");
    let document = json(&output);
    assert_eq!(outcomes(&document), vec!["successful"; 250]);
    assert_eq!(bench.requests_to("deploy"), 3);
    assert_eq!(bench.releases(), 250);
}

#[test]
fn ids_come_from_arguments_files_and_stdin() {
    let bench = Bench::quick();
    bench.write("ids.txt", "12\n\t13\r\n");
    let mut command = bench.dls();
    command.args(["status", "23", "@ids.txt", "-", "-o", "json"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"24 31\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 0);
    let document = json(&output);
    let ids = document["packages"].as_array().unwrap().iter();
    let ids: Vec<_> = ids.map(|it| it["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["23", "12", "13", "24", "31"]);
}

#[test]
fn bad_lists_of_ids_get_one_line_and_send_nothing() {
    let bench = Bench::quick();
    bench.write("twice.txt", "23 24\n23");
    bench.write("word.txt", "23\nx24\n");
    bench.write("empty.txt", " \n");
    for (args, named) in [
        ("deploy @twice.txt --no-start", "23"),
        ("plan 24 @twice.txt", "24"),
        ("watch @word.txt", "line 2"),
        ("wait @empty.txt", "@empty.txt"),
        ("deploy @missing.txt --no-start", "@missing.txt"),
        ("deploy - --no-start", "stdin"),
        ("resume r-1 --resend @empty.txt", "@empty.txt"),
    ] {
        let output = bench.dls().args(args.split(' ')).stdin(Stdio::null()).output();
        let output = output.unwrap();
        assert_eq!(code(&output), 2, "{args}: {}", stderr(&output));
        let text = stderr(&output);
        assert!(text.contains(named) && text.lines().count() <= 2, "{args}: {text}");
    }
    assert_eq!(bench.requests(), 0);
}

#[test]
fn invalid_flags_get_one_line_and_send_nothing() {
    let bench = Bench::quick();
    for args in [
        "deploy 23 --no-start --interval 0",
        "deploy 23 --no-start --interval 5s..1s",
        "deploy 23 --no-start --grace soon",
        "deploy 23 --no-start --if-released maybe",
        "deploy 23 --no-start --on-lost-answer again",
        "deploy 23 --no-start --rate 0",
        "deploy 23 --no-start --max-attempts 0",
        "deploy 23 --no-start --journal=",
        "watch 23 --timeout -1s",
        "wait",
        "plan",
        "plan 23 --start --no-start",
        "resume --resend 23",
        "resume ../../etc/passwd",
        "resume --journal off",
        "history --journal off",
    ] {
        let output = bench.ends(2, args);
        let text = stderr(&output);
        assert!(text.starts_with("error: ") && text.lines().count() <= 2, "{args}: {text}");
        assert!(output.stdout.is_empty(), "{args}");
    }
    assert_eq!(bench.requests(), 0);
}

#[test]
fn evidence_says_who_released_what_and_holds_no_secret() {
    let bench = Bench::quick();
    bench.run("plan 23 --no-start --out plan.json");
    let output = bench.ends(0, "deploy --plan plan.json --evidence evidence.json -o json");
    let text = bench.read("evidence.json");
    let evidence: serde_json::Value = serde_json::from_str(&text).unwrap();
    let document = json(&output);
    for field in ["run_id", "plan_hash", "workspace", "endpoint", "outcome"] {
        assert!(evidence[field].is_string(), "{field}: {text}");
        assert_eq!(evidence[field], document[field], "{field}");
    }
    let package = &evidence["packages"][0];
    assert_eq!(package["status_before"], "to-be-reviewed");
    assert_eq!(package["status_after"], "successful");
    assert_eq!(package["released_by"], "ci-bot");
    assert_eq!(package["request_id"], document["packages"][0]["request_id"]);
    assert_eq!(package["tasks"][0]["version_before"], 14);
    assert_eq!(package["tasks"][0]["version_after"], 15);
    for secret in ["example-secret-key", "AKIDEXAMPLE", "Signature"] {
        assert!(!text.contains(secret), "{secret}");
    }
}

#[test]
fn without_writable_evidence_nothing_is_sent() {
    let bench = Bench::quick();
    bench.write("file", "");
    for path in ["file/evidence.json", "missing/evidence.json", "."] {
        let output = bench.ends(9, format!("deploy 23 --no-start -o json --evidence {path}"));
        assert_eq!(outcomes(&json(&output)), ["not-sent"]);
    }
    assert_eq!(bench.requests(), 0);
    assert!(bench.run_files().is_empty(), "no run is left open");
}

#[test]
fn after_a_refusal_the_next_request_is_sent_only_with_keep_going() {
    let faults = "faults = [{ on = \"deploy\", nth = 1, do = \"other-revokes-before\" }]";
    for (flag, expected, reported) in
        [("", 5, ["refused", "not-sent"]), ("--keep-going", 6, ["refused", "successful"])]
    {
        let bench = Bench::faulty(faults, SHORT);
        let output = bench.ends(
            expected,
            format!("deploy 23 24 --no-start --in-order --interval 50ms -o json {flag}"),
        );
        assert_eq!(outcomes(&json(&output)), reported, "{flag}");
    }
}

#[test]
fn a_missing_permission_is_reported_and_nothing_is_released() {
    let bench = Bench::quick();
    let developer =
        [("HUAWEICLOUD_SDK_AK", "AKIDDEVELOPER"), ("HUAWEICLOUD_SDK_SK", "example-developer-key")];
    let output = ended(4, &mut bench.dls_with(developer, "deploy 23 --no-start -o json"));
    assert_eq!(outcomes(&json(&output)), ["refused"]);
    says(&output, "DLF.6888");
    assert_eq!(bench.releases(), 0);
}

#[test]
fn a_lost_answer_can_be_made_to_stop_at_once() {
    let faults = "faults = [{ on = \"deploy\", do = \"close\" }]";
    let bench = Bench::faulty(faults, LONG);
    let output = bench.ends(7, "deploy 23 --no-start --on-lost-answer stop -o json");
    assert_eq!(outcomes(&json(&output)), ["unknown"]);
    assert!(!stderr(&output).contains("asking"), "{}", stderr(&output));
    assert_eq!(bench.requests_to("deploy"), 1);
}

#[test]
fn a_dry_run_of_many_packages_shows_each_request() {
    let bench = Bench::quick();
    let ids: Vec<String> = (1..=250).map(|id| id.to_string()).collect();
    bench.write("ids.txt", &ids.join(" "));
    let output = bench.ends(0, "deploy @ids.txt --no-start --dry-run -o json");
    let document = json(&output);
    let sizes = document["requests"].as_array().unwrap().iter();
    let sizes: Vec<_> =
        sizes.map(|it| it["body"]["package_ids"].as_array().unwrap().len()).collect();
    assert_eq!(sizes, [100, 100, 50]);
    assert_eq!(bench.requests(), 0);
    assert!(!bench.journal().exists());
}

#[test]
fn an_error_for_several_packages_is_not_reported_as_a_lost_answer() {
    let faults = r#"
        [[faults]]
        on = "deploy"
        do = { other-releases-before = ["23"] }
    "#;
    let bench = Bench::faulty(faults, SHORT);
    let output = bench.run("deploy 23 24 --no-start --grace 1s --interval 50ms");
    let text = stderr(&output);
    assert!(
        text.contains(
            "the request for 23 24 was answered by an error that does not say what became of each"
        ),
        "{text}"
    );
    assert!(!text.contains("answer lost"), "{text}");
}

#[test]
fn a_huge_grace_ends_as_unknown() {
    let bench = Bench::faulty(r#"faults = [{ on = "deploy", nth = 1, do = "reset" }]"#, SHORT);
    let grace = i64::MAX;
    let output =
        bench.ends(7, format!("deploy 23 --no-start --on-lost-answer stop --grace {grace}s"));
    says(&output, "after the fence");
}
