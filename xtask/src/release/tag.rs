//! `release tag`: a tag for each crate whose version has none.

use std::path::Path;

use anyhow::{Result, bail};

use super::{
    facts::{Facts, tag},
    plan,
};
use crate::{
    shell::{self, cmd},
    workspace::clean,
};

pub(crate) fn run(root: &Path) -> Result<()> {
    clean(root)?;
    let facts = Facts::read(root)?;
    let bumps = facts.plan(root, None)?;
    if let Some(change) = facts.changes.first() {
        bail!("{} is not in a changelog yet: cargo xtask release bump", change.path);
    }
    // What breaks is known from a version without a tag. With its tag, who would have to follow it is forgotten.
    for bump in bumps {
        let mut members = facts.members.iter();
        if !members.any(|member| member.name == bump.name && member.version == bump.to) {
            bail!(
                "`{}` has to go out as {} with the others: cargo xtask release bump",
                bump.name,
                bump.to
            );
        }
    }
    let sh = shell::at(root)?;
    let mut tags = Vec::new();
    for member in plan::order(&facts.members)? {
        if member.released.as_ref() != Some(&member.version) {
            let tag = tag(&member.name, &member.version);
            let message = format!("{} {}", member.name, member.version);
            cmd!(sh, "git tag --annotate -m {message} {tag}").run()?;
            tags.push(tag);
        }
    }
    if tags.is_empty() {
        println!("each version has its tag");
    } else {
        println!("then: git push --atomic origin HEAD {}", tags.join(" "));
    }
    Ok(())
}
