//! Why a journal cannot be used.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use dls_model::PackageId;
use dls_rollout::Began;

use super::RunId;

/// Why a journal cannot be used. Nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum JournalError {
    /// A file or the directory cannot be read or written.
    Unusable {
        /// Which.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// There is no such run.
    NoSuchRun {
        /// The name.
        run: RunId,
    },
    /// Packages belong to a run whose end is not known: take that up instead.
    Conflict {
        /// That run.
        run: RunId,
        /// The packages.
        packages: Vec<PackageId>,
        /// Whether that run is of the very same plan.
        same_plan: bool,
    },
    /// Another process is at it.
    Locked {
        /// The run.
        run: RunId,
    },
    /// The file holds no event: the run ended before anything was sent.
    Empty {
        /// The run.
        run: RunId,
    },
    /// A later version wrote it.
    Newer {
        /// The run.
        run: RunId,
        /// Its version of the events.
        version: u32,
    },
    /// A line is no event.
    Broken {
        /// The run.
        run: RunId,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
    /// The run is under way already.
    TooLate,
    /// The run is of another place than the client.
    OtherPlace {
        /// The run.
        run: RunId,
    },
}

impl JournalError {
    pub(super) fn unusable(path: &Path, error: &io::Error) -> Self {
        Self::Unusable {
            path: path.to_owned(),
            why: error.to_string(),
        }
    }
}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unusable { path, why } => {
                write!(f, "the journal {} cannot be used: {why}", path.display())
            }
            Self::NoSuchRun { run } => write!(f, "there is no run {run} in the journal"),
            Self::Conflict { run, packages, .. } => {
                let packages: Vec<String> = packages.iter().map(ToString::to_string).collect();
                write!(
                    f,
                    "what became of {} in run {run} is not known yet",
                    packages.join(", ")
                )
            }
            Self::Locked { run } => write!(f, "another process is at run {run}"),
            Self::Empty { run } => {
                write!(f, "the journal of run {run} is empty: it sent nothing")
            }
            Self::Newer { run, version } => write!(
                f,
                "the journal of run {run} is of version {version}, and this program knows only \
                 those up to {}",
                Began::VERSION
            ),
            Self::Broken { run, line, why } => {
                write!(f, "the journal of run {run}, line {line}, is broken: {why}")
            }
            Self::TooLate => f.write_str("a run that is under way cannot begin to keep a journal"),
            Self::OtherPlace { run } => {
                write!(f, "run {run} is of another endpoint, project or workspace")
            }
        }
    }
}

impl std::error::Error for JournalError {}
