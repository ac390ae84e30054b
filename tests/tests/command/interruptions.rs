//! Signals and kills: what was sent goes on, and can be taken up again.

use std::time::Duration;

use crate::bench::*;

#[test]
fn a_signal_reports_what_was_sent_and_how_to_resume() {
    for (signal, expected) in [("-INT", 130), ("-TERM", 143)] {
        let bench = Bench::new(Duration::from_millis(700));
        let child = bench.spawn("deploy 23 24 --no-start -o json --evidence evidence.json");
        bench.until_journal_has("accepted");
        let output = end_with(child, signal);
        assert_eq!(code(&output), expected, "{}", stderr(&output));
        let document = json(&output);
        assert_eq!(outcomes(&document), ["pending", "pending"]);
        says(&output, "sent 23 24");
        // All ids were on stderr before the wait.
        for id in [&document["run_id"], &document["packages"][0]["asy_task_id"]] {
            says(&output, id.as_str().unwrap());
        }
        assert!(bench.read("evidence.json").contains("interrupted_by"));
        // Another run does not send what is under way, and the line is to be typed as it stands.
        bench.ends(7, "deploy 23 24 --no-start");
        let resumed = bench.ends(0, format!("{} -o json", next_line(&output, "resume")));
        assert_eq!(json(&resumed)["run_id"], document["run_id"]);
        assert_eq!((bench.releases(), bench.requests_to("deploy")), (2, 1));
    }
}

#[test]
fn a_signal_before_the_request_says_that_nothing_was_sent() {
    let faults = "faults = [{ on = \"show\", nth = 2, do = \"silence\" }]";
    let bench = Bench::faulty(faults, SHORT);
    let child = bench.spawn("deploy 23 24 --no-start -o json");
    bench.until("the second observation", |bench| bench.requests_to("show") == 2);
    let output = end_with(child, "-INT");
    assert_eq!(code(&output), 130, "{}", stderr(&output));
    assert_eq!(outcomes(&json(&output)), ["not-sent", "not-sent"]);
    says(&output, "nothing was sent");
    assert_eq!(bench.releases(), 0);
    bench.ends(0, next_line(&output, "resume"));
    assert_eq!(bench.releases(), 2);
}

#[test]
fn a_signal_while_the_answer_is_awaited_leaves_it_unknown() {
    let faults = "faults = [{ on = \"deploy\", do = \"silence\" }]";
    let bench = Bench::faulty(faults, SHORT);
    let child = bench.spawn("deploy 23 --no-start -o json");
    bench.until("the release", |bench| bench.releases() == 1);
    let output = end_with(child, "-TERM");
    assert_eq!(code(&output), 143, "{}", stderr(&output));
    assert_eq!(outcomes(&json(&output)), ["unknown"]);
    bench.ends(0, next_line(&output, "resume"));
    assert_eq!(bench.requests_to("deploy"), 1);
}

#[test]
fn a_watch_that_is_interrupted_says_how_to_go_on() {
    let bench = Bench::new(LONG);
    bench.ends(0, "deploy 23 --no-start --no-wait");
    for verb in ["watch", "wait"] {
        let before = bench.requests_to("show");
        let child = bench.spawn(&format!("{verb} 23 --interval 20ms -o json"));
        bench.until("a few observations", |bench| bench.requests_to("show") > before + 4);
        let output = end_with(child, "-INT");
        assert_eq!(code(&output), 130, "{}", stderr(&output));
        assert_eq!(outcomes(&json(&output)), ["pending"]);
        assert_eq!(next_line(&output, "watch"), "watch 23");
    }
}

#[test]
fn deploying_the_plan_of_a_killed_run_resumes_that_run() {
    let bench = Bench::new(Duration::from_millis(500));
    bench.run("plan 23 24 --out plan.json");
    bench.killed_at("accepted", "deploy --plan plan.json --no-start");
    bench.ends(9, "deploy --plan plan.json --start");
    let output = bench.ends(0, "deploy --plan plan.json --no-start --interval 50ms -o json");
    assert_eq!(json(&output)["packages"][0]["ours"], true, "the journal knows the answer");
    assert_eq!(bench.run_files().len(), 1, "it is the same run");
    assert_eq!((bench.releases(), bench.requests_to("deploy")), (2, 1));
}

#[test]
fn a_signal_during_a_revoke_leaves_its_outcome_unknown() {
    for (signal, expected) in [("-INT", 130), ("-TERM", 143)] {
        let bench = Bench::faulty("faults = [{ on = \"revoke\", do = \"silence\" }]", SHORT);
        let child = bench.spawn("revoke 12 13 -o json");
        bench.until("the request", |bench| bench.requests_to("revoke") == 1);
        let output = end_with(child, signal);
        assert_eq!(code(&output), expected, "{}", stderr(&output));
        assert_eq!(outcomes(&json(&output)), ["unknown", "unknown"]);
        let text = stderr(&output);
        assert!(text.contains("unknown whether it was done"), "{text}");
        assert!(text.contains("dls status 12 13"), "{text}");
    }
}
