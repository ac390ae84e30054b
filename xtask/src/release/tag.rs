//! `release tag`: a tag for each crate whose version has none.

use std::path::Path;

use super::{
    Options,
    bump::clean,
    facts::tag,
    plan::{self, Bump},
    planned,
};
use crate::{Outcome, shell::Line};

pub(crate) fn run(root: &Path, options: &Options) -> Outcome {
    clean(root)?;
    let (facts, bumps) = planned(root, options)?;
    if let Some(fragment) = facts.fragments.first() {
        return Err(format!(
            "{} is not in a changelog yet: cargo xtask release bump",
            fragment.path
        )
        .into());
    }
    // What breaks is known from a version without a tag. With its tag, who would have to follow it is forgotten.
    let has = |bump: &Bump| {
        let mut members = facts.members.iter();
        members.any(|member| member.name == bump.name && member.version == bump.to)
    };
    if let Some(Bump { name, to, .. }) = bumps.iter().find(|bump| !has(bump)) {
        return Err(format!(
            "`{name}` has to go out as {to} with the others: cargo xtask release bump"
        )
        .into());
    }
    let mut tags = Vec::new();
    for member in plan::order(&facts.members)? {
        if member.released.as_ref() != Some(&member.version) {
            let tag = tag(&member.name, &member.version);
            let message = format!("{} {}", member.name, member.version);
            Line::new("git tag --annotate -m").with(message).with(&tag).show_and_run(root)?;
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
