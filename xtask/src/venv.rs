//! Python environments under `target/`, made on first use from requirements that are pinned by hash.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
    process,
};

use anyhow::{Context, Result};

use crate::shell::{self, cmd};

/// A Python environment in which everything that its requirements name is installed.
#[derive(Debug)]
pub struct Venv {
    folder: PathBuf,
}

impl Venv {
    /// Gives the environment for the file `requirements`, which is made under `parent` if it is not
    /// there yet. Only making it needs Python's `venv` module and the package registry.
    ///
    /// Both paths are taken from `root`, the repository's top folder.
    ///
    /// # Errors
    ///
    /// When Python is missing or a package cannot be installed; the text says what to do.
    pub fn open(root: &Path, parent: &Path, requirements: &Path) -> Result<Self> {
        let requirements = root.join(requirements);
        // Other requirements are another environment. A toolchain that hashes otherwise makes it anew, which is harmless.
        let mut hasher = DefaultHasher::new();
        fs::read(&requirements)?.hash(&mut hasher);
        let venv = Self { folder: root.join(parent).join(format!("{:016x}", hasher.finish())) };
        if !venv.folder.is_dir() {
            venv.make(root, &requirements)?;
        }
        Ok(venv)
    }

    /// The path of an installed program.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        let (folder, ending) = if cfg!(windows) { ("Scripts", ".exe") } else { ("bin", "") };
        self.folder.join(folder).join(format!("{name}{ending}"))
    }

    /// Builds beside the goal and renames at the end, so that an environment is there whole or not
    /// at all, even when two processes make it at the same time.
    fn make(&self, root: &Path, requirements: &Path) -> Result<()> {
        let draft = Self { folder: self.folder.with_file_name(format!("draft-{}", process::id())) };
        let made = draft.install(root, requirements);
        let renamed = made.and_then(|()| Ok(fs::rename(&draft.folder, &self.folder)?));
        // Still there only if the work failed or another process was faster.
        let _ = fs::remove_dir_all(&draft.folder);
        if self.folder.is_dir() { Ok(()) } else { renamed }
    }

    fn install(&self, root: &Path, requirements: &Path) -> Result<()> {
        let sh = shell::at(root)?;
        let system = if cfg!(windows) { "python" } else { "python3" };
        let (own, folder) = (self.program("python"), &self.folder);
        cmd!(sh, "{system} -m venv {folder}").run().context(
            "Python 3.10 or newer with its venv module is needed: install `python3` (on Debian and Ubuntu also \
             `python3-venv`) and run this again",
        )?;
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        cmd!(sh, "{own} {pip...} --require-hashes --only-binary :all: -r {requirements}").run().context(
            "the first run installs packages from the Python package registry (with Python 3.10 or newer); later runs \
             need no network",
        )
    }
}
