//! `release bump`: the plan written into manifests and changelogs, as one commit.

use std::{fs, path::Path};

use anyhow::{Result, anyhow, bail};
use xshell::Shell;

use super::{
    change::Level,
    changelog,
    facts::Facts,
    manifest::{self, DOWNSTREAM, edit},
    plan::{self, Bump, Reason},
};
use crate::{
    shell::{self, cmd},
    workspace::clean,
};

pub(crate) fn run(root: &Path, semver: Option<&Path>) -> Result<()> {
    clean(root)?;
    let facts = Facts::read(root)?;
    let bumps = facts.plan(root, semver)?;
    print!("{}", plan::table(&bumps));
    if let Some(name) = unwritten_break(&bumps, &facts) {
        bail!(
            "`{name}` breaks its callers, and no `break` in changes/{name}/ tells them how to migrate"
        );
    }
    carry_out(root, &shell::at(root)?, &facts, &bumps).map_err(|reason| {
        // Nothing else was here before, so nothing else is lost.
        anyhow!("{reason:#}\nThe bump is incomplete. To undo it: git restore --staged --worktree .")
    })
}

/// A crate of which a tool found a break that nobody wrote down. The changelog would pass it over.
fn unwritten_break<'a>(bumps: &[Bump<'a>], facts: &Facts) -> Option<&'a String> {
    let is_written = |name: &String| {
        let mut changes = facts.changes.iter();
        changes.any(|change| change.of == *name && change.level == Level::Break)
    };
    let breaks = |reason: &Reason| matches!(reason, Reason::Change(Level::Break, _));
    let broken = bumps.iter().filter(|bump| bump.reasons.iter().any(breaks));
    broken.map(|bump| &bump.member.name).find(|name| !is_written(name))
}

fn carry_out(root: &Path, sh: &Shell, facts: &Facts, bumps: &[Bump<'_>]) -> Result<()> {
    for bump in bumps {
        write(root, bump, facts)?;
    }
    for change in &facts.changes {
        let path = &change.path;
        cmd!(sh, "git rm --quiet {path}").run()?;
    }
    // Only the versions of our own crates: what others released meanwhile is another change.
    cmd!(sh, "cargo update --workspace --offline --quiet").run()?;
    if cmd!(sh, "git status --porcelain").read()?.is_empty() {
        println!("nothing to bump: manifests and changelogs are up to date");
        return Ok(());
    }
    let crates: Vec<String> =
        bumps.iter().map(|bump| format!("{} {}", bump.member.name, bump.to)).collect();
    let message = format!("release: {}", crates.join(", "));
    Ok(cmd!(sh, "git commit --quiet --all -m {message}").run()?)
}

fn write(root: &Path, bump: &Bump<'_>, facts: &Facts) -> Result<()> {
    let (name, version) = (&bump.member.name, bump.to.to_string());
    let folder = root.join(&bump.member.folder);
    edit(&folder.join("Cargo.toml"), |text| manifest::with_version(text, &version))?;
    let items = changelog::items(bump, &facts.changes);
    edit(&folder.join("CHANGELOG.md"), |text| Ok(changelog::with(text, &version, &items)))?;
    let downstream = root.join(DOWNSTREAM);
    for workspace in [root, &downstream] {
        let path = workspace.join("Cargo.toml");
        // Not every crate is needed.
        if !manifest::required(&fs::read_to_string(&path)?)?.contains(name) {
            continue;
        }
        edit(&path, |text| manifest::with_key_of(text, name, "version", &version))?;
        if workspace == downstream {
            // Cargo cannot do it: there our crates are on a registry, which does not have this version yet.
            edit(&downstream.join("Cargo.lock"), |text| {
                manifest::with_locked(text, name, &version)
            })?;
        }
    }
    Ok(())
}
