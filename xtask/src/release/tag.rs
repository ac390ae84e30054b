//! `release tag`: a tag for each crate whose version has none.

use std::path::Path;

use super::{
    Options,
    bump::clean,
    facts::{Facts, tag},
    plan,
};
use crate::{Outcome, shell::Line};

pub(crate) fn run(root: &Path, _: &Options) -> Outcome {
    clean(root)?;
    let facts = Facts::read(root)?;
    if let Some(fragment) = facts.fragments.first() {
        return Err(format!(
            "{} is not in a changelog yet: cargo xtask release bump",
            fragment.path
        )
        .into());
    }
    let mut tags = Vec::new();
    for member in plan::order(&facts.members)? {
        if member.released.as_ref() != Some(&member.version) {
            let tag = tag(&member.name, &member.version);
            let message = format!("{} {}", member.name, member.version);
            Line::new("git tag --annotate -m")
                .with(message)
                .with(&tag)
                .show_and_run(root)?;
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
