//! The directory: which files are in it, what they are called, and its lock.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dls_model::Timestamp;
use tokio::time::{Instant, sleep};

use super::FileStore;
use crate::store::{DiskFile, OpenMode, RunId, StoreError};

/// The end of the names of files whose run may be open, and of those whose run is over.
const OPEN: &str = ".jsonl";
const FINISHED: &str = ".done.jsonl";
const LOCK: &str = ".lock";
/// How long to wait for another process that creates a run. It takes a few flushes.
const LOCK_LIMIT: Duration = Duration::from_secs(10);
const LOCK_PAUSE: Duration = Duration::from_millis(10);

impl FileStore {
    /// Makes the directory, and proves that it can be written.
    pub(super) async fn prepare(&self) -> Result<(), StoreError> {
        if cfg!(windows) {
            return Err(self.unusable(io::Error::new(
                io::ErrorKind::Unsupported,
                "journals are not kept on Windows",
            )));
        }
        let made = self.disk.create_dir(&self.folder).await;
        made.map_err(|error| self.unusable(error))?;
        self.lock().await?;
        Ok(())
    }

    /// Held while it is decided whether a run may begin. Dropping the file lets go of it.
    pub(super) async fn lock(&self) -> Result<Box<dyn DiskFile>, StoreError> {
        let deadline = Instant::now() + LOCK_LIMIT;
        let path = self.folder.join(LOCK);
        let file = self.disk.open(&path, OpenMode::Create).await;
        let mut file = file.map_err(|error| self.unusable(error))?;
        // A blocking lock could not be given up, and would keep the process from ending.
        while !file.try_lock().await.map_err(|error| self.unusable(error))? {
            if Instant::now() > deadline {
                return Err(self.unusable(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "another process keeps it locked",
                )));
            }
            sleep(LOCK_PAUSE).await;
        }
        self.prove_lock(&mut *file).await?;
        Ok(file)
    }

    /// Proves that the lock is still the one that others find.
    pub(super) async fn prove_lock(&self, lock: &mut dyn DiskFile) -> Result<(), StoreError> {
        self.prove(&self.folder.join(LOCK), lock).await
    }

    /// Makes the names in the directory durable.
    pub(super) async fn sync(&self) -> Result<(), StoreError> {
        let synced = self.disk.sync_dir(&self.folder).await;
        synced.map_err(|error| self.unusable(error))
    }

    /// The runs that there are, the oldest first, and whether each is over for good.
    pub(super) async fn ids(&self) -> Result<Vec<(RunId, bool)>, StoreError> {
        let names = match self.disk.names(&self.folder).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            names => names.map_err(|error| self.unusable(error))?,
        };
        let mut ids: Vec<(RunId, bool)> = names.iter().filter_map(|name| id_of(name)).collect();
        ids.sort();
        // Of two files of one run, the one that may be open counts.
        ids.dedup_by(|later, earlier| later.0 == earlier.0);
        Ok(ids)
    }

    /// Refuses a directory in which a file has the end of a run's name, and is none: a copy that was given another
    /// name on its way here may be the only record of a run.
    pub(super) async fn refuse_misnamed_files(&self) -> Result<(), StoreError> {
        let names = self.disk.names(&self.folder).await;
        let names = names.map_err(|error| self.unusable(error))?;
        let is_misnamed =
            |name: &&String| name.to_lowercase().ends_with(OPEN) && id_of(name).is_none();
        match names.iter().find(is_misnamed) {
            None => Ok(()),
            Some(name) => {
                let why = "no run has such a name, and it may record one: give it the name of the run in it, or \
                           move it away";
                let error = io::Error::new(io::ErrorKind::InvalidData, why);
                Err(StoreError::unusable(&self.folder.join(name), &error))
            }
        }
    }

    pub(super) fn file_of(&self, run: &RunId, is_finished: bool) -> PathBuf {
        let end = if is_finished { FINISHED } else { OPEN };
        self.folder.join(format!("{run}{end}"))
    }

    /// The file of a run, and whether the run is over for good.
    pub(super) async fn find(&self, run: &RunId) -> Result<(PathBuf, bool), StoreError> {
        for is_finished in [false, true] {
            let path = self.file_of(run, is_finished);
            match self.disk.state(&path).await {
                Ok(_) => return Ok((path, is_finished)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(StoreError::unusable(&path, &error)),
            }
        }
        Err(StoreError::NoSuchRun { run: run.clone() })
    }

    /// A name that no run has. To be called under the lock.
    pub(super) async fn new_id(&self, at: Timestamp) -> Result<RunId, StoreError> {
        loop {
            let run = RunId::new(at, self.disk.random());
            match self.find(&run).await {
                Ok(_) => {}
                Err(StoreError::NoSuchRun { .. }) => return Ok(run),
                Err(error) => return Err(error),
            }
        }
    }

    /// Opens a file of a run: what it names must be the file itself.
    pub(super) async fn open_file(
        &self,
        path: &Path,
        mode: OpenMode,
    ) -> Result<Box<dyn DiskFile>, StoreError> {
        let unusable = |error| StoreError::unusable(path, &error);
        if !self.disk.state(path).await.map_err(unusable)?.is_file {
            let why = "it is not a plain file (a symbolic link, perhaps)";
            return Err(unusable(io::Error::new(io::ErrorKind::InvalidInput, why)));
        }
        let mut file = self.disk.open(path, mode).await.map_err(unusable)?;
        self.prove(path, &mut *file).await?;
        Ok(file)
    }

    /// Proves that this is the file which the next command will find under the path.
    pub(super) async fn prove(
        &self,
        path: &Path,
        file: &mut dyn DiskFile,
    ) -> Result<(), StoreError> {
        let held = file.state().await;
        let held = held.map_err(|error| StoreError::unusable(path, &error))?;
        match self.disk.state(path).await {
            Ok(named) if named.is_file && named.identity == held.identity => Ok(()),
            Ok(_) => Err(StoreError::Replaced { path: path.to_owned() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(StoreError::Replaced { path: path.to_owned() })
            }
            Err(error) => Err(StoreError::unusable(path, &error)),
        }
    }

    pub(super) fn unusable(&self, error: io::Error) -> StoreError {
        StoreError::unusable(&self.folder, &error)
    }
}

fn id_of(name: &str) -> Option<(RunId, bool)> {
    let (id, is_finished) = match (name.strip_suffix(FINISHED), name.strip_suffix(OPEN)) {
        (Some(id), _) => (id, true),
        (None, Some(id)) => (id, false),
        (None, None) => return None,
    };
    Some((id.parse().ok()?, is_finished))
}
