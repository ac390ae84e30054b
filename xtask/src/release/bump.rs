//! `release bump`: the plan written into manifests and changelogs, as one commit. `release tag`: a tag for each crate
//! whose version has none.

use std::{fs, path::Path};

use anyhow::{Context, Result, anyhow, bail};
use toml_edit::{Item, value};

use super::{
    changes::{self, Change},
    manifest::{self, DOWNSTREAM, edit},
    pending::{self, PendingChanges},
    plan::{self, Bump},
};
use crate::{
    shell::{self, cmd},
    workspace::clean,
};

pub(crate) fn run(root: &Path) -> Result<()> {
    clean(root)?;
    let pending = PendingChanges::read(root)?;
    let bumps = pending.plan()?;
    print!("{}", plan::table(&bumps));
    carry_out(root, &pending.changes, &bumps).map_err(|reason| {
        // Nothing else was here before, so nothing else is lost.
        anyhow!("{reason:#}\nThe bump is incomplete. To undo it: git restore --staged --worktree .")
    })
}

fn carry_out(root: &Path, changes: &[Change], bumps: &[Bump<'_>]) -> Result<()> {
    for bump in bumps {
        write(root, bump)?;
    }
    let sh = shell::at(root)?;
    for Change { path, .. } in changes {
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

fn write(root: &Path, bump: &Bump<'_>) -> Result<()> {
    let (name, version) = (&bump.member.name, bump.to.to_string());
    let folder = root.join(&bump.member.folder);
    edit(&folder.join("Cargo.toml"), |it| {
        let package = it.get_mut("package").and_then(Item::as_table_mut);
        package.context("there is no table `package`")?.insert("version", value(&version));
        Ok(())
    })?;
    let items = bump.reasons.iter().filter_map(|it| Some((it.level, it.entry.as_deref()?)));
    let changelog = folder.join("CHANGELOG.md");
    let text = fs::read_to_string(&changelog)?;
    fs::write(changelog, changes::with_items(&text, &version, &items.collect::<Vec<_>>()))?;
    let downstream = root.join(DOWNSTREAM);
    for workspace in [root, &downstream] {
        let path = workspace.join("Cargo.toml");
        // Not every crate is needed.
        if !manifest::required(&path)?.contains(name) {
            continue;
        }
        edit(&path, |it| manifest::require(it, name, "version", &version))?;
        if workspace == downstream {
            // Cargo cannot do it: there our crates are on a registry, which does not have this version yet.
            edit(&downstream.join("Cargo.lock"), |lock| {
                manifest::locked(lock, name)?.insert("version", value(&version));
                Ok(())
            })?;
        }
    }
    Ok(())
}

pub(crate) fn tag(root: &Path) -> Result<()> {
    clean(root)?;
    let pending = PendingChanges::read(root)?;
    let bumps = pending.plan()?;
    if let Some(change) = pending.changes.first() {
        bail!("{} is not in a changelog yet: cargo xtask release bump", change.path);
    }
    // What breaks is known from a version without a tag. With its tag, who would have to follow it is forgotten.
    if let Some(Bump { member, to, .. }) = bumps.iter().find(|bump| bump.member.version != bump.to)
    {
        bail!(
            "`{}` must be released as {to} with the others: cargo xtask release bump",
            member.name
        );
    }
    let sh = shell::at(root)?;
    let mut tags = Vec::new();
    for Bump { member, to, .. } in &bumps {
        let (tag, message) = (pending::tag(&member.name, to), format!("{} {to}", member.name));
        cmd!(sh, "git tag --annotate -m {message} {tag}").run()?;
        tags.push(tag);
    }
    if tags.is_empty() {
        println!("each version has its tag");
    } else {
        println!("now run: git push --atomic origin HEAD {}", tags.join(" "));
    }
    Ok(())
}
