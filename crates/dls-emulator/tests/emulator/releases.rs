//! What deploy, show, system task and revoke do.

use dls_emulator::Seed;
use serde_json::json;

use crate::support::*;

/// Status of the package, then of its tasks.
fn statuses(world: &mut World, id: &str) -> Vec<i64> {
    let body = world.show(id).body;
    let tasks = body["task_details"].as_array().unwrap();
    let all = std::iter::once(&body["release_package"]).chain(tasks);
    all.map(|row| row["deploy_status"].as_i64().unwrap()).collect()
}

#[test]
fn a_release_goes_from_1_over_5_to_2_or_3_task_by_task() {
    let mut world = world();
    // The second task of 31 fails.
    assert_eq!(["23", "31"].map(|id| statuses(&mut world, id)), [[1, 1, 1]; 2]);
    world.deploy(&["23", "31"]).assert_ok();
    for (after, good, bad) in [
        (0, [5, 5, 1], [5, 5, 1]),
        (1000, [5, 2, 5], [5, 2, 5]),
        (999, [5, 2, 5], [5, 2, 5]),
        (1, [2, 2, 2], [3, 2, 3]),
    ] {
        world.pass(after);
        assert_eq!(statuses(&mut world, "23"), good, "{after}");
        assert_eq!(statuses(&mut world, "31"), bad, "{after}");
    }
    world.deploy(&["31"]).assert_ok();
    assert_eq!(statuses(&mut world, "31"), [5, 5, 1], "it can be deployed again");
    assert_eq!(world.releases(), 3);
}

#[test]
fn a_release_shows_who_released_it_when_and_which_versions_are_in_production() {
    let mut world = world();
    let before = world.show("23").body;
    for member in ["deploy_timestamp", "deploy_user_id", "deploy_user_name"] {
        assert!(before["release_package"].get(member).is_none(), "{member}");
    }
    assert_eq!(before["task_details"][0]["deployed_version"], 14);
    assert!(before["task_details"][1].get("deployed_version").is_none(), "it is new");

    world.pass(5);
    world.deploy(&["23", "51"]).assert_ok();
    world.pass(2000);
    let after = world.show("23").body;
    assert_eq!(after["release_package"]["deploy_user_name"], "ci-bot");
    assert_eq!(after["release_package"]["deploy_timestamp"], 1_764_000_000_005_i64);
    assert_eq!(after["task_details"][0]["deployed_version"], 15);
    assert_eq!(after["task_details"][1]["deployed_version"], 1);

    let deletion = &world.show("51").body["task_details"][0];
    assert_eq!(deletion["update_type"], 3);
    assert!(deletion.get("deployed_version").is_none(), "it is gone");
}

#[test]
fn jobs_start_only_if_that_was_asked_for() {
    let started = |ask: Ask, id: &str| {
        let mut world = world();
        world.ask(ask).assert_ok();
        let pending = world.show(id).body["task_details"][0].clone();
        assert!(pending.get("start_job_status").is_none(), "not before it is released");
        world.pass(2000);
        columns(&world.show(id).body["task_details"], &["start_job_status"])
    };
    // A job and a script: only the job can start.
    assert_eq!(started(deploy(&["23"]), "23"), json!([[null], [null]]));
    assert_eq!(started(deploy_and_start(&["23"]), "23"), json!([[2], [null]]));
    let by_default = post(packages("/deploy"), &json!({"package_ids": ["23"]}));
    assert_eq!(started(by_default, "23"), json!([[2], [null]]), "1 is the documented default");
    // A job that will not start, and the deletion of a job.
    assert_eq!(started(deploy_and_start(&["32"]), "32"), json!([[3]]));
    assert_eq!(started(deploy_and_start(&["51"]), "51"), json!([[null], [2]]));
}

#[test]
fn a_background_task_tells_of_a_release_and_its_parts() {
    let mut world = world();
    let deployed = world.deploy(&["24", "31"]);
    let details = deployed.body["deploy_package_details"].as_array().unwrap();
    assert_eq!(details[0]["asy_subtask_num"], 2);
    let [good, bad] = [0, 1].map(|index| details[index]["asy_task_id"].as_str().unwrap());
    for (after, task, status, subtasks, ended_at) in [
        (1500, good, "RUNNING", ["SUCCESSFUL", "RUNNING"], None),
        (500, good, "SUCCESSFUL", ["SUCCESSFUL", "SUCCESSFUL"], Some(1_764_000_002_000_i64)),
        (0, bad, "FAILED", ["SUCCESSFUL", "FAILED"], Some(1_764_000_002_000)),
    ] {
        world.pass(after);
        let body = world.ask(system_task(task)).body;
        assert_eq!((&body["status"], body["endTime"].as_i64()), (&json!(status), ended_at));
        assert_eq!(columns(&body["subtasks"], &["status"]), json!(subtasks.map(|it| [it])));
        assert_eq!(body["startTime"], 1_764_000_000_000_i64);
        assert_eq!(body["lastUpdate"], ended_at.unwrap_or(1_764_000_001_000));
        assert_eq!(body["message"].to_string().contains("failed"), task == bad);
    }
    let elsewhere = system_task(good).with("workspace", OTHER_WORKSPACE);
    world.ask(elsewhere).assert_refused(400, "DLF.20810");
}

#[test]
fn a_revoked_package_is_gone_and_its_answer_is_empty() {
    let mut world = world();
    let total = world.list(json!({})).body["total"].as_u64().unwrap();
    let seen = world.revoke(&["12", "13"]);
    seen.assert_ok();
    assert!(seen.response.body().is_empty());
    assert_eq!(seen.header("content-type"), None);
    world.show("12").assert_refused(400, "DLF.0810");
    world.deploy(&["12"]).assert_refused(400, "DLF.0810");
    world.revoke(&["12"]).assert_refused(400, "DLF.0810");
    assert_eq!(world.list(json!({})).body["total"], total - 2);
}

#[test]
fn a_package_can_be_stuck_in_a_release_of_long_ago() {
    // The first one is 41.
    let seed = Seed::BUILT_IN.replacen("outcome = \"successful\"", "outcome = \"running\"", 1);
    let mut world = World::of(builder().seed(Seed::from_toml(&seed).unwrap()));
    assert_eq!(statuses(&mut world, "41"), [5, 5]);
    world.deploy(&["41"]).assert_refused(400, "DLF.20990");
}

#[test]
fn extra_packages_get_ids_from_1001_and_can_be_released() {
    let mut world = World::of(builder().extra_packages(3));
    assert_eq!(statuses(&mut world, "1001"), [1, 1, 1]);
    world.deploy(&["1001", "1003"]).assert_ok();
    world.deploy(&["1004"]).assert_refused(400, "DLF.0810");
    world.pass(2000);
    assert_eq!(statuses(&mut world, "1003"), [2, 2, 2]);

    let taken = Seed::BUILT_IN.replacen("id = 119\n", "id = 1002\n", 1);
    let mut world = World::of(builder().seed(Seed::from_toml(&taken).unwrap()).extra_packages(2));
    assert_eq!(world.show("1002").body["release_package"]["package_name"], "budgets_20250524");
    assert_eq!(world.show("1003").body["release_package"]["package_name"], "extra_1003");
}
