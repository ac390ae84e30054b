//! The directory of a [`FileStore`](super::FileStore): the names of its files, its lock, and how files are opened.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use dls_model::Timestamp;
use tokio::time::{Instant, sleep};

use crate::store::{Disk, DiskFile, OpenMode, RunId, StoreError};

/// The suffix of files whose run may be open, and of those whose run is finished.
const OPEN: &str = ".jsonl";
const FINISHED: &str = ".done.jsonl";
const LOCK: &str = ".lock";
/// How long to wait for another process that creates a run. It takes a few flushes.
const LOCK_LIMIT: Duration = Duration::from_secs(10);
const LOCK_PAUSE: Duration = Duration::from_millis(10);
/// A run of a hundred thousand packages takes less, and a service that describes them at ever greater length does not
/// fill the disk, nor the memory of the next command.
const MAX_FILE_SIZE: u64 = 256 << 20;

#[derive(Debug, Clone)]
pub(super) struct Directory {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) path: PathBuf,
    /// In bytes.
    pub(super) max_file_size: u64,
}

/// The open file of a run.
#[derive(Debug)]
pub(super) struct RunFile {
    pub(super) path: PathBuf,
    pub(super) file: Box<dyn DiskFile>,
}

impl RunFile {
    pub(super) fn unusable(&self, error: &io::Error) -> StoreError {
        StoreError::unusable(&self.path, error)
    }

    /// Locks it until it is dropped.
    pub(super) async fn lock(&mut self, run: &RunId) -> Result<(), StoreError> {
        match self.file.try_lock().await {
            Ok(true) => Ok(()),
            Ok(false) => Err(StoreError::InUse { run: run.clone() }),
            Err(error) => Err(self.unusable(&error)),
        }
    }
}

impl Directory {
    pub(super) fn new(disk: impl Disk + 'static, path: PathBuf) -> Self {
        Self { disk: Arc::new(disk), path, max_file_size: MAX_FILE_SIZE }
    }

    /// Creates the directory if it is missing, and proves that it is writable.
    pub(super) async fn create(&self) -> Result<(), StoreError> {
        if cfg!(windows) {
            let error =
                io::Error::new(io::ErrorKind::Unsupported, "Windows is not supported for journals");
            return Err(self.unusable(&error));
        }
        let created = self.disk.create_dir(&self.path).await;
        created.map_err(|error| self.unusable(&error))?;
        self.lock().await?;
        Ok(())
    }

    /// The lock under which runs are created. Dropping the file releases it.
    pub(super) async fn lock(&self) -> Result<Box<dyn DiskFile>, StoreError> {
        let unusable = |error| self.unusable(&error);
        let deadline = Instant::now() + LOCK_LIMIT;
        let mut file =
            self.disk.open(&self.join(LOCK), OpenMode::Create).await.map_err(unusable)?;
        // A blocking lock could not be cancelled, and would block the exit of the process.
        while !file.try_lock().await.map_err(unusable)? {
            if Instant::now() > deadline {
                let why = "another process keeps it locked";
                return Err(unusable(io::Error::new(io::ErrorKind::TimedOut, why)));
            }
            sleep(LOCK_PAUSE).await;
        }
        self.verify_lock(&mut *file).await?;
        Ok(file)
    }

    /// Fails if the lock file was removed or replaced, so that others do not find this lock.
    pub(super) async fn verify_lock(&self, lock: &mut dyn DiskFile) -> Result<(), StoreError> {
        self.verify_path(&self.join(LOCK), lock).await
    }

    /// Makes the names in the directory durable.
    pub(super) async fn sync(&self) -> Result<(), StoreError> {
        let synced = self.disk.sync_dir(&self.path).await;
        synced.map_err(|error| self.unusable(&error))
    }

