//! `cargo xtask min-versions`: are the versions in our manifests really enough? Whoever has an older
//! lock file gets those, and not the current ones that every other build takes.

use std::{fs, io, path::Path};

use crate::{Outcome, shell::Line};

/// Where the copy and its build stay, so that a second run builds little.
const FOLDER: &str = "target/min-versions";

/// Builds a copy, because the lock file of the checkout stays as it is.
pub(crate) fn run(root: &Path, _: &[String]) -> Outcome {
    let copy = root.join(FOLDER).join("copy");
    match fs::remove_dir_all(&copy) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    // What git tracks or would track, as it stands in the working tree.
    let files = Line::new("git ls-files --cached --others --exclude-standard").read(root)?;
    for file in files.lines().filter(|file| root.join(file).is_file()) {
        let to = copy.join(file);
        fs::create_dir_all(to.parent().unwrap_or(&copy))?;
        fs::copy(root.join(file), to)?;
    }
    println!("$ cd {FOLDER}/copy");
    Line::new("RUSTC_BOOTSTRAP=1 cargo update --quiet -Zdirect-minimal-versions")
        .show_and_run(&copy)?;
    Line::new("cargo check --quiet --workspace --all-targets --all-features --target-dir ../build")
        .show_and_run(&copy)
}
