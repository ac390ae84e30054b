//! The seed: the built-in example keeps its promises, and mistakes in a file are named.

use std::collections::{HashMap, HashSet};

use dls_emulator::Seed;
use serde_json::Value;

use crate::support::*;

#[test]
fn no_two_packages_touch_the_same_object_save_61_and_62() {
    let mut world = World::of(builder().extra_packages(50));
    let mut owners: HashMap<(Value, Value), Vec<String>> = HashMap::new();
    let mut objects: HashMap<Value, HashSet<Value>> = HashMap::new();
    for workspace in ["default", OTHER_WORKSPACE] {
        for page in 0..10 {
            let body = serde_json::json!({"offset": page});
            let rows = world.ask(list(body).with("workspace", workspace)).body;
            for row in rows["data"].as_array().unwrap() {
                let id = row["package_id"].as_str().unwrap();
                let shown = world.ask(show(id).with("workspace", workspace)).body;
                let tasks = shown["task_details"].as_array().unwrap();
                assert!(!tasks.is_empty(), "{id}");
                for task in tasks {
                    let object = (task["task_type"].clone(), task["item_name"].clone());
                    owners.entry(object).or_default().push(id.to_owned());
                    for member in ["task_id", "script_id"] {
                        let names = objects.entry(task[member].clone()).or_default();
                        names.insert(task["item_name"].clone());
                    }
                    let deletes = task["update_type"] == 3;
                    assert!(!deletes || id == "51", "{id} deletes something");
                }
            }
        }
    }
    assert!(owners.len() > 130);
    let mut shared: Vec<Vec<String>> =
        owners.into_values().filter(|owners| owners.len() > 1).collect();
    shared.iter_mut().for_each(|ids| ids.sort());
    assert_eq!(shared, [["61", "62"]]);
    objects.remove(&Value::String(String::new()));
    assert!(objects.values().all(|names| names.len() == 1), "an object has one name");
}

#[test]
fn the_packages_of_the_example_are_what_they_are_kept_for() {
    let mut world = world();
    for (ids, status) in [
        (&["12", "13", "23", "24", "31", "32", "51", "61", "62"][..], 1),
        (&["41"], 2),
        (&["42"], 3),
    ] {
        for id in ids {
            assert_eq!(world.status(id), status, "{id}");
        }
    }
    let changes = world.show("51").body["task_details"].clone();
    assert!(changes.as_array().unwrap().iter().any(|task| task["update_type"] == 3));
    // What each becomes.
    world
        .ask(deploy_and_start(&["12", "13", "23", "24", "31", "32", "51", "61", "62"]))
        .assert_ok();
    world.pass(2000);
    for (id, status) in
        [("12", 2), ("13", 2), ("23", 2), ("24", 2), ("31", 3), ("32", 2), ("51", 2)]
    {
        assert_eq!(world.status(id), status, "{id}");
    }
}

/// The line of `part` in `text`, counted from 1.
fn line_of(text: &str, part: &str) -> usize {
    text[..text.find(part).unwrap()].matches('\n').count() + 1
}

#[track_caller]
fn assert_error(text: &str, line: usize, expected: &str) {
    let error = Seed::from_toml(text).unwrap_err();
    let shown = error.to_string();
    assert!(shown.starts_with(&format!("line {line}: {expected}")), "{shown}\nexpected {expected}");
    assert_eq!(error.line, line);
    assert!(!shown.contains('\n') && shown.chars().count() < 650, "{shown}");
}

