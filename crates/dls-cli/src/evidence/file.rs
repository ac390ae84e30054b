//! The file of the evidence: read before anything is sent, written before each request and at the end.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use dls::rollout::RunSpec;
use dls::store::{BoxFuture, Position};
use dls::{FileStore, Run, RunId, RunStore as _, StoreError};
use serde::{Deserialize, Serialize};

use super::{EvidenceDocument, IntentDocument, SCHEMA};
use crate::failure::Failure;
use crate::journal_location::JournalLocation;

/// EvidenceFile of a hundred thousand packages is shorter.
const LONGEST: u64 = 64 << 20;

/// The file, opened before anything is sent.
pub(crate) struct EvidenceFile {
    path: PathBuf,
    file: File,
    is_new: bool,
    /// What an earlier command wrote there.
    earlier: Option<Position>,
}

impl EvidenceFile {
    /// Proves that the file can be written. What is in it stays until there is something new.
    pub(crate) fn at(path: &Path) -> Result<Self, Failure> {
        let is_new = !path.exists();
        let open = || {
            let mut options = OpenOptions::new();
            let file = options.write(true).create(true).truncate(false).open(path)?;
            Ok((earlier(path)?, file))
        };
        let (earlier, file) = open().map_err(|error: io::Error| {
            Failure::refused(format!("evidence {}: {error}", path.display()))
                .with_next("give --evidence another FILE, in a directory that can be written")
        })?;
        Ok(Self { path: path.to_owned(), file, is_new, earlier })
    }

    /// What the journal must hold of this run. EvidenceFile of another run is refused: it would be overwritten.
    pub(crate) fn of_run(&self, run: &RunId) -> Result<Option<&Position>, Failure> {
        match &self.earlier {
            Some(earlier) if earlier.run != *run => Err(Failure::refused(format!(
                "evidence {}: it is of run {}, not of {run}",
                self.path.display(),
                earlier.run
            ))
            .with_next("give --evidence another file, or name that run")),
            earlier => Ok(earlier.as_ref()),
        }
    }

    /// Refuses a journal that is older than this evidence, or another one: it may not know what was sent.
    pub(crate) async fn refuse_older(
        &self,
        journal: &JournalLocation,
        store: &FileStore,
    ) -> Result<(), Failure> {
        let Some(earlier) = &self.earlier else {
            return Ok(());
        };
        let stored = store.load(&earlier.run).await;
        let is_older = match &stored {
            Ok(stored) => !stored.contains(earlier),
            Err(StoreError::NoSuchRun { .. }) => true,
            // Whatever it hides keeps other runs away by itself.
            Err(_) => false,
        };
        if !is_older {
            return Ok(());
        }
        let path = self.path.display();
        Err(Failure::refused(format!(
            "the journal {} does not have entry {} of run {}, which evidence {path} names: it is \
 older, or another one, and may not know what was sent",
            store.path().display(),
            earlier.entry,
            earlier.run
        ))
        .with_next(journal.here("dls history"))
        .with_next("give the journal that was kept with the evidence, or --evidence another file"))
    }

    /// Writes each intention of this run into the file, too.
    pub(crate) fn witness(&self, run: Run) -> Result<Run, Failure> {
        let path = self.path.clone();
        let file = self
            .file
            .try_clone()
            .map_err(|error| Failure::refused(format!("evidence {}: {error}", path.display())))?;
        let began = run.spec().clone();
        Ok(run.with_evidence(Witness { file, path, began }))
    }

    /// Removes the file if no run was created.
    pub(crate) fn forget(self) {
        if self.is_new {
            drop(std::fs::remove_file(&self.path));
        }
    }

    pub(crate) fn write(self, document: &EvidenceDocument<'_>) -> Result<(), Failure> {
        let written = encoded(document).and_then(|text| replace(&self.file, &text));
        written.map_err(|error| {
            let path = self.path.display();
            Failure::internal(format!("the evidence was not written to {path}: {error}"))
                .with_next("keep the document on stdout instead")
        })
    }
}

/// Writes each intention before its request is.
#[derive(Debug)]
struct Witness {
    file: File,
    path: PathBuf,
    began: RunSpec,
}

impl dls::run::Evidence for Witness {
    fn record<'a>(&'a mut self, intention: &'a Position) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            let text = encoded(&IntentDocument::new(&self.began, intention));
            let written = async {
                let (text, file) = (text?, self.file.try_clone()?);
                tokio::task::spawn_blocking(move || replace(&file, &text)).await?
            };
            let path = self.path.display();
            let error =
                |error: io::Error| format!("the evidence {path} cannot be written: {error}");
            written.await.map_err(error)
        })
    }
}

fn encoded(content: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(content)?;
    text.push(b'\n');
    Ok(text)
}

/// Replaces the content of the file, durably.
fn replace(mut file: &File, text: &[u8]) -> io::Result<()> {
    // A pipe or a terminal has no length, and nothing to be durable.
    if !file.metadata()?.is_file() {
        file.write_all(text)?;
        return file.flush();
    }
    file.rewind()?;
    file.write_all(text)?;
    file.set_len(u64::try_from(text.len()).unwrap_or(u64::MAX))?;
    file.sync_all()
}

#[derive(Deserialize)]
struct Earlier {
    schema: String,
    journal: Option<Position>,
}

/// The entry that evidence in this file names. A file that holds anything else is refused: half-written evidence would
/// count as none, and what is not evidence would be overwritten.
fn earlier(path: &Path) -> io::Result<Option<Position>> {
    if !path.is_file() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(LONGEST).read_to_end(&mut bytes)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    match serde_json::from_slice::<Earlier>(&bytes) {
        Ok(earlier) if earlier.schema == SCHEMA => Ok(earlier.journal),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "it holds something that is not evidence, or not all of it",
        )),
    }
}
