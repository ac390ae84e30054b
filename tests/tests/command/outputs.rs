//! What stands on stdout, and in which form.

use serde_json::Value;

use crate::bench::*;

fn events(text: &str) -> Vec<Value> {
    let lines = text.lines().map(serde_json::from_str);
    lines.map(Result::unwrap).collect()
}

fn words(events: &[Value]) -> Vec<&str> {
    let words = events.iter().map(|it| it["event"].as_str().unwrap());
    words.collect()
}

#[test]
fn events_come_in_a_sequence_and_end_with_the_document() {
    let bench = Bench::new(std::time::Duration::from_millis(400));
    let output = bench.ends(0, "deploy 23 --no-start --interval 20ms -o ndjson");
    let events = events(&stdout(&output));
    let numbers: Vec<u64> = events.iter().map(|it| it["seq"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
    let words = words(&events);
    let at = |word: &str| words.iter().position(|it| *it == word);
    assert_eq!(at("began"), Some(0));
    assert!(at("package") < at("sent") && at("sent") < at("accepted"), "{words:?}");
    assert!(at("accepted") < at("task") && at("task") < at("verdict"), "{words:?}");
    assert_eq!(at("done"), Some(words.len() - 1));
    let (accepted, done) = (&events[at("accepted").unwrap()], events.last().unwrap());
    let document = &done["document"];
    assert_eq!(accepted["packages"][0]["package"], "23");
    assert_eq!(accepted["packages"][0]["asy_task_id"], document["packages"][0]["asy_task_id"]);
    assert_eq!(events[0]["run_id"], document["run_id"]);
    assert_eq!(done["exit_code"], 0);
    assert_eq!(outcomes(document), ["successful"]);
}

#[test]
fn a_lost_answer_and_an_interruption_are_events_too() {
    let faults = "faults = [{ on = \"deploy\", do = \"close\" }]";
    let bench = Bench::faulty(faults, LONG);
    let child = bench.spawn("deploy 23 --no-start --interval 20ms -o ndjson");
    bench.until_journal_has("send-failed");
    let output = end_with(child, "-INT");
    assert_eq!(code(&output), 130);
    let events = events(&stdout(&output));
    let words = words(&events);
    let failed = words.iter().position(|it| *it == "send-failed");
    assert_eq!(events[failed.unwrap()]["outcome"], "lost");
    assert_eq!(words[words.len() - 1], "done");
    assert!(words.contains(&"interrupted"), "{words:?}");
    assert_eq!(events.last().unwrap()["exit_code"], 130);
}

#[test]
fn a_refusal_before_the_run_starts_is_one_event_with_the_document() {
    let bench = Bench::quick();
    let output = bench.ends(9, "deploy 23 24 --no-start --journal /proc/runs -o ndjson");
    let events = events(&stdout(&output));
    assert_eq!(words(&events), ["done"]);
    assert_eq!(outcomes(&events[0]["document"]), ["not-sent", "not-sent"]);
}

#[test]
fn wait_is_silent_until_the_end_and_watch_is_not() {
    let bench = Bench::quick();
    let wait = bench.ends(8, "wait 41 31 --timeout 200ms --interval 50ms -o json");
    assert_eq!(outcomes(&json(&wait)), ["already-released", "not-sent"]);
    assert_eq!(stderr(&wait).lines().count(), 2, "{}", stderr(&wait));
    let watch = bench.ends(3, "watch 41 42 -o json");
    says(&watch, "42 returns_20250507  failed");
    bench.ends(0, "watch 41");
    bench.ends(5, "watch 4711");
    assert_eq!(bench.requests_to("deploy"), 0);
}

#[cfg(target_os = "linux")]
#[test]
fn a_result_that_cannot_be_written_is_not_a_success() {
    let bench = Bench::quick();
    let full = |args: &str| {
        let mut command = bench.dls();
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
        command.stdout(full.unwrap()).args(args.split_whitespace());
        command.output().unwrap()
    };
    for args in [
        "deploy 23 --no-start -o json",
        "deploy 24 --no-start -o ndjson",
        "plan 12 -o markdown --detailed-exitcode",
        "list",
        "help",
    ] {
        let output = full(args);
        assert_eq!(code(&output), 1, "{args}: {}", stderr(&output));
        let text = stderr(&output);
        assert!(text.contains("error: the result was not written"), "{args}: {text}");
    }
    // What became of the packages says more.
    assert_eq!(code(&full("deploy 31 --no-start -o json")), 3);
    assert_eq!(bench.releases(), 3);
}

#[test]
fn a_closed_pipe_is_not_a_failure() {
    let bench = Bench::quick();
    let mut child = bench.spawn("list");
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((code(&output), stderr(&output).as_str()), (0, ""));
}

#[test]
fn the_exit_codes_are_all_listed() {
    let output = ended(0, bare().args(["help", "exit-codes"]));
    let text = stdout(&output);
    let words = text.lines().filter_map(|line| line.split_whitespace().next()?.parse().ok());
    let codes: Vec<u8> = words.collect();
    assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 20, 21, 130, 143], "{text}");
}

#[test]
fn the_next_command_names_the_destination_and_works_without_settings() {
    let bench = Bench::quick();
    let url = &bench.url;
    let flags = format!("--endpoint {url} --project-id {PROJECT} --workspace default");
    let keyed = |args: &str| {
        let mut command = bare();
        command.env("HUAWEICLOUD_SDK_AK", "AKIDEXAMPLE");
        command.env("HUAWEICLOUD_SDK_SK", "example-secret-key");
        command.args(args.split_whitespace()).output().unwrap()
    };
    let failed = keyed(&format!("watch 42 {flags}"));
    assert_eq!(code(&failed), 3, "{}", stderr(&failed));
    let next = next_line(&failed, "view");
    assert_eq!(next, format!("view 42 {flags}"));
    assert_eq!(code(&keyed(&next)), 0);
}
