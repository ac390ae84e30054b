//! Appends to the file of one run.

use std::io;
use std::path::PathBuf;

use dls_rollout::Event;

use super::directory::{At as _, Directory, OpenFile};
use crate::store::replay::{End, length_of};
use crate::store::{OpenMode, Position, RunId, RunWriter, StoreError, StoreFuture, chain};

/// A file is written under this name first, so that no file of a run is ever without its first entry.
const NEW: &str = ".new";

/// The locked file of a run.
#[derive(Debug)]
pub(super) struct FileWriter {
    directory: Directory,
    opened: OpenFile,
    /// The last entry.
    position: Position,
    length: u64,
}

impl FileWriter {
    /// Creates a durable file with this first event. Call it under the directory's lock.
    pub(super) async fn create(
        directory: Directory,
        path: PathBuf,
        run: RunId,
        first: &Event,
    ) -> Result<Self, StoreError> {
        let new = directory.join(NEW);
        let (line, position) = chain::encode(&chain::origin(run), first)?;
        match directory.disk.remove(&new).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            removed => removed.at(&path)?,
        }
        let file = directory.disk.open(&new, OpenMode::CreateNew).await.at(&path)?;
        let mut opened = OpenFile { path, file };
        opened.lock(&position.run).await?;
        let OpenFile { path, file } = &mut opened;
        let length = length_of(&line);
        file.append(line).await.at(path)?;
        file.flush().await.at(path)?;
        directory.disk.rename(&new, path).await.at(path)?;
        directory.sync().await?;
        Ok(Self { directory, opened, position, length })
    }

    /// Continues a file that was locked and then read.
    pub(super) async fn take_over(
        directory: Directory,
        mut opened: OpenFile,
        position: Position,
        end: End,
    ) -> Result<Self, StoreError> {
        let OpenFile { path, file } = &mut opened;
        let mut length = end.valid;
        if end.lacks_line_end || end.unfinished.is_some() {
            file.truncate(length).await.at(path)?;
        }
        if end.lacks_line_end {
            file.append(vec![b'\n']).await.at(path)?;
            length += 1;
        }
        // Decisions follow from what was read, so it must be durable; so must the file's name, which its creator may
        // not have flushed.
        file.flush().await.at(path)?;
        directory.sync().await?;
        Ok(Self { directory, opened, position, length })
    }

    pub(super) async fn rename(&mut self, path: PathBuf) -> Result<(), StoreError> {
        if self.opened.path != path {
            self.directory.disk.rename(&self.opened.path, &path).await.at(&path)?;
            self.opened.path = path;
            self.directory.sync().await?;
        }
        Ok(())
    }
}

impl RunWriter for FileWriter {
    fn run(&self) -> &RunId {
        &self.position.run
    }

    fn position(&self) -> Position {
        self.position.clone()
    }

    fn append<'a>(&'a mut self, event: &'a Event) -> StoreFuture<'a, Position> {
        Box::pin(async move {
            let is_decision = event.kind.is_decision();
            if is_decision {
                self.directory.verify(&mut self.opened).await?;
            }
            let OpenFile { path, file } = &mut self.opened;
            let (line, position) = chain::encode(&self.position, event)?;
            if file.state().await.at(path)?.length != self.length {
                return Err(StoreError::Fenced(position.run));
            }
            let length = self.length.saturating_add(length_of(&line));
            self.directory.check_size(path, length)?;
            file.append(line).await.at(path)?;
            if is_decision {
                file.flush().await.at(path)?;
            }
            self.length = length;
            self.position = position.clone();
            Ok(position)
        })
    }

    fn finish(&mut self) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            self.opened.file.flush().await.at(&self.opened.path)?;
            self.directory.verify(&mut self.opened).await?;
            // The end is durable. If the rename fails, the next run only reads the file once more.
            drop(self.rename(self.directory.path_of(self.run(), true)).await);
            Ok(())
        })
    }
}
