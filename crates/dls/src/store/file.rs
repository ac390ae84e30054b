//! Runs as files in a directory, one each.

mod broken;
mod folder;
mod warnings;
mod writer;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dls_model::Timestamp;
use dls_rollout::{Event, EventKind, RunSpec};

use super::claims;
use super::replay::{self, Contents};
use super::{
    BoxFuture, Disk, DiskFile, OpenMode, OsDisk, Position, RunId, RunStore, RunWriter, StoreError,
    StoredRun, TakenOver,
};
pub use broken::Check;
use writer::FileWriter;

/// A directory of runs, one file each.
///
/// A file has an entry a line: JSON with the run, the entry's number, what happened, and a SHA-256 hash over all of
/// it and over the entry before. So an entry that was changed, lost, doubled or moved is noticed. It
/// holds no secret, and can be read by its owner only.
///
/// A file takes at most 256 MiB: what would make it longer is not recorded.
///
/// A run that is under way holds a lock on its file, which dies with the process. What is read of a run that is
/// not locked may change, too: a crash can take away what was not durable.
///
/// It is for Unix: on Windows [`FileStore::open`] fails, because locks there need other rights and shut out
/// readers, too.
#[derive(Debug, Clone)]
pub struct FileStore {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    /// The longest file of a run, in bytes.
    longest: u64,
}

/// A run of a hundred thousand packages takes less, and a service that describes them at ever greater length does not
/// fill the disk, nor the memory of the next command.
const LONGEST: u64 = 256 << 20;

impl FileStore {
    /// The store in this directory, which is made if it is not there.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unusable`] if nothing can be written there, or if another process keeps the directory
    /// locked for longer than 10 s.
    pub async fn open(folder: impl Into<PathBuf>) -> Result<Self, StoreError> {
        Self::open_on(OsDisk, folder).await
    }

    /// The store in a directory of any disk, which is made if it is not there.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub async fn open_on(
        disk: impl Disk + 'static,
        folder: impl Into<PathBuf>,
    ) -> Result<Self, StoreError> {
        let disk: Arc<dyn Disk> = Arc::new(disk);
        let store = Self { disk, folder: folder.into(), longest: LONGEST };
        store.prepare().await?;
        Ok(store)
    }

    /// The store in this directory, as it is: nothing is made or written there until a run is taken over, so
    /// that one that is kept as evidence can be read where nobody may write. A directory that is not
    /// there holds no run.
    #[must_use]
    pub fn for_reading(folder: impl Into<PathBuf>) -> Self {
        Self { disk: Arc::new(OsDisk), folder: folder.into(), longest: LONGEST }
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// What may make the directory a bad place for runs, a line each; nothing is wrong in itself. It is on a
    /// network file system, whose locks and flushes may promise more than they hold, or in a git work tree,
    /// where the next `git clean` removes it and the next commit publishes it.
    ///
    /// It reads a few small files, and blocks while it does.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        warnings::of(&self.folder)
    }

    async fn create_run(
        &self,
        spec: RunSpec,
        at: Timestamp,
    ) -> Result<Box<dyn RunWriter>, StoreError> {
        let mut lock = self.lock().await?;
        self.refuse_misnamed_files().await?;
        self.refuse_conflict(&spec).await?;
        let run = self.new_id(at).await?;
        let first = Event::new(at, EventKind::RunCreated(Box::new(spec)));
        let (lines, position) = self.lines(&run, &[first])?;
        let path = self.file_of(&run, false);
        // Whoever removed the lock meanwhile let another process in.
        self.prove_lock(&mut *lock).await?;
        let writer = FileWriter::create(self, path, lines, position).await?;
        Ok(Box::new(writer))
    }

    async fn refuse_conflict(&self, spec: &RunSpec) -> Result<(), StoreError> {
        let open = self.ids().await?.into_iter().filter(|(_, is_finished)| !is_finished);
        for (run, _) in open {
            let contents = self.contents(&run).await?;
            let other = contents.spec().cloned();
            let stored = contents.into_run();
            match (stored, other) {
                (Ok((stored, _)), _) => claims::refuse_conflict(spec, &stored)?,
                // Broken further on: it may touch what it began with, and nothing else.
                (Err(_), Some(other)) if !claims::may_touch(spec, &other) => {}
                (Err(error), _) => return Err(error),
            }
        }
        Ok(())
    }

    async fn load_run(&self, run: &RunId) -> Result<StoredRun, StoreError> {
        let (stored, _) = self.contents(run).await?.into_run()?;
        Ok(stored)
    }

    async fn list_runs(&self) -> Result<Vec<Result<StoredRun, StoreError>>, StoreError> {
        let mut runs = Vec::new();
        for (run, _) in self.ids().await? {
            runs.push(self.load_run(&run).await);
        }
        Ok(runs)
    }

    async fn take_over_run(
        &self,
        run: &RunId,
        must_contain: Option<&Position>,
    ) -> Result<TakenOver, StoreError> {
        let (path, is_finished) = self.find(run).await?;
        let mut file = self.open_file(&path, OpenMode::Append).await?;
        let unusable = |error| StoreError::unusable(&path, &error);
        if !file.try_lock().await.map_err(unusable)? {
            return Err(StoreError::InUse { run: run.clone() });
        }
        // Whoever had the lock before may have put another file in its place.
        self.prove(&path, &mut *file).await?;
        let contents = replay::read(run, &self.read(&path, &mut *file).await?);
        let tail = Tail::of(&contents);
        let (version, chain) = (contents.version, contents.chain.clone());
        let events = match version {
            1 => contents.events.clone(),
            _ => Vec::new(),
        };
        let (stored, rollout) = contents.into_run()?;
        stored.check_contains(must_contain)?;
        // The name says that it is over, and by what is known today it is not.
        let name = self.file_of(run, is_finished && !rollout.report().is_open());
        let writer = if version == 1 {
            let _lock = self.lock().await?;
            let (lines, position) = self.lines(run, &events)?;
            FileWriter::create(self, path.clone(), lines, position).await?
        } else {
            FileWriter::take_over(self, path.clone(), file, chain, tail).await?
        };
        let writer = writer.named(name).await?;
        Ok(TakenOver::new(Box::new(writer), rollout))
    }

    fn lines(&self, run: &RunId, events: &[Event]) -> Result<(Vec<u8>, Position), StoreError> {
        let lines = replay::lines(run, events);
        lines.map_err(|error| StoreError::unusable(&self.folder, &error.into()))
    }

    async fn contents(&self, run: &RunId) -> Result<Contents, StoreError> {
        let (path, _) = self.find(run).await?;
        let mut file = self.open_file(&path, OpenMode::Read).await?;
        Ok(replay::read(run, &self.read(&path, &mut *file).await?))
    }

    async fn read(&self, path: &Path, file: &mut dyn DiskFile) -> Result<Vec<u8>, StoreError> {
        let unusable = |error| StoreError::unusable(path, &error);
        let length = file.state().await.map_err(unusable)?.length;
        self.refuse_length(path, length)?;
        file.read().await.map_err(unusable)
    }

    fn refuse_length(&self, path: &Path, length: u64) -> Result<(), StoreError> {
        if length <= self.longest {
            return Ok(());
        }
        let why = format!("a run takes at most {} MiB", self.longest >> 20);
        Err(StoreError::unusable(path, &io::Error::other(why)))
    }
}

