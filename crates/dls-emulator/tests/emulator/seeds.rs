//! The seed: the built-in example keeps its promises, and mistakes in a file are named.

use std::collections::{HashMap, HashSet};

use dls_emulator::{Emulator, Seed};
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

#[track_caller]
fn assert_mistake(text: &str, expected: &str) {
    let error = Seed::from_toml(text).unwrap_err().to_string();
    assert!(error.starts_with(expected), "{error}\nexpected {expected}");
    assert!(!error.contains('\n') && error.chars().count() < 650, "{error}");
}

/// The line of `part` in `text`, counted from 1.
fn line_of(text: &str, part: &str) -> usize {
    text[..text.find(part).unwrap()].matches('\n').count() + 1
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_the_known_ones() {
    let text = Seed::BUILT_IN.replacen("applicant =", "aplicant =", 1);
    let line = line_of(&text, "aplicant");
    assert_mistake(
        &text,
        &format!(
            "line {line}: unknown key \"aplicant\", expected one of \"id\", \"workspace\", \"name\", "
        ),
    );
    let text = Seed::BUILT_IN.replacen("[[packages]]", "[[parcels]]", 1);
    let line = line_of(&text, "[[parcels]]");
    assert_mistake(
        &text,
        &format!("line {line}: unknown key \"parcels\", expected one of \"project\""),
    );
    let text = Seed::BUILT_IN.replacen("kind = \"job\"", "sort = \"job\"", 1);
    let line = line_of(&text, "sort = ");
    assert_mistake(
        &text,
        &format!("line {line}: unknown key \"sort\", expected one of \"id\", \"kind\""),
    );
}

#[test]
fn a_wrong_value_is_named_with_its_line_and_key() {
    for (from, to, expected) in [
        (
            "role = \"deployer\"",
            "role = \"boss\"",
            "key \"role\": unknown value \"boss\", expected one of \"admin\"",
        ),
        ("kind = \"job\"", "kind = \"jab\"", "key \"kind\": unknown value \"jab\""),
        ("id = 12\n", "id = 0\n", "key \"id\": "),
        ("id = 12\n", "id = \"x\"\n", "key \"id\": "),
        (
            "applied_at = 2025-05-12T07:30:00Z",
            "applied_at = 2025-05-12T07:30:00+02:00",
            "key \"applied_at\": 2025-05-12T07:30:00+02:00 is no time in UTC",
        ),
        (
            "applied_at = 2025-05-12T07:30:00Z",
            "applied_at = 2025-05-12",
            "key \"applied_at\": 2025-05-12 is no time in UTC",
        ),
        (
            "applied_at = 2025-05-12T07:30:00Z",
            "applied_at = 1969-05-12T07:30:00Z",
            "key \"applied_at\": 1969-05-12T07:30:00Z is no time in UTC",
        ),
        (
            "applied_at = 2025-05-12T07:30:00Z",
            "applied_at = 1747106000000",
            "key \"applied_at\": invalid type",
        ),
        (
            "secret = \"example-secret-key\"",
            "secret = \"\"",
            "key \"secret\": the secret key is empty",
        ),
        ("project = \"b384", "project = \"b 84", "key \"project\": project id: character 2"),
    ] {
        let text = Seed::BUILT_IN.replacen(from, to, 1);
        assert_mistake(&text, &format!("line {}: {expected}", line_of(&text, to)));
    }
}

#[test]
fn a_reference_to_nobody_and_an_id_that_stands_twice_are_named_with_the_line_of_their_row() {
    let row = |text: &str, id: &str| line_of(text, &format!("\n[[packages]]\nid = {id}\n")) + 1;
    let after = |text: &str, id: &str, from: &str, to: &str| {
        let (before, rest) = text.split_once(&format!("[[packages]]\nid = {id}\n")).unwrap();
        format!("{before}[[packages]]\nid = {id}\n{}", rest.replacen(from, to, 1))
    };
    let base = Seed::BUILT_IN;
    let text = after(base, "13", "\"li.wei\"", "\"li.wai\"");
    assert_mistake(
        &text,
        &format!(
            "line {}: package 13: key \"applicant\": there is no user \"li.wai\"",
            row(&text, "13")
        ),
    );
    let text = after(base, "13", "\"ci-bot\"]", "\"ci\"]");
    assert_mistake(
        &text,
        &format!(
            "line {}: package 13: key \"reviewers\": there is no user \"ci\"",
            row(&text, "13")
        ),
    );
    let text = after(base, "41", "by = \"zhang.min\"", "by = \"x\"");
    assert_mistake(
        &text,
        &format!(
            "line {}: package 41: key \"release.by\": there is no user \"x\"",
            row(&text, "41")
        ),
    );
    let text = after(base, "13", "name = ", "workspace = \"nowhere\"\nname = ");
    assert_mistake(
        &text,
        &format!(
            "line {}: package 13: key \"workspace\": there is no workspace \"nowhere\"",
            row(&text, "13")
        ),
    );
    let text = after(base, "13", "id = 130", "id = 120");
    assert_mistake(
        &text,
        &format!("line {}: package 13: task 120 is defined twice", row(&text, "13")),
    );
    let text = base.replacen("\n[[packages]]\nid = 13\n", "\n[[packages]]\nid = 12\n", 1);
    let error = Seed::from_toml(&text).unwrap_err();
    assert!(error.to_string().ends_with("package 12 is defined twice"), "{error}");
    let (second, _) = text.match_indices("[[packages]]\nid = 12\n").nth(1).unwrap();
    assert_eq!(error.line(), text[..second].matches('\n').count() + 1);

    for (from, to, expected) in [
        ("name = \"auditor\"", "name = \"ci-bot\"", "user ci-bot is defined twice"),
        (
            "access = \"AKIDVIEWER\"",
            "access = \"AKIDEXAMPLE\"",
            "access key AKIDEXAMPLE is defined twice",
        ),
        ("access = \"AKIDVIEWER\"", "access = \"AKID,VIEWER\"", "key \"access\": "),
        (
            "id = \"d1cd7861478748a6925bc02f47c69279\"",
            "id = \"default\"",
            "workspace default is defined twice",
        ),
        (
            "secret = \"example-viewer-key\"\nuser = \"auditor\"",
            "secret = \"x\"\nuser = \"nobody\"",
            "key \"user\": there is no user \"nobody\"",
        ),
    ] {
        let error = Seed::from_toml(&base.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn what_is_no_toml_or_lacks_something_is_named_with_its_line() {
    assert_mistake("", "line 1: missing key \"project\"");
    assert_mistake("project = \"p-1\"\nworkspaces = []\n[[packages]\n", "line 3: ");
    assert_mistake("project = \"p-1\"\nproject = \"p-2\"\n", "line 2: duplicate key");
    let text = "project = \"p-1\"\nworkspaces = []\n[[users]]\nname = \"a\"\n";
    assert_mistake(text, "line 3: missing key \"id\"");
    let strange =
        format!("project = \"p-1\"\nworkspaces = []\n\"a\\nb\\u001b{}\" = 1\n", "x".repeat(5000));
    assert_mistake(&strange, "line 3: unknown key \"a\\nb\\u{1b}xxx");
}

#[test]
fn a_seed_may_be_empty_but_for_its_project() {
    let seed = Seed::from_toml("project = \"p-1\"\nworkspaces = []\n").unwrap();
    let mut engine = Emulator::builder().seed(seed).extra_packages(5).engine();
    let seen = Received::of(engine.answer(start(), &show("1001").unsigned(Some("t"))));
    seen.assert_refused(401, "APIGW.0301");
}
