//! Two commands in a row for the same packages: whatever the first one ended in, the second sends only what is proved
//! to be unsent, or what somebody consented to. `docs/two-commands.md` has the table for people.

use std::time::Duration;

use dls_emulator::Emulator;

use crate::bench::*;

const DOCS: &str = include_str!("../../../docs/two-commands.md");

/// One way in which a first `dls deploy` can end, and what a second one does then.
struct Way {
    /// The row of the table in the docs.
    name: &'static str,
    faults: &'static str,
    release_time: Duration,
    first: &'static str,
    /// Exit codes of the two commands, and how many deploy requests arrived in all.
    ends: (i32, i32, usize),
}

const ONE: &str = "deploy 23 --no-start";
const TWO: &str = "deploy 23 24 --no-start";

const WAYS: [Way; 14] = [
    Way { name: "released", faults: "", release_time: SHORT, first: ONE, ends: (0, 0, 1) },
    Way {
        name: "failed",
        faults: "",
        release_time: SHORT,
        first: "deploy 31 --no-start",
        ends: (3, 9, 1),
    },
    Way {
        name: "accepted, with --no-wait",
        faults: "",
        release_time: LONG,
        first: "deploy 23 --no-start --no-wait",
        ends: (0, 7, 1),
    },
    Way {
        name: "accepted, and --timeout ended first",
        faults: "",
        release_time: LONG,
        first: "deploy 23 --no-start --timeout 1s",
        ends: (8, 7, 1),
    },
    Way {
        name: "the answer was lost, and no release was observed",
        faults: r#"{ on = "deploy", nth = 1, do = "reset", done = false }"#,
        release_time: SHORT,
        first: "deploy 23 --no-start --grace 0s",
        ends: (7, 7, 1),
    },
    Way {
        name: "the gateway answered 5xx",
        faults: r#"{ on = "deploy", nth = 1, do = { status = 502 }, done = false }"#,
        release_time: SHORT,
        first: "deploy 23 --no-start --grace 0s",
        ends: (7, 7, 1),
    },
    Way {
        name: "not found any more",
        faults: r#"{ on = "deploy", do = "other-revokes-before" }, { on = "deploy", nth = 1, do = "reset" }"#,
        release_time: SHORT,
        first: "deploy 23 --no-start --interval 10ms",
        ends: (7, 7, 1),
    },
    Way {
        name: "refused, with proof",
        faults: r#"{ on = "deploy", nth = 1, do = "other-revokes-before" }"#,
        release_time: SHORT,
        first: ONE,
        ends: (5, 5, 1),
    },
    Way {
        name: "refused, without proof",
        faults: r#"{ on = "deploy", nth = 1, do = { nested-code = 400 }, done = false }"#,
        release_time: SHORT,
        first: "deploy 23 24 --no-start --grace 0s",
        ends: (7, 7, 1),
    },
    Way {
        name: "partly done",
        faults: r#"{ on = "deploy", nth = 1, do = "partly-done" }"#,
        release_time: LONG,
        first: "deploy 23 24 --no-start --grace 0s --timeout 2s",
        ends: (7, 7, 1),
    },
    Way {
        name: "throttled to the end",
        faults: r#"{ on = "deploy", times = 3, do = "throttle" }"#,
        release_time: SHORT,
        first: "deploy 23 --no-start --interval 10ms",
        ends: (10, 0, 4),
    },
    Way {
        name: "nothing could be reached",
        faults: "",
        release_time: SHORT,
        first: "deploy 23 --no-start --endpoint http://127.0.0.1:1 --interval 10ms",
        ends: (11, 0, 1),
    },
    Way {
        name: "a package must not be sent",
        faults: "",
        release_time: SHORT,
        first: "deploy 23 999 --no-start",
        ends: (5, 5, 0),
    },
    Way {
        name: "the journal cannot be written",
        faults: "",
        release_time: SHORT,
        first: "deploy 23 --no-start --journal /dev/null/runs",
        ends: (9, 0, 1),
    },
];

/// The same packages once more, with nothing special about it.
fn second(way: &Way) -> String {
    let words = way.first.split(' ').take_while(|word| *word != "--no-start");
    format!("{} --no-start", words.collect::<Vec<_>>().join(" "))
}

#[test]
fn a_second_deploy_sends_only_what_is_proved_to_be_unsent() {
    for way in &WAYS {
        let faults = format!("faults = [{}]", way.faults);
        let bench = Bench::faulty(&faults, way.release_time);
        let first = bench.run(way.first);
        let second = bench.run(&second(way));
        let ends = (code(&first), code(&second), bench.requests_to("deploy"));
        let told = format!("{}{}", stderr(&first), stderr(&second));
        assert_eq!(ends, way.ends, "{}:\n{told}", way.name);
    }
}

#[test]
fn a_second_deploy_after_a_signal_or_a_kill_leads_to_the_first_run() {
    for (signal, exit_code) in [("-INT", Some(130)), ("-TERM", Some(143)), ("-KILL", None)] {
        let bench = Bench::new(LONG);
        let child = bench.spawn(ONE);
        bench.until_journal_has("accepted");
        assert_eq!(end_with(child, signal).status.code(), exit_code);
        let again = bench.ends(7, ONE);
        let resume = next_line(&again, "resume");
        assert_eq!(bench.requests_to("deploy"), 1, "{signal}");
        bench.ends(8, format!("{resume} --timeout 1s"));
        assert_eq!(bench.requests_to("deploy"), 1, "{signal}");
    }
}

