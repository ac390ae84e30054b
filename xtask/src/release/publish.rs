//! `release publish`: crate by crate, so that it can be repeated after any failure.
//!
//! An upload whose answer is lost may have been stored, and what is stored can never be replaced. So the
//! registry is looked at before each upload and after it, and what it says is held against our own checksum.

use std::{fs, path::Path};

use super::{
    Options,
    cargo::Cargo,
    copy,
    facts::{Facts, tagged},
    manifest, plan,
};
use crate::{Outcome, shell::Line};

/// How often to look for a crate, with a pause after each look: when cargo says that it is uploaded,
/// and when cargo failed, which is most often an upload that was not stored.
const LOOKS: u32 = 60;
const LOOKS_IN_DOUBT: u32 = 5;

/// One version of one crate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Release {
    /// The name on the registry.
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
    let names = manifest::names(&clone)?;
    let here = |name: &str| tags.lines().filter_map(tagged).find(|(of, _)| *of == name);
    let release = |name: &String, version: String| Release {
        name: names.get(name).unwrap_or(name).clone(),
        version,
    };
    let releases: Vec<Release> = plan::order(&members)?
        .iter()
        .filter_map(|member| Some(release(&member.name, here(&member.name)?.1.to_string())))
        .collect();
    let rewritten = copy::rewrite(&clone, &members, registry.as_deref())?;
    let mut cargo = Cargo {
        clone,
        work,
        registry,
        rewritten,
        verify: !options.has("--no-verify"),
    };
    publish(&releases, &mut cargo)
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
    let looks = if answer.is_ok() {
        LOOKS
    } else {
        LOOKS_IN_DOUBT
    };
    for _ in 0..looks {
        match found(ours, world.look(release)?) {
            Found::Ours => return Ok(()),
            Found::Foreign(theirs) => return Err(foreign(release, ours, &theirs).into()),
            Found::Absent => world.pause(),
        }
    }
    let Release { name, version } = release;
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
         ours is {ours}. Nothing more is uploaded. Somebody else published it, or another commit did"
    )
}

#[cfg(test)]
mod tests;
