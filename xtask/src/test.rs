//! `cargo xtask test`: all that a change must pass, in one command. The cheap checks come first.

use std::path::Path;

use anyhow::Result;

use crate::{
    api, downstream, features, release,
    shell::{self, cmd},
    tidy, venv,
};

/// Does one step after the other, and stops at the first that fails.
pub(crate) fn run(root: &Path, quick: bool) -> Result<()> {
    let sh = shell::at(root)?;
    let step = |name: &str| println!("\n== {name}");
    // From `tools/requirements.txt`.
    let tool = |name: &str, words: &[&str]| -> Result<()> {
        let tools = venv::programs(root, "target/tools", "tools/requirements.txt")?;
        let program = tools.join(name);
        Ok(cmd!(sh, "{program} {words...}").run()?)
    };
    step("format");
    cmd!(sh, "cargo fmt --all --check").run()?;
    step("tidy");
    tidy::run(root)?;
    if !quick {
        step("spelling");
        tool("typos", &[])?;
        step("licences, bans, sources");
        // Of the crates of all platforms, so those must be here too. The rehearsal takes them from here as well.
        cmd!(sh, "cargo fetch --locked").run()?;
        let words = ["--offline", "--all-features", "check", "bans", "licenses", "sources"];
        tool("cargo-deny", &words)?;
        step("unused dependencies");
        tool("cargo-shear", &[])?;
    }
    step("clippy");
    // All steps build the same features with the same flags: what one has built, the next one takes.
    cmd!(sh, "cargo clippy --workspace --all-targets --all-features -- -D warnings").run()?;
    if quick {
        step("unit tests");
        return Ok(cmd!(sh, "cargo test --workspace --all-features --lib --bins").run()?);
    }
    step("features");
    features::run(root)?;
    step("the command without the emulator");
    cmd!(sh, "cargo build -p dls-cli --no-default-features").run()?;
    step("public API");
    api::run(root, false)?;
    step("docs");
    let doc = cmd!(sh, "cargo doc --workspace --no-deps --all-features");
    doc.env("RUSTDOCFLAGS", "-Dwarnings").run()?;
    step("tests, with doctests and the official SDK");
    cmd!(sh, "cargo test --workspace --all-features").run()?;
    step("downstream");
    downstream::run(root, false)?;
    step("rehearsal of a release");
    release::rehearse(root)
}
