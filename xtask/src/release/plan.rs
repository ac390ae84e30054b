//! What the next release holds, as a pure function: crates, what they need, and what changed go in, versions with
//! their reasons come out, in the order of publishing.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use semver::Version;

use super::fragment::Level;
use crate::arrows;

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

/// Something that changed since the crate's last tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) of: String,
    pub(crate) level: Level,
    /// Who says so: a fragment's path, or a tool.
    pub(crate) told_by: String,
}

/// A crate that the next release publishes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bump {
    pub(crate) name: String,
    pub(crate) from: Version,
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
            Self::Change(level, told_by) => write!(f, "{level}: {told_by}"),
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
pub(crate) fn plan(members: &[Member], changes: &[Change]) -> Result<Vec<Bump>, String> {
    let mut bumps: Vec<Bump> = Vec::new();
    for member in order(members)? {
        let reasons = reasons(member, changes, &bumps);
        if reasons.is_empty() {
            continue;
        }
        bumps.push(match &member.released {
            None => Bump {
                name: member.name.clone(),
                from: member.version.clone(),
                to: member.version.clone(),
                level: None,
                reasons,
            },
            Some(released) => {
                let levels = reasons.iter().map(|reason| reason.level(released));
                let level = levels.max().unwrap_or(Level::Fix);
                Bump {
                    name: member.name.clone(),
                    from: released.clone(),
                    // What was bumped before may be enough for what came since.
                    to: next(released, level).max(member.version.clone()),
                    level: Some(level),
                    reasons,
                }
            }
        });
    }
    Ok(bumps)
}

fn reasons(member: &Member, changes: &[Change], before: &[Bump]) -> Vec<Reason> {
    let state = match &member.released {
        None => Some(Reason::NeverReleased),
        Some(released) if *released != member.version => {
            Some(Reason::Pending(member.version.clone()))
        }
        Some(_) => None,
    };
    let changes = changes.iter().filter(|change| change.of == member.name);
    let changes = changes.map(|change| Reason::Change(change.level, change.told_by.clone()));
    let broken = |need: &Need| {
        let bump = before.iter().find(|bump| bump.name == need.on)?;
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
pub(crate) fn order(members: &[Member]) -> Result<Vec<&Member>, String> {
    let mut left: BTreeMap<&str, &Member> =
        members.iter().map(|member| (member.name.as_str(), member)).collect();
    let mut ordered = Vec::new();
    while !left.is_empty() {
        let ready = left.values().find(|member| {
            let mut needs = member.needs.iter();
            needs.all(|need| !left.contains_key(need.on.as_str()))
        });
        let Some(ready) = ready.copied() else {
            return Err(format!("crates need each other: {}", cycle(&left)));
        };
        left.remove(ready.name.as_str());
        ordered.push(ready);
    }
    Ok(ordered)
}

fn cycle<'a>(left: &BTreeMap<&'a str, &'a Member>) -> String {
    let on = |member: &'a Member| member.needs.iter().map(|need| need.on.as_str()).collect();
    let below: BTreeMap<&str, BTreeSet<&str>> =
        left.iter().map(|(name, member)| (*name, on(member))).collect();
    arrows::cycle(below).unwrap_or_default().join(" -> ")
}

#[cfg(test)]
mod tests;
