//! `release tag`: a tag for each crate whose version has none.

use std::path::Path;

use anyhow::{Result, bail};

use super::{
    pending::{PendingChanges, tag},
    plan,
};
use crate::{
    shell::{self, cmd},
    workspace::clean,
};

pub(crate) fn run(root: &Path) -> Result<()> {
    clean(root)?;
    let pending = PendingChanges::read(root)?;
    let bumps = pending.plan()?;
    if let Some(change) = pending.changes.first() {
        bail!("{} is not in a changelog yet: cargo xtask release bump", change.path);
    }
    // What breaks is known from a version without a tag. With its tag, who would have to follow it is forgotten.
    if let Some(bump) = bumps.iter().find(|bump| bump.member.version != bump.to) {
        let (name, to) = (&bump.member.name, &bump.to);
        bail!("`{name}` must be released as {to} with the others: cargo xtask release bump");
    }
    let sh = shell::at(root)?;
    let mut tags = Vec::new();
    for plan::Bump { member, to, .. } in bumps {
        let (tag, message) = (tag(&member.name, &to), format!("{} {to}", member.name));
        cmd!(sh, "git tag --annotate -m {message} {tag}").run()?;
        tags.push(tag);
    }
    if tags.is_empty() {
        println!("each version has its tag");
    } else {
        println!("now run: git push --atomic origin HEAD {}", tags.join(" "));
    }
    Ok(())
}
