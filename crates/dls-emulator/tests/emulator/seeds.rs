//! The seed: the built-in example keeps its promises, and mistakes in a file are named.

use dls_emulator::Seed;

use crate::support::*;

#[test]
fn the_packages_of_the_example_are_what_they_are_kept_for() {
    let mut world = world();
    let to_be_reviewed = ["12", "13", "23", "24", "31", "32", "51", "61", "62"];
    assert_eq!(to_be_reviewed.map(|id| world.status(id)), [1; 9]);
    assert_eq!(["41", "42"].map(|id| world.status(id)), [2, 3]);
    // 31 fails, and 61 and 62 touch the same job.
    world.ask(deploy_and_start(&to_be_reviewed)).assert_ok();
    world.pass(2000);
    assert_eq!(to_be_reviewed.map(|id| world.status(id)), [2, 2, 2, 2, 3, 2, 2, 2, 2]);
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
    let time = "applied_at = 2025-05-12T07:30:00Z";
    for (from, to, expected) in [
        ("applicant", "aplicant", r#"unknown key "aplicant", expected one of "id", "workspace","#),
        ("[[packages]]", "[[parcels]]", r#"unknown key "parcels", expected one of "project""#),
        ("kind =", "sort =", r#"unknown key "sort", expected one of "id", "kind""#),
        ("deployer\"", "boss\"", r#"key "role": unknown value "boss", expected one of "admin""#),
        ("kind = \"job\"", "kind = \"jab\"", r#"key "kind": unknown value "jab""#),
        ("id = 12\n", "id = 0\n", r#"key "id": "#),
        ("id = 12\n", "id = \"x\"\n", r#"key "id": "#),
        (time, "applied_at = 2025-05-12T07:30:00+02:00", r#"key "applied_at": 2025-05-12T"#),
        (time, "applied_at = 2025-05-12\n", r#"key "applied_at": 2025-05-12 is not a time in"#),
        (time, "applied_at = 1969-05-12T07:30:00Z", r#"key "applied_at": 1969-05-12T07"#),
        (time, "applied_at = 1747106000000", r#"key "applied_at": invalid type"#),
        ("\"example-secret-key\"", "\"\"", r#"key "secret": the secret key is empty"#),
        ("project = \"b384", "project = \"b 84", r#"key "project": project id: character 2"#),
    ] {
        let text = Seed::BUILT_IN.replacen(from, to, 1);
        let at = Seed::BUILT_IN.find(from).unwrap();
        assert_error(&text, Seed::BUILT_IN[..at].matches('\n').count() + 1, expected);
    }
}

#[test]
fn an_unknown_reference_and_a_duplicate_are_named_with_the_line_of_their_row() {
    let (viewer, workspace) = ("access = \"AKIDVIEWER\"", "d1cd7861478748a6925bc02f47c69279");
    let of_workspace = format!("id = \"{workspace}\"");
    let elsewhere = "workspace = \"nowhere\"\nname";
    // The row that begins with `row`, in which `from` becomes `to`.
    for (row, from, to, expected) in [
        ("id = 13\n", "li.wei", "x", r#"package 13: key "applicant": there is no user "x""#),
        ("id = 13\n", "ci-bot", "x", r#"package 13: key "reviewers": there is no user "x""#),
        (
            "id = 41\n",
            "by = \"",
            "by = \"x",
            r#"package 41: key "release.by": there is no user "x"#,
        ),
        ("id = 13\n", "name", elsewhere, r#"package 13: key "workspace": there is no workspace "#),
        ("id = 13\n", "id = 130", "id = 120", "package 13: task 120 is defined twice"),
        ("id = 13\n", "id = 13\n", "id = 12\n", "package 12 is defined twice"),
        ("name = \"auditor\"", "auditor", "ci-bot", "user ci-bot is defined twice"),
        (viewer, "AKIDVIEWER", "AKIDEXAMPLE", "access key AKIDEXAMPLE is defined twice"),
        (viewer, "AKIDVIEWER", "AKID,VIEWER", r#"key "access": "#),
        (viewer, "auditor", "x", r#"key "user": there is no user "x""#),
        (&of_workspace, workspace, "default", "workspace default is defined twice"),
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
