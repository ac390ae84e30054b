//! Where runs are recorded, and the command that resumes one.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use dls::{FileStore, RunId, StoreError};

use crate::args::Global;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::stdio::note;
use crate::text::quoted;

/// The journal of this command.
#[derive(Debug)]
pub(crate) enum JournalLocation {
    /// None, as was asked for.
    Off,
    /// The one that the next command finds by itself.
    Default(FileStore),
    /// One that was named, by a flag or a variable.
    Named(FileStore),
    /// One that ends with this command, as the service does.
    Temporary(FileStore),
}

impl JournalLocation {
    /// The journal that flags and environment name, which can be written. Warns of what may go wrong with it.
    pub(crate) async fn resolve(global: &Global) -> Result<Self, Failure> {
        let open = async |folder: &Path| FileStore::open(folder).await.map_err(unusable);
        let journal = Self::found(global, open).await?;
        match &journal {
            Self::Default(store) | Self::Named(store) => {
                for warning in store.warnings() {
                    note(&format!("warning: the journal {warning}"));
                }
            }
            Self::Off => note(
                "warning: --journal off: if this command is interrupted, nothing records what it \
                 sent, and another command may send it again",
            ),
            Self::Temporary(_) => {}
        }
        Ok(journal)
    }

    /// The same to be read: it need not be writable, and nothing is made where there is none.
    pub(crate) async fn to_read(global: &Global) -> Result<Self, Failure> {
        Self::found(global, async |folder| Ok(FileStore::for_reading(folder))).await
    }

    async fn found(
        global: &Global,
        open: impl AsyncFn(&Path) -> Result<FileStore, Failure>,
    ) -> Result<Self, Failure> {
        let variable = std::env::var_os("DLS_JOURNAL").filter(|path| !path.is_empty());
        match global.journal.clone().or(variable.map(PathBuf::from)) {
            Some(path) if path.as_os_str() == "off" => Ok(Self::Off),
            Some(path) if global.is_temporary => Ok(Self::Temporary(open(&path).await?)),
            Some(path) => Ok(Self::Named(open(&path).await?)),
            None => Ok(Self::Default(open(&default_folder()?).await?)),
        }
    }

    pub(crate) fn store(&self) -> Option<&FileStore> {
        match self {
            Self::Off => None,
            Self::Default(store) | Self::Named(store) | Self::Temporary(store) => Some(store),
        }
    }

    /// The journal of a command that reads runs.
    pub(crate) fn existing(&self) -> Result<&FileStore, Failure> {
        self.store().ok_or_else(|| {
            Failure::usage("--journal off: there is no journal to read runs from")
                .with_next("give --journal DIR, or omit it")
        })
    }

    /// The line that takes this run up again, if any can.
    pub(crate) fn resume(&self, run: &RunId) -> Option<String> {
        match self {
            Self::Off | Self::Temporary(_) => None,
            Self::Default(_) => Some(format!("dls resume {run}")),
            Self::Named(_) => Some(self.here(&format!("dls resume {run}"))),
        }
    }

    /// This line of `dls`, for this journal.
    pub(crate) fn here(&self, line: &str) -> String {
        match self {
            Self::Named(store) => {
                let path = store.path().to_string_lossy();
                format!("{line} --journal {}", quoted(&path))
            }
            _ => line.to_owned(),
        }
    }

    /// What an error of the journal comes to: nothing was sent.
    pub(crate) fn failure(&self, error: &StoreError) -> Failure {
        let code = match error {
            StoreError::NoSuchRun(_) => ExitCode::NotFound,
            StoreError::Conflict { .. } => ExitCode::Unknown,
            _ => ExitCode::Refused,
        };
        Failure::new(code, format!("{error}; nothing was sent")).with_all_next(self.remedy(error))
    }

    fn remedy(&self, error: &StoreError) -> Option<String> {
        Some(match error {
            StoreError::Conflict { run, .. } | StoreError::NotBroken(run) => self.resume(run)?,
            StoreError::NoSuchRun(_) => self.here("dls history"),
            StoreError::InUse(_) => "wait until the other process has ended".to_owned(),
            StoreError::OtherVersion { .. } => "use the version of dls that created it".to_owned(),
            StoreError::Broken { run, .. } => format!(
                "{}, check its packages with `dls status`, then {}",
                self.here(&format!("dls journal check {run}")),
                self.here(&format!("dls journal set-aside {run}"))
            ),
            StoreError::Outdated { .. } => {
                "give the journal that the evidence belongs to: an older copy may not know what \
                 was sent"
                    .to_owned()
            }
            StoreError::OtherDestination(_) => {
                "omit `--region`, `--endpoint`, `--project-id` and `--workspace`: the journal has \
                 them"
                    .to_owned()
            }
            _ => ELSEWHERE.to_owned(),
        })
    }
}

const ELSEWHERE: &str =
    "give --journal DIR that can be written, or --journal off and lose `dls resume`";

fn unusable(what: impl Display) -> Failure {
    Failure::refused(what).with_next(ELSEWHERE)
}

/// A relative path counts as none, as the XDG base directories want it: never the working directory.
fn default_folder() -> Result<PathBuf, Failure> {
    let absolute = |name| {
        let path = PathBuf::from(std::env::var_os(name)?);
        path.is_absolute().then_some(path)
    };
    let home = || absolute("HOME").map(|home| home.join(".local/state"));
    let state = absolute("XDG_STATE_HOME").or_else(home).ok_or_else(|| {
        unusable(
            "there is no directory for the journal: neither XDG_STATE_HOME nor HOME is an absolute \
             path",
        )
    })?;
    Ok(state.join("dls/runs"))
}
