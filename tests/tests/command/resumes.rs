//! `dls resume` and `dls history`.

use std::time::Duration;

use dls::rollout::{Event, EventKind};
use dls::{FileStore, RunStore as _};

use crate::bench::*;

const ALL_LOST: &str = r#"faults = [{ on = "deploy", do = { reset-after-bytes = 40 } }]"#;
const FIRST_LOST: &str =
    r#"faults = [{ on = "deploy", nth = 1, do = { reset-after-bytes = 40 } }]"#;
const LOSE: &str = "deploy 23 --no-start --grace 200ms --interval 50ms -o json";

/// A run of these packages that was killed after its request was accepted; its name.
fn killed(bench: &Bench, packages: &str) -> String {
    bench.killed_at("accepted", &format!("deploy {packages} --no-start"))
}

#[test]
fn without_a_name_the_only_open_run_of_the_destination_is_resumed() {
    let bench = Bench::new(Duration::from_millis(300));
    bench.ends(5, "resume");
    let first = killed(&bench, "23");
    let mut anywhere = bench.dls();
    for variable in ["DLS_ENDPOINT", "DLS_WORKSPACE", "HUAWEICLOUD_SDK_PROJECT_ID"] {
        anywhere.env_remove(variable);
    }
    let second = killed(&bench, "24 12");
    let several = bench.ends(2, "resume");
    for run in [&first, &second] {
        says(&several, run.as_str());
    }
    bench.ends(0, format!("resume {first}"));
    // Nobody names the place, and it is in the journal.
    let output = ended(0, anywhere.args(["resume", "-o", "json"]));
    assert_eq!(json(&output)["run_id"], second.as_str());
    assert_eq!(json(&output)["workspace"], "default");
    bench.ends(5, "resume");
    assert_eq!((bench.releases(), bench.requests_to("deploy")), (3, 2));
}

#[test]
fn a_run_of_another_destination_is_not_resumed() {
    let bench = Bench::new(LONG);
    let run = killed(&bench, "23");
    let elsewhere = "--workspace d1cd7861478748a6925bc02f47c69279";
    bench.ends(5, format!("resume {elsewhere}"));
    // Where only the address is another one, there are two ways on.
    for (contradiction, lines) in [
        (elsewhere, 2),
        ("--project-id another", 2),
        ("--endpoint http://[::1]:1", 3),
        ("--start", 2),
    ] {
        let before = bench.requests();
        let output = bench.ends(9, format!("resume {run} {contradiction}"));
        assert_eq!(stderr(&output).lines().count(), lines, "{}", stderr(&output));
        assert_eq!(bench.requests(), before);
    }
    // What is said and true contradicts nothing.
    bench.ends(8, format!("resume {run} --no-start --workspace default --timeout 200ms"));
}

#[test]
fn a_package_of_an_open_run_is_not_deployed_by_another() {
    let bench = Bench::new(Duration::from_millis(500));
    let run = killed(&bench, "23 24");
    let before = bench.requests();
    let output = bench.ends(7, "deploy 24 12 --no-start -o json");
    assert_eq!(outcomes(&json(&output)), ["not-sent", "not-sent"]);
    says(&output, &run);
    assert_eq!(bench.requests(), before);
    bench.ends(0, next_line(&output, "resume"));
    bench.ends(0, "deploy 24 12 --no-start");
    assert_eq!(bench.releases(), 3);
}

#[test]
fn nothing_is_resent_before_its_first_request_has_expired() {
    let bench = Bench::faulty(ALL_LOST, SHORT);
    let lost = bench.ends(7, LOSE);
    let run = run_id(&lost);
    for (flags, named) in [
        (format!("{run} --resend 23"), "could still be accepted for"),
        (format!("{run} --resend 24"), "package 24"),
        // It is not waived for a signature.
        (format!("{run} --resend 23 --no-fence"), "omit --no-fence"),
    ] {
        let output = bench.ends(9, format!("resume {flags} -o json"));
        says(&output, named);
        assert_eq!(outcomes(&json(&output)), ["unknown"]);
    }
    assert_eq!(bench.requests_to("deploy"), 1);
    // Still unknown, and that is what resuming says.
    bench.ends(7, format!("resume {run} --grace 100ms --interval 50ms"));
}

/// Records the events of a journal again, with their hashes; the new run.
fn recorded(bench: &Bench, journal: &str) -> String {
    let events = journal.lines().map(|line| {
        let entry: serde_json::Value = serde_json::from_str(line).unwrap();
        serde_json::from_value::<Event>(entry["event"].clone()).unwrap()
    });
    let mut events = events.collect::<Vec<_>>().into_iter();
    let first = events.next().unwrap();
    let EventKind::RunCreated(spec) = first.kind else { panic!("{first:?}") };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = FileStore::open(bench.journal()).await.unwrap();
        let mut writer = store.create(*spec, first.at).await.unwrap();
        for event in events {
            writer.append(&event).await.unwrap();
        }
        writer.run().to_string()
    })
}

#[test]
fn with_consent_and_after_the_fence_a_package_is_resent() {
    let bench = Bench::faulty(FIRST_LOST, SHORT);
    bench.ends(7, LOSE);
    // As if the request had been signed twenty minutes ago.
    let file = bench.run_files().remove(0);
    let text = std::fs::read_to_string(&file).unwrap();
    let (_, signed_at) = text.split_once("\"signed_at\":").unwrap();
    let signed_at: String = signed_at.chars().take_while(char::is_ascii_digit).collect();
    let earlier = signed_at.parse::<u64>().unwrap() - 20 * 60 * 1000;
    let text = text.replace(&signed_at, &earlier.to_string());
    std::fs::remove_file(file).unwrap();
    let run = recorded(&bench, &text);
    let args = format!("resume {run} --resend 23 --interval 50ms --evidence evidence.json -o json");
    let output = bench.ends(0, &args);
    assert_eq!(outcomes(&json(&output)), ["successful"]);
    assert!(bench.read("evidence.json").contains(&run));
    assert_eq!((bench.requests_to("deploy"), bench.releases_of("23")), (2, 1));
}

