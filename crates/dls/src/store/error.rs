//! Why a store cannot be used.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dls_model::PackageId;

use super::position::Position;
use super::run_id::RunId;

/// Why a store cannot be used, or not for this run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreError {
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
    /// Packages are claimed by an open run: take that over instead.
    Conflict {
        /// That run.
        run: RunId,
        /// The packages that both name.
        packages: Vec<PackageId>,
        /// Whether that run is of the very same plan.
        same_plan: bool,
        /// The address of the service that the other run uses, if it is not the same text.
        other_endpoint: Option<String>,
    },
    /// Another process writes the run.
    InUse {
        /// The run.
        run: RunId,
    },
    /// Another writer has taken the run over: this one's position is not the last one any more.
    Fenced {
        /// The run.
        run: RunId,
    },
    /// The path does not name the file any more that this writer appends to, so nobody would find what is
    /// written.
    Replaced {
        /// The path.
        path: PathBuf,
    },
    /// A later version wrote it.
    Newer {
        /// The run.
        run: RunId,
        /// Its version.
        version: u32,
    },
    /// An entry is missing, was changed, or does not belong there.
    Broken {
        /// The run.
        run: RunId,
        /// The entry, counted from 1. If it is the first, nobody knows what the run may have sent.
        entry: u64,
        /// What is wrong with it, in one line.
        why: String,
    },
    /// The run is older than what is known to have been recorded: a copy was put back.
    Outdated {
        /// The run.
        run: RunId,
        /// The number of its last entry.
        last: u64,
        /// What is known to have been recorded.
        must_contain: Box<Position>,
    },
    /// The run can be read, so there is no reason to set it aside.
    NotBroken {
        /// The run.
        run: RunId,
    },
    /// The [`Run`](crate::Run) is under way already, and was not recorded from its beginning.
    TooLate,
    /// The run is of another place than the [`Client`](crate::Client).
    OtherDestination {
        /// The run.
        run: RunId,
    },
    /// The store did not answer in time. What became of the call is not known.
    TimedOut {
        /// The limit.
        limit: Duration,
    },
}

impl StoreError {
    pub(crate) fn unusable(path: &Path, error: &io::Error) -> Self {
        Self::Unusable { path: path.to_owned(), why: error.to_string() }
    }

    /// The run that it is about, if it is about one.
    #[must_use]
    pub fn run(&self) -> Option<&RunId> {
        match self {
            Self::NoSuchRun { run }
            | Self::Conflict { run, .. }
            | Self::InUse { run }
            | Self::Fenced { run }
            | Self::Newer { run, .. }
            | Self::Broken { run, .. }
            | Self::Outdated { run, .. }
            | Self::NotBroken { run }
            | Self::OtherDestination { run } => Some(run),
            Self::Unusable { .. }
            | Self::Replaced { .. }
            | Self::TooLate
            | Self::TimedOut { .. } => None,
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unusable { path, why } => {
                write!(f, "the journal {} cannot be used: {why}", path.display())
            }
            Self::NoSuchRun { run } => write!(f, "there is no run {run} in the journal"),
            Self::Conflict { run, packages, other_endpoint, .. } => {
                let packages: Vec<String> = packages.iter().map(ToString::to_string).collect();
                let packages = packages.join(", ");
                write!(f, "what became of {packages} in run {run} is not known yet")?;
                match other_endpoint {
                    Some(endpoint) => write!(f, " (that run is at {endpoint})"),
                    None => Ok(()),
                }
            }
            Self::InUse { run } => write!(f, "run {run} is in use by another process"),
            Self::Fenced { run } => {
                write!(f, "run {run} was taken over by another process")
            }
            Self::Replaced { path } => {
                write!(f, "{} was removed or replaced while the run was under way", path.display())
            }
            Self::Newer { run, version } => write!(
                f,
                "the journal of run {run} is of version {version}, which this program does not know"
            ),
            Self::Broken { run, entry, why } => {
                write!(f, "the journal of run {run} is broken at entry {entry}: {why}")
            }
            Self::Outdated { run, last, must_contain } => write!(
                f,
                "the journal of run {run} is older than the evidence: entry {} of the evidence is not \
                 among its {last} entries",
                must_contain.entry
            ),
            Self::NotBroken { run } => {
                write!(f, "the journal of run {run} is not broken, so it is not set aside")
            }
            Self::TooLate => f.write_str("a run that is under way cannot begin to be recorded"),
            Self::OtherDestination { run } => {
                write!(f, "run {run} is of another endpoint, project or workspace")
            }
            Self::TimedOut { limit } => {
                write!(f, "the journal did not answer within {} s", limit.as_secs_f32())
            }
        }
    }
}

impl std::error::Error for StoreError {}
