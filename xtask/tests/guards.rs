//! Each guard is broken once, on a copy, to see that it fails and says why.

#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// A folder whose `cargo xtask` is the one of this build.
struct Copy(PathBuf);

impl Copy {
    /// Of this repository, as it stands in the working tree.
    fn of_everything(name: &str) -> Self {
        let copy = Self::empty(name);
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        copy_folder(from, &copy.0);
        copy
    }

    /// Of a workspace with one small library, which rustdoc describes in a second. What was built for
    /// it before stays.
    fn of_a_library(name: &str) -> Self {
        let copy = Self(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name));
        let manifest = "[workspace]\nresolver = \"3\"\n[package]\nname = \"small\"\nversion = \"0.1.0\"\n\
                        edition = \"2024\"\n[dependencies]\nfastrand = \"2\"\n";
        copy.write("Cargo.toml", manifest);
        // The same versions as everywhere, so that nothing is looked up.
        let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock");
        copy.write("Cargo.lock", &fs::read_to_string(lock).unwrap());
        copy.write("src/lib.rs", SMALL);
        copy
    }

    fn empty(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.0.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn replace(&self, file: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.0.join(file)).unwrap();
        assert!(text.contains(from), "{file} has no `{from}`");
        self.write(file, &text.replacen(from, to, 1));
    }

    fn git(&self, words: &str) {
        let mut git = Command::new("git");
        let status = git.args(words.split(' ')).current_dir(&self.0).status();
        assert!(status.unwrap().success(), "git {words}");
    }

    /// Runs the command, and gives its success and what it printed.
    fn xtask(&self, words: &[&str]) -> (bool, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
            .args(words)
            .current_dir(&self.0)
            // From it xtask knows the top folder.
            .env("CARGO_MANIFEST_DIR", self.0.join("xtask"))
            .env("CARGO_NET_OFFLINE", "true")
            .env_remove("CARGO_TARGET_DIR")
            .env_remove("CI")
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&text).into_owned())
    }

    fn fails(&self, words: &[&str], why: &[&str]) {
        let (success, text) = self.xtask(words);
        assert!(!success, "{words:?} passed: {text}");
        for why in why {
            assert!(text.contains(why), "no `{why}` in:\n{text}");
        }
    }

    fn passes(&self, words: &[&str]) -> String {
        let (success, text) = self.xtask(words);
        assert!(success, "{words:?} failed: {text}");
        text
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let from = entry.unwrap().path();
        let name = from.file_name().unwrap().to_owned();
        if name == "target" || name == ".git" {
            continue;
        }
        if from.is_dir() {
            copy_folder(&from, &to.join(name));
        } else {
            fs::copy(&from, to.join(name)).unwrap();
        }
    }
}

const SMALL: &str = "//! Small.\n\npub struct Thing {\n    pub size: u32,\n}\n\nimpl Thing {\n    \
    pub fn grow(&mut self) {\n        self.size += 1;\n    }\n}\n";

/// True, after a word, if this tool chain's rustdoc is not the one that the guards compare with.
fn is_skipped(text: &str) -> bool {
    let skipped = text.contains("SKIPPED");
    if skipped {
        println!("{text}");
    }
    skipped
}

#[test]
fn a_change_of_the_public_api_fails_until_it_is_blessed() {
    let copy = Copy::of_a_library("api");
    if is_skipped(&copy.passes(&["api", "--bless"])) {
        return;
    }
    copy.passes(&["api"]);

    copy.replace("src/lib.rs", "pub fn grow", "pub fn shrink");
    let why = [
        "api/small.txt: - pub fn small::Thing::grow(&mut self)",
        "api/small.txt: + pub fn small::Thing::shrink(&mut self)",
        "--bless",
    ];
    copy.fails(&["api"], &why);
    copy.passes(&["api", "--bless"]);
    copy.passes(&["api"]);

    // Nothing of this is written in a signature, and each caller that spawns a thread would break.
    copy.replace(
        "src/lib.rs",
        "    pub size: u32,\n",
        "    pub size: u32,\n    inner: std::rc::Rc<()>,\n",
    );
    let why = ["+ impl !core::marker::Send for small::Thing"];
    copy.fails(&["api"], &why);

    // Neither does a signature say where a type comes from, or which features there are.
    copy.write("src/lib.rs", &SMALL.replace("grow", "shrink"));
    copy.replace("src/lib.rs", "pub struct", "pub use fastrand::Rng;\n\npub struct");
    copy.replace("Cargo.toml", "[dep", "[features]\nmore = []\n[dep");
    let why = ["+ pub use fastrand::Rng", "+ feature more"];
    copy.fails(&["api"], &why);
    copy.replace("Cargo.toml", "[features]\nmore = []\n", "");

    copy.write("src/lib.rs", &SMALL.replace("grow", "shrink"));
    copy.write("api/gone.txt", "");
    copy.fails(&["api"], &["api/gone.txt: there is no such library"]);
    copy.passes(&["api", "--bless"]);
    copy.passes(&["api"]);
}

