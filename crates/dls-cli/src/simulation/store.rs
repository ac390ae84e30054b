//! The runs of a case on its disk, as each command of the user opens them.

use dls::rollout::RunSpec;
use dls::store::{FileStore, RunStore as _, StoreError};
use dls::{Resume, Run, RunId};

use super::disk::SimDisk;
use super::disk::platter::{ALIAS, DIRECTORY};
use super::wire::Wire;
use super::world::World;

/// The spellings of one directory.
const SPELLINGS: [&str; 4] = [DIRECTORY, ALIAS, "/state/../state", "/link/./"];

pub(crate) struct Store(World);

impl Store {
    pub(crate) fn new(world: &World) -> Self {
        Self(world.clone())
    }

    pub(crate) async fn create(&self, wire: Wire, spec: RunSpec) -> Result<Run, StoreError> {
        let store = self.open().await?;
        Run::new(wire, self.0.clone(), spec).with_store(&store).await
    }

    pub(crate) async fn take_over(&self, wire: Wire, run: &RunId) -> Result<Run, StoreError> {
        let store = self.open().await?;
        Run::resume(wire, self.0.clone(), &store, run, Resume::default()).await
    }

    pub(crate) async fn open_runs(&self) -> Result<Vec<RunId>, StoreError> {
        let runs = self.open().await?.list().await?.into_iter().flatten();
        Ok(runs.filter(|run| run.is_open()).map(|run| run.id).collect())
    }

    async fn open(&self) -> Result<FileStore, StoreError> {
        let spelling = self.0.state().rng.usize(0..SPELLINGS.len());
        let spelling = SPELLINGS.get(spelling).copied().unwrap_or(DIRECTORY);
        FileStore::open_on(SimDisk::new(&self.0), spelling).await
    }
}
