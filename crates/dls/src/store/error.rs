//! Errors of run stores.

use std::path::PathBuf;
use std::time::Duration;

use dls_model::PackageId;

use super::position::Position;
use super::run_id::RunId;

/// Why a store call failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A file or the directory cannot be read or written.
    #[error("the journal {} cannot be used: {why}", path.display())]
    Unusable {
        /// The file or directory.
        path: PathBuf,
        /// The system's message.
        why: String,
    },
    /// There is no such run.
    #[error("there is no run {0} in the journal")]
    NoSuchRun(RunId),
    /// An open run claims packages of the new one. Resume that run instead.
    #[error("{}", in_conflict(run, packages, other_endpoint.as_deref()))]
    Conflict {
        /// The open run.
        run: RunId,
        /// The packages of both.
        packages: Vec<PackageId>,
        /// Whether both have the same plan.
        same_plan: bool,
        /// The address of the open run, if it is not the same text.
        other_endpoint: Option<String>,
    },
    /// Another process writes the run.
    #[error("run {0} is in use by another process")]
    InUse(RunId),
    /// Another writer has taken the run over, so that the position of this one is not the last one any more.
    #[error("run {0} was taken over by another process")]
    Fenced(RunId),
    /// The path does not lead to the open file any more, so that readers would not find what is written.
    #[error("{} was removed or replaced while the run was under way", .0.display())]
    Replaced(PathBuf),
    /// Another version of this program wrote the run.
    #[error(
        "the journal of run {run} has version {found}; this program reads version {known} only"
    )]
    OtherVersion {
        /// The run.
        run: RunId,
        /// Its version.
        found: u64,
        /// The version that is read.
        known: u32,
    },
    /// An entry is missing, was changed, or belongs elsewhere.
    #[error("the journal of run {run} is broken at entry {entry}: {why}")]
    Broken {
        /// The run.
        run: RunId,
        /// The entry, counted from 1. If it is the first, the packages of the run are unknown.
        entry: u64,
        /// The problem, in one line.
        why: String,
    },
    /// The record is older than the evidence, for example a restored copy.
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
        /// The position in the evidence.
        must_contain: Box<Position>,
    },
    /// The run can be read, so it is not set aside.
    #[error("the journal of run {0} is not broken, so it is not set aside")]
    NotBroken(RunId),
    /// The [`Run`](crate::Run) has already started, without a record of its first events.
    #[error("the run has already started, so it cannot be recorded any more")]
    TooLate,
    /// The run has another destination than the [`Client`](crate::Client).
    #[error("run {0} belongs to another endpoint, project or workspace")]
    OtherDestination(RunId),
    /// The store did not answer in time. It is unknown whether the call took effect.
    #[error("the journal did not answer within {} s", .0.as_secs_f32())]
    TimedOut(Duration),
}

impl StoreError {
    /// The run that the error is about.
    #[must_use]
    pub fn run(&self) -> Option<&RunId> {
        match self {
            Self::NoSuchRun(run)
            | Self::Conflict { run, .. }
            | Self::InUse(run)
            | Self::Fenced(run)
            | Self::OtherVersion { run, .. }
            | Self::Broken { run, .. }
            | Self::Outdated { run, .. }
            | Self::NotBroken(run)
            | Self::OtherDestination(run) => Some(run),
            Self::Unusable { .. } | Self::Replaced(_) | Self::TooLate | Self::TimedOut(_) => None,
        }
    }
}

fn in_conflict(run: &RunId, packages: &[PackageId], other_endpoint: Option<&str>) -> String {
    let packages: Vec<String> = packages.iter().map(ToString::to_string).collect();
    let endpoint = other_endpoint.map(|it| format!(" (that run is at {it})"));
    format!(
        "the outcome of {} in run {run} is not known yet{}",
        packages.join(", "),
        endpoint.unwrap_or_default()
    )
}
