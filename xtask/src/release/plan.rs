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

/// The crates of the next release. `members` and they stand in the order of publishing.
pub(crate) fn plan<'a>(members: &'a [Member], changes: &[Change]) -> Vec<Bump<'a>> {
    let mut bumps: Vec<Bump<'_>> = Vec::new();
    for member in members {
        let reasons = reasons(member, changes, &bumps);
        let Some(level) = reasons.iter().map(|reason| reason.level).max() else { continue };
        let (level, to) = match &member.released {
            None => (None, member.version.clone()),
            // What was bumped before may be enough for what came since.
            Some(released) => (Some(level), next(released, level).max(member.version.clone())),
        };
        bumps.push(Bump { member, to, level, reasons });
    }
    bumps
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
        add(*level, format!("{level}: {path}"), Some(text.clone()));
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
pub(crate) fn ordered(members: Vec<Member>) -> Result<Vec<Member>> {
    let mut left: BTreeMap<String, Member> =
        members.into_iter().map(|member| (member.name.clone(), member)).collect();
    let mut ordered = Vec::new();
    while !left.is_empty() {
        let is_ready = |member: &&Member| member.needs.keys().all(|on| !left.contains_key(on));
        let ready = left.values().find(is_ready).map(|member| member.name.clone());
        let Some(ready) = ready.and_then(|name| left.remove(&name)) else {
            let names: Vec<String> = left.into_keys().collect();
            bail!("some of these crates need each other: {}", names.join(", "));
        };
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn from_one_on_a_break_is_the_first_number_and_a_feature_the_second() {
        for (from, level, to) in [
            ("0.3.7", Level::Break, "0.4.0"),
            ("0.3.7", Level::Feature, "0.3.8"),
            ("0.3.7", Level::Fix, "0.3.8"),
            ("1.2.3", Level::Break, "2.0.0"),
            ("1.2.3", Level::Feature, "1.3.0"),
            ("1.2.3", Level::Fix, "1.2.4"),
        ] {
            let next = next(&Version::parse(from).unwrap(), level).to_string();
            assert_eq!(next, to, "{from} {level}");
        }
    }

    /// Up to seven crates that need some of those before them, in any order.
    fn members() -> impl Strategy<Value = Vec<Member>> {
        let needs = prop::collection::vec(prop::option::of(any::<bool>()), 7);
        let one = (needs, (0..2u64, 0..3u64, 0..3u64), prop::bool::weighted(0.8));
        // Against the order of needs, so that names alone give no right order.
        let name = |index: usize| format!("c{}", 9 - index);
        let member = move |(index, (needs, (major, minor, patch), released)): (usize, _)| {
            let needs: Vec<Option<bool>> = needs;
            let needs = needs.iter().take(index).enumerate();
            let version = Version::new(major, minor, patch);
            Member {
                name: name(index),
                folder: String::new(),
                released: bool::then_some(released, version.clone()),
                version,
                needs: needs.filter_map(|(on, shows)| Some((name(on), (*shows)?))).collect(),
            }
        };
        prop::collection::vec(one, 1..7)
            .prop_map(move |rows| rows.into_iter().enumerate().map(member).collect::<Vec<_>>())
            .prop_shuffle()
    }

    fn changes() -> impl Strategy<Value = Vec<Change>> {
        let level = prop::sample::select(vec![Level::Fix, Level::Feature, Level::Break]);
        let one = (3..10, level).prop_map(|(number, level)| Change {
            of: format!("c{number}"),
            level,
            path: format!("changes/c{number}/x.md"),
            text: String::new(),
        });
        prop::collection::vec(one, 0..5)
    }

    proptest! {
        #[test]
        fn crates_come_after_their_needs_and_bumps_have_reasons_and_what_is_not_bumped_takes_the_new_versions(
            members in members(), changes in changes(),
        ) {
            let other_order = ordered(members.iter().rev().cloned().collect()).unwrap();
            let members = ordered(members).unwrap();
            prop_assert_eq!(&other_order, &members);
            let place = |name: &str| members.iter().position(|member| member.name == name).unwrap();
            let bumps = plan(&members, &changes);
            for bump in &bumps {
                prop_assert!(!bump.reasons.is_empty());
                prop_assert!(bump.member.released.as_ref().is_none_or(|from| bump.to > *from));
            }
            let bump = |name: &str| bumps.iter().find(|bump| bump.member.name == name);
            for member in &members {
                let own = bump(&member.name);
                for (on, shows) in &member.needs {
                    prop_assert!(place(on) < place(&member.name));
                    let Some(on) = bump(on) else { continue };
                    if own.is_none() {
                        let released = on.member.released.as_ref().unwrap_or(&on.to);
                        prop_assert!(takes(released, &on.to), "{} needs {}", member.name, on.member.name);
                    }
                    // Whoever shows the types of what breaks breaks.
                    if *shows && on.level == Some(Level::Break) && member.released.is_some() {
                        prop_assert_eq!(own.and_then(|own| own.level), Some(Level::Break));
                    }
                }
            }
        }

        #[test]
        fn a_release_that_stopped_anywhere_goes_on_to_the_same_versions(
            members in members(), changes in changes(), done in 0..7usize,
        ) {
            let mut members = ordered(members).unwrap();
            let versions = |bumps: Vec<Bump<'_>>| -> Vec<(String, Version)> {
                bumps.iter().map(|bump| (bump.member.name.clone(), bump.to.clone())).collect()
            };
            let bumps = versions(plan(&members, &changes));
            // Bumped, and tagged up to `done`.
            for member in &mut members {
                if let Some(place) = bumps.iter().position(|(name, _)| *name == member.name) {
                    member.version = bumps[place].1.clone();
                    if place < done {
                        member.released = Some(member.version.clone());
                    }
                }
            }
            prop_assert_eq!(versions(plan(&members, &[])), bumps.get(done..).unwrap_or_default());
        }
    }
}
