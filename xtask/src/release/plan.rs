//! What the next release holds, as a pure function: crates, what they need, and what changed go in, versions with
//! their reasons come out, in the order of publishing.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use semver::Version;

use super::changes::{Change, Level};

/// A published crate as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) name: String,
    /// Seen from the repository's top folder.
    pub(crate) folder: String,
    /// The version in its manifest.
    pub(crate) version: Version,
    /// The version of its last tag.
    pub(crate) released: Option<Version>,
    /// The crates of ours that it needs. True: their types stand in its public signatures.
    pub(crate) needs: BTreeMap<String, bool>,
}

/// A crate that the next release publishes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bump<'a> {
    pub(crate) member: &'a Member,
    pub(crate) to: Version,
    /// None for a first release, which breaks nothing.
    pub(crate) level: Option<Level>,
    pub(crate) reasons: Vec<Reason>,
}

/// Why a crate is in the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reason {
    pub(crate) level: Level,
    why: String,
    /// For the changelog, if it has an entry there.
    pub(crate) entry: Option<String>,
}

/// The crates of the next release, each below what it needs. Fails when crates need each other.
pub(crate) fn plan<'a>(members: &'a [Member], changes: &[Change]) -> Result<Vec<Bump<'a>>> {
    let mut bumps: Vec<Bump<'_>> = Vec::new();
    for member in order(members)? {
        let reasons = reasons(member, changes, &bumps);
        let Some(level) = reasons.iter().map(|reason| reason.level).max() else { continue };
        let (level, to) = match &member.released {
            None => (None, member.version.clone()),
            // What was bumped before may be enough for what came since.
            Some(released) => (Some(level), next(released, level).max(member.version.clone())),
        };
        bumps.push(Bump { member, to, level, reasons });
    }
    Ok(bumps)
}

fn reasons(member: &Member, changes: &[Change], before: &[Bump<'_>]) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let mut add = |level, why, entry| reasons.push(Reason { level, why, entry });
    let version = &member.version;
    match &member.released {
        None => add(Level::Fix, "first release".to_owned(), None),
        // The manifest is ahead of the last tag: bumped before, and not tagged yet.
        Some(released) if released != version => {
            let level = if takes(released, version) { Level::Fix } else { Level::Break };
            add(level, format!("{version} is in the manifest and has no tag yet"), None);
        }
        Some(_) => {}
    }
    for Change { level, path, text, .. } in changes.iter().filter(|it| it.of == member.name) {
        add(*level, format!("{level}: {path}"), text.clone());
    }
    for (on, shows) in &member.needs {
        let bump = before.iter().find(|bump| bump.member.name == *on);
        let Some(Bump { to, .. }) = bump.filter(|bump| bump.level == Some(Level::Break)) else {
            continue;
        };
        let (level, why, entry) = if *shows {
            let entry = format!(
                "Shows types of `{on}` {to}, which breaks.\n\nMigration: see the changelog of `{on}`."
            );
            (Level::Break, "shows types of", entry)
        } else {
            // The old requirement does not take the new version.
            (Level::Fix, "needs", format!("Needs `{on}` {to}."))
        };
        add(level, format!("{level}: {why} {on}, which breaks with {to}"), Some(entry));
    }
    reasons
}

/// The next version. Before 1.0 the second number says what breaks, and the third all else.
fn next(from: &Version, level: Level) -> Version {
    let Version { major, minor, patch, .. } = *from;
    match (major, level) {
        (0, Level::Break) => Version::new(0, minor + 1, 0),
        (_, Level::Break) => Version::new(major + 1, 0, 0),
        (0, Level::Feature) | (_, Level::Fix) => Version::new(major, minor, patch + 1),
        (_, Level::Feature) => Version::new(major, minor + 1, 0),
    }
}

/// Does a requirement of `old`, as cargo reads it, take `new`?
fn takes(old: &Version, new: &Version) -> bool {
    new >= old && next(old, Level::Break) > *new
}

/// Each crate below what it needs; among those that could come next, the first by name.
pub(crate) fn order(members: &[Member]) -> Result<Vec<&Member>> {
    let mut left: BTreeMap<&str, &Member> =
        members.iter().map(|member| (member.name.as_str(), member)).collect();
    let mut ordered = Vec::new();
    while !left.is_empty() {
        let is_ready =
            |member: &&&Member| member.needs.keys().all(|on| !left.contains_key(on.as_str()));
        let Some(ready) = left.values().find(is_ready).copied() else {
            let names: Vec<&str> = left.into_keys().collect();
            bail!("some of these crates need each other: {}", names.join(", "));
        };
        left.remove(ready.name.as_str());
        ordered.push(ready);
    }
    Ok(ordered)
}

/// A line for each crate, and below it a line for each reason.
pub(crate) fn table(bumps: &[Bump<'_>]) -> String {
    if bumps.is_empty() {
        return "nothing to release\n".into();
    }
    let mut text = String::new();
    for Bump { member, to, level, reasons } in bumps {
        let (name, from) = (&member.name, member.released.as_ref());
        let from = from.map_or_else(|| "new".to_owned(), Version::to_string);
        let level = level.map_or_else(|| "first".to_owned(), |level| level.to_string());
        text.push_str(&format!("{name:<14} {from:>7} -> {:<7}  {level}\n", to.to_string()));
        reasons.iter().for_each(|Reason { why, .. }| text.push_str(&format!("{:15}{why}\n", "")));
    }
    text
}

#[cfg(test)]
pub(crate) mod tests;