impl RunStore for FileStore {
    fn create(
        &self,
        spec: RunSpec,
        at: Timestamp,
    ) -> BoxFuture<'_, Result<Box<dyn RunWriter>, StoreError>> {
        Box::pin(self.create_run(spec, at))
    }

    fn load<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<StoredRun, StoreError>> {
        Box::pin(self.load_run(run))
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<Result<StoredRun, StoreError>>, StoreError>> {
        Box::pin(self.list_runs())
    }

    fn take_over<'a>(
        &'a self,
        run: &'a RunId,
        must_contain: Option<&'a Position>,
    ) -> BoxFuture<'a, Result<TakenOver, StoreError>> {
        Box::pin(self.take_over_run(run, must_contain))
    }
}

/// What is to be done at the end of a file before it is appended to.
struct Tail {
    valid: u64,
    lacks_end: bool,
    is_cut: bool,
}

impl Tail {
    fn of(contents: &Contents) -> Self {
        Self {
            valid: u64::try_from(contents.valid).unwrap_or(u64::MAX),
            lacks_end: contents.lacks_end,
            is_cut: contents.lacks_end || contents.unfinished.is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use dls_model::{JobStart, PackageId};
    use dls_rollout::{Destination, Options, Selection};

    use super::*;
    use crate::store::Durability;

    #[tokio::test]
    async fn a_file_does_not_grow_beyond_its_limit_and_a_longer_one_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = FileStore::open(folder.path()).await.unwrap();
        store.longest = 2048;
        let (project, workspace) = ("p-1".parse().unwrap(), "default".parse().unwrap());
        let destination = Destination::new("https://dayu.example.com", project, workspace);
        let packages = Selection::from(PackageId::try_from(23).unwrap());
        let spec = RunSpec::new(destination, packages, Options::new(JobStart::Later));
        let at = Timestamp::from_millis(1_747_106_000_000).unwrap();
        let mut writer = store.create(spec, at).await.unwrap();
        let run = writer.run().clone();
        let waited = Event::new(at, EventKind::Waited);
        let error = loop {
            match writer.append(&waited, Durability::Buffered).await {
                Ok(position) => assert!(position.entry < 20),
                Err(error) => break error,
            }
        };
        assert!(error.to_string().contains("at most"), "{error}");
        store.load(&run).await.unwrap();
        store.longest = 1024;
        let error = store.load(&run).await.unwrap_err();
        assert!(error.to_string().contains("at most"), "{error}");
    }
}