#[test]
fn an_unknown_key_and_a_wrong_value_are_named_with_their_line() {
    let applied_at = "applied_at = 2025-05-12T07:30:00Z";
    for (from, to, expected) in [
        (
            "applicant =",
            "aplicant =",
            "unknown key \"aplicant\", expected one of \"id\", \"workspace\", \"name\", ",
        ),
        ("[[packages]]", "[[parcels]]", "unknown key \"parcels\", expected one of \"project\""),
        (
            "kind = \"job\"",
            "sort = \"job\"",
            "unknown key \"sort\", expected one of \"id\", \"kind\"",
        ),
        (
            "role = \"deployer\"",
            "role = \"boss\"",
            "key \"role\": unknown value \"boss\", expected one of \"admin\"",
        ),
        ("kind = \"job\"", "kind = \"jab\"", "key \"kind\": unknown value \"jab\""),
        ("id = 12\n", "id = 0\n", "key \"id\": "),
        ("id = 12\n", "id = \"x\"\n", "key \"id\": "),
        (applied_at, "applied_at = 2025-05-12T07:30:00+02:00", "key \"applied_at\": 2025-05-12T"),
        (
            applied_at,
            "applied_at = 2025-05-12\n",
            "key \"applied_at\": 2025-05-12 is not a time in",
        ),
        (applied_at, "applied_at = 1969-05-12T07:30:00Z", "key \"applied_at\": 1969-05-12T07"),
        (applied_at, "applied_at = 1747106000000", "key \"applied_at\": invalid type"),
        (
            "secret = \"example-secret-key\"",
            "secret = \"\"",
            "key \"secret\": the secret key is empty",
        ),
        ("project = \"b384", "project = \"b 84", "key \"project\": project id: character 2"),
    ] {
        let text = Seed::BUILT_IN.replacen(from, to, 1);
        assert_error(&text, line_of(&text, to), expected);
    }
}

#[test]
fn an_unknown_reference_and_a_duplicate_are_named_with_the_line_of_their_row() {
    // The row that begins with `row`, in which `from` becomes `to`.
    for (row, from, to, expected) in [
        (
            "id = 13\n",
            "\"li.wei\"",
            "\"x\"",
            "package 13: key \"applicant\": there is no user \"x\"",
        ),
        (
            "id = 13\n",
            "\"ci-bot\"]",
            "\"x\"]",
            "package 13: key \"reviewers\": there is no user \"x\"",
        ),
        (
            "id = 41\n",
            "by = \"zhang.min\"",
            "by = \"x\"",
            "package 41: key \"release.by\": there is no user \"x\"",
        ),
        (
            "id = 13\n",
            "name =",
            "workspace = \"nowhere\"\nname =",
            "package 13: key \"workspace\": there is no workspace \"nowhere\"",
        ),
        ("id = 13\n", "id = 130", "id = 120", "package 13: task 120 is defined twice"),
        ("id = 13\n", "id = 13\n", "id = 12\n", "package 12 is defined twice"),
        ("name = \"auditor\"", "auditor", "ci-bot", "user ci-bot is defined twice"),
        (
            "access = \"AKIDVIEWER\"",
            "AKIDVIEWER",
            "AKIDEXAMPLE",
            "access key AKIDEXAMPLE is defined twice",
        ),
        ("access = \"AKIDVIEWER\"", "AKIDVIEWER", "AKID,VIEWER", "key \"access\": "),
        ("access = \"AKIDVIEWER\"", "\"auditor\"", "\"x\"", "key \"user\": there is no user \"x\""),
        (
            "id = \"d1cd7861478748a6925bc02f47c69279\"",
            "d1cd7861478748a6925bc02f47c69279",
            "default",
            "workspace default is defined twice",
        ),
    ] {
        let at = Seed::BUILT_IN.find(&format!("]]\n{row}")).unwrap() + 3;
        let (before, rest) = Seed::BUILT_IN.split_at(at);
        let line = before.matches('\n').count();
        assert_error(&format!("{before}{}", rest.replacen(from, to, 1)), line, expected);
    }
}

#[test]
fn what_is_no_toml_or_lacks_something_is_named_with_its_line() {
    let base = "project = \"p-1\"\nworkspaces = []\n";
    let long = format!("{base}\"a\\nb\\u001b{}\" = 1\n", "x".repeat(5000));
    assert_error("", 1, "missing key \"project\"");
    assert_error(&format!("{base}[[packages]\n"), 3, "");
    assert_error("project = \"p-1\"\nproject = \"p-2\"\n", 2, "duplicate key");
    assert_error(&format!("{base}[[users]]\nname = \"a\"\n"), 3, "missing key \"id\"");
    assert_error(&long, 3, "unknown key \"a\\nb\\u{1b}xxx");
}

#[test]
fn a_seed_may_be_empty_but_for_its_project() {
    let seed = Seed::from_toml("project = \"p-1\"\nworkspaces = []\n").unwrap();
    let mut world = World::of(builder().seed(seed).extra_packages(5));
    world.send(&show("1001").unsigned(Some("t"))).assert_refused(401, "APIGW.0301");
}
