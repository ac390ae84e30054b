//! The command `release` on a copy of our own manifests, with a history that is made up.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may fail loudly")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use tempfile::TempDir;

/// A repository with the manifests of this one, its public API, and a line of code for each crate.
struct Copy(TempDir);

impl Copy {
    fn new() -> Self {
        let copy = Self(tempfile::tempdir().unwrap());
        let root = xtask::root();
        for file in ["Cargo.lock", "tests/downstream/Cargo.lock", "tests/downstream/Cargo.toml"] {
            copy.take(&root, file);
        }
        for file in files(&root, "api") {
            copy.take(&root, &file);
        }
        for folder in files(&root, "crates") {
            copy.take(&root, &format!("{folder}/Cargo.toml"));
            copy.take(&root, &format!("{folder}/CHANGELOG.md"));
            for file in ["lib.rs", "main.rs"].map(|file| format!("{folder}/src/{file}")) {
                if root.join(&file).exists() {
                    copy.write(&file, "fn main() {}\n");
                }
            }
        }
        // What is not published plays no part here.
        let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
        let members = "\"crates/*\", \"tests\", \"xtask\"";
        assert!(manifest.contains(members));
        copy.write("Cargo.toml", &manifest.replace(members, "\"crates/*\""));
        for words in [
            "init --quiet",
            "config user.name nobody",
            "config user.email nobody@localhost",
            "config commit.gpgsign false",
            "config tag.gpgsign false",
        ] {
            copy.git(words);
        }
        copy.commit();
        copy
    }

    /// The same once every crate was released as it is.
    fn released() -> Self {
        let copy = Self::new();
        copy.release("tag").unwrap();
        copy
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        fs::create_dir_all(self.path(path).parent().unwrap()).unwrap();
        fs::write(self.path(path), text).unwrap();
    }

    fn take(&self, root: &Path, path: &str) {
        self.write(path, &fs::read_to_string(root.join(path)).unwrap());
    }

    fn git(&self, words: &str) -> String {
        let mut command = Command::new("git");
        command.args(words.split(' ')).current_dir(self.0.path());
        let output = command.output().unwrap();
        assert!(output.status.success(), "git {words}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn commit(&self) {
        self.git("add --all");
        self.git("commit --quiet -m made-up");
    }

    fn release(&self, words: &str) -> Result<String, String> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command.arg("release").args(words.split(' '));
        command.env("CARGO_MANIFEST_DIR", self.path("xtask"));
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
    }

    /// Each crate of the plan with its level, in order.
    fn plan(&self) -> Vec<String> {
        let plan = self.release("plan --json").unwrap();
        let plan: Value = serde_json::from_str(&plan).unwrap();
        let row = |row: &Value| {
            assert!(!row["reasons"].as_array().unwrap().is_empty(), "{row}");
            let text = |key: &str| row[key].as_str().unwrap().to_owned();
            format!("{} {}", text("crate"), text("level"))
        };
        plan.as_array().unwrap().iter().map(row).collect()
    }
}

fn files(root: &Path, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(root.join(folder)).unwrap();
    entries
        .map(|entry| format!("{folder}/{}", entry.unwrap().file_name().to_str().unwrap()))
        .collect()
}

#[test]
fn a_break_in_the_model_is_one_of_all_that_show_its_types_in_the_order_of_publishing() {
    let copy = Copy::released();
    copy.write("crates/dls-model/src/lib.rs", "//! Otherwise.\n");
    copy.write("changes/dls-model/wide.md", "break\nWide.\n\nMigration: widen.\n");
    assert_eq!(
        copy.plan(),
        [
            "dls-model break",
            "dls-rollout break",
            "dls-client break",
            "dls-emulator fix",
            "dls-cli fix"
        ]
    );
}

#[test]
fn a_fix_in_the_transport_is_nobody_elses() {
    let copy = Copy::released();
    copy.write("crates/dls-transport/src/lib.rs", "//! Otherwise.\n");
    copy.write("changes/dls-transport/count.md", "fix\nCounts right.\n");
    assert_eq!(copy.plan(), ["dls-transport fix"]);
}

