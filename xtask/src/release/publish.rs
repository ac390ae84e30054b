//! `release publish`: what was tagged last goes to the registry, from a fresh clone at its tag.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use semver::Version;

use super::{
    cargo::Cargo,
    facts::{Facts, tag, tagged},
    manifest::{edit, with_key_of},
    plan::{self, Member},
    upload::{Release, is_complete, publish},
};
use crate::{
    shell::{self, cmd},
    workspace::{fresh, work},
};

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
    let members = Facts::read(&clone)?.members;
    let tags = cmd!(shell::at(&clone)?, "git tag --points-at HEAD").read()?;
    let (here, before) = sorted(&plan::order(&members)?, &tags)?;
    ensure!(
        !here.is_empty(),
        "no crate has its tag at `{at}`: cargo xtask release tag, or --at with a tag of a crate"
    );
    if let Some(registry) = &registry {
        // Another registry than the default one must be named by each crate that needs a sibling from it.
        let needs = members.iter().flat_map(|member| &member.needs);
        for name in needs.map(|need| &need.on).collect::<BTreeSet<_>>() {
            edit(&clone.join("Cargo.toml"), |text| with_key_of(text, name, "registry", registry))?;
        }
    }
    let mut cargo = Cargo { clone, work, registry, home, verify: !no_verify };
    for release in before {
        is_complete(&tag(&release.name, &release.version), &release, &mut cargo)?;
    }
    publish(&here, &mut cargo)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_its_tag_here_is_published_and_a_tag_of_another_version_is_nobodys() {
        let (old, new) = (Version::new(0, 1, 0), Version::new(0, 2, 0));
        let member = |(name, released): (&str, Option<&Version>)| Member {
            version: new.clone(),
            released: released.cloned(),
            ..plan::tests::member(name, &[])
        };
        let members = [("a", Some(&new)), ("b", Some(&old)), ("c", None)].map(member);
        let members: Vec<&Member> = members.iter().collect();
        let (here, before) = sorted(&members, "a-v0.2.0\nother-v0.1.0\nb-vote").unwrap();
        let release =
            |name: &str, version: &Version| Release { name: name.into(), version: version.clone() };
        assert_eq!(here, [release("a", &new)]);
        assert_eq!(before, [release("b", &old)]);
        let reason = sorted(&members, "a-v0.2.0\nc-v0.3.0").unwrap_err();
        assert_eq!(
            reason.to_string(),
            "the tag `c-v0.3.0` is on a commit where `c` has the version 0.2.0"
        );
    }
}
