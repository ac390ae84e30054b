//! `cargo xtask min-versions`: do the crates build with the oldest versions that the manifests allow? Whoever has an
//! older lock file gets those, and not the current ones that every other build takes.

use std::path::Path;

use anyhow::Result;

use crate::{
    shell::{self, cmd},
    workspace,
};

/// Builds a copy, because the lock file of the checkout stays as it is. The build is kept for the next time.
pub(crate) fn run(root: &Path) -> Result<()> {
    let copy = root.join("target/min-versions/copy");
    workspace::copy(root, &copy)?;
    let sh = shell::at(&copy)?;
    let update = cmd!(sh, "cargo update --quiet -Zdirect-minimal-versions");
    update.env("RUSTC_BOOTSTRAP", "1").run()?;
    Ok(cmd!(
        sh,
        "cargo check --quiet --workspace --all-targets --all-features --target-dir ../build"
    )
    .run()?)
}
