//! `release publish`: crate by crate, so that it can be repeated after any failure.
//!
//! An upload whose answer is lost may have been stored, and what is stored can never be replaced. So the
//! registry is looked at before each upload and after it, and what it says is held against our own checksum.

use std::{fs, path::Path};

use semver::Version;

use super::{
    Options,
    cargo::Cargo,
    copy,
    facts::{Facts, tag, tagged},
    plan::{self, Member},
};
use crate::{Outcome, shell::Line};

/// How often to look for a crate, with a pause after each look: when cargo says that it is uploaded,
/// and when cargo failed, which is most often an upload that was not stored.
const LOOKS: u32 = 60;
const LOOKS_IN_DOUBT: u32 = 5;

/// One version of one crate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Release {
    pub(crate) name: String,
    pub(crate) version: String,
}

/// What publishing asks of cargo and the registry.
pub(crate) trait World {
    /// Packs the crate and gives the checksum of the package.
    fn pack(&mut self, release: &Release) -> Outcome<String>;
    /// The checksum of that version on the registry. None when it is not there.
    fn look(&mut self, release: &Release) -> Outcome<Option<String>>;
    /// An error does not prove that nothing was stored.
    fn upload(&mut self, release: &Release) -> Outcome;
    fn pause(&mut self);
}

#[derive(Debug, PartialEq, Eq)]
enum Found {
    Absent,
    Ours,
    /// Somebody else's crate, or ours from another commit.
    Foreign(String),
}

pub(crate) fn run(root: &Path, options: &Options) -> Outcome {
    let at = match options.value("--at") {
        Some(tag) => tag.to_owned(),
        None => last_tag(root)?,
    };
    let work = copy::work(root, "publish");
    fs::create_dir_all(&work)?;
    let clone = work.join("clone");
    copy::fresh(root, &clone, &at)?;
    let registry = options.value("--registry").map(str::to_owned);
    let members = Facts::read(&clone)?.members;
    let tags = Line::new("git tag --points-at HEAD").read(&clone)?;
    let tags: Vec<&str> = tags.lines().collect();
    let (here, before) = sorted(&plan::order(&members)?, &tags)?;
    if here.is_empty() {
        return Err(format!(
            "no crate has its tag at `{at}`: cargo xtask release tag, or --at with a tag of a crate"
        )
        .into());
    }
    let release = |(name, version): (&str, &Version)| Release {
        name: name.to_owned(),
        version: version.to_string(),
    };
    let releases: Vec<Release> = here.into_iter().map(release).collect();
    if let Some(registry) = &registry {
        copy::require_from(&clone, &members, registry)?;
    }
    let mut cargo = Cargo { clone, work, registry, verify: !options.has("--no-verify") };
    let before = before.into_iter();
    let before = before.map(|(name, version)| (tag(name, version), release((name, version))));
    first_things_first(before, &mut cargo)?;
    publish(&releases, &mut cargo)
}

/// Fails if an earlier release stopped before the end. A package holds a lock file, in which stand the newest of our
/// crates: after this release, what is left of that one could not be told from somebody else's.
fn first_things_first(
    before: impl IntoIterator<Item = (String, Release)>,
    world: &mut impl World,
) -> Outcome {
    for (tag, release) in before {
        // It may be there although cargo cannot say so.
        if matches!(world.look(&release), Ok(None)) {
            return Err(format!(
                "{tag} was tagged before and is not there: first cargo xtask release publish --at {tag}, \
                 or delete the tag if that version shall never be"
            )
            .into());
        }
    }
    Ok(())
}

type Versions<'a> = Vec<(&'a str, &'a Version)>;

/// The crates that have their tags among `tags`, which stand at what is published, and those that were tagged before.
/// What is packed has the version of its manifest: a tag that says another one is nobody's.
fn sorted<'a>(members: &[&'a Member], tags: &[&str]) -> Outcome<(Versions<'a>, Versions<'a>)> {
    let (mut here, mut before) = (Vec::new(), Vec::new());
    for Member { name, version, released, .. } in members {
        let own = tag(name, version);
        let mut other = tags.iter().filter(|tag| **tag != own);
        if let Some(other) = other.find(|tag| tagged(tag).is_some_and(|(of, _)| of == name)) {
            return Err(format!("`{other}` stands where `{name}` has the version {version}").into());
        }
        if tags.contains(&own.as_str()) {
            here.push((name.as_str(), version));
        } else if let Some(released) = released {
            before.push((name.as_str(), released));
        }
    }
    Ok((here, before))
}

fn last_tag(root: &Path) -> Outcome<String> {
    let line = Line::new("git describe --tags --abbrev=0 --match *-v*");
    match line.ask(root)? {
        Ok(tag) => Ok(tag.trim().to_owned()),
        Err(_) => Err("nothing is tagged yet: cargo xtask release tag".into()),
    }
}

/// Brings each crate to the registry, in this order, and stops at the first that does not get there.
fn publish(releases: &[Release], world: &mut impl World) -> Outcome {
    for release in releases {
        let Release { name, version } = release;
        let ours = world.pack(release)?;
        match found(&ours, world.look(release)?) {
            Found::Ours => println!("{name} {version} is there already, and it is ours"),
            Found::Foreign(theirs) => return Err(foreign(release, &ours, &theirs).into()),
            Found::Absent => {
                let answer = world.upload(release);
                settle(release, &ours, answer, world)?;
                println!("{name} {version} is there");
            }
        }
    }
    Ok(())
}

/// What became of an upload, whatever was answered to it.
fn settle(release: &Release, ours: &str, answer: Outcome, world: &mut impl World) -> Outcome {
    let Release { name, version } = release;
    let looks = if answer.is_ok() { LOOKS } else { LOOKS_IN_DOUBT };
    for _ in 0..looks {
        let there = world.look(release).map_err(|reason| {
            format!("it is not known whether {name} {version} was stored: {reason}; the same command finds out")
        })?;
        match found(ours, there) {
            Found::Ours => return Ok(()),
            Found::Foreign(theirs) => return Err(foreign(release, ours, &theirs).into()),
            Found::Absent => world.pause(),
        }
    }
    let why = match answer {
        Ok(()) => "the registry took it and does not show it".to_owned(),
        Err(reason) => reason.to_string(),
    };
    Err(format!("{name} {version} is not there: {why}; the same command goes on from here").into())
}

fn found(ours: &str, there: Option<String>) -> Found {
    match there {
        None => Found::Absent,
        Some(checksum) if checksum == ours => Found::Ours,
        Some(checksum) => Found::Foreign(checksum),
    }
}

fn foreign(release: &Release, ours: &str, theirs: &str) -> String {
    let Release { name, version } = release;
    format!(
        "STOP: {name} {version} on the registry is not what is published here: it has checksum {theirs}, \
         ours is {ours}. Nothing more is uploaded. Somebody else published it, or another commit did, or we did \
         before a newer version of what it needs was there, which is in its Cargo.lock now"
    )
}

#[cfg(test)]
mod tests;
