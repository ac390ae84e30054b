//! `dls plan`, and `dls deploy --plan`.

use crate::bench::*;

#[test]
fn a_plan_as_a_document_is_in_words_and_says_what_follows() {
    let bench = Bench::quick();
    let output = bench.run("plan 51 61 62 41 --start -o json");
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let plan = json(&output);
    assert_eq!(plan["schema"], "dls.plan.view/1");
    assert_eq!(plan["start"], "start");
    assert_eq!(plan["hash"].as_str().unwrap().len(), 64);
    assert_eq!(plan["packages"][0]["status"], "to-be-reviewed");
    assert_eq!(plan["packages"][0]["tasks"][0]["change"], "delete");
    assert_eq!(plan["packages"][3]["released_by"], "zhang.min");
    assert_eq!(plan["deletions"][0]["name"], "legacy_orders_d");
    assert_eq!(plan["overlaps"][0]["packages"], serde_json::json!(["61", "62"]));
    let jobs = plan["jobs_that_start"].as_array().unwrap();
    // Neither the job that is deleted nor the one that is released already.
    assert_eq!(jobs.len(), 3, "{jobs:?}");
    assert_eq!(plan["summary"]["packages"], 3);
}

#[test]
fn a_plan_asks_for_no_order_of_what_is_released_and_says_what_failed() {
    let bench = Bench::quick();
    assert_eq!(code(&bench.run("deploy 61 --no-start")), 0);
    let output = bench.run("plan 61 62 42 --no-start");
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let text = stdout(&output);
    assert!(!text.contains("--in-order") && !text.contains("order matters"), "{text}");
    assert!(text.contains("package 42. deploy needs --redeploy-failed"), "{text}");
    let plan = json(&bench.run("plan 61 62 42 --no-start -o json"));
    assert_eq!(plan["overlaps"], serde_json::json!([]));
    // As the plan says, so it is.
    let output = bench.run("deploy 61 62 42 --no-start --redeploy-failed");
    assert_eq!(code(&output), 0, "{}", stderr(&output));
}

#[test]
fn a_plan_for_a_pull_request_has_a_row_for_each_task() {
    let bench = Bench::quick();
    let output = bench.run("plan 23 51 -o markdown");
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let text = stdout(&output);
    assert_eq!(text.lines().filter(|line| line.starts_with("| ")).count(), 2 + 4);
    assert!(text.contains("Deletes in production"), "{text}");
    for (verb, form) in
        [("list", "markdown"), ("list", "ndjson"), ("deploy 23 --start", "markdown")]
    {
        let output = bench.run(&format!("{verb} -o {form}"));
        assert_eq!(code(&output), 2, "{verb} {form}");
    }
}

#[test]
fn the_detailed_exit_code_tells_changes_from_deletions_and_from_nothing() {
    let bench = Bench::quick();
    for (ids, expected) in [("23", 20), ("23 51", 21), ("41", 0)] {
        let output = bench.run(&format!("plan {ids} --detailed-exitcode"));
        assert_eq!(code(&output), expected, "{ids}: {}", stderr(&output));
        assert_eq!(code(&bench.run(&format!("plan {ids}"))), 0);
    }
}

#[test]
fn a_plan_that_names_a_package_that_is_not_there_exits_5_and_writes_nothing() {
    let bench = Bench::quick();
    let output = bench.run("plan 23 4711 --out plan.json");
    assert_eq!(code(&output), 5, "{}", stderr(&output));
    assert!(stderr(&output).contains("4711"), "{}", stderr(&output));
    assert!(!bench.path("plan.json").exists());
}

#[test]
fn a_plan_is_released_once_however_often_it_is_deployed() {
    let bench = Bench::quick();
    bench.run("plan 23 24 --no-start --out plan.json");
    let first = bench.run("deploy --plan plan.json -o json");
    assert_eq!(code(&first), 0, "{}", stderr(&first));
    assert!(json(&first)["plan_hash"].is_string());
    let second = bench.run("deploy --plan plan.json --no-start -o json");
    assert_eq!(code(&second), 0, "{}", stderr(&second));
    assert_eq!(json(&second)["outcome"], "nothing-to-do");
    // What moved since the plan was made is presumed to be ours, so that a pipeline can be run again.
    let strict = bench.run("deploy --plan plan.json --if-released fail");
    assert_eq!(code(&strict), 0, "{}", stderr(&strict));
    assert_eq!(bench.releases(), 2);
}

#[test]
fn the_plan_decides_whether_jobs_start() {
    let bench = Bench::quick();
    bench.run("plan 23 --no-start --out chosen.json");
    bench.run("plan 24 --out open.json");
    let output = bench.run("deploy --plan chosen.json --start");
    assert_eq!(code(&output), 9, "{}", stderr(&output));
    assert!(stderr(&output).contains("--no-start"), "{}", stderr(&output));
    assert_eq!(code(&bench.run("deploy --plan open.json")), 2);
    assert_eq!(bench.releases(), 0);
    assert_eq!(code(&bench.run("deploy --plan open.json --start")), 0);
    assert_eq!(bench.releases(), 1);
}

#[test]
fn a_plan_of_another_place_is_refused() {
    let bench = Bench::quick();
    bench.run("plan 23 --no-start --out plan.json");
    let before = bench.requests();
    // Where only the address is another one, there are two ways on.
    for (flags, named, lines) in [
        ("--workspace d1cd7861478748a6925bc02f47c69279", "workspace", 2),
        ("--project-id another", "project", 2),
        ("--endpoint http://127.0.0.1:1", "endpoint", 3),
    ] {
        let output = bench.run(&format!("deploy --plan plan.json {flags}"));
        assert_eq!(code(&output), 9, "{flags}: {}", stderr(&output));
        assert!(stderr(&output).contains(named), "{}", stderr(&output));
        assert_eq!(stderr(&output).lines().count(), lines, "{}", stderr(&output));
    }
    assert_eq!(bench.requests(), before);
}

#[test]
fn a_plan_that_was_edited_by_hand_or_is_none_is_refused() {
    let bench = Bench::quick();
    bench.run("plan 23 --no-start --out plan.json");
    let plan = bench.read("plan.json");
    bench.write("edited.json", &plan.replace("ods_orders_d", "ods_orders_x"));
    bench.write("half.json", plan.split_at(plan.len() / 2).0);
    bench.write("none.json", "{}");
    bench.write("view.json", &stdout(&bench.run("plan 23 --no-start -o json")));
    std::fs::write(bench.path("binary.json"), b"\xff\xfe").unwrap();
    let before = bench.requests();
    for (file, expected) in [
        ("edited.json", 9),
        ("half.json", 9),
        ("none.json", 9),
        ("view.json", 9),
        ("binary.json", 9),
        ("missing.json", 2),
        (".", 2),
    ] {
        let output = bench.run(&format!("deploy --plan {file} --no-start"));
        assert_eq!(code(&output), expected, "{file}: {}", stderr(&output));
        let text = stderr(&output);
        assert!(text.starts_with("error: ") && text.lines().count() <= 2, "{text}");
        assert!(text.contains(file), "{text}");
    }
    assert_eq!(code(&bench.run("deploy 23 --plan plan.json")), 2);
    assert_eq!(bench.requests(), before);
}
