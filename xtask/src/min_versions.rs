//! `cargo xtask min-versions`: are the versions in our manifests really enough? Whoever has an older
//! lock file gets those, and not the current ones that every other build takes.

use std::path::Path;

use crate::{Outcome, shell::Line, working_tree};

/// Where the copy and its build stay, so that a second run builds little.
const FOLDER: &str = "target/min-versions";

/// Builds a copy, because the lock file of the checkout stays as it is.
pub(crate) fn run(root: &Path, _: &[String]) -> Outcome {
    let copy = root.join(FOLDER).join("copy");
    working_tree::copy(root, &copy)?;
    Line::new("RUSTC_BOOTSTRAP=1 cargo update --quiet -Zdirect-minimal-versions")
        .show_and_run(&copy)?;
    Line::new("cargo check --quiet --workspace --all-targets --all-features --target-dir ../build")
        .show_and_run(&copy)
}
