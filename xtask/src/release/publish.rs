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

use super::{
    cargo::{Cargo, checksum},
    manifest::{edit, require},
    pending::{PendingChanges, tag, tagged},
    plan::Member,
};
use crate::{
    shell::{self, cmd},
    workspace::{fresh, work},
};

/// How often to query the registry, with a pause between the queries: when cargo says that it is uploaded,
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
    let (mut here, mut before) = (Vec::new(), Vec::new());
    for member in &members {
        if is_tagged(member, &tags)? {
            here.push(member);
        } else if let Some(version) = &member.released {
            before.push((&member.name, version));
        }
    }
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
    let cargo = Cargo { clone, work, registry, home };
    for (name, version) in before {
        is_complete(&tag(name, version), cargo.find(name, &format!("={version}")))?;
    }
    // Stops at the first that does not get there.
    here.into_iter().try_for_each(|member| publish(&cargo, member, !no_verify))
}

/// Is the tag of the crate among the lines of `tags`, which stand at what is published? What is packed has the version of
/// its manifest: a tag that says another one is nobody's.
fn is_tagged(Member { name, version, .. }: &Member, tags: &str) -> Result<bool> {
    let mut own = tags.lines().filter(|tag| tagged(tag, name).is_some());
    if let Some(other) = own.clone().find(|it| *it != tag(name, version)) {
        bail!("the tag `{other}` is on a commit where `{name}` has the version {version}");
    }
    Ok(own.next().is_some())
}

/// Fails if an earlier release, which has its tag, stopped before the end. A package holds a lock file, in which stand
/// the newest of our crates: after this release, what is left of that one could not be distinguished from somebody else's.
fn is_complete(tag: &str, there: Result<Option<String>>) -> Result<()> {
    // It may be there although cargo cannot say so.
    ensure!(
        !matches!(there, Ok(None)),
        "{tag} was tagged before and is not there: first cargo xtask release publish --at {tag}, or delete the tag if \
         that version shall never be"
    );
    Ok(())
}

/// Brings the crate to the registry, if it is not there yet.
fn publish(cargo: &Cargo, Member { name, version, .. }: &Member, verify: bool) -> Result<()> {
    let release = format!("{name} {version}");
    cargo.run(&["package", "--quiet", "--no-verify"], name)?;
    let package = cargo.work.join(format!("target/package/{name}-{version}.crate"));
    let ours = checksum(&fs::read(package)?);
    let query = || cargo.find(name, &format!("={version}"));
    if is_ours(&release, &ours, query()?)? {
        println!("{release} is there already, and it is ours");
        return Ok(());
    }
    let no_verify: &[&str] = if verify { &[] } else { &["--no-verify"] };
    let answer = cargo.run(&[&["publish"], no_verify].concat(), name);
    let queries = if answer.is_ok() { QUERIES } else { QUERIES_IN_DOUBT };
    let queries = (0..queries).map(|count| {
        if count > 0 {
            pause();
        }
        query()
    });
    settle(&release, &ours, answer, queries)?;
    println!("{release} is there");
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "another machine tells us nothing by itself")]
fn pause() {
    thread::sleep(Duration::from_secs(2));
}

/// What became of an upload, as `queries` of the registry tell: the checksum there, or None. The upload's own answer
/// proves nothing, an error neither.
fn settle(
    release: &str,
    ours: &str,
    answer: Result<()>,
    queries: impl Iterator<Item = Result<Option<String>>>,
) -> Result<()> {
    for there in queries {
        let there = there.with_context(|| {
            format!(
                "it is not known whether {release} was stored; run the same command again to find out"
            )
        })?;
        if is_ours(release, ours, there)? {
            return Ok(());
        }
    }
    let why = match answer {
        Ok(()) => "the registry took it and does not show it".to_owned(),
        Err(reason) => format!("{reason:#}"),
    };
    bail!("{release} is not there: {why}; the same command continues from here")
}

/// Is `there`, the checksum on the registry, that of our package? Fails if it is another one.
fn is_ours(release: &str, ours: &str, there: Option<String>) -> Result<bool> {
    match there {
        None => Ok(false),
        Some(theirs) if theirs == ours => Ok(true),
        Some(theirs) => bail!(
            "STOP: {release} on the registry is not what is published here: it has checksum {theirs}, \
             ours is {ours}. Nothing more is uploaded. Somebody else published it, or another commit did, or we did \
             before a newer version of what it needs was there, which is in its Cargo.lock now"
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use anyhow::anyhow;

    use super::*;

    #[test]
    fn what_has_its_tag_here_is_published_and_a_tag_of_another_version_is_nobodys() {
        let member = Member {
            name: "a".into(),
            folder: String::new(),
            version: semver::Version::new(0, 1, 0),
            released: None,
            needs: BTreeMap::new(),
        };
        let is_tagged = |tags| {
            let is_tagged = is_tagged(&member, tags);
            is_tagged.map_or_else(|reason| reason.to_string(), |is_tagged| is_tagged.to_string())
        };
        assert_eq!(is_tagged("b-v0.2.0\na-v0.1.0\na-vote"), "true");
        assert_eq!(is_tagged("b-v0.1.0\na-b-v0.1.0\na-vote"), "false");
        let expected = "the tag `a-v0.3.0` is on a commit where `a` has the version 0.1.0";
        assert_eq!(is_tagged("a-v0.1.0\na-v0.3.0"), expected);
    }

    #[test]
    fn an_earlier_release_is_finished_first() {
        let reason = is_complete("a-v0.2.0", Ok(None)).unwrap_err().to_string();
        let way = "first cargo xtask release publish --at a-v0.2.0,";
        assert!(reason.contains(way), "{reason}");
        is_complete("a-v0.2.0", Ok(Some("sum".into()))).unwrap();
        is_complete("a-v0.2.0", Err(anyhow!("yanked"))).unwrap();
    }

    #[test]
    fn what_the_registry_shows_settles_an_upload_whatever_was_answered_to_it() {
        let (took, refused) = (None, Some("503"));
        let (none, ours, other) = (Ok(None), Ok(Some("ours")), Ok(Some("other")));
        let missing = "a 0.2.0 is not there: ";
        for (why, answer, queries, expected) in [
            ("stored", took, &[ours][..], "settled"),
            ("the answer was lost", refused, &[ours], "settled"),
            ("shown late", took, &[none, none, ours], "settled"),
            ("never shown", took, &[none, none], &format!("{missing}the registry took it and")),
            ("refused", refused, &[none], &format!("{missing}503; the same command continues")),
            ("somebody else was faster", took, &[other], "STOP: a 0.2.0"),
            ("somebody else was faster", refused, &[none, other], "STOP: a 0.2.0"),
            ("no network", took, &[Err("off")], "it is not known whether a 0.2.0 was stored"),
        ] {
            let answer = answer.map_or(Ok(()), |reason| Err(anyhow!(reason)));
            let queries = queries.iter().map(|there| match there {
                Ok(there) => Ok(there.map(str::to_owned)),
                Err(reason) => Err(anyhow!(*reason)),
            });
            let settled = settle("a 0.2.0", "ours", answer, queries);
            let settled = settled.map_or_else(|reason| reason.to_string(), |()| "settled".into());
            assert!(settled.starts_with(expected), "{why}: {settled}");
        }
    }
}
