//! `cargo xtask semver`: does a library break its callers since its last release, and nothing says so? That is known by
//! cargo-semver-checks, which takes minutes to install: it belongs to a release, and not to each change.

use std::{path::Path, process::Command};

use anyhow::{Result, bail, ensure};

use crate::{
    release::{self, Level},
    shell::{self, cmd, report},
    workspace::{library, published},
};

/// What cargo-semver-checks exits with when it found a break.
const BREAK: i32 = 100;

/// Compares each library with its own last release. A break must be told by the crate's version, or in `changes/`.
pub(crate) fn run(root: &Path) -> Result<()> {
    let sh = shell::at(root)?;
    let is_installed =
        cmd!(sh, "cargo semver-checks --version").quiet().ignore_stderr().read().is_ok();
    let packages = published(root)?;
    let names = packages.iter().map(|package| package.name.as_str()).collect();
    let (changes, mut wrong) = release::changes(root, &names)?;
    let is_told =
        |name| changes.iter().any(|change| change.of == name && change.level == Level::Break);
    for package in packages.iter().filter(|it| library(it).is_some()) {
        let name = package.name.as_str();
        let Some(version) = release::last_release(root, name)? else {
            println!("  SKIPPED {name} has no release yet: no tag {name}-v…");
            continue;
        };
        ensure!(
            is_installed,
            "cargo-semver-checks is missing: cargo install --locked cargo-semver-checks"
        );
        let since = release::tag(name, &version);
        let check = cmd!(sh, "cargo semver-checks -p {name} --all-features --baseline-rev {since}");
        let line = check.to_string();
        eprintln!("$ {line}");
        match Command::from(check).status()?.code() {
            Some(0) => {}
            Some(BREAK) if is_told(name) => {}
            Some(BREAK) => wrong.push(format!(
                "`{name}` breaks its callers, and no `break` in changes/{name}/ tells them how to migrate"
            )),
            _ => bail!("cargo-semver-checks failed: {line}"),
        }
    }
    report(&wrong, "a break that neither the version nor an entry in changes/ tells")
}