#[test]
fn a_request_with_a_token_is_resent_only_without_the_fence() {
    let bench = Bench::faulty(FIRST_LOST, SHORT);
    bench.write("token", "example-token");
    let token = "--token-file token --interval 50ms";
    let lost = bench.ends(7, format!("deploy 23 --no-start --grace 200ms -o json {token}"));
    let run = run_id(&lost);
    let refused = bench.ends(9, format!("resume {run} --resend 23 {token}"));
    for named in ["sent with a token", "--no-fence", "may still arrive"] {
        says(&refused, named);
    }
    // A key of today makes no signature of the token of then.
    bench.ends(9, format!("resume {run} --resend 23"));
    assert_eq!(bench.requests_to("deploy"), 1);
    bench.ends(0, format!("resume {run} --resend 23 --no-fence {token}"));
    assert_eq!(bench.requests_to("deploy"), 2);
    assert!(bench.journal_text().contains("\"no_fence\":true"));
}

#[test]
fn without_credentials_a_run_is_reported_from_the_journal() {
    let bench = Bench::new(LONG);
    let run = killed(&bench, "23");
    let mut command = bench.dls_with([], &format!("resume {run} -o json"));
    let output = ended(4, command.env_remove("HUAWEICLOUD_SDK_SK"));
    assert_eq!(json(&output)["run_id"], run.as_str());
    assert_eq!(outcomes(&json(&output)), ["unknown"]);
}

#[test]
fn history_distinguishes_open_and_finished_runs() {
    let bench = Bench::new(Duration::from_millis(100));
    bench.run("deploy 12 --no-start --interval 50ms");
    let open = killed(&bench, "23 24");
    let document = json(&bench.run("history -o json"));
    assert_eq!(document["schema"], "dls.history/1");
    let runs = document["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 2);
    assert_eq!((&runs[0]["open"], &runs[0]["outcome"]), (&false.into(), &"successful".into()));
    assert_eq!(runs[1]["run_id"], open.as_str());
    assert_eq!(runs[1]["packages"], serde_json::json!(["23", "24"]));
    assert_eq!((&runs[1]["open"], &runs[1]["outcome"]), (&true.into(), &().into()));
    let text = stdout(&bench.run("history"));
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(text.lines().nth(1).unwrap().contains("open"), "{text}");
}

#[test]
fn a_damaged_journal_is_refused_in_one_line() {
    let bench = Bench::new(LONG);
    let run = killed(&bench, "23");
    let file = bench.run_file(&run);
    let text = std::fs::read_to_string(&file).unwrap();
    let newer = text.replacen("\"version\":2", "\"version\":99", 1);
    let broken = text.replacen("observed", "peeked", 1);
    let before = bench.requests();
    for (content, named) in [(newer.as_str(), "version 99"), (&broken, "entry 2"), ("", "empty")] {
        std::fs::write(&file, content).unwrap();
        let output = bench.ends(9, format!("resume {run}"));
        says(&output, named);
        assert_eq!(stderr(&output).lines().count(), 2, "{}", stderr(&output));
    }
    for (content, packages) in [(newer.as_str(), "12"), ("", "12"), (&broken, "23")] {
        std::fs::write(&file, content).unwrap();
        // If its beginning cannot be read it may hold any package, else those that it began with.
        bench.ends(9, format!("deploy {packages} --no-start"));
        bench.ends(9, "resume");
        let history = bench.ends(9, "history -o json");
        assert_eq!(json(&history)["broken"][0]["run_id"], run.as_str());
    }
    assert_eq!(bench.requests(), before);
    bench.ends(5, "resume 20200101-000000-0000");
}

#[test]
fn a_broken_run_is_explained_and_set_aside_by_a_person() {
    let bench = Bench::new(Duration::from_millis(100));
    let run = killed(&bench, "23");
    let file = bench.run_file(&run);
    let good = bench.ends(0, format!("journal check {run} -o json"));
    assert!(json(&good)["problem"].is_null());
    bench.ends(9, format!("journal set-aside {run}"));
    std::fs::write(&file, "{}\n").unwrap();
    let deploy = "deploy 12 --no-start --interval 50ms";
    let blocked = bench.ends(9, deploy);
    let next = next_line(&blocked, "journal");
    assert!(next.contains(&format!("journal set-aside {run}")), "{next}");
    let checked = bench.ends(9, format!("journal check {run}"));
    let said = stdout(&checked);
    assert!(said.contains("blocks every other run"), "{said}");
    let aside = bench.ends(0, format!("journal set-aside {run} --by li.wei"));
    assert_eq!(std::fs::read_to_string(stdout(&aside).trim()).unwrap(), "{}\n");
    assert!(bench.read("runs/set-aside.log").contains("li.wei"));
    bench.ends(0, deploy);
}

#[test]
fn two_commands_cannot_write_one_run() {
    let bench = Bench::new(LONG);
    let child = bench.spawn("deploy 23 --no-start");
    bench.until_journal_has("accepted");
    let output = bench.ends(9, format!("resume {}", bench.runs().remove(0)));
    says(&output, "another process");
    end_with(child, "-TERM");
}
