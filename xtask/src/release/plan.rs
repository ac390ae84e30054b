//! What the next release holds, as a pure function: crates, what they need, and what changed go in, versions with
//! their reasons come out, in the order of publishing.

use std::{collections::BTreeMap, fmt};

use anyhow::{Result, bail};
use semver::Version;

use super::change::{Change, Level};

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
    pub(crate) needs: Vec<Need>,
}

/// One crate of ours that another one needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Need {
    pub(crate) on: String,
    /// Its types stand in the public signatures of the one that needs it.
    pub(crate) shows: bool,
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
pub(crate) enum Reason {
    NeverReleased,
    /// The manifest is ahead of the last tag: bumped before, and not tagged yet.
    Pending(Version),
    Change(Level, String),
    /// A crate that it needs breaks, and its types are shown.
    Shows(String, Version),
    /// A crate that it needs breaks, so that the old requirement does not take the new version.
    Needs(String, Version),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeverReleased => write!(f, "first release"),
            Self::Pending(version) => write!(f, "{version} is in the manifest and has no tag yet"),
            Self::Change(level, path) => write!(f, "{level}: {path}"),
            Self::Shows(on, version) => {
                write!(f, "break: shows types of {on}, which breaks with {version}")
            }
            Self::Needs(on, version) => {
                write!(f, "fix: needs {on}, which breaks with {version}")
            }
        }
    }
}

impl Reason {
    fn level(&self, released: &Version) -> Level {
        match self {
            Self::NeverReleased | Self::Needs(..) => Level::Fix,
            Self::Pending(version) if takes(released, version) => Level::Fix,
            Self::Pending(_) | Self::Shows(..) => Level::Break,
            Self::Change(level, _) => *level,
        }
    }
}

/// The crates of the next release, each below what it needs. Fails when crates need each other.
pub(crate) fn plan<'a>(members: &'a [Member], changes: &[Change]) -> Result<Vec<Bump<'a>>> {
    let mut bumps: Vec<Bump<'_>> = Vec::new();
    for member in order(members)? {
        let reasons = reasons(member, changes, &bumps);
        if reasons.is_empty() {
            continue;
        }
        let (level, to) = match &member.released {
            None => (None, member.version.clone()),
            Some(released) => {
                let level =
                    reasons.iter().map(|reason| reason.level(released)).max().unwrap_or(Level::Fix);
                // What was bumped before may be enough for what came since.
                (Some(level), next(released, level).max(member.version.clone()))
            }
        };
        bumps.push(Bump { member, to, level, reasons });
    }
    Ok(bumps)
}

fn reasons(member: &Member, changes: &[Change], before: &[Bump<'_>]) -> Vec<Reason> {
    let state = match &member.released {
        None => Some(Reason::NeverReleased),
        Some(released) if *released != member.version => {
            Some(Reason::Pending(member.version.clone()))
        }
        Some(_) => None,
    };
    let changes = changes.iter().filter(|change| change.of == member.name);
    let changes = changes.map(|change| Reason::Change(change.level, change.path.clone()));
    let broken = |need: &Need| {
        let bump = before.iter().find(|bump| bump.member.name == need.on)?;
        let why = if need.shows { Reason::Shows } else { Reason::Needs };
        (bump.level == Some(Level::Break)).then(|| why(need.on.clone(), bump.to.clone()))
    };
    state.into_iter().chain(changes).chain(member.needs.iter().filter_map(broken)).collect()
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
        let ready = left.values().find(|member| {
            let mut needs = member.needs.iter();
            needs.all(|need| !left.contains_key(need.on.as_str()))
        });
        let Some(ready) = ready.copied() else {
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
        reasons.iter().for_each(|reason| text.push_str(&format!("{:15}{reason}\n", "")));
    }
    text
}

#[cfg(test)]
pub(crate) mod tests;
