//! Why a store cannot be used.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dls_model::PackageId;

use super::position::Position;
use super::run_id::RunId;

/// Why a store cannot be used, or not for this run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A file or the directory cannot be read or written.
    #[error("the journal {} cannot be used: {why}", path.display())]
    Unusable {
        /// Which.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// There is no such run.
    #[error("there is no run {run} in the journal")]
    NoSuchRun {
        /// The name.
        run: RunId,
    },
    /// Packages are claimed by an open run: take that over instead.
    #[error("{}", in_conflict(run, packages, other_endpoint.as_deref()))]
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
    #[error("run {run} is in use by another process")]
    InUse {
        /// The run.
        run: RunId,
    },
    /// Another writer has taken the run over: this one's position is not the last one any more.
    #[error("run {run} was taken over by another process")]
    Fenced {
        /// The run.
        run: RunId,
    },
    /// The path does not name the file any more that this writer appends to, so nobody would find what is
    /// written.
    #[error("{} was removed or replaced while the run was under way", path.display())]
    Replaced {
        /// The path.
        path: PathBuf,
    },
    /// A later version wrote it.
    #[error("the journal of run {run} is of version {version}, which this program does not know")]
    Newer {
        /// The run.
        run: RunId,
        /// Its version.
        version: u32,
    },
    /// An entry is missing, was changed, or does not belong there.
    #[error("the journal of run {run} is broken at entry {entry}: {why}")]
    Broken {
        /// The run.
        run: RunId,
        /// The entry, counted from 1. If it is the first, nobody knows what the run may have sent.
        entry: u64,
        /// What is wrong with it, in one line.
        why: String,
    },
    /// The run is older than what is known to have been recorded: a copy was put back.
    #[error(
        "the journal of run {run} is older than the evidence: entry {} of the evidence is not among its {last} \
         entries",
        must_contain.entry
    )]
    Outdated {
        /// The run.
        run: RunId,
        /// The number of its last entry.
        last: u64,
        /// What is known to have been recorded.
        must_contain: Box<Position>,
    },
    /// The run can be read, so there is no reason to set it aside.
    #[error("the journal of run {run} is not broken, so it is not set aside")]
    NotBroken {
        /// The run.
        run: RunId,
    },
    /// The [`Run`](crate::Run) is under way already, and was not recorded from its beginning.
    #[error("a run that is under way cannot begin to be recorded")]
    TooLate,
    /// The run is of another place than the [`Client`](crate::Client).
    #[error("run {run} is of another endpoint, project or workspace")]
    OtherDestination {
        /// The run.
        run: RunId,
    },
    /// The store did not answer in time. What became of the call is not known.
    #[error("the journal did not answer within {} s", limit.as_secs_f32())]
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

fn in_conflict(run: &RunId, packages: &[PackageId], other_endpoint: Option<&str>) -> String {
    let packages: Vec<String> = packages.iter().map(ToString::to_string).collect();
    let endpoint = other_endpoint.map(|it| format!(" (that run is at {it})"));
    format!(
        "what became of {} in run {run} is not known yet{}",
        packages.join(", "),
        endpoint.unwrap_or_default()
    )
}
