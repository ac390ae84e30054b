//! The journal: where runs are recorded.
//!
//! A [`RunStore`] stores the events of runs, and a [`RunWriter`] appends to one of them. [`FileStore`] is the default. To
//! keep the journal elsewhere, for example in an object store, implement both and test them with [`conformance::check`].

mod chain;
mod claims;
pub mod conformance;
mod disk;
mod error;
mod file;
mod memory;
pub mod memory_disk;
mod position;
mod replay;
mod run_id;

use std::fmt;
use std::pin::Pin;

use dls_model::Timestamp;
use dls_rollout::{Event, Report, Rollout, RunSpec};

pub(crate) use chain::hex;
pub use disk::{Disk, DiskFile, FileState, OpenMode, OsDisk};
pub use error::StoreError;
pub use file::{Check, FileStore};
pub use memory::MemoryStore;
pub use memory_disk::MemoryDisk;
pub use position::Position;
pub use run_id::{InvalidRunId, RunId};

/// A boxed future, for traits with asynchronous methods.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The future of one call of a store.
pub type StoreFuture<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// Records runs, so that another process can continue one without sending anything twice.
///
/// The promise that no package is sent twice without consent holds within one store.
///
/// The futures have no timeout. It is unknown whether a call takes effect whose future is dropped.
pub trait RunStore: fmt::Debug + Send + Sync {
    /// Creates a run and claims its packages in one atomic step. Its first event must be durable.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] if an open run claims a package; an error of a run that cannot be read and may claim one; or
    /// an error of the store.
    fn create(&self, spec: RunSpec, at: Timestamp) -> StoreFuture<'_, Box<dyn RunWriter>>;

    /// Reads one run.
    ///
    /// # Errors
    ///
    /// There is no such run, or it cannot be read.
    fn load<'a>(&'a self, run: &'a RunId) -> StoreFuture<'a, StoredRun>;

    /// Reads all runs, the oldest first. Runs that cannot be read are errors in the list.
    ///
    /// # Errors
    ///
    /// The runs cannot be listed.
    fn list(&self) -> StoreFuture<'_, Vec<Result<StoredRun, StoreError>>>;

    /// Takes a run over. A previous writer must not exist any more, or is fenced: its next append fails.
    ///
    /// `must_contain` is a position that was recorded, for example from evidence.
    ///
    /// # Errors
    ///
    /// There is no such run, it cannot be read, another process writes it ([`StoreError::InUse`]), or it does not contain
    /// the position ([`StoreError::Outdated`]).
    fn take_over<'a>(
        &'a self,
        run: &'a RunId,
        must_contain: Option<&'a Position>,
    ) -> StoreFuture<'a, TakenOver>;
}

/// Appends to one run. If it is not the only writer of that run, its appends fail.
///
/// After a failed append it is unknown what was recorded, and the writer must not be used any more.
pub trait RunWriter: fmt::Debug + Send + Sync {
    /// The run.
    fn run(&self) -> &RunId;

    /// The last entry that this writer has recorded.
    fn position(&self) -> Position;

    /// Records an event, on the condition that the run's last entry is this writer's.
    ///
    /// A [decision](dls_rollout::EventKind::is_decision) must survive a crash of the machine, other events only a crash of this
    /// process: what is lost of them is observed again.
    ///
    /// # Errors
    ///
    /// The event was not recorded, or it is unknown whether it was.
    fn append<'a>(&'a mut self, event: &'a Event) -> StoreFuture<'a, Position>;

    /// Makes everything durable and marks the run as finished, so that later runs need not read it. Call it when no package
    /// is open.
    ///
    /// # Errors
    ///
    /// The end is not durable. The run is as its events describe.
    fn finish(&mut self) -> StoreFuture<'_, ()>;
}

/// A run that was taken over.
#[derive(Debug)]
pub struct TakenOver {
    /// Its only writer.
    pub writer: Box<dyn RunWriter>,
    /// Its state.
    pub rollout: Rollout,
}

/// A run that was read from a store.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredRun {
    /// The name of the run.
    pub id: RunId,
    /// What the run was created with.
    pub spec: RunSpec,
    /// When it was created.
    pub created_at: Timestamp,
    /// Its state at the last entry.
    pub report: Report,
    /// The incomplete entry that a crash left at the end, in one line. Nothing depends on it.
    pub unfinished: Option<String>,
    hashes: Vec<String>,
}

impl StoredRun {
    /// The hashes are those of its events, in order.
    pub(crate) fn new(id: RunId, rollout: &Rollout, hashes: Vec<String>) -> Self {
        Self {
            id,
            spec: rollout.spec().clone(),
            created_at: rollout.created_at(),
            report: rollout.report(),
            unfinished: None,
            hashes,
        }
    }

    /// Whether it can be resumed: a package has no final outcome.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.report.is_open()
    }

    /// Its last entry.
    #[must_use]
    pub fn position(&self) -> Position {
        Position {
            run: self.id.clone(),
            entry: u64::try_from(self.hashes.len()).unwrap_or(u64::MAX),
            hash: self.hashes.last().cloned().unwrap_or_default(),
        }
    }

    /// Whether the run contains this entry, and so all before it.
    #[must_use]
    pub fn contains(&self, position: &Position) -> bool {
        let index = usize::try_from(position.entry).ok();
        let index = index.and_then(|entry| entry.checked_sub(1));
        let hash = index.and_then(|index| self.hashes.get(index));
        self.id == position.run && hash == Some(&position.hash)
    }

    /// Fails if the run does not contain a position that is known to have been recorded.
    pub(crate) fn check_contains(&self, must_contain: Option<&Position>) -> Result<(), StoreError> {
        match must_contain.filter(|position| !self.contains(position)) {
            None => Ok(()),
            Some(position) => Err(StoreError::Outdated {
                run: self.id.clone(),
                last: self.position().entry,
                must_contain: Box::new(position.clone()),
            }),
        }
    }
}
