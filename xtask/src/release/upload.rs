//! Uploading crate by crate, so that it can be repeated after any failure.
//!
//! An upload whose answer is lost may have been stored, and what is stored can never be replaced. So the
//! registry is looked at before each upload and after it, and what it says is held against our own checksum.

use anyhow::{Context, Result, bail, ensure};
use semver::Version;

/// How often to look for a crate, with a pause after each look: when cargo says that it is uploaded,
/// and when cargo failed, which is most often an upload that was not stored.
const LOOKS: u32 = 60;
const LOOKS_IN_DOUBT: u32 = 5;

/// One version of one crate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Release {
    pub(crate) name: String,
    pub(crate) version: Version,
}

/// What publishing asks of cargo and the registry.
pub(crate) trait World {
    /// Packs the crate and gives the checksum of the package.
    fn pack(&mut self, release: &Release) -> Result<String>;
    /// The checksum of that version on the registry. None when it is not there.
    fn look(&mut self, release: &Release) -> Result<Option<String>>;
    /// An error does not prove that nothing was stored.
    fn upload(&mut self, release: &Release) -> Result<()>;
    fn pause(&mut self);
}

/// Fails if an earlier release, which has the tag, stopped before the end. A package holds a lock file, in which stand
/// the newest of our crates: after this release, what is left of that one could not be told from somebody else's.
pub(crate) fn is_complete(tag: &str, release: &Release, world: &mut impl World) -> Result<()> {
    // It may be there although cargo cannot say so.
    ensure!(
        !matches!(world.look(release), Ok(None)),
        "{tag} was tagged before and is not there: first cargo xtask release publish --at {tag}, or delete the tag if \
         that version shall never be"
    );
    Ok(())
}

/// Brings each crate to the registry, in this order, and stops at the first that does not get there.
pub(crate) fn publish(releases: &[Release], world: &mut impl World) -> Result<()> {
    for release in releases {
        let Release { name, version } = release;
        let ours = world.pack(release)?;
        let there = world.look(release)?;
        if is_ours(release, &ours, there)? {
            println!("{name} {version} is there already, and it is ours");
        } else {
            let answer = world.upload(release);
            settle(release, &ours, answer, world)?;
            println!("{name} {version} is there");
        }
    }
    Ok(())
}

/// What became of an upload, whatever was answered to it.
fn settle(release: &Release, ours: &str, answer: Result<()>, world: &mut impl World) -> Result<()> {
    let Release { name, version } = release;
    let looks = if answer.is_ok() { LOOKS } else { LOOKS_IN_DOUBT };
    for _ in 0..looks {
        let there = world.look(release).with_context(|| {
            format!(
                "it is not known whether {name} {version} was stored; run the same command again to find out"
            )
        })?;
        if is_ours(release, ours, there)? {
            return Ok(());
        }
        world.pause();
    }
    let why = match answer {
        Ok(()) => "the registry took it and does not show it".to_owned(),
        Err(reason) => format!("{reason:#}"),
    };
    bail!("{name} {version} is not there: {why}; the same command continues from here")
}

/// Is `there`, the checksum on the registry, that of our package? Fails if it is another one.
fn is_ours(release: &Release, ours: &str, there: Option<String>) -> Result<bool> {
    let Release { name, version } = release;
    match there {
        None => Ok(false),
        Some(theirs) if theirs == ours => Ok(true),
        Some(theirs) => bail!(
            "STOP: {name} {version} on the registry is not what is published here: it has checksum {theirs}, \
             ours is {ours}. Nothing more is uploaded. Somebody else published it, or another commit did, or we did \
             before a newer version of what it needs was there, which is in its Cargo.lock now"
        ),
    }
}

#[cfg(test)]
mod tests;
