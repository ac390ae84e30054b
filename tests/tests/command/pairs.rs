//! Two commands in a row for the same packages: whatever the first one ended in, the second sends only what is proved
//! to be unsent, or what somebody consented to. `docs/two-commands.md` has the table for people.

use crate::bench::*;

const DOCS: &str = include_str!("../../../docs/two-commands.md");

/// Ways in which a first `dls deploy` can end, and what a second one does then: the row of the table in the docs; the
/// faults; how long a release takes; the first command; the exit codes of both, and the deploy requests in all.
const WAYS: &str = r#"
released | | 50ms | deploy 23 --no-start | 0 0 1
failed | | 50ms | deploy 31 --no-start | 3 9 1
accepted, with --no-wait | | 1h | deploy 23 --no-start --no-wait | 0 7 1
accepted, and --timeout ended first | | 1h | deploy 23 --no-start --timeout 1s | 8 7 1
the answer was lost, and no release was observed | { on = "deploy", nth = 1, do = "reset", done = false } | 50ms | deploy 23 --no-start --grace 0s | 7 7 1
the gateway answered 5xx | { on = "deploy", nth = 1, do = { status = 502 }, done = false } | 50ms | deploy 23 --no-start --grace 0s | 7 7 1
not found any more | { on = "deploy", do = "other-revokes-before" }, { on = "deploy", nth = 1, do = "reset" } | 50ms | deploy 23 --no-start --interval 10ms | 7 7 1
refused, with proof | { on = "deploy", nth = 1, do = "other-revokes-before" } | 50ms | deploy 23 --no-start | 5 5 1
refused, without proof | { on = "deploy", nth = 1, do = { nested-code = 400 }, done = false } | 50ms | deploy 23 24 --no-start --grace 0s | 7 7 1
partly done | { on = "deploy", nth = 1, do = "partly-done" } | 1h | deploy 23 24 --no-start --grace 0s --timeout 2s | 7 7 1
throttled to the end | { on = "deploy", times = 3, do = "throttle" } | 50ms | deploy 23 --no-start --interval 10ms | 10 0 4
nothing could be reached | | 50ms | deploy 23 --no-start --endpoint http://127.0.0.1:1 --interval 10ms | 11 0 1
a package must not be sent | | 50ms | deploy 23 999 --no-start | 5 5 0
the journal cannot be written | | 50ms | deploy 23 --no-start --journal /dev/null/runs | 9 0 1
"#;

fn ways() -> impl Iterator<Item = [&'static str; 5]> {
    let rows = WAYS.trim().lines();
    rows.map(|row| row.split('|').map(str::trim).collect::<Vec<_>>().try_into().unwrap())
}

const ONE: &str = "deploy 23 --no-start";
const TWO: &str = "deploy 23 24 --no-start";

#[test]
fn a_second_deploy_sends_only_what_is_proved_to_be_unsent() {
    for [name, faults, release_time, first, ends] in ways() {
        let release_time = if release_time == "1h" { LONG } else { SHORT };
        let bench = Bench::faulty(&format!("faults = [{faults}]"), release_time);
        let one = bench.run(first);
        // The same packages once more, with nothing special about it.
        let (packages, _) = first.split_once(" --no-start").unwrap();
        let other = bench.run(&format!("{packages} --no-start"));
        let now = format!("{} {} {}", code(&one), code(&other), bench.requests_to("deploy"));
        assert_eq!(now, ends, "{name}:\n{}{}", stderr(&one), stderr(&other));
    }
}

#[test]
fn an_unsent_package_is_forgotten_at_once_and_then_sent_by_another_run() {
    let bench = Bench::faulty(r#"faults = [{ on = "show", nth = 2, do = "silence" }]"#, SHORT);
    let run = bench.killed_at("observed", TWO);
    bench.ends(7, TWO);
    bench.ends(0, format!("resume {run} --forget 23 24"));
    assert_eq!(bench.requests_to("deploy"), 0);
    bench.ends(0, TWO);
    assert_eq!((bench.requests_to("deploy"), bench.releases()), (1, 2));
}

#[test]
fn an_unknown_package_is_forgotten_only_after_the_fence_and_an_accepted_one_never() {
    let bench =
        Bench::faulty(r#"faults = [{ on = "deploy", nth = 1, do = "reset", done = false }]"#, LONG);
    bench.ends(7, "deploy 23 --no-start --grace 0s");
    let run = bench.runs().remove(0);
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
fn with_a_token_forgetting_needs_no_fence_as_a_flag_and_counts_for_one_request() {
    let faults = r#"faults = [{ on = "deploy", times = 2, do = "reset", done = false }]"#;
    let bench = Bench::faulty(faults, SHORT);
    bench.write("token", "example-token");
    let deploy = "deploy 23 --no-start --grace 0s --token-file token";
    bench.ends(7, deploy);
    let run = bench.runs().remove(0);
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
fn the_docs_have_a_row_for_each_case() {
    for [name, .., ends] in ways() {
        let (codes, _) = ends.rsplit_once(' ').unwrap();
        let row = format!("| {name} | {} |", codes.replace(' ', " | "));
        assert!(DOCS.contains(&row), "no row begins with {row:?}");
    }
}

#[test]
fn another_spelling_of_the_address_is_the_same_service() {
    let bench = Bench::new(LONG);
    bench.ends(0, "deploy 23 --no-start --no-wait");
    let run = bench.runs().remove(0);
    let port = bench.url.rsplit(':').next().unwrap();
    let localhost = format!("--endpoint http://LOCALHOST:{port}/");
    bench.ends(7, format!("{ONE} {localhost}"));
    bench.ends(8, format!("resume {run} {localhost} --timeout 1s"));
    assert_eq!(bench.requests_to("deploy"), 1);
}

#[test]
fn a_run_is_resumed_at_another_address_only_with_confirmation_which_is_recorded() {
    let bench = Bench::new(LONG);
    let elsewhere = Bench::new(LONG);
    bench.ends(0, "deploy 23 --no-start --no-wait");
    let run = bench.runs().remove(0);
    let resume = format!("resume {run} --endpoint {} --timeout 1s", elsewhere.url);
    bench.ends(9, &resume);
    assert_eq!(elsewhere.requests(), 0);
    // A conflict with a run at another address is reported as one.
    let again = bench.ends(7, format!("{ONE} --endpoint {}", elsewhere.url));
    says(&again, &bench.url);
    let vouched = bench.run(&format!("{resume} --same-service"));
    assert_ne!(code(&vouched), 9, "{}", stderr(&vouched));
    assert!(elsewhere.requests() > 0);
    let recorded = format!("\"other_endpoint\":\"{}\"", elsewhere.url);
    assert!(bench.journal_text().contains(&recorded));
    assert_eq!(elsewhere.requests_to("deploy"), 0);
}
