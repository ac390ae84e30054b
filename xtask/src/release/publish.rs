//! `release publish`: what was tagged last goes to the registry, from a fresh clone at its tag, crate by crate, so that
//! it can be repeated after any failure.
//!
//! An upload whose answer is lost may have been stored, and what is stored can never be replaced. So the
//! registry is queried before and after each upload, and its checksum is compared with ours.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use semver::Version;

use super::{
    cargo::{Cargo, checksum},
    manifest::{edit, require},
    pending::{PendingChanges, tag, tagged},
    plan::{self, Member},
};
use crate::{
    shell::{self, cmd},
    workspace::{fresh, work},
};

/// How often to query the registry, with a pause after each query: when cargo says that it is uploaded,
/// and when cargo failed, which is most often an upload that was not stored.
const QUERIES: u32 = 60;
const QUERIES_IN_DOUBT: u32 = 5;

/// How to publish.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The registry to publish to, instead of cargo's default
    #[arg(long, value_name = "NAME")]
    pub(crate) registry: Option<String>,
    /// Publish what has this tag, instead of the last one
    #[arg(long, value_name = "TAG")]
    pub(crate) at: Option<String>,
    /// Do not build each package before it is uploaded
    #[arg(long)]
    pub(crate) no_verify: bool,
    #[arg(skip)]
    pub(crate) cargo_home: Option<PathBuf>,
}

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
    fn query(&mut self, release: &Release) -> Result<Option<String>>;
    /// An error does not prove that nothing was stored.
    fn upload(&mut self, release: &Release) -> Result<()>;
    fn pause(&mut self);
}

pub(crate) fn run(root: &Path, options: Options) -> Result<()> {
    let Options { registry, at, no_verify, cargo_home: home } = options;
    let at = match at {
        Some(tag) => tag,
        None => cmd!(shell::at(root)?, "git describe --tags --abbrev=0 --match *-v*")
            .read()
            .context("nothing is tagged yet: cargo xtask release tag")?,
    };
    let work = work(root, "publish");
    fs::create_dir_all(&work)?;
    let clone = work.join("clone");
    fresh(root, &clone, &at)?;
    let members = PendingChanges::read(&clone)?.members;
    let tags = cmd!(shell::at(&clone)?, "git tag --points-at HEAD").read()?;
    let (here, before) = sorted(&plan::order(&members)?, &tags)?;
    ensure!(
        !here.is_empty(),
        "no crate has its tag at `{at}`: cargo xtask release tag, or --at with a tag of a crate"
    );
    if let Some(registry) = &registry {
        // Another registry than the default one must be named by each crate that needs a sibling from it.
        let needs = members.iter().flat_map(|member| member.needs.keys());
        for name in needs.collect::<BTreeSet<_>>() {
            edit(&clone.join("Cargo.toml"), |it| require(it, name, "registry", registry))?;
        }
    }
    let mut cargo = Cargo { clone, work, registry, home, verify: !no_verify };
    for release in before {
        is_complete(&release, &mut cargo)?;
    }
    publish(&here, &mut cargo)
}

impl World for Cargo {
    fn pack(&mut self, release: &Release) -> Result<String> {
        self.run(&["package", "--quiet", "--no-verify"], &release.name)?;
        let file = format!("target/package/{}-{}.crate", release.name, release.version);
        Ok(checksum(&fs::read(self.work.join(file))?))
    }

    fn query(&mut self, release: &Release) -> Result<Option<String>> {
        self.find(&release.name, &format!("={}", release.version))
    }

    fn upload(&mut self, release: &Release) -> Result<()> {
        let publish: &[&str] = if self.verify { &["publish"] } else { &["publish", "--no-verify"] };
        self.run(publish, &release.name)
    }

    #[expect(clippy::disallowed_methods, reason = "another machine tells us nothing by itself")]
    fn pause(&mut self) {
        thread::sleep(Duration::from_secs(2));
    }
}

/// The crates that have their tags among the lines of `tags`, which stand at what is published, and those that were
/// tagged before. What is packed has the version of its manifest: a tag that says another one is nobody's.
fn sorted(members: &[&Member], tags: &str) -> Result<(Vec<Release>, Vec<Release>)> {
    let (mut here, mut before) = (Vec::new(), Vec::new());
    for Member { name, version, released, .. } in members {
        let release = |version: &Version| Release { name: name.clone(), version: version.clone() };
        let mut own = tags.lines().filter(|tag| tagged(tag).is_some_and(|(of, _)| of == name));
        if let Some(other) = own.clone().find(|it| *it != tag(name, version)) {
            bail!("the tag `{other}` is on a commit where `{name}` has the version {version}");
        }
        if own.next().is_some() {
            here.push(release(version));
        } else if let Some(released) = released {
            before.push(release(released));
        }
    }
    Ok((here, before))
}

/// Fails if an earlier release, which has its tag, stopped before the end. A package holds a lock file, in which stand
/// the newest of our crates: after this release, what is left of that one could not be distinguished from somebody else's.
fn is_complete(release: &Release, world: &mut impl World) -> Result<()> {
    let tag = tag(&release.name, &release.version);
    // It may be there although cargo cannot say so.
    ensure!(
        !matches!(world.query(release), Ok(None)),
        "{tag} was tagged before and is not there: first cargo xtask release publish --at {tag}, or delete the tag if \
         that version shall never be"
    );
    Ok(())
}

/// Brings each crate to the registry, in this order, and stops at the first that does not get there.
fn publish(releases: &[Release], world: &mut impl World) -> Result<()> {
    for release in releases {
        let Release { name, version } = release;
        let ours = world.pack(release)?;
        let there = world.query(release)?;
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
    let queries = if answer.is_ok() { QUERIES } else { QUERIES_IN_DOUBT };
    for _ in 0..queries {
        let there = world.query(release).with_context(|| {
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
