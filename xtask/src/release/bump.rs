//! `release bump`: the plan written into manifests and changelogs, as one commit.

use std::{fs, path::Path};

use super::{
    Options, STRANGERS, changelog,
    facts::Facts,
    fragment::Level,
    manifest,
    plan::{Bump, Reason},
    planned, report,
};
use crate::{Outcome, shell::Line};

pub(crate) fn run(root: &Path, options: &Options) -> Outcome {
    clean(root)?;
    let (facts, bumps) = planned(root, options)?;
    print!("{}", report::table(&bumps));
    if let Some(name) = untold_break(&bumps, &facts) {
        return Err(format!(
            "`{name}` breaks its callers, and no `break` in changes/{name}/ tells them how to migrate"
        )
        .into());
    }
    carry_out(root, &facts, &bumps).map_err(|reason| {
        // Nothing else was here before, so nothing else is lost.
        format!("{reason}\nHalf a bump stands here now. To take it back: git restore --staged --worktree .").into()
    })
}

/// A crate of which a tool found a break that nobody wrote down. The changelog would pass it over.
fn untold_break<'a>(bumps: &'a [Bump], facts: &Facts) -> Option<&'a String> {
    let is_told = |name: &String| {
        let mut fragments = facts.fragments.iter();
        fragments.any(|fragment| fragment.of == *name && fragment.level == Level::Break)
    };
    let breaks = |reason: &Reason| matches!(reason, Reason::Change(Level::Break, _));
    let broken = bumps.iter().filter(|bump| bump.reasons.iter().any(breaks));
    broken.map(|bump| &bump.name).find(|name| !is_told(name))
}

fn carry_out(root: &Path, facts: &Facts, bumps: &[Bump]) -> Outcome {
    for bump in bumps {
        write(root, bump, facts)?;
    }
    for fragment in &facts.fragments {
        Line::new("git rm --quiet").with(&fragment.path).show_and_run(root)?;
    }
    // Only the versions of our own crates: what others released meanwhile is another change.
    Line::new("cargo update --workspace --offline --quiet").show_and_run(root)?;
    if Line::new("git status --porcelain").read(root)?.is_empty() {
        println!("nothing to bump: the manifests have these versions, and the changelogs say so");
        return Ok(());
    }
    Line::new("git add --update").show_and_run(root)?;
    let message = message(bumps);
    Line::new("git commit --quiet -m").with(message).show_and_run(root)
}

/// A commit of everything must hold nothing else.
pub(crate) fn clean(root: &Path) -> Outcome {
    let changed = Line::new("git status --porcelain").read(root)?;
    match changed.lines().next() {
        None => Ok(()),
        Some(first) => Err(format!("not everything is committed: {}", first.trim()).into()),
    }
}

fn write(root: &Path, bump: &Bump, facts: &Facts) -> Outcome {
    let version = bump.to.to_string();
    let member = facts.members.iter().find(|member| member.name == bump.name);
    let folder = root.join(&member.ok_or("a bump of no crate")?.folder);
    edit(&folder.join("Cargo.toml"), |text| manifest::with_version(text, &version))?;
    let items = changelog::items(bump, &facts.fragments);
    edit(&folder.join("CHANGELOG.md"), |text| Ok(changelog::with(text, &version, &items)))?;
    require(root, &bump.name, &version)?;
    let strangers = root.join(STRANGERS);
    if require(&strangers, &bump.name, &version)? {
        // Cargo cannot do it: for the strangers our crates are on a registry, where this version is not yet.
        edit(&strangers.join("Cargo.lock"), |text| {
            manifest::with_locked(text, &bump.name, &version)
        })?;
    }
    Ok(())
}

/// Moves the requirement in the root manifest of `workspace`. False if it has none: not every crate is needed.
fn require(workspace: &Path, name: &str, version: &str) -> Outcome<bool> {
    let path = workspace.join("Cargo.toml");
    let is_required = manifest::required(&fs::read_to_string(&path)?)?.contains(name);
    if is_required {
        edit(&path, |text| manifest::with_key_of(text, name, "version", version))?;
    }
    Ok(is_required)
}

pub(crate) fn edit(path: &Path, change: impl FnOnce(&str) -> Outcome<String>) -> Outcome {
    let failed = |reason: String| format!("{}: {reason}", path.display());
    let text = fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    let text = change(&text).map_err(|error| failed(error.to_string()))?;
    Ok(fs::write(path, text)?)
}

fn message(bumps: &[Bump]) -> String {
    let crates: Vec<String> =
        bumps.iter().map(|bump| format!("{} {}", bump.name, bump.to)).collect();
    format!("release: {}", crates.join(", "))
}