#[test]
fn what_the_semver_check_found_counts_like_a_fragment() {
    let copy = Copy::released();
    copy.write("changes/dls-transport/count.md", "fix\nCounts right.\n");
    copy.write("found.json", r#"{"dls-transport": "break"}"#);
    let plan = copy.release("plan --semver found.json").unwrap();
    assert!(plan.contains("break: found.json"), "{plan}");
    assert!(plan.contains("0.1.0 -> 0.2.0    break"), "{plan}");
}

#[test]
fn a_break_that_only_the_semver_check_found_is_not_released_before_somebody_writes_it_down() {
    let copy = Copy::released();
    copy.write("changes/dls-model/count.md", "fix\nCounts right.\n");
    copy.write("found.json", r#"{"dls-model": "break"}"#);
    copy.commit();
    let bump = || copy.release("bump --semver found.json");
    let reason = bump().unwrap_err();
    assert!(reason.contains("no `break` in changes/dls-model/"), "{reason}");
    assert_eq!(copy.git("status --porcelain"), "");
    copy.write("changes/dls-model/wide.md", "break\nWide.\n\nMigration: widen.\n");
    copy.commit();
    bump().unwrap();
}

#[test]
fn a_released_crate_does_not_change_without_a_word() {
    let copy = Copy::released();
    assert_eq!(copy.plan(), [""; 0]);
    copy.write("crates/dls-model/tests/laws.rs", "");
    assert_eq!(copy.plan(), [""; 0]);
    copy.write("crates/dls-model/src/more.rs", "");
    for committed in [false, true] {
        if committed {
            copy.commit();
        }
        let reason = copy.release("plan").unwrap_err();
        assert!(reason.contains("`dls-model` changed since dls-model-v"), "{reason}");
        assert!(reason.contains("src/more.rs"), "{reason}");
    }
}

#[test]
fn what_a_released_crate_inherits_does_not_change_without_a_word() {
    let copy = Copy::released();
    let manifest = fs::read_to_string(copy.path("Cargo.toml")).unwrap();
    let from = "\nhttp = \"1.4.0\"";
    assert!(manifest.contains(from));
    copy.write("Cargo.toml", &manifest.replace(from, "\nhttp = \"1.4.1\""));
    let reason = copy.release("plan").unwrap_err();
    assert!(
        reason.contains("changed since dls") && reason.contains("(`http` in Cargo.toml)"),
        "{reason}"
    );
}

#[test]
fn a_file_that_moved_out_of_the_sources_is_gone_from_them() {
    let copy = Copy::new();
    copy.write("crates/dls-model/src/more.rs", "//! Whatever it is.\n");
    copy.commit();
    copy.release("tag").unwrap();
    fs::create_dir_all(copy.path("crates/dls-model/tests")).unwrap();
    copy.git("mv crates/dls-model/src/more.rs crates/dls-model/tests/more.rs");
    let reason = copy.release("plan").unwrap_err();
    assert!(reason.contains("src/more.rs"), "{reason}");
}

#[test]
fn before_the_first_tags_nothing_need_be_told_and_all_go_out_as_they_are() {
    let copy = Copy::new();
    copy.write("crates/dls-model/src/more.rs", "");
    let plan = copy.plan();
    assert_eq!(plan.len(), 6);
    assert!(plan.iter().all(|row| row.ends_with(" first")), "{plan:?}");
}

#[test]
fn a_bump_is_one_commit_that_carries_the_plan_out_and_takes_the_fragments_along() {
    let copy = Copy::released();
    copy.write("changes/dls-model/wide.md", "break\nIds are wide.\n\nMigration: widen.\n");
    let reason = copy.release("bump").unwrap_err();
    assert!(reason.contains("not everything is committed"), "{reason}");
    copy.commit();
    let planned = copy.plan();
    copy.release("bump").unwrap();

    assert_eq!(copy.git("status --porcelain"), "");
    assert_eq!(copy.git("rev-list --count HEAD").trim(), "3");
    assert!(!copy.path("changes/dls-model/wide.md").exists());
    for (path, words) in [
        ("crates/dls-model/Cargo.toml", "version = \"0.2.0\""),
        ("Cargo.toml", "dls-model = { path = \"crates/dls-model\", version = \"0.2.0\" }"),
        ("tests/downstream/Cargo.toml", "dls-model = { version = \"0.2.0\" }"),
        ("tests/downstream/Cargo.lock", "name = \"dls-model\"\nversion = \"0.2.0\""),
        ("crates/dls-model/CHANGELOG.md", "  Migration: widen."),
        ("crates/dls-rollout/CHANGELOG.md", "see the changelog of `dls-model`"),
    ] {
        let text = fs::read_to_string(copy.path(path)).unwrap();
        assert!(text.contains(words), "{path}: {text}");
    }

    // Whoever stops here goes on to the same: nothing more to bump, and then tags.
    assert_eq!(copy.plan(), planned);
    let again = copy.release("bump").unwrap();
    assert!(again.contains("nothing to bump"), "{again}");
    copy.release("tag").unwrap();
    let tags = copy.git("tag --points-at HEAD");
    assert_eq!(tags.lines().count(), planned.len(), "{tags}");
    assert!(tags.contains("dls-rollout-v0.2.0"), "{tags}");
    assert_eq!(copy.plan(), [""; 0]);
}

#[test]
fn a_bump_that_stopped_half_way_says_how_to_take_it_back() {
    let copy = Copy::released();
    copy.write("changes/dls-model/x.md", "fix\nMended.\n");
    copy.commit();
    // As another git at work would leave it.
    copy.write(".git/index.lock", "");
    let reason = copy.release("bump").unwrap_err();
    let (_, way) = reason.split_once("To undo it: git ").unwrap();
    fs::remove_file(copy.path(".git/index.lock")).unwrap();
    assert_ne!(copy.git("status --porcelain"), "");
    copy.git(way.trim());
    assert_eq!(copy.git("status --porcelain"), "");
    copy.release("bump").unwrap();
}

#[test]
fn nothing_is_published_from_where_no_crate_is_tagged_as_it_stands() {
    let copy = Copy::new();
    copy.git("tag archive-v1");
    for words in ["publish", "publish --at HEAD"] {
        let reason = copy.release(words).unwrap_err();
        assert!(reason.contains("no crate has its tag at"), "{reason}");
    }
    copy.git("tag dls-model-v0.3.0");
    let reason = copy.release("publish").unwrap_err();
    assert!(reason.contains("`dls-model` has the version 0.1.0"), "{reason}");
}

#[test]
fn nothing_is_tagged_before_each_crate_of_the_plan_has_its_version() {
    let copy = Copy::released();
    let manifest = fs::read_to_string(copy.path("crates/dls-model/Cargo.toml")).unwrap();
    let by_hand = manifest.replacen("version = \"0.1.0\"", "version = \"0.2.0\"", 1);
    copy.write("crates/dls-model/Cargo.toml", &by_hand);
    copy.commit();
    let reason = copy.release("tag").unwrap_err();
    assert!(reason.contains("`dls-rollout` has to go out as 0.2.0"), "{reason}");
    assert!(!copy.git("tag --points-at HEAD").contains("dls-model-v0.2.0"));
}

#[test]
fn nothing_is_tagged_while_a_fragment_cannot_be_read() {
    let copy = Copy::new();
    copy.write("changes/dls-models/x.md", "fix\nMended.\n");
    copy.commit();
    let reason = copy.release("tag").unwrap_err();
    assert!(reason.contains("`dls-models` is no published crate"), "{reason}");
}

#[test]
fn nothing_is_tagged_that_is_in_no_changelog() {
    let copy = Copy::released();
    copy.write("changes/dls-cli/quiet.md", "fix\nQuiet.\n");
    copy.commit();
    let reason = copy.release("tag").unwrap_err();
    assert!(reason.contains("changes/dls-cli/quiet.md"), "{reason}");
}