#[test]
fn what_was_never_sent_is_given_up_at_once_and_then_sent_by_another_run() {
    let bench = Bench::faulty(r#"faults = [{ on = "show", nth = 2, do = "silence" }]"#, SHORT);
    let child = bench.spawn(TWO);
    bench.until_journal_has("observed");
    end_with(child, "-KILL");
    let run = run_id(&bench);
    bench.ends(7, TWO);
    bench.ends(0, format!("resume {run} --forget 23 24"));
    assert_eq!(bench.requests_to("deploy"), 0);
    bench.ends(0, TWO);
    assert_eq!((bench.requests_to("deploy"), bench.releases()), (1, 2));
}

#[test]
fn what_is_unknown_is_given_up_only_behind_the_fence_and_what_was_accepted_never() {
    let bench =
        Bench::faulty(r#"faults = [{ on = "deploy", nth = 1, do = "reset", done = false }]"#, LONG);
    bench.ends(7, "deploy 23 --no-start --grace 0s");
    let run = run_id(&bench);
    let early = bench.ends(9, format!("resume {run} --forget 23"));
    says(&early, "still be accepted");
    bench.ends(9, format!("resume {run} --forget 23 --no-fence"));
    bench.ends(7, ONE);

    bench.ends(0, "deploy 24 --no-start --no-wait");
    let accepted = next_line(&bench.run("deploy 24 --no-start"), "resume");
    bench.ends(9, format!("{accepted} --forget 24"));
    assert_eq!(bench.requests_to("deploy"), 2);
}

#[test]
fn with_a_token_there_is_no_fence_and_giving_up_needs_the_word_and_counts_for_one_request() {
    let bench = Bench::of(
        Emulator::builder().release_time(SHORT).faults(
            dls_emulator::FaultPlan::from_toml(
                r#"faults = [{ on = "deploy", times = 2, do = "reset", done = false }]"#,
            )
            .unwrap(),
        ),
    );
    bench.write("token", "example-token");
    let deploy = "deploy 23 --no-start --grace 0s --token-file token";
    bench.ends(7, deploy);
    let run = run_id(&bench);
    let forget = format!("resume {run} --forget 23 --token-file token");
    bench.ends(9, &forget);
    let forgotten = bench.ends(0, format!("{forget} --no-fence -o json"));
    says(&forgotten, "may still arrive");
    let package = &json(&forgotten)["packages"][0];
    assert_eq!(package["outcome"], "unknown");
    assert!(package["given_up_by"].is_string());
    // Sent once more, and lost again; and not a third time.
    bench.ends(7, deploy);
    bench.ends(7, deploy);
    assert_eq!(bench.requests_to("deploy"), 2);
}

#[test]
fn the_docs_have_a_row_for_each_way() {
    for way in &WAYS {
        let row = format!("| {} | {} | {} |", way.name, way.ends.0, way.ends.1);
        assert!(DOCS.contains(&row), "no row begins with {row:?}");
    }
}

/// The one run of the journal.
fn run_id(bench: &Bench) -> String {
    let files = bench.run_files();
    let name = files[0].file_name().unwrap().to_str().unwrap();
    name.split('.').next().unwrap().to_owned()
}

#[test]
fn another_spelling_of_the_address_is_the_same_service_to_a_second_command() {
    let bench = Bench::new(LONG);
    bench.ends(0, "deploy 23 --no-start --no-wait");
    let run = run_id(&bench);
    let port = bench.url.rsplit(':').next().unwrap();
    let localhost = format!("--endpoint http://LOCALHOST:{port}/");
    bench.ends(7, format!("{ONE} {localhost}"));
    bench.ends(8, format!("resume {run} {localhost} --timeout 1s"));
    assert_eq!(bench.requests_to("deploy"), 1);
}

#[test]
fn a_run_is_taken_up_at_another_address_only_if_somebody_vouches_for_it_and_records_that() {
    let bench = Bench::new(LONG);
    let elsewhere = Bench::new(LONG);
    bench.ends(0, "deploy 23 --no-start --no-wait");
    let run = run_id(&bench);
    let resume = format!("resume {run} --endpoint {} --timeout 1s", elsewhere.url);
    bench.ends(9, &resume);
    assert_eq!(elsewhere.requests(), 0);
    // A conflict with a run at another address is told as one.
    let again = bench.ends(7, format!("{ONE} --endpoint {}", elsewhere.url));
    says(&again, &bench.url);
    let vouched = bench.run(&format!("{resume} --same-service"));
    assert_ne!(code(&vouched), 9, "{}", stderr(&vouched));
    assert!(elsewhere.requests() > 0);
    let recorded = format!("\"other_endpoint\":\"{}\"", elsewhere.url);
    assert!(bench.journal_text().contains(&recorded));
    assert_eq!(elsewhere.requests_to("deploy"), 0);
}
