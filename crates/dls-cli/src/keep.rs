//! Where runs are kept, and what to type to take one up again.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use dls::{Journal, JournalError, RunId};
use tempfile::TempDir;

use crate::args::Global;
use crate::exit::Failure;
use crate::output::note;
use crate::words::quoted;

/// The journal of this command.
#[derive(Debug)]
pub(crate) enum Keep {
    /// None, as was asked for.
    Off,
    /// The one that the next command finds by itself.
    Default(Journal),
    /// One that was named, by a flag or a variable.
    Named(Journal),
    /// One that ends with this command, as its emulator does.
    Passing { journal: Journal, _folder: TempDir },
}

impl Keep {
    /// The journal that flags and environment name, which can be written.
    pub(crate) fn resolve(global: &Global) -> Result<Self, Failure> {
        Self::found(global, at)
    }

    /// The same to be read: it need not be writable, and nothing is made where there is none.
    pub(crate) fn to_read(global: &Global) -> Result<Self, Failure> {
        Self::found(global, |folder| Ok(Journal::for_reading(folder)))
    }

    fn found(
        global: &Global,
        open: impl Fn(&Path) -> Result<Journal, Failure>,
    ) -> Result<Self, Failure> {
        let variable = std::env::var_os("DLS_JOURNAL").map(PathBuf::from);
        let named = [&global.journal, &variable];
        let [flag, variable] = named.map(|path| path.as_deref());
        if flag.is_some_and(|path| path.as_os_str().is_empty()) {
            return Err(Failure::usage(
                "--journal: it must name a directory, or be off",
            ));
        }
        match flag.or(variable.filter(|path| !path.as_os_str().is_empty())) {
            Some(path) if path.as_os_str() == "off" => Ok(Self::Off),
            Some(path) => Ok(Self::Named(open(path)?)),
            None if global.emulator => Self::passing(),
            None => Ok(Self::Default(open(&default_folder()?)?)),
        }
    }

    fn passing() -> Result<Self, Failure> {
        let folder = tempfile::Builder::new().prefix("dls-").tempdir();
        let folder = folder.map_err(|error| unusable(error.to_string()))?;
        Ok(Self::Passing {
            journal: at(folder.path())?,
            _folder: folder,
        })
    }

    pub(crate) fn journal(&self) -> Option<&Journal> {
        match self {
            Self::Off => None,
            Self::Default(journal) | Self::Named(journal) | Self::Passing { journal, .. } => {
                Some(journal)
            }
        }
    }

    /// Says what is given up without a journal.
    pub(crate) fn warn(&self) {
        if let Self::Off = self {
            note(
                "warning: --journal off: if this command is cut short, nothing remembers what it \
                 sent, and another one may send it again",
            );
        }
    }

    /// The line that takes this run up again, if any can.
    pub(crate) fn resume(&self, run: &RunId) -> Option<String> {
        match self {
            Self::Off | Self::Passing { .. } => None,
            Self::Default(_) => Some(format!("dls resume {run}")),
            Self::Named(_) => Some(self.here(&format!("dls resume {run}"))),
        }
    }

    /// This line of `dls`, for this journal.
    pub(crate) fn here(&self, line: &str) -> String {
        match self {
            Self::Named(journal) => {
                let path = journal.path().to_string_lossy();
                format!("{line} --journal {}", quoted(&path))
            }
            _ => line.to_owned(),
        }
    }

    /// What an error of the journal comes to: nothing was sent.
    pub(crate) fn failure(&self, error: &JournalError) -> Failure {
        let code = match error {
            JournalError::NoSuchRun { .. } => 5,
            JournalError::Conflict { .. } => 7,
            _ => 9,
        };
        let failure = Failure::new(code, format!("{error}; nothing was sent"));
        match self.remedy(error) {
            Some(next) => failure.with_next(next),
            None => failure,
        }
    }

    fn remedy(&self, error: &JournalError) -> Option<String> {
        Some(match error {
            JournalError::Conflict { run, .. } => self.resume(run)?,
            JournalError::NoSuchRun { .. } => self.here("dls history"),
            JournalError::Locked { .. } => "wait until the other process has ended".to_owned(),
            JournalError::Empty { .. } => "dls deploy again: that run had not begun".to_owned(),
            JournalError::Newer { .. } => "use the version of dls that began it".to_owned(),
            JournalError::Broken { run, .. } => {
                let folder = self.journal()?.path();
                format!(
                    "look with `dls status` what became of its packages, then move {} away",
                    folder.join(format!("{run}*.jsonl")).display()
                )
            }
            JournalError::OtherPlace { .. } => "leave the flags for the place away".to_owned(),
            _ => ELSEWHERE.to_owned(),
        })
    }
}

const ELSEWHERE: &str =
    "give --journal DIR that can be written, or --journal off and lose `dls resume`";

fn at(folder: &Path) -> Result<Journal, Failure> {
    Journal::at(folder).map_err(|error| unusable(error.to_string()))
}

fn unusable(what: String) -> Failure {
    Failure::new(9, format!("{what}; nothing was sent")).with_next(ELSEWHERE)
}

fn default_folder() -> Result<PathBuf, Failure> {
    let variable = |name| std::env::var_os(name);
    folder_in(variable("XDG_STATE_HOME"), variable("HOME")).ok_or_else(|| {
        unusable(
            "no journal can be kept: neither XDG_STATE_HOME nor HOME is a directory".to_owned(),
        )
    })
}

/// A relative path counts as none, as the XDG base directories want it: never the working directory.
fn folder_in(state: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    let absolute = |path: OsString| Some(PathBuf::from(path)).filter(|path| path.is_absolute());
    let home = || {
        home.and_then(absolute)
            .map(|home| home.join(".local/state"))
    };
    let state = state.and_then(absolute).or_else(home)?;
    Some(state.join("dls/runs"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_never_below_the_working_directory() {
        let folder = |state: Option<&str>, home: Option<&str>| {
            folder_in(state.map(OsString::from), home.map(OsString::from))
        };
        let path = |path: &str| Some(PathBuf::from(path));
        assert_eq!(folder(Some("/s"), Some("/h")), path("/s/dls/runs"));
        assert_eq!(folder(None, Some("/h")), path("/h/.local/state/dls/runs"));
        for relative in ["", ".", "state"] {
            assert_eq!(
                folder(Some(relative), Some("/h")),
                path("/h/.local/state/dls/runs")
            );
            assert_eq!(folder(None, Some(relative)), None);
        }
    }
}
