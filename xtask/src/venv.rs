//! Python environments under `target/`, made on first use from requirements that are pinned by hash.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
    process,
};

use crate::{Outcome, shell::Line};

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
    pub fn open(root: &Path, parent: &Path, requirements: &Path) -> Outcome<Self> {
        let folder = parent.join(key(&fs::read(root.join(requirements))?));
        if !root.join(&folder).is_dir() {
            Self::make(root, parent, requirements, &folder)?;
        }
        Ok(Self { folder })
    }

    /// The path of an installed program.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        let (folder, ending) = if cfg!(windows) { ("Scripts", ".exe") } else { ("bin", "") };
        self.folder.join(folder).join(format!("{name}{ending}"))
    }

    /// Builds beside the goal and renames at the end, so that an environment is there whole or not
    /// at all, even when two processes make it at the same time.
    fn make(root: &Path, parent: &Path, requirements: &Path, folder: &Path) -> Outcome {
        let draft = Self { folder: parent.join(format!("draft-{}", process::id())) };
        let made = draft.install(root, requirements).and_then(|()| {
            println!("$ mv {} {}", draft.folder.display(), folder.display());
            match fs::rename(root.join(&draft.folder), root.join(folder)) {
                Err(error) if !root.join(folder).is_dir() => Err(error.into()),
                _ => Ok(()),
            }
        });
        // Still there only if the work failed or another process was faster.
        let _ = fs::remove_dir_all(root.join(&draft.folder));
        made
    }

    fn install(&self, root: &Path, requirements: &Path) -> Outcome {
        let python = if cfg!(windows) { "python" } else { "python3" };
        Line::at(Path::new(python), "-m venv").with(&self.folder).show_and_run(root).map_err(|reason| {
            format!(
                "{reason}\n       Python 3.10 or newer with its venv module is needed: install `python3` \
                 (on Debian and Ubuntu also `python3-venv`) and run this again"
            )
        })?;
        let pip = "-m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r";
        Line::at(&self.program("python"), pip).with(requirements).show_and_run(root).map_err(|reason| {
            format!(
                "{reason}\n       The packages could not be installed: the first run needs the Python package \
                 registry (and Python 3.10 or newer); later runs need no network"
            )
            .into()
        })
    }
}

/// A name that changes when the requirements do. A toolchain that hashes otherwise makes the
/// environment anew, which is harmless.
fn key(requirements: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    requirements.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_requirements_are_another_environment() {
        assert_eq!(key(b"typos==1"), key(b"typos==1"));
        assert_ne!(key(b"typos==1"), key(b"typos==2"));
    }
}
