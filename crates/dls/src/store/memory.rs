//! Runs in memory, for tests.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dls_model::Timestamp;
use dls_rollout::{Event, EventKind, Rollout, RunSpec};

use super::{
    Position, RunId, RunStore, RunWriter, StoreError, StoreFuture, StoredRun, TakenOver, chain,
    claims, replay,
};

/// Keeps runs until the process ends. Clones share them.
///
/// It has no locks, as a store on another machine may: a new writer fences the previous one.
///
/// ```
/// use dls::store::{MemoryStore, RunStore as _};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let store = MemoryStore::new();
/// assert!(store.list().await?.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    runs: Arc<Mutex<BTreeMap<RunId, Recorded>>>,
}

#[derive(Debug)]
struct Recorded {
    lines: Vec<u8>,
    /// The number of writers so far.
    epoch: u64,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn runs(&self) -> MutexGuard<'_, BTreeMap<RunId, Recorded>> {
        // A panic leaves no partial change: each change is one insertion.
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recorded {
    fn read(&self, run: &RunId) -> Result<(StoredRun, Rollout), StoreError> {
        replay::read(run, &self.lines).into_run()
    }
}

impl RunStore for MemoryStore {
    fn create(&self, spec: RunSpec, at: Timestamp) -> StoreFuture<'_, Box<dyn RunWriter>> {
        Box::pin(async move {
            let mut runs = self.runs();
            for (run, recorded) in runs.iter() {
                claims::refuse_conflict(&spec, &recorded.read(run)?.0)?;
            }
            let mut random = 0;
            let mut run = RunId::new(at, random);
            while runs.contains_key(&run) {
                random += 1;
                run = RunId::new(at, random);
            }
            let first = Event::new(at, EventKind::RunCreated(Box::new(spec)));
            let (lines, position) = chain::encode(&chain::origin(run.clone()), &first)?;
            runs.insert(run, Recorded { lines, epoch: 1 });
            Ok(Box::new(MemoryWriter { store: self.clone(), position, epoch: 1 }) as _)
        })
    }

    fn load<'a>(&'a self, run: &'a RunId) -> StoreFuture<'a, StoredRun> {
        Box::pin(async move {
            let runs = self.runs();
            let recorded = runs.get(run).ok_or_else(|| no_such_run(run))?;
            Ok(recorded.read(run)?.0)
        })
    }

    fn list(&self) -> StoreFuture<'_, Vec<Result<StoredRun, StoreError>>> {
        Box::pin(async move {
            let runs = self.runs();
            Ok(runs.iter().map(|(run, recorded)| Ok(recorded.read(run)?.0)).collect())
        })
    }

    fn take_over<'a>(
        &'a self,
        run: &'a RunId,
        must_contain: Option<&'a Position>,
    ) -> StoreFuture<'a, TakenOver> {
        Box::pin(async move {
            let mut runs = self.runs();
            let recorded = runs.get_mut(run).ok_or_else(|| no_such_run(run))?;
            let (stored, rollout) = recorded.read(run)?;
            stored.check_contains(must_contain)?;
            recorded.epoch += 1;
            let (position, epoch) = (stored.position(), recorded.epoch);
            let writer = Box::new(MemoryWriter { store: self.clone(), position, epoch });
            Ok(TakenOver { writer, rollout })
        })
    }
}

#[derive(Debug)]
struct MemoryWriter {
    store: MemoryStore,
    position: Position,
    epoch: u64,
}

impl RunWriter for MemoryWriter {
    fn run(&self) -> &RunId {
        &self.position.run
    }

    fn position(&self) -> Position {
        self.position.clone()
    }

    fn append<'a>(&'a mut self, event: &'a Event) -> StoreFuture<'a, Position> {
        Box::pin(async move {
            let mut runs = self.store.runs();
            let run = &self.position.run;
            let recorded = runs.get_mut(run).ok_or_else(|| no_such_run(run))?;
            if recorded.epoch != self.epoch {
                return Err(StoreError::Fenced(run.clone()));
            }
            let (line, position) = chain::encode(&self.position, event)?;
            recorded.lines.extend(line);
            self.position = position.clone();
            Ok(position)
        })
    }

    fn finish(&mut self) -> StoreFuture<'_, ()> {
        Box::pin(async { Ok(()) })
    }
}

fn no_such_run(run: &RunId) -> StoreError {
    StoreError::NoSuchRun(run.clone())
}