#[test]
fn a_type_of_somebody_else_in_a_public_signature_fails() {
    let copy = Copy::of_a_library("external-types");
    if is_skipped(&copy.passes(&["external-types"])) {
        return;
    }
    let private = format!("{SMALL}\nfn roll(dice: &mut fastrand::Rng) -> u8 {{ dice.u8(..) }}\n");
    copy.write("src/lib.rs", &private);
    copy.passes(&["external-types"]);

    copy.write("src/lib.rs", &private.replace("fn roll", "pub fn roll"));
    let why = ["small: `fastrand` in `pub fn small::roll(&mut fastrand::Rng) -> u8`"];
    copy.fails(&["external-types"], &why);

    copy.write("src/lib.rs", &format!("{SMALL}\npub use fastrand::Rng as Dice;\n"));
    let why = ["small: `fastrand` in `pub use fastrand::Rng as Dice`"];
    copy.fails(&["external-types"], &why);

    copy.write(
        "src/lib.rs",
        &format!("{SMALL}\nimpl From<fastrand::Rng> for Thing {{ fn from(_: fastrand::Rng) -> Self {{ Self {{ size: 0 }} }} }}\n"),
    );
    copy.fails(&["external-types"], &["impl core::convert::From<fastrand::Rng>"]);
}

#[test]
fn a_break_that_the_version_does_not_tell_of_fails_and_can_be_written_for_the_plan() {
    // Its baseline is a commit, so it starts from nothing each time.
    let _ = fs::remove_dir_all(Path::new(env!("CARGO_TARGET_TMPDIR")).join("semver"));
    let copy = Copy::of_a_library("semver");
    copy.write(".gitignore", "target\n");
    copy.git("init --quiet");
    copy.git("add --all");
    copy.git(
        "-c user.name=nobody -c user.email=nobody@localhost commit --quiet --no-gpg-sign -m small",
    );
    copy.git("tag --no-sign small-v0.1.0");
    let mut tool = Command::new("cargo");
    if !tool.args(["semver-checks", "--version"]).output().unwrap().status.success() {
        println!("SKIPPED without cargo-semver-checks there is nothing to see");
        copy.fails(&["semver"], &["cargo install --locked cargo-semver-checks"]);
        return;
    }
    copy.passes(&["semver"]);
    copy.replace("src/lib.rs", "pub fn grow", "pub fn shrink");
    let why = ["Thing::grow", "a break that the version does not tell: small"];
    copy.fails(&["semver"], &why);
    copy.passes(&["semver", "--out", "found.json"]);
    let found = fs::read_to_string(copy.0.join("found.json")).unwrap();
    assert_eq!(found, "{\n  \"small\": \"break\"\n}\n");
    copy.replace("Cargo.toml", "0.1.0", "0.2.0");
    copy.passes(&["semver"]);

    // What it cannot read is no break.
    copy.write("src/lib.rs", "pub fn (");
    copy.fails(&["semver"], &["cargo-semver-checks failed"]);
}

#[test]
fn code_that_forgot_a_feature_fails_by_itself() {
    let copy = Copy::of_a_library("features");
    let manifest = "Cargo.toml";
    copy.replace(
        manifest,
        "fastrand = \"2\"\n",
        "fastrand = { version = \"2\", optional = true }\n[features]\ndice = [\"dep:fastrand\"]\n",
    );
    let dice = "#[cfg(feature = \"dice\")]\npub fn roll() -> u8 {\n    fastrand::u8(..)\n}\n";
    copy.write("src/lib.rs", &format!("{SMALL}\n{dice}"));
    let text = copy.passes(&["features"]);
    assert!(text.contains("--features dice"), "{text}");

    copy.replace("src/lib.rs", "#[cfg(feature = \"dice\")]\n", "");
    copy.fails(&["features"], &["fastrand", "-p small --no-default-features"]);
}

#[test]
fn tidy_fails_for_each_rule_that_is_broken() {
    let copy = Copy::of_everything("tidy");
    copy.passes(&["tidy"]);

    // The table of a platform that is not this one.
    let rollout = "crates/dls-rollout/Cargo.toml";
    let elsewhere = "[target.'cfg(target_os = \"hermit\")'.dependencies]\ntokio.workspace = true\n";
    let here = fs::read_to_string(copy.0.join(rollout)).unwrap();
    copy.write(rollout, &format!("{here}\n{elsewhere}"));
    let why = ["`dls-rollout` may hold no I/O, but needs `tokio`"];
    copy.fails(&["tidy"], &why);
    copy.write(rollout, &here);

    let model = "crates/dls-model/Cargo.toml";
    copy.replace(model, "[dependencies]\n", "[dependencies]\ndls-transport.workspace = true\n");
    copy.replace("Cargo.toml", "dls-rollout\", version = \"", "dls-rollout\", version = \"=");
    let long = format!("//! Long.\n{}", "// x\n".repeat(500));
    copy.write("crates/dls-model/src/long.rs", &long);
    copy.write("crates/dls-model/src/mute.rs", "fn f() {}\n");
    copy.write(
        "crates/dls-model/src/unsafe_tls.rs",
        &format!(
            "//! TLS.\nfn f() {{ provider.{}(); config.{}(); }}\n#[{}]\npub fn g() {{}}\n",
            concat!("install_", "default"),
            concat!("danger", "ous"),
            concat!("doc(", "hidden)")
        ),
    );
    copy.write("crates/dls-model/NOTES.md", concat!("TO", "DO: more\n"));
    copy.fails(
        &["tidy"],
        &[
            "`dls-model` depends on `dls-transport`, which is not in the layering table",
            "`dls-model` may hold no I/O, but needs `tokio`",
            "`dls-client` needs a caret version for `dls-rollout`, and not `=",
            "long.rs: has 501 lines",
            "mute.rs: begins without `//!`",
            concat!("unsafe_tls.rs: line 2: `install_", "default` may not stand here"),
            concat!("unsafe_tls.rs: line 2: `danger", "ous` may not stand here"),
            concat!("unsafe_tls.rs: line 3: `doc(", "hidden)` may not stand here"),
            concat!("NOTES.md: line 1: `TO", "DO` may not stand here"),
        ],
    );
}
