//! `dls deploy`: consents, many packages, and where ids come from.

use std::io::Write as _;
use std::process::Stdio;

use dls_emulator::Emulator;

use crate::bench::*;

#[test]
fn what_needs_a_consent_is_sent_only_with_it() {
    for (packages, named, consent, requests) in [
        ("23 51", ["legacy_orders_d", "--allow-delete"], "--allow-delete", 1),
        ("61 62", ["is also in package", "--in-order"], "--in-order", 2),
        ("42", ["its last release failed", "--redeploy-failed"], "--again", 1),
    ] {
        let bench = Bench::quick();
        let deploy = format!("deploy {packages} --no-start --interval 50ms -o json");
        let refused = bench.ends(9, &deploy);
        named.iter().for_each(|text| says(&refused, text));
        let document = json(&refused);
        assert!(outcomes(&document).iter().all(|it| *it == "not-sent"), "{document}");
        assert_eq!(bench.requests_to("deploy"), 0, "{packages}");
        bench.ends(0, format!("{deploy} {consent}"));
        assert_eq!(bench.requests_to("deploy"), requests, "{packages}");
    }
}

#[test]
fn what_cannot_be_known_is_said_as_it_is_and_nothing_is_sent_again() {
    let lost = r#"faults = [{ on = "deploy", do = "close" }]"#;
    let several = r#"faults = [{ on = "deploy", do = { other-releases-before = ["23"] } }]"#;
    let of_each =
        "the request for 23 24 was answered by an error that does not say what became of each";
    let huge_grace = format!("23 --on-lost-answer stop --grace {}s", i64::MAX);
    for (faults, args, said, not_said) in [
        (lost, "23 --on-lost-answer stop", "answer lost", "asking"),
        (lost, &huge_grace, "after the fence", "asking"),
        (several, "23 24 --grace 1s --interval 50ms", of_each, "answer lost"),
    ] {
        let bench = Bench::faulty(faults, SHORT);
        let output = bench.ends(7, format!("deploy {args} --no-start"));
        says(&output, said);
        assert!(!stderr(&output).contains(not_said), "{args}: {}", stderr(&output));
        assert_eq!(bench.requests_to("deploy"), 1, "{args}");
    }
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
fn a_dry_run_shows_each_request_and_sends_nothing_at_all() {
    let bench = Bench::quick();
    let ids: Vec<String> = (1..=250).map(|id| id.to_string()).collect();
    bench.write("ids.txt", &ids.join(" "));
    let output = bench.ends(0, "deploy @ids.txt --start --dry-run -o json");
    let document = json(&output);
    let sizes = document["requests"].as_array().unwrap().iter();
    let sizes: Vec<_> =
        sizes.map(|it| it["body"]["package_ids"].as_array().unwrap().len()).collect();
    assert_eq!(sizes, [100, 100, 50]);
    assert_eq!(document["request"]["body"]["startup_mode"], 1);
    assert_eq!(bench.requests(), 0);
    assert!(!bench.journal().exists());
}
