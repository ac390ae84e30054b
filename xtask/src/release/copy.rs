//! Fresh clones, in which ignored and forgotten files cannot get into a package, and what is published
//! otherwise than it stands in the repository.

use std::{
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

/// Puts names and the registry into the manifests of a clone. True if that changed anything.
///
/// Another registry than the default one must be named by each crate that needs a sibling from it,
/// and a crate whose name is taken goes by another one, whose library keeps its name.
pub(crate) fn rewrite(clone: &Path, members: &[Member], registry: Option<&str>) -> Outcome<bool> {
    let names = manifest::names(clone)?;
    let manifests = Line::new("git ls-files Cargo.toml */Cargo.toml").read(clone)?;
    for (name, other) in &names {
        let library = name.replace('-', "_");
        edit(&clone.join("crates").join(name).join("Cargo.toml"), |text| {
            manifest::with_name(text, other, &library)
        })?;
        for path in manifests.lines() {
            edit(&clone.join(path), |text| manifest::with_package_of(text, name, other))?;
        }
    }
    let root = clone.join("Cargo.toml");
    if let Some(registry) = registry {
        let mut needed: Vec<&String> =
            members.iter().flat_map(|member| &member.needs).map(|need| &need.on).collect();
        needed.sort();
        needed.dedup();
        for name in needed {
            edit(&root, |text| manifest::with_key_of(text, name, "registry", registry))?;
        }
    }
    Ok(!names.is_empty() || registry.is_some())
}
