//! `cargo xtask features`: each published crate by itself, with each choice of its features. A
//! build of the whole workspace turns on what any crate asks for, and so hides what one forgot.

use std::path::Path;

use anyhow::Result;

use crate::{
    shell::{self, cmd},
    workspace,
};

/// Checks the crates without their tests, whose dependencies would bring features too.
pub(crate) fn run(root: &Path) -> Result<()> {
    let sh = shell::at(root)?;
    for package in workspace::published(root)? {
        let name = package.name.as_str();
        let features = package.features.keys().filter(|feature| *feature != "default");
        let alone = features.map(|feature| vec!["--no-default-features", "--features", feature]);
        let others = [vec!["--no-default-features"], vec![], vec!["--all-features"]];
        for choice in others.into_iter().chain(alone) {
            // Clippy builds what `cargo check` does, and can deny our warnings without rebuilding the dependencies.
            cmd!(sh, "cargo clippy --quiet -p {name} {choice...} -- -D warnings").run()?;
        }
    }
    Ok(())
}
