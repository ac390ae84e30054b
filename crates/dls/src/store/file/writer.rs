//! Appends to the file of one run.

use std::io;
use std::path::PathBuf;

use dls_rollout::Event;

use super::{FileStore, Tail};
use crate::store::chain::Chain;
use crate::store::{
    BoxFuture, DiskFile, Durability, OpenMode, Position, RunId, RunWriter, StoreError,
};

/// Where a file is written before it gets its name, so that no file of a run is ever without its first entry.
const NEW: &str = ".new";

/// A run's file, locked.
#[derive(Debug)]
pub(super) struct FileWriter {
    store: FileStore,
    path: PathBuf,
    file: Box<dyn DiskFile>,
    chain: Chain,
    length: u64,
}

impl FileWriter {
    /// A file with these entries, durable, under this path: in place of one that may be there. To be called
    /// under the directory's lock.
    pub(super) async fn create(
        store: &FileStore,
        path: PathBuf,
        lines: Vec<u8>,
        position: Position,
    ) -> Result<Self, StoreError> {
        let new = store.folder.join(NEW);
        let unusable = |error| StoreError::unusable(&path, &error);
        match store.disk.remove(&new).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unusable(error)),
            _ => {}
        }
        let file = store.disk.open(&new, OpenMode::CreateNew).await;
        let mut file = file.map_err(unusable)?;
        if !file.try_lock().await.map_err(unusable)? {
            return Err(StoreError::InUse { run: position.run });
        }
        let length = u64::try_from(lines.len()).unwrap_or(u64::MAX);
        file.append(lines).await.map_err(unusable)?;
        file.flush().await.map_err(unusable)?;
        store.disk.rename(&new, &path).await.map_err(unusable)?;
        store.sync().await?;
        let mut chain = Chain::new(position.run.clone());
        chain.advance(position);
        Ok(Self { store: store.clone(), path, file, chain, length })
    }

    /// A file that was read up to its end, and locked before.
    pub(super) async fn take_over(
        store: &FileStore,
        path: PathBuf,
        mut file: Box<dyn DiskFile>,
        chain: Chain,
        tail: Tail,
    ) -> Result<Self, StoreError> {
        let unusable = |error| StoreError::unusable(&path, &error);
        let mut length = tail.valid;
        if tail.is_cut {
            file.truncate(length).await.map_err(unusable)?;
        }
        if tail.lacks_end {
            file.append(vec![b'\n']).await.map_err(unusable)?;
            length += 1;
        }
        // What was read may be decided upon, so it must not be lost any more; nor its name, which whoever created it
        // may not have come to make durable.
        file.flush().await.map_err(unusable)?;
        store.sync().await?;
        Ok(Self { store: store.clone(), path, file, chain, length })
    }

    /// The same under this name.
    pub(super) async fn named(mut self, path: PathBuf) -> Result<Self, StoreError> {
        self.rename(path).await?;
        Ok(self)
    }

    async fn rename(&mut self, path: PathBuf) -> Result<(), StoreError> {
        if self.path != path {
            let renamed = self.store.disk.rename(&self.path, &path).await;
            renamed.map_err(|error| StoreError::unusable(&path, &error))?;
            self.path = path;
            self.store.sync().await?;
        }
        Ok(())
    }

    async fn append_event(
        &mut self,
        event: &Event,
        durability: Durability,
    ) -> Result<Position, StoreError> {
        let path = self.path.clone();
        let unusable = |error| StoreError::unusable(&path, &error);
        let encoded = self.chain.encode(event);
        let (mut line, position) = encoded.map_err(|error| unusable(error.into()))?;
        line.push(b'\n');
        if durability == Durability::Durable {
            self.store.prove(&self.path, &mut *self.file).await?;
        }
        if self.file.state().await.map_err(unusable)?.length != self.length {
            let run = self.run().clone();
            return Err(StoreError::Fenced { run });
        }
        let length = u64::try_from(line.len()).unwrap_or(u64::MAX);
        let longer = self.length.saturating_add(length);
        self.store.refuse_length(&path, longer)?;
        self.file.append(line).await.map_err(unusable)?;
        if durability == Durability::Durable {
            self.file.flush().await.map_err(unusable)?;
        }
        self.length = longer;
        self.chain.advance(position.clone());
        Ok(position)
    }

    async fn finish_run(&mut self) -> Result<(), StoreError> {
        let flushed = self.file.flush().await;
        flushed.map_err(|error| StoreError::unusable(&self.path, &error))?;
        self.store.prove(&self.path, &mut *self.file).await?;
        // The end is durable. Without the other name the file is only read once more by the next run.
        drop(self.rename(self.store.file_of(self.run(), true)).await);
        Ok(())
    }
}

impl RunWriter for FileWriter {
    fn run(&self) -> &RunId {
        &self.chain.last().run
    }

    fn position(&self) -> Position {
        self.chain.last().clone()
    }

    fn append<'a>(
        &'a mut self,
        event: &'a Event,
        durability: Durability,
    ) -> BoxFuture<'a, Result<Position, StoreError>> {
        Box::pin(self.append_event(event, durability))
    }

    fn finish(&mut self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.finish_run())
    }
}
