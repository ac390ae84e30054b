//! Runs as files in a directory, one each.

mod broken;
mod directory;
mod warnings;
mod writer;

use std::path::{Path, PathBuf};

use dls_model::Timestamp;
use dls_rollout::{Event, EventKind, RunSpec};

use super::claims;
use super::replay::{self, Contents};
use super::{
    Disk, OpenMode, OsDisk, Position, RunId, RunStore, RunWriter, StoreError, StoreFuture,
    StoredRun, TakenOver,
};
pub use broken::Check;
use directory::Directory;
use writer::FileWriter;

/// A directory of runs, one file each.
///
/// A file has one entry per line: JSON with the run, the entry's number, the event, and a SHA-256 hash over all of
/// it and over the entry before. So an entry that was changed, lost, duplicated or moved is detected. It
/// contains no secret, and only its owner can read it.
///
/// A file takes at most 256 MiB: what would make it longer is not recorded.
///
/// A process that writes a run holds a lock on its file; the lock ends with the process. What was read of a run
/// that is not locked may still be lost in a crash, if it was not durable.
///
/// It needs Unix: on Windows [`FileStore::open`] fails, because locks there need other rights and exclude
/// readers, too.
#[derive(Debug, Clone)]
pub struct FileStore {
    directory: Directory,
}

impl FileStore {
    /// The store in this directory, which is created if it is missing.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unusable`] if nothing can be written there, or if another process keeps the directory
    /// locked for longer than 10 s.
    pub async fn open(directory: impl Into<PathBuf>) -> Result<Self, StoreError> {
        Self::open_on(OsDisk, directory).await
    }

    /// The store in a directory of any disk, which is created if it is missing.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub async fn open_on(
        disk: impl Disk + 'static,
        directory: impl Into<PathBuf>,
    ) -> Result<Self, StoreError> {
        let store = Self { directory: Directory::new(disk, directory.into()) };
        store.directory.create().await?;
        Ok(store)
    }

    /// The store in this directory, for reading: nothing is created or written there until a run is taken over, so
    /// archived runs can be read from a read-only directory. A directory that does not exist holds no run.
    #[must_use]
    pub fn for_reading(directory: impl Into<PathBuf>) -> Self {
        Self { directory: Directory::new(OsDisk, directory.into()) }
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.directory.path
    }

    /// Warnings about the directory, one per line. It is on a network file system, whose locks and flushes
    /// may be unreliable, or in a git work tree, where `git clean` removes it and a commit may publish it.
    ///
    /// It reads a few small files, and blocks while it does.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        warnings::of(&self.directory.path)
    }

    async fn refuse_conflict(
        &self,
        spec: &RunSpec,
        runs: &[(RunId, bool)],
    ) -> Result<(), StoreError> {
        for (run, _) in runs.iter().filter(|(_, is_finished)| !is_finished) {
            let contents = self.contents(run).await?;
            let other = contents.spec().cloned();
            match (contents.into_run(), other) {
                (Ok((stored, _)), _) => claims::refuse_conflict(spec, &stored)?,
                // Broken at a later entry: it claims the packages of its first entry, and no others.
                (Err(_), Some(other)) if !claims::may_touch(spec, &other) => {}
                (Err(error), _) => return Err(error),
            }
        }
        Ok(())
    }

    async fn contents(&self, run: &RunId) -> Result<Contents, StoreError> {
        let (path, _) = self.directory.find(run).await?;
        let mut file = self.directory.open(path, OpenMode::Read).await?;
        Ok(replay::read(run, &self.directory.read(&mut file).await?))
    }
}

impl RunStore for FileStore {
    fn create(&self, spec: RunSpec, at: Timestamp) -> StoreFuture<'_, Box<dyn RunWriter>> {
        Box::pin(async move {
            let mut lock = self.directory.lock().await?;
            self.directory.refuse_misnamed_files().await?;
            let runs = self.directory.runs().await?;
            self.refuse_conflict(&spec, &runs).await?;
            let run = self.directory.new_id(at, &runs);
            let first = Event::new(at, EventKind::RunCreated(Box::new(spec)));
            let path = self.directory.path_of(&run, false);
            // If somebody removed the lock meanwhile, another process may hold a new one.
            self.directory.verify(&mut lock).await?;
            let writer = FileWriter::create(self.directory.clone(), path, run, &first).await?;
            Ok(Box::new(writer) as _)
        })
    }

    fn load<'a>(&'a self, run: &'a RunId) -> StoreFuture<'a, StoredRun> {
        Box::pin(async move { Ok(self.contents(run).await?.into_run()?.0) })
    }

    fn list(&self) -> StoreFuture<'_, Vec<Result<StoredRun, StoreError>>> {
        Box::pin(async move {
            let mut runs = Vec::new();
            for (run, _) in self.directory.runs().await? {
                runs.push(self.load(&run).await);
            }
            Ok(runs)
        })
    }

    fn take_over<'a>(
        &'a self,
        run: &'a RunId,
        must_contain: Option<&'a Position>,
    ) -> StoreFuture<'a, TakenOver> {
        Box::pin(async move {
            let directory = self.directory.clone();
            let (path, is_finished) = directory.find(run).await?;
            let mut file = directory.open(path, OpenMode::Append).await?;
            file.lock(run).await?;
            // The previous holder of the lock may have replaced the file.
            directory.verify(&mut file).await?;
            let contents = replay::read(run, &directory.read(&mut file).await?);
            let end = contents.end.clone();
            let (stored, rollout) = contents.into_run()?;
            stored.check_contains(must_contain)?;
            let mut writer = FileWriter::take_over(directory, file, stored.position(), end).await?;
            // A file may have the name of a finished run although this version considers the run open.
            let is_finished = is_finished && !rollout.report().is_open();
            writer.rename(self.directory.path_of(run, is_finished)).await?;
            Ok(TakenOver { writer: Box::new(writer), rollout })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance::{at, spec};

    #[tokio::test]
    async fn a_file_does_not_grow_beyond_its_limit_and_a_longer_one_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = FileStore::open(folder.path()).await.unwrap();
        store.directory.max_file_size = 2048;
        let at = at(1).unwrap();
        let mut writer = store.create(spec(&["23"]).unwrap(), at).await.unwrap();
        let run = writer.run().clone();
        let waited = Event::new(at, EventKind::Waited);
        let error = loop {
            match writer.append(&waited).await {
                Ok(position) => assert!(position.entry < 20),
                Err(error) => break error,
            }
        };
        assert!(error.to_string().contains("at most"), "{error}");
        store.load(&run).await.unwrap();
        store.directory.max_file_size = 1024;
        let error = store.load(&run).await.unwrap_err();
        assert!(error.to_string().contains("at most"), "{error}");
    }
}
