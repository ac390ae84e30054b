//! `dls plan`, and `dls deploy --plan`.

use crate::bench::*;

#[test]
fn a_plan_document_has_names_and_consequences() {
    let bench = Bench::quick();
    let output = bench.ends(0, "plan 51 61 62 41 --start -o json");
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
fn a_plan_asks_for_no_order_of_released_packages_and_names_failed_ones() {
    let bench = Bench::quick();
    bench.ends(0, "deploy 61 --no-start");
    let output = bench.ends(0, "plan 61 62 42 --no-start");
    let text = stdout(&output);
    assert!(!text.contains("--in-order") && !text.contains("order matters"), "{text}");
    assert!(text.contains("package 42. deploy needs --redeploy-failed"), "{text}");
    let plan = json(&bench.run("plan 61 62 42 --no-start -o json"));
    assert_eq!(plan["overlaps"], serde_json::json!([]));
    // As the plan says, so it is.
    bench.ends(0, "deploy 61 62 42 --no-start --redeploy-failed");
}

#[test]
fn a_plan_for_a_pull_request_has_a_row_for_each_task() {
    let bench = Bench::quick();
    let output = bench.ends(0, "plan 23 51 -o markdown");
    let text = stdout(&output);
    assert_eq!(text.lines().filter(|line| line.starts_with("| ")).count(), 2 + 4);
    assert!(text.contains("Deletes in production"), "{text}");
}

#[test]
fn the_detailed_exit_code_distinguishes_changes_deletions_and_nothing() {
    let bench = Bench::quick();
    for (ids, expected) in [("23", 20), ("23 51", 21), ("41", 0)] {
        bench.ends(expected, format!("plan {ids} --detailed-exitcode"));
        bench.ends(0, format!("plan {ids}"));
    }
}

#[test]
fn a_plan_that_names_a_package_that_is_not_there_exits_5_and_writes_nothing() {
    let bench = Bench::quick();
    let output = bench.ends(5, "plan 23 4711 --out plan.json");
    says(&output, "4711");
    assert!(!bench.path("plan.json").exists());
}

#[test]
fn a_plan_is_released_once_however_often_it_is_deployed() {
    let bench = Bench::quick();
    bench.run("plan 23 24 --no-start --out plan.json");
    let first = bench.ends(0, "deploy --plan plan.json -o json");
    assert!(json(&first)["plan_hash"].is_string());
    let second = bench.ends(0, "deploy --plan plan.json --no-start -o json");
    assert_eq!(json(&second)["outcome"], "nothing-to-do");
    // What moved since the plan was made is presumed to be ours, so that a pipeline can be run again.
    bench.ends(0, "deploy --plan plan.json --if-released fail");
    assert_eq!(bench.releases(), 2);
}

#[test]
fn the_plan_decides_whether_jobs_start() {
    let bench = Bench::quick();
    bench.run("plan 23 --no-start --out chosen.json");
    bench.run("plan 24 --out open.json");
    let output = bench.ends(9, "deploy --plan chosen.json --start");
    says(&output, "--no-start");
    bench.ends(2, "deploy --plan open.json");
    assert_eq!(bench.releases(), 0);
    bench.ends(0, "deploy --plan open.json --start");
    assert_eq!(bench.releases(), 1);
}

#[test]
fn a_plan_of_another_destination_is_refused() {
    let bench = Bench::quick();
    bench.run("plan 23 --no-start --out plan.json");
    let before = bench.requests();
    // Where only the address is another one, there are two ways on.
    for (flags, named, lines) in [
        ("--workspace d1cd7861478748a6925bc02f47c69279", "workspace", 2),
        ("--project-id another", "project", 2),
        ("--endpoint http://127.0.0.1:1", "endpoint", 3),
    ] {
        let output = bench.ends(9, format!("deploy --plan plan.json {flags}"));
        says(&output, named);
        assert_eq!(stderr(&output).lines().count(), lines, "{}", stderr(&output));
    }
    assert_eq!(bench.requests(), before);
}

#[test]
fn a_plan_that_was_edited_or_is_invalid_is_refused() {
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
        let output = bench.ends(expected, format!("deploy --plan {file} --no-start"));
        let text = stderr(&output);
        assert!(text.starts_with("error: ") && text.lines().count() <= 2, "{text}");
        assert!(text.contains(file), "{text}");
    }
    assert_eq!(bench.requests(), before);
}
