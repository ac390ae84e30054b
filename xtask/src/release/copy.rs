//! Fresh clones, in which ignored and forgotten files cannot get into a package.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use super::{bump::edit, manifest, plan::Member};
use crate::{Outcome, shell::Line};

/// A clone of `root` in `folder`, which is emptied first, at a commit or tag.
pub(crate) fn fresh(root: &Path, folder: &Path, at: &str) -> Outcome {
    empty(folder)?;
    Line::new("git clone --quiet --no-checkout").with(root).with(folder).show_and_run(root)?;
    Line::new("git checkout --quiet --detach").with(at).show_and_run(folder)
}

/// The folder for the work of one step, under `target/` so that it is ignored and swept with it.
pub(crate) fn work(root: &Path, step: &str) -> PathBuf {
    root.join("target").join("release-steps").join(step)
}

pub(crate) fn empty(folder: &Path) -> Outcome {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    Ok(fs::create_dir_all(folder)?)
}

/// Another registry than the default one must be named by each crate that needs a sibling from it.
pub(crate) fn require_from(clone: &Path, members: &[Member], registry: &str) -> Outcome {
    let needs = members.iter().flat_map(|member| &member.needs);
    let needed: BTreeSet<&String> = needs.map(|need| &need.on).collect();
    for name in needed {
        edit(&clone.join("Cargo.toml"), |text| {
            manifest::with_key_of(text, name, "registry", registry)
        })?;
    }
    Ok(())
}
