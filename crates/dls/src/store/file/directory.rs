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

/// An open file.
#[derive(Debug)]
pub(super) struct OpenFile {
    pub(super) path: PathBuf,
    pub(super) file: Box<dyn DiskFile>,
}

impl OpenFile {
    /// Locks the file of a run until it is dropped.
    pub(super) async fn lock(&mut self, run: &RunId) -> Result<(), StoreError> {
        match self.file.try_lock().await.at(&self.path)? {
            true => Ok(()),
            false => Err(StoreError::InUse(run.clone())),
        }
    }
}

/// Names the path in an error of the disk.
pub(super) trait At<T> {
    fn at(self, path: &Path) -> Result<T, StoreError>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, path: &Path) -> Result<T, StoreError> {
        self.map_err(|error| unusable(path, error.to_string()))
    }
}

fn unusable(path: &Path, why: impl Into<String>) -> StoreError {
    StoreError::Unusable { path: path.to_owned(), why: why.into() }
}

impl Directory {
    pub(super) fn new(disk: impl Disk + 'static, path: PathBuf) -> Self {
        Self { disk: Arc::new(disk), path, max_file_size: MAX_FILE_SIZE }
    }

    /// Creates the directory if it is missing, and proves that it is writable.
    pub(super) async fn create(&self) -> Result<(), StoreError> {
        if cfg!(windows) {
            return Err(unusable(&self.path, "Windows is not supported for journals"));
        }
        self.disk.create_dir(&self.path).await.at(&self.path)?;
        self.lock().await?;
        Ok(())
    }

    /// The lock under which runs are created. Dropping the file releases it.
    pub(super) async fn lock(&self) -> Result<OpenFile, StoreError> {
        let path = self.join(LOCK);
        let deadline = Instant::now() + LOCK_LIMIT;
        let file = self.disk.open(&path, OpenMode::Create).await.at(&self.path)?;
        let mut lock = OpenFile { path, file };
        // A blocking lock could not be cancelled, and would block the exit of the process.
        while !lock.file.try_lock().await.at(&self.path)? {
            if Instant::now() > deadline {
                return Err(unusable(&self.path, "another process keeps it locked"));
            }
            sleep(LOCK_PAUSE).await;
        }
        self.verify(&mut lock).await?;
        Ok(lock)
    }

    /// Makes the names in the directory durable.
    pub(super) async fn sync(&self) -> Result<(), StoreError> {
        self.disk.sync_dir(&self.path).await.at(&self.path)
    }

    pub(super) async fn names(&self) -> Result<Vec<String>, StoreError> {
        match self.disk.names(&self.path).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            names => names.at(&self.path),
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
            Some(name) => Err(unusable(
                &self.join(name),
                "this is not the name of a run, and the file may record one: rename it after the run in it, or move \
                 it away",
            )),
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
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                state => return state.at(&path).map(|_| (path, is_finished)),
            }
        }
        Err(StoreError::NoSuchRun(run.clone()))
    }

    /// A name that none of these runs has.
    pub(super) fn new_id(&self, at: Timestamp, runs: &[(RunId, bool)]) -> RunId {
        loop {
            let run = RunId::new(at, self.disk.random());
            if runs.iter().all(|(other, _)| *other != run) {
                return run;
            }
        }
    }

    /// Opens the file of a run. Symbolic links are refused.
    pub(super) async fn open(&self, path: PathBuf, mode: OpenMode) -> Result<OpenFile, StoreError> {
        if !self.disk.state(&path).await.at(&path)?.is_file {
            return Err(unusable(&path, "it is not a plain file (perhaps a symbolic link)"));
        }
        let file = self.disk.open(&path, mode).await.at(&path)?;
        let mut opened = OpenFile { path, file };
        self.verify(&mut opened).await?;
        Ok(opened)
    }

    pub(super) async fn read(&self, opened: &mut OpenFile) -> Result<Vec<u8>, StoreError> {
        let state = opened.file.state().await.at(&opened.path)?;
        self.check_size(&opened.path, state.length)?;
        opened.file.read().await.at(&opened.path)
    }

    pub(super) fn check_size(&self, path: &Path, length: u64) -> Result<(), StoreError> {
        if length <= self.max_file_size {
            return Ok(());
        }
        Err(unusable(path, format!("a run takes at most {} MiB", self.max_file_size >> 20)))
    }

    /// Fails if the path no longer names this file, so that others would not find it, nor a lock on it.
    pub(super) async fn verify(&self, opened: &mut OpenFile) -> Result<(), StoreError> {
        let OpenFile { path, file } = opened;
        let held = file.state().await.at(path)?;
        match self.disk.state(path).await {
            Ok(named) if named.is_file && named.identity == held.identity => Ok(()),
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).at(path),
            _ => Err(StoreError::Replaced(path.clone())),
        }
    }
}

fn run_of(name: &str) -> Option<(RunId, bool)> {
    let (id, is_finished) = match name.strip_suffix(FINISHED) {
        Some(id) => (id, true),
        None => (name.strip_suffix(OPEN)?, false),
    };
    Some((id.parse().ok()?, is_finished))
}
