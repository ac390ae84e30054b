//! Where runs are recorded: what a store must do, and the stores that are there.
//!
//! A [`RunStore`] holds the events of each run, and a [`RunWriter`] appends to one of them. [`FileStore`] is
//! the default. Whoever writes another one holds it against [`conformance::check`].

mod chain;
mod claims;
pub mod conformance;
mod disk;
mod error;
mod file;
mod memory;
mod position;
mod replay;
mod run_id;

use std::fmt;
use std::pin::Pin;

use dls_model::Timestamp;
use dls_rollout::{Event, EventKind, Report, Rollout, RunSpec};

pub use disk::{Disk, DiskFile, FileState, OpenMode, OsDisk};
pub use error::StoreError;
pub use file::{Check, FileStore};
pub use memory::MemoryStore;
pub use position::Position;
pub use run_id::{InvalidRunId, RunId};

/// A future on the heap, so that a trait of asynchronous methods can be a trait object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The future of one call of a store.
pub type StoreFuture<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// Records runs, so that one that ended anyhow can be taken over without sending anything twice.
///
/// The promise that no package is sent twice without consent reaches as far as one store does.
///
/// The futures have no time limit of their own. Dropping one leaves open whether it took effect.
pub trait RunStore: fmt::Debug + Send + Sync {
    /// Creates a run and claims its packages in one atomic step. Its first event is durable before
    /// the future is ready.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] if a package is claimed by an open run; otherwise those of a run that
    /// cannot be read and may claim one, or of the store itself.
    fn create(&self, spec: RunSpec, at: Timestamp) -> StoreFuture<'_, Box<dyn RunWriter>>;

    /// Reads one run.
    ///
    /// # Errors
    ///
    /// There is no such run, or it cannot be read.
    fn load<'a>(&'a self, run: &'a RunId) -> StoreFuture<'a, StoredRun>;

    /// Reads all runs, the oldest first. One that cannot be read does not hide the others.
    ///
    /// # Errors
    ///
    /// It cannot be found out which runs there are.
    fn list(&self) -> StoreFuture<'_, Vec<Result<StoredRun, StoreError>>>;

    /// Takes a run over. Any other writer of it is fenced: either it exists no longer, or its next append
    /// fails.
    ///
    /// `must_contain` is a position that is known to have been recorded, from evidence for example.
    ///
    /// # Errors
    ///
    /// There is no such run, it cannot be read, another process writes it
    /// ([`StoreError::InUse`]), or it does not hold the position ([`StoreError::Outdated`]).
    fn take_over<'a>(
        &'a self,
        run: &'a RunId,
        must_contain: Option<&'a Position>,
    ) -> StoreFuture<'a, TakenOver>;
}

/// Appends to one run. It is the only writer of that run, or its appends fail.
///
/// After one failed append it is not known what was recorded, and no other one may be tried.
pub trait RunWriter: fmt::Debug + Send + Sync {
    /// The run.
    fn run(&self) -> &RunId;

    /// The last entry that this writer has recorded.
    fn position(&self) -> Position;

    /// Records what happened, on condition that the run's last entry is still this writer's.
    ///
    /// # Errors
    ///
    /// The event was not recorded, or is not known to be.
    fn append<'a>(
        &'a mut self,
        event: &'a Event,
        durability: Durability,
    ) -> StoreFuture<'a, Position>;

    /// Makes everything durable and marks the run as over, so that later runs need not read it. To be
    /// called when no package of it is open.
    ///
    /// # Errors
    ///
    /// The end is not durable. The run is still as its events say.
    fn finish(&mut self) -> StoreFuture<'_, ()>;
}

/// A run that was taken over.
#[derive(Debug)]
#[non_exhaustive]
pub struct TakenOver {
    /// Appends to it.
    pub writer: Box<dyn RunWriter>,
    /// What its events come to.
    pub rollout: Rollout,
}

impl TakenOver {
    /// A run with its writer.
    #[must_use]
    pub fn new(writer: Box<dyn RunWriter>, rollout: Rollout) -> Self {
        Self { writer, rollout }
    }
}

/// What an append must survive before it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Durability {
    /// The end of this process. Whatever is lost with the machine is learned again by observing.
    Buffered,
    /// The end of this machine.
    Durable,
}

/// How durably an event is recorded: what is a decision (to send, to send again, to give up, to take over)
/// outlives the machine, what was seen can be seen again.
#[must_use]
pub fn durability(event: &EventKind) -> Durability {
    match event.is_decision() {
        true => Durability::Durable,
        false => Durability::Buffered,
    }
}

/// A run as its store tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredRun {
    /// Its name.
    pub id: RunId,
    /// What was asked for.
    pub spec: RunSpec,
    /// When it was created.
    pub created_at: Timestamp,
    /// What had become of it at its last entry.
    pub report: Report,
    /// What a crash left half written after the last entry, in one line. It was never relied on.
    pub unfinished: Option<String>,
    hashes: Vec<String>,
}

impl StoredRun {
    /// A run with these events, of which the hashes are in the same order.
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

    /// Whether it can be taken over: the story of a package is not over.
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

    /// Whether this entry, and so all before it, is in the run.
    #[must_use]
    pub fn contains(&self, position: &Position) -> bool {
        let index = usize::try_from(position.entry).ok();
        let index = index.and_then(|entry| entry.checked_sub(1));
        let hash = index.and_then(|index| self.hashes.get(index));
        self.id == position.run && hash == Some(&position.hash)
    }

    /// Refuses a run that does not hold an entry which is known to have been recorded.
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
