//! Runs whose file cannot be read: what is wrong, and how a person takes them out of the way.

use std::path::PathBuf;

use dls_model::Timestamp;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::FileStore;
use crate::store::chain::hex;
use crate::store::{OpenMode, RunId, StoreError};

/// The consents to setting a file aside, one JSON object a line.
const CONSENTS: &str = "set-aside.log";
/// The end of the names of files that were set aside.
const ASIDE: &str = ".aside";

/// What the file of a run holds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Check {
    /// The run.
    pub run: RunId,
    /// Its file.
    pub path: PathBuf,
    /// The version of the file's form.
    pub version: u32,
    /// The number of entries up to the first bad one, or to the end.
    pub entries: u64,
    /// What is wrong with the entry after these, if anything is.
    pub problem: Option<StoreError>,
    /// What a crash left half written at the end, in one line. It was never relied on, and the next writer
    /// cuts it off.
    pub unfinished: Option<String>,
    /// Whether the first entry can be read, which says what the run may touch. If not, it keeps every run
    /// away.
    pub names_its_packages: bool,
}

#[derive(Serialize)]
struct Consent<'a> {
    at: String,
    by: &'a str,
    file: String,
    renamed: &'a str,
    sha256: String,
}

impl FileStore {
    /// Explains a run's file, whatever is wrong with it.
    ///
    /// # Errors
    ///
    /// There is no such run, or its file cannot be opened.
    pub async fn check(&self, run: &RunId) -> Result<Check, StoreError> {
        let (path, _) = self.directory.find(run).await?;
        let contents = self.contents(run).await?;
        let (version, entries) = (contents.version, contents.chain.last().entry);
        let names_its_packages = contents.spec().is_some();
        let unfinished = contents.unfinished.clone();
        Ok(Check {
            run: run.clone(),
            path,
            version,
            entries,
            unfinished,
            names_its_packages,
            problem: contents.into_run().err(),
        })
    }

    /// Takes a run that cannot be read out of the way: it claims nothing any more, and its packages may be
    /// sent again by another run. So it is a person's consent, and recorded as one (who, when, which file and its
    /// SHA-256 hash), durably, in `set-aside.log` beside the runs. The file is kept under another name, which is
    /// the answer.
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
            return Err(StoreError::NotBroken { run: run.clone() });
        }
        let bytes = file.file.read().await.map_err(|error| file.unusable(&error))?;
        let name = self.name_aside(run).await?;
        let consent = Consent {
            at: at.to_string(),
            by,
            file: file.path.display().to_string(),
            renamed: &name,
            sha256: hex(Sha256::digest(&bytes).as_slice()),
        };
        self.record_consent(&consent).await?;
        let aside = self.directory.join(&name);
        self.directory
            .disk
            .rename(&file.path, &aside)
            .await
            .map_err(|error| file.unusable(&error))?;
        self.directory.sync().await?;
        Ok(aside)
    }

    async fn record_consent(&self, consent: &Consent<'_>) -> Result<(), StoreError> {
        let path = self.directory.join(CONSENTS);
        let unusable = |error| StoreError::unusable(&path, &error);
        let line = serde_json::to_vec(consent);
        let mut line = line.map_err(|error| unusable(error.into()))?;
        line.push(b'\n');
        let file = self.directory.disk.open(&path, OpenMode::Create).await;
        let mut file = file.map_err(unusable)?;
        file.append(line).await.map_err(unusable)?;
        file.flush().await.map_err(unusable)?;
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