    pub(super) async fn names(&self) -> Result<Vec<String>, StoreError> {
        match self.disk.names(&self.path).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            names => names.map_err(|error| self.unusable(&error)),
        }
    }

    /// All runs, the oldest first, and whether each file has the name of a finished run.
    pub(super) async fn runs(&self) -> Result<Vec<(RunId, bool)>, StoreError> {
        let names = self.names().await?;
        let mut runs: Vec<(RunId, bool)> = names.iter().filter_map(|name| run_of(name)).collect();
        runs.sort();
        // Of two files of one run, the one that may be open counts.
        runs.dedup_by(|later, earlier| later.0 == earlier.0);
        Ok(runs)
    }

    /// Refuses a directory with a file that has the suffix of a run and not the name of one: a renamed copy
    /// may be the only record of a run.
    pub(super) async fn refuse_misnamed_files(&self) -> Result<(), StoreError> {
        let is_misnamed =
            |name: &&String| name.to_lowercase().ends_with(OPEN) && run_of(name).is_none();
        match self.names().await?.iter().find(is_misnamed) {
            None => Ok(()),
            Some(name) => {
                let why = "this is not the name of a run, and the file may record one: rename it after the run in \
                           it, or move it away";
                let error = io::Error::new(io::ErrorKind::InvalidData, why);
                Err(StoreError::unusable(&self.join(name), &error))
            }
        }
    }

    pub(super) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub(super) fn path_of(&self, run: &RunId, is_finished: bool) -> PathBuf {
        let suffix = if is_finished { FINISHED } else { OPEN };
        self.join(&format!("{run}{suffix}"))
    }

    /// The file of a run, and whether it has the name of a finished run.
    pub(super) async fn find(&self, run: &RunId) -> Result<(PathBuf, bool), StoreError> {
        for is_finished in [false, true] {
            let path = self.path_of(run, is_finished);
            match self.disk.state(&path).await {
                Ok(_) => return Ok((path, is_finished)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(StoreError::unusable(&path, &error)),
            }
        }
        Err(StoreError::NoSuchRun { run: run.clone() })
    }

    /// A name that no run has. Call it under the lock.
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

    /// Opens the file of a run. Symbolic links are refused.
    pub(super) async fn open(&self, path: PathBuf, mode: OpenMode) -> Result<RunFile, StoreError> {
        let unusable = |error| StoreError::unusable(&path, &error);
        if !self.disk.state(&path).await.map_err(unusable)?.is_file {
            let why = "it is not a plain file (perhaps a symbolic link)";
            return Err(unusable(io::Error::new(io::ErrorKind::InvalidInput, why)));
        }
        let file = self.disk.open(&path, mode).await.map_err(unusable)?;
        let mut opened = RunFile { path, file };
        self.verify(&mut opened).await?;
        Ok(opened)
    }

    pub(super) async fn read(&self, opened: &mut RunFile) -> Result<Vec<u8>, StoreError> {
        let state = opened.file.state().await.map_err(|error| opened.unusable(&error))?;
        self.check_size(&opened.path, state.length)?;
        opened.file.read().await.map_err(|error| opened.unusable(&error))
    }

    pub(super) fn check_size(&self, path: &Path, length: u64) -> Result<(), StoreError> {
        if length <= self.max_file_size {
            return Ok(());
        }
        let why = format!("a run takes at most {} MiB", self.max_file_size >> 20);
        Err(StoreError::unusable(path, &io::Error::other(why)))
    }

    /// Fails if the path no longer names this file, which the next command would then not find.
    pub(super) async fn verify(&self, opened: &mut RunFile) -> Result<(), StoreError> {
        self.verify_path(&opened.path, &mut *opened.file).await
    }

    async fn verify_path(&self, path: &Path, file: &mut dyn DiskFile) -> Result<(), StoreError> {
        let unusable = |error| StoreError::unusable(path, &error);
        let held = file.state().await.map_err(unusable)?;
        match self.disk.state(path).await {
            Ok(named) if named.is_file && named.identity == held.identity => Ok(()),
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(unusable(error)),
            _ => Err(StoreError::Replaced { path: path.to_owned() }),
        }
    }

    pub(super) fn unusable(&self, error: &io::Error) -> StoreError {
        StoreError::unusable(&self.path, error)
    }
}

fn run_of(name: &str) -> Option<(RunId, bool)> {
    let (id, is_finished) = match name.strip_suffix(FINISHED) {
        Some(id) => (id, true),
        None => (name.strip_suffix(OPEN)?, false),
    };
    Some((id.parse().ok()?, is_finished))
}
