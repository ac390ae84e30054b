//! Python environments under `target/`, made on first use from requirements that are pinned by hash.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
    process,
};

use anyhow::{Context, Result};

use crate::shell::{self, cmd};

/// The folder with the programs of the environment for the file `requirements`, which is made under `parent` if it is not
/// there yet. Only making it needs Python's `venv` module and the package registry.
///
/// Both paths are taken from `root`, the repository's top folder.
///
/// # Errors
///
/// When Python is missing or a package cannot be installed; the text says what to do.
pub fn programs(root: &Path, parent: &str, requirements: &str) -> Result<PathBuf> {
    let requirements = root.join(requirements);
    // Other requirements are another environment. A toolchain that hashes otherwise makes it anew, which is harmless.
    let mut hasher = DefaultHasher::new();
    fs::read(&requirements)?.hash(&mut hasher);
    let venv = root.join(parent).join(format!("{:016x}", hasher.finish()));
    if !venv.is_dir() {
        // Built beside the goal and renamed at the end, so that an environment is there whole or not at all, even when
        // two processes make it at the same time.
        let draft = venv.with_file_name(format!("draft-{}", process::id()));
        let made = install(root, &draft, &requirements);
        let renamed = made.and_then(|()| Ok(fs::rename(&draft, &venv)?));
        // Still there only if the work failed or another process was faster.
        let _ = fs::remove_dir_all(&draft);
        if !venv.is_dir() {
            renamed?;
        }
    }
    Ok(venv.join("bin"))
}

fn install(root: &Path, venv: &Path, requirements: &Path) -> Result<()> {
    let sh = shell::at(root)?;
    cmd!(sh, "python3 -m venv {venv}").run().context(
        "Python 3.10 or newer with its venv module is needed: install `python3` (on Debian and Ubuntu also \
         `python3-venv`) and run this again",
    )?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    let python = venv.join("bin/python");
    cmd!(sh, "{python} {pip...} --require-hashes --only-binary :all: -r {requirements}").run().context(
        "the first run installs packages from the Python package registry (with Python 3.10 or newer); later runs \
         need no network",
    )
}
