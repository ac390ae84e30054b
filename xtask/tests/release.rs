//! The command `release` on a copy of this repository, with a history that is made up.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may fail loudly")]

mod support;

use support::Repository;

/// This repository before its first release.
fn unreleased(name: &str) -> Repository {
    let copy = Repository::everything(&format!("release-{name}"));
    copy.0.remove_path("changes").unwrap();
    copy.commit();
    copy
}

/// The same once every crate was released as it is.
fn released(name: &str) -> Repository {
    let copy = unreleased(name);
    copy.passes("release tag");
    copy
}

/// What `release plan` prints: a line for each crate, and after it a line for each reason.
fn plan(copy: &Repository) -> Vec<String> {
    let text = copy.passes("release plan");
    let lines = text.lines().filter(|line| !line.starts_with('$'));
    lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

/// The plan without its reasons.
fn planned_versions(copy: &Repository) -> Vec<String> {
    plan(copy).into_iter().filter(|line| line.contains(" -> ")).collect()
}

const NOTHING: [&str; 1] = ["nothing to release"];
const WIDE: &str = "break\nIds are wide.\n\nMigration: widen.\n";
const COUNT: &str = "fix\nCounts right.\n";

#[test]
fn a_break_in_the_model_is_one_of_all_that_show_its_types_and_a_fix_in_the_transport_nobody_elses()
{
    let copy = unreleased("plan");
    copy.write("changes/dls-model/wide.md", WIDE);
    // A first release breaks nobody.
    let rows = planned_versions(&copy);
    assert_eq!(rows[0], "dls-model new -> 0.1.0 first");
    assert!(rows.len() == 6 && rows.iter().all(|row| row.ends_with(" first")), "{rows:?}");
    copy.git("reset --quiet --hard");
    copy.git("clean --quiet --force -d");
    copy.passes("release tag");

    copy.write("crates/dls-transport/src/lib.rs", "//! Otherwise.\n");
    copy.write("changes/dls-transport/count.md", COUNT);
    let transport = ["dls-transport 0.1.0 -> 0.1.1 fix", "fix: changes/dls-transport/count.md"];
    assert_eq!(plan(&copy), transport);
    // These are of earlier releases, of other crates and of no release.
    for tag in ["dls-model-v0.0.9", "dls-v0.9.0", "dls-model-vnext", "v0.9.0"] {
        copy.git(&format!("tag {tag}"));
    }
    copy.write("crates/dls-model/src/lib.rs", "//! Otherwise.\n");
    copy.write("changes/dls-model/count.md", COUNT);
    copy.write("changes/dls-model/wide.md", WIDE);
    copy.write("changes/dls-cli/quiet.md", "feature\nMay be quiet.\n");
    // In the order of publishing.
    let expected = [
        "dls-model 0.1.0 -> 0.2.0 break",
        "fix: changes/dls-model/count.md",
        "break: changes/dls-model/wide.md",
        "dls-rollout 0.1.0 -> 0.2.0 break",
        "break: shows types of dls-model, which breaks with 0.2.0",
        transport[0],
        transport[1],
        "dls-client 0.1.0 -> 0.2.0 break",
        "break: shows types of dls-model, which breaks with 0.2.0",
        "break: shows types of dls-rollout, which breaks with 0.2.0",
        "dls-emulator 0.1.0 -> 0.1.1 fix",
        "fix: needs dls-model, which breaks with 0.2.0",
        "dls-cli 0.1.0 -> 0.1.1 feature",
        "feature: changes/dls-cli/quiet.md",
        "fix: needs dls-client, which breaks with 0.2.0",
    ];
    assert_eq!(plan(&copy), expected);
}

#[test]
fn a_released_crate_does_not_change_without_an_entry_in_changes() {
    let copy = unreleased("silent");
    // Before the first tags no entry is needed, and all are released as they are.
    copy.write("crates/dls-model/src/more.rs", "//! Whatever it is.\n");
    copy.commit();
    copy.passes("release tag");
    assert_eq!(plan(&copy), NOTHING);
    copy.write("crates/dls-model/tests/laws.rs", "");
    assert_eq!(plan(&copy), NOTHING);
    copy.commit();

    // Nor what nobody builds with.
    copy.replace("Cargo.toml", "# Crates of ours.", "# Our crates.");
    copy.replace("Cargo.toml", "\nsyn = { version = \"3", "\nsyn = { version = \"4");
    assert_eq!(plan(&copy), NOTHING);
    copy.git("reset --quiet --hard");

    let model = ["`dls-model` changed since dls-model-v", "src/more.rs"];
    type Change<'a> = (fn(&Repository), &'a [&'a str]);
    let changes: [Change<'_>; 5] = [
        (|copy| copy.write("crates/dls-model/src/more.rs", ""), &model),
        (|copy| copy.write("crates/dls-model/src/most.rs", ""), &["src/most.rs"]),
        // Out of the sources.
        (
            |copy| _ = copy.git("mv crates/dls-model/src/more.rs crates/dls-model/tests/more.rs"),
            &model,
        ),
        // What it inherits.
        (
            |copy| copy.replace("Cargo.toml", "\nhttp = \"1.4.0\"", "\nhttp = \"1.4.1\""),
            &["changed since dls", "(Cargo.toml/workspace/dependencies/http)"],
        ),
        (
            |copy| copy.replace("Cargo.toml", "rust-version = \"1.", "rust-version = \"1.1"),
            &["(Cargo.toml/workspace/package)"],
        ),
    ];
    for (change, why) in changes {
        change(&copy);
        copy.fails("release plan", why);
        copy.commit();
        copy.fails("release plan", why);
        copy.git("reset --quiet --hard HEAD~1");
    }
}

#[test]
fn a_bump_is_one_commit_that_carries_the_plan_out_and_takes_the_changes_along() {
    let copy = released("bump");
    copy.write("changes/dls-model/wide.md", WIDE);
    copy.write("changes/dls-model/count.md", COUNT);
    let changelog = "crates/dls-model/CHANGELOG.md";
    copy.write(changelog, "# Changelog\n\n## Unreleased\n\nFirst version.\n");
    copy.fails("release bump", &["not everything is committed"]);
    copy.commit();
    let planned = planned_versions(&copy);
    copy.passes("release bump");

    assert_eq!(copy.git("status --porcelain"), "");
    assert_eq!(copy.git("rev-list --count HEAD"), "4");
    assert!(!copy.0.path_exists("changes/dls-model/wide.md"));
    for (path, words) in [
        ("crates/dls-model/Cargo.toml", "version = \"0.2.0\""),
        ("Cargo.toml", "dls-model = { path = \"crates/dls-model\", version = \"0.2.0\" }"),
        (
            "Cargo.toml",
            "dls = { path = \"crates/dls\", version = \"0.2.0\", package = \"dls-client\" }",
        ),
        // And comments stay.
        ("Cargo.toml", "# Crates of ours."),
        ("tests/downstream/Cargo.toml", "dls-model = { version = \"0.2.0\" }"),
        ("tests/downstream/Cargo.lock", "name = \"dls-model\"\nversion = \"0.2.0\""),
        (
            changelog,
            "## 0.2.0\n\nFirst version.\n\n### Breaking\n\n- Ids are wide.\n\n  Migration: widen.\n\n\
             ### Fixed\n\n- Counts right.\n",
        ),
        ("crates/dls-rollout/CHANGELOG.md", "see the changelog of `dls-model`"),
    ] {
        let text = copy.read(path);
        assert!(text.contains(words), "{path}: {text}");
    }

    // Whoever stops here goes on to the same: nothing more to bump, and then tags.
    assert_eq!(planned_versions(&copy), planned);
    assert_eq!(plan(&copy)[1], "0.2.0 is in the manifest and has no tag yet");
    let again = copy.passes("release bump");
    assert!(again.contains("nothing to bump"), "{again}");
    // An entry that begins like another is not taken for it, and the others are not repeated.
    let before = copy.read(changelog);
    copy.write("changes/dls-model/more.md", "fix\nCounts\n");
    copy.commit();
    copy.passes("release bump");
    assert_eq!(copy.read(changelog), format!("{before}\n### Fixed\n\n- Counts\n"));

    copy.passes("release tag");
    let tags = copy.git("tag --points-at HEAD");
    assert_eq!(tags.lines().count(), planned.len(), "{tags}");
    assert!(tags.contains("dls-rollout-v0.2.0"), "{tags}");
    assert_eq!(plan(&copy), NOTHING);
    copy.write("changes/dls-model/count.md", COUNT);
    copy.commit();
    copy.passes("release bump");
    let text = copy.read(changelog);
    assert!(text.contains("\n\n## 0.2.1\n\n### Fixed\n\n- Counts right.\n\n## 0.2.0\n"), "{text}");
}

#[test]
fn a_bump_that_stopped_half_way_says_how_to_undo_it() {
    let copy = released("half");
    copy.write("changes/dls-model/count.md", COUNT);
    copy.commit();
    // As another git at work would leave it.
    copy.write(".git/index.lock", "");
    let reason = copy.fails("release bump", &[]);
    let (_, way) = reason.split_once("To undo it: git ").unwrap();
    copy.0.remove_path(".git/index.lock").unwrap();
    assert_ne!(copy.git("status --porcelain"), "");
    copy.git(way.trim());
    assert_eq!(copy.git("status --porcelain"), "");
    copy.passes("release bump");
}

#[test]
fn nothing_is_published_from_where_no_crate_is_tagged_as_it_stands() {
    let copy = unreleased("publish");
    copy.git("tag archive-v1");
    for words in ["release publish", "release publish --at HEAD"] {
        copy.fails(words, &["no crate has its tag at"]);
    }
    copy.git("tag dls-model-v0.3.0");
    copy.fails("release publish", &["`dls-model` has the version 0.1.0"]);
}

#[test]
fn nothing_is_tagged_that_was_not_bumped_or_is_in_no_changelog() {
    let copy = released("tag");
    copy.replace("crates/dls-model/Cargo.toml", "version = \"0.1.0\"", "version = \"0.2.0\"");
    copy.commit();
    copy.fails("release tag", &["`dls-rollout` must be released as 0.2.0"]);
    copy.git("reset --quiet --hard HEAD~1");
    for (file, why) in [
        ("changes/dls-models/x.md", "`dls-models` is no published crate"),
        ("changes/dls-cli/quiet.md", "changes/dls-cli/quiet.md"),
    ] {
        copy.write(file, COUNT);
        copy.commit();
        copy.fails("release tag", &[why]);
        copy.git("reset --quiet --hard HEAD~1");
    }
    assert_eq!(copy.git("tag --list").lines().count(), 6);
}
