//! Fresh clones, in which ignored and forgotten files cannot get into a package.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::{
    shell::{self, cmd},
    workspace::empty,
};

/// A clone of `root` in `folder`, which is emptied first, at a commit or tag.
pub(crate) fn fresh(root: &Path, folder: &Path, at: &str) -> Result<()> {
    empty(folder)?;
    cmd!(shell::at(root)?, "git clone --quiet --no-checkout {root} {folder}").run()?;
    Ok(cmd!(shell::at(folder)?, "git checkout --quiet --detach {at}").run()?)
}

/// The folder for the work of one step, under `target/` so that it is ignored and swept with it.
pub(crate) fn work(root: &Path, step: &str) -> PathBuf {
    root.join("target").join("release-steps").join(step)
}

/// Fails if a commit or a clone would not be what stands here.
pub(crate) fn clean(root: &Path) -> Result<()> {
    let changed = cmd!(shell::at(root)?, "git status --porcelain").read()?;
    match changed.lines().next() {
        None => Ok(()),
        Some(first) => bail!("not everything is committed: {}", first.trim()),
    }
}
