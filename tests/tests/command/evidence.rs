//! `--evidence FILE`, held against the journal.

use serde_json::Value;

use crate::bench::*;

/// A run of package 23 that was killed while its request had no answer; its id.
fn killed(bench: &Bench) -> String {
    let child = bench.spawn("deploy 23 --no-start --evidence evidence.json");
    bench.until("the request", |bench| bench.requests_to("deploy") == 1);
    end_with(child, "-KILL");
    evidence(bench)["run_id"].as_str().unwrap().to_owned()
}

fn silent() -> Bench {
    Bench::faulty(r#"faults = [{ on = "deploy", nth = 1, do = "silence" }]"#, SHORT)
}

fn evidence(bench: &Bench) -> Value {
    serde_json::from_str(&bench.read("evidence.json")).unwrap()
}

/// The entries of the one run in the journal.
fn entries(bench: &Bench) -> Vec<String> {
    bench.journal_text().lines().map(str::to_owned).collect()
}

#[test]
fn evidence_names_the_recorded_intention_before_a_byte_of_its_request_is_written() {
    let bench = silent();
    killed(&bench);
    let evidence = evidence(&bench);
    assert_eq!(evidence["outcome"], "unknown");
    assert_eq!(evidence["packages"][0], "23");
    let hash = evidence["journal"]["hash"].as_str().unwrap();
    let entries = entries(&bench);
    let named = entries.iter().find(|entry| entry.contains(hash)).unwrap();
    assert!(named.contains("send-intended"), "{named}");
}

#[test]
fn a_journal_that_is_older_than_the_evidence_is_refused_and_nothing_is_sent() {
    let bench = silent();
    let run = killed(&bench);
    let before_the_intention = entries(&bench)
        .into_iter()
        .take_while(|entry| !entry.contains("send-intended"))
        .map(|entry| entry + "\n");
    let file = bench.run_files().remove(0);
    std::fs::write(&file, before_the_intention.collect::<String>()).unwrap();
    for command in [
        format!("resume {run} --evidence evidence.json"),
        "deploy 24 --no-start --evidence evidence.json".to_owned(),
    ] {
        let output = bench.ends(9, &command);
        says(&output, "older");
    }
    std::fs::remove_file(&file).unwrap();
    let output = bench.ends(9, "deploy 23 --no-start --evidence evidence.json");
    says(&output, &run);
    assert_eq!(bench.requests_to("deploy"), 1);
    assert_eq!(evidence(&bench)["run_id"], run.as_str(), "it is as it was");
}

#[test]
fn evidence_of_another_run_is_refused() {
    let bench = Bench::new(LONG);
    let first = "deploy 23 --no-start --no-wait --evidence evidence.json";
    bench.ends(0, first);
    let second = bench.run("deploy 24 --no-start --no-wait -o json");
    let second = run_id(&second);
    let output = bench.ends(9, format!("resume {second} --evidence evidence.json"));
    says(&output, "is of run");
}

#[test]
fn a_later_run_replaces_complete_evidence_and_nothing_else() {
    let bench = Bench::quick();
    let deploy = |id: &str| bench.run(&format!("deploy {id} --no-start --evidence evidence.json"));
    assert_eq!(code(&deploy("23")), 0);
    let (whole, first) = (bench.read("evidence.json"), evidence(&bench)["run_id"].clone());
    for other in [whole.trim_end_matches(['}', '\n']), "{}", "ids of last week"] {
        bench.write("evidence.json", other);
        let output = deploy("24");
        assert_eq!(code(&output), 9, "{other}: {}", stderr(&output));
        assert_eq!(bench.read("evidence.json"), other);
    }
    assert_eq!(bench.requests_to("deploy"), 1);
    for (content, id) in [("", "24"), (whole.as_str(), "12")] {
        bench.write("evidence.json", content);
        assert_eq!(code(&deploy(id)), 0);
        assert_ne!(evidence(&bench)["run_id"], first);
        assert_eq!(evidence(&bench)["outcome"], "successful");
    }
}

#[test]
fn evidence_says_who_released_what_and_holds_no_secret() {
    let bench = Bench::quick();
    bench.run("plan 23 --no-start --out plan.json");
    let output = bench.ends(0, "deploy --plan plan.json --evidence evidence.json -o json");
    let text = bench.read("evidence.json");
    let evidence = evidence(&bench);
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
