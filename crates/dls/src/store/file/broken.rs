//! Explains runs whose file cannot be read, and sets them aside.

use std::io;
use std::path::PathBuf;

use dls_model::Timestamp;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::FileStore;
use super::directory::At as _;
use crate::store::chain::VERSION;
use crate::store::{OpenMode, RunId, StoreError, hex};

/// The log of the files that were set aside, one JSON object per line.
const LOG: &str = "set-aside.log";
/// The suffix of files that were set aside.
const ASIDE: &str = ".aside";

/// A report about the file of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Check {
    /// The run.
    pub run: RunId,
    /// Its file.
    pub path: PathBuf,
    /// The version of the format.
    pub version: u64,
    /// The number of valid entries before the first problem.
    pub entries: u64,
    /// The problem after these entries, if there is one.
    pub problem: Option<StoreError>,
    /// The incomplete entry that a crash left at the end, in one line. Nothing depends on it, and the next writer removes it.
    pub unfinished: Option<String>,
    /// Whether the first entry is readable, which names the packages of the run. If not, no other run can be created.
    pub names_its_packages: bool,
}

#[derive(Serialize)]
struct LogEntry<'a> {
    at: String,
    by: &'a str,
    file: String,
    renamed: &'a str,
    sha256: String,
}

impl FileStore {
    /// Checks a run's file.
    ///
    /// # Errors
    ///
    /// There is no such run, or its file cannot be opened.
    pub async fn check(&self, run: &RunId) -> Result<Check, StoreError> {
        let (path, _) = self.directory.find(run).await?;
        let contents = self.contents(run).await?;
        let (entries, unfinished) = (contents.last.entry, contents.end.unfinished.clone());
        let names_its_packages = contents.spec().is_some();
        let problem = contents.into_run().err();
        let version = match problem {
            Some(StoreError::OtherVersion { found, .. }) => found,
            _ => u64::from(VERSION),
        };
        Ok(Check {
            run: run.clone(),
            path,
            version,
            entries,
            unfinished,
            names_its_packages,
            problem,
        })
    }

    /// Sets a run aside that cannot be read: it claims nothing any more, and another run may send its packages again.
    /// So a person must decide it: `by` is recorded durably in `set-aside.log`, with the time, the file and its SHA-256
    /// hash. The file is renamed to the returned path.
    ///
    /// # Errors
    ///
    /// There is no such run, another process writes it, or it can be read
    /// ([`StoreError::NotBroken`]): then it can be taken over, and need not be set aside.
    pub async fn set_aside(
        &self,
        run: &RunId,
        by: &str,
        at: Timestamp,
    ) -> Result<PathBuf, StoreError> {
        let _lock = self.directory.lock().await?;
        let (path, _) = self.directory.find(run).await?;
        let mut file = self.directory.open(path, OpenMode::Read).await?;
        file.lock(run).await?;
        if self.check(run).await?.problem.is_none() {
            return Err(StoreError::NotBroken(run.clone()));
        }
        let bytes = file.file.read().await.at(&file.path)?;
        let name = self.name_aside(run).await?;
        let entry = LogEntry {
            at: at.to_string(),
            by,
            file: file.path.display().to_string(),
            renamed: &name,
            sha256: hex(&Sha256::digest(&bytes)),
        };
        self.log(&entry).await?;
        let aside = self.directory.join(&name);
        self.directory.disk.rename(&file.path, &aside).await.at(&file.path)?;
        self.directory.sync().await?;
        Ok(aside)
    }

    async fn log(&self, entry: &LogEntry<'_>) -> Result<(), StoreError> {
        let path = self.directory.join(LOG);
        let mut line = serde_json::to_vec(entry).map_err(io::Error::from).at(&path)?;
        line.push(b'\n');
        let mut file = self.directory.disk.open(&path, OpenMode::Create).await.at(&path)?;
        file.append(line).await.at(&path)?;
        file.flush().await.at(&path)?;
        self.directory.sync().await
    }

    /// A name that no file has yet.
    async fn name_aside(&self, run: &RunId) -> Result<String, StoreError> {
        let taken = self.directory.names().await?;
        let numbers = (1..).map(|number| format!("{run}.{number}{ASIDE}"));
        let mut free = numbers.filter(|name| !taken.contains(name));
        Ok(free.next().unwrap_or_default())
    }
}
