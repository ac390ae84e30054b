//! `cargo xtask semver`: does a library break its callers since its last release? That is known by
//! cargo-semver-checks, which takes minutes to install: it belongs to a release, and not to each change.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    release,
    shell::{self, cmd},
    workspace::{library, published},
};

/// What cargo-semver-checks exits with when it found a break.
const BREAK: i32 = 100;

/// Compares each library with its own last release, and fails if one breaks more than its version says. With `out` it
/// writes the breaks instead, as `cargo xtask release plan --semver` reads them.
pub(crate) fn run(root: &Path, out: Option<&Path>) -> Result<()> {
    let sh = shell::at(root)?;
    let is_installed =
        cmd!(sh, "cargo semver-checks --version").quiet().ignore_stderr().read().is_ok();
    let mut breaks = BTreeMap::new();
    for package in published(root)?.iter().filter(|it| library(it).is_some()) {
        let name = package.name.as_str();
        let Some(since) = release::last_release(root, name)? else {
            println!("  SKIPPED {name} has no release yet: no tag {name}-v…");
            continue;
        };
        ensure!(
            is_installed,
            "cargo-semver-checks is missing: cargo install --locked cargo-semver-checks"
        );
        let check = cmd!(sh, "cargo semver-checks -p {name} --all-features --baseline-rev {since}");
        let line = check.to_string();
        eprintln!("$ {line}");
        match Command::from(check).status()?.code() {
            Some(0) => {}
            Some(BREAK) => _ = breaks.insert(name.to_owned(), "break"),
            _ => bail!("cargo-semver-checks failed: {line}"),
        }
    }
    if let Some(out) = out {
        let text = format!("{:#}\n", serde_json::to_value(breaks)?);
        return fs::write(root.join(out), text).with_context(|| out.display().to_string());
    }
    let names: Vec<String> = breaks.into_keys().collect();
    ensure!(names.is_empty(), "a break that the version does not tell: {}", names.join(", "));
    Ok(())
}
