//! The journal: the events of each run in a file of its own, so that a run that ended anyhow can be
//! taken up again without sending anything twice.

mod error;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use dls_model::{PackageId, Timestamp};
use dls_rollout::{Began, Event, InvalidEvents, Report, Rollout, What};

pub use crate::store::{InvalidRunId, RunId};
pub use error::JournalError;

/// A directory of runs, one file each.
///
/// A file is the list of a run's events, one JSON object a line. It is appended to and flushed to
/// disk before a deploy request is written, holds no secret, and can be read by its owner only. A run that is under way holds a
/// lock on its file, which dies with the process.
///
/// It is for Unix: on Windows [`Journal::at`] fails, because locks there need other rights and shut out readers, too.
///
/// The promise that no package is sent twice without consent reaches as far as one directory does.
#[derive(Debug, Clone)]
pub struct Journal {
    folder: PathBuf,
}

impl Journal {
    /// The journal in this directory, which is made if it is not there.
    ///
    /// # Errors
    ///
    /// [`JournalError::Unusable`] if nothing can be written there.
    pub fn at(folder: impl Into<PathBuf>) -> Result<Self, JournalError> {
        let folder = folder.into();
        let unusable = |error| JournalError::unusable(&folder, &error);
        create_folder(&folder).map_err(unusable)?;
        let journal = Self { folder };
        journal.lock_folder()?;
        Ok(journal)
    }

    /// The journal in this directory, as it is: nothing is made or written there, so that one that
    /// is kept as evidence can be read where nobody may write. A directory that is not there holds
    /// no run.
    #[must_use]
    pub fn for_reading(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// All runs, the oldest first. A file that cannot be read does not hide the others.
    ///
    /// # Errors
    ///
    /// [`JournalError::Unusable`] if the directory cannot be read.
    pub fn runs(&self) -> Result<Vec<Result<StoredRun, JournalError>>, JournalError> {
        let ids = self.ids()?;
        Ok(ids.into_iter().map(|(id, _)| self.run(&id)).collect())
    }

    /// One run.
    ///
    /// # Errors
    ///
    /// There is none of this id, or its file cannot be read.
    pub fn run(&self, id: &RunId) -> Result<StoredRun, JournalError> {
        let (path, _) = self.find(id)?;
        Ok(StoredRun::of(id, &read(id, &path)?.rollout))
    }

    /// Begins a run: refused if one of its packages belongs to a run whose end is not known.
    pub(crate) fn begin(&self, began: &Began, at: Timestamp) -> Result<Record, JournalError> {
        let _lock = self.lock_folder()?;
        self.refuse_conflict(began)?;
        let (id, path, file) = self.create(at)?;
        let record = Record {
            journal: self.clone(),
            id,
            path,
            file,
        };
        lock(&record.file, &record.id)?;
        let event = Event::new(at, What::Began(Box::new(began.clone())));
        let written = record.append(&event).and_then(|()| record.flush());
        let written = written.and_then(|()| sync_folder(&self.folder));
        written.map_err(|error| JournalError::unusable(&record.path, &error))?;
        Ok(record)
    }

    /// Takes up a run: its record, to be appended to, and the rollout so far.
    pub(crate) fn take_up(&self, id: &RunId) -> Result<(Record, Rollout), JournalError> {
        let (path, _) = self.find(id)?;
        let unusable = |error| JournalError::unusable(&path, &error);
        let file = OpenOptions::new().append(true).open(&path);
        let file = file.map_err(unusable)?;
        lock(&file, id)?;
        let Stored { rollout, whole } = read(id, &path)?;
        // What a crash left half written says nothing, and the next line must not be joined to it.
        file.set_len(whole).map_err(unusable)?;
        let record = Record {
            journal: self.clone(),
            id: id.clone(),
            path,
            file,
        };
        Ok((record, rollout))
    }

    fn refuse_conflict(&self, began: &Began) -> Result<(), JournalError> {
        for (id, is_done) in self.ids()? {
            if is_done {
                continue;
            }
            let stored = match self.run(&id) {
                Ok(stored) => stored,
                // It ended before its first event was on disk, and so before anything was sent.
                Err(JournalError::Empty { .. }) => continue,
                Err(error) => return Err(error),
            };
            if stored.began.place != began.place {
                continue;
            }
            let open = stored.report.packages.iter().filter(|it| it.is_open());
            let open = open.map(|package| package.id);
            let packages: Vec<PackageId> = open.filter(|it| began.packages.contains(*it)).collect();
            if !packages.is_empty() {
                return Err(JournalError::Conflict {
                    same_plan: began.plan_hash.is_some()
                        && began.plan_hash == stored.began.plan_hash,
                    run: id,
                    packages,
                });
            }
        }
        Ok(())
    }

    fn create(&self, at: Timestamp) -> Result<(RunId, PathBuf, File), JournalError> {
        loop {
            let id = RunId::new(at, RandomState::new().hash_one(std::process::id()));
            let path = self.folder.join(format!("{id}{OPEN}"));
            let mut options = OpenOptions::new();
            options.append(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            match options.open(&path) {
                Ok(file) => return Ok((id, path, file)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(JournalError::unusable(&path, &error)),
            }
        }
    }

    /// The runs that there are, and whether each is done for good.
    fn ids(&self) -> Result<Vec<(RunId, bool)>, JournalError> {
        let unusable = |error: io::Error| JournalError::unusable(&self.folder, &error);
        let mut ids = Vec::new();
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(ids),
            entries => entries.map_err(unusable)?,
        };
        for entry in entries {
            let name = entry.map_err(unusable)?.file_name();
            let name = name.to_string_lossy();
            let (id, is_done) = match (name.strip_suffix(DONE), name.strip_suffix(OPEN)) {
                (Some(id), _) => (id, true),
                (None, Some(id)) => (id, false),
                (None, None) => continue,
            };
            ids.extend(id.parse().ok().map(|id| (id, is_done)));
        }
        ids.sort();
        Ok(ids)
    }

    fn find(&self, id: &RunId) -> Result<(PathBuf, bool), JournalError> {
        let path = |suffix| self.folder.join(format!("{id}{suffix}"));
        let paths = [(path(OPEN), false), (path(DONE), true)];
        let found = paths.into_iter().find(|(path, _)| path.exists());
        found.ok_or_else(|| JournalError::NoSuchRun { run: id.clone() })
    }

    /// Held while it is decided whether a run may begin. Dropping the file lets go of it.
    fn lock_folder(&self) -> Result<File, JournalError> {
        let path = self.folder.join(".lock");
        let lock = || {
            let file = OpenOptions::new().create(true).append(true).open(&path)?;
            file.lock()?;
            Ok(file)
        };
        lock().map_err(|error| JournalError::unusable(&self.folder, &error))
    }
}

/// The end of the names of files whose run may be open, and of those whose run is over.
const OPEN: &str = ".jsonl";
const DONE: &str = ".done.jsonl";

/// A run's file, locked.
#[derive(Debug)]
pub(crate) struct Record {
    journal: Journal,
    id: RunId,
    path: PathBuf,
    file: File,
}

impl Record {
    pub(crate) fn id(&self) -> &RunId {
        &self.id
    }

    /// Writes one event, in one piece. Half a line would be joined to the next one, and neither could be
    /// read: what does not fit on the disk is taken back.
    pub(crate) fn append(&self, event: &Event) -> io::Result<()> {
        let mut line = serde_json::to_vec(event)?;
        line.push(b'\n');
        let whole = self.file.metadata()?.len();
        let written = (&self.file).write_all(&line);
        written.or_else(|error| self.file.set_len(whole).and(Err(error)))
    }

    /// Returns once all that was written would survive the machine.
    pub(crate) fn flush(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Puts the file aside: no package of it stands in anybody's way any more. If that fails it is
    /// only read once more by the next run.
    pub(crate) fn finish(&mut self) {
        let done = self.journal.folder.join(format!("{}{DONE}", self.id));
        if self.path != done && fs::rename(&self.path, &done).is_ok() {
            self.path = done;
        }
    }
}

struct Stored {
    rollout: Rollout,
    /// The length of the part that was written whole, in bytes.
    whole: u64,
}

fn read(id: &RunId, path: &Path) -> Result<Stored, JournalError> {
    let bytes = fs::read(path).map_err(|error| JournalError::unusable(path, &error))?;
    let whole = bytes.iter().rposition(|byte| *byte == b'\n');
    let whole = whole.map_or(0, |end| end + 1);
    let lines = bytes.get(..whole).unwrap_or_default();
    let lines = lines.split_inclusive(|byte| *byte == b'\n');
    let mut events = Vec::new();
    for (number, line) in (1..).zip(lines) {
        if number == 1 {
            refuse_newer(id, line)?;
        }
        let event = serde_json::from_slice::<Event>(line);
        events.push(event.map_err(|error| JournalError::Broken {
            run: id.clone(),
            line: number,
            why: error.to_string(),
        })?);
    }
    if events.is_empty() {
        return Err(JournalError::Empty { run: id.clone() });
    }
    let rollout = Rollout::replay(events).map_err(|error| match error {
        InvalidEvents::Newer { version } => JournalError::Newer {
            run: id.clone(),
            version,
        },
        error => JournalError::Broken {
            run: id.clone(),
            line: 1,
            why: error.to_string(),
        },
    })?;
    Ok(Stored {
        rollout,
        whole: u64::try_from(whole).unwrap_or(u64::MAX),
    })
}

/// A later version may have a first line that this one cannot read at all.
fn refuse_newer(id: &RunId, line: &[u8]) -> Result<(), JournalError> {
    let value: serde_json::Value = serde_json::from_slice(line).unwrap_or_default();
    let version = value.pointer("/what/began/version");
    let version = version.and_then(serde_json::Value::as_u64).unwrap_or(0);
    let version = u32::try_from(version).unwrap_or(u32::MAX);
    if version > Began::VERSION {
        return Err(JournalError::Newer {
            run: id.clone(),
            version,
        });
    }
    Ok(())
}

fn lock(file: &File, id: &RunId) -> Result<(), JournalError> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => JournalError::Locked { run: id.clone() },
        TryLockError::Error(error) => JournalError::unusable(Path::new(id.as_str()), &error),
    })
}

fn create_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// A new name in a directory is on disk only once the directory is.
fn sync_folder(folder: &Path) -> io::Result<()> {
    match cfg!(unix) {
        true => File::open(folder)?.sync_all(),
        false => Ok(()),
    }
}

/// A run as its journal tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredRun {
    /// Its name.
    pub id: RunId,
    /// What was asked for.
    pub began: Began,
    /// When.
    pub began_at: Timestamp,
    /// What had become of it when the journal ends.
    pub report: Report,
}

impl StoredRun {
    fn of(id: &RunId, rollout: &Rollout) -> Self {
        Self {
            id: id.clone(),
            began: rollout.began().clone(),
            began_at: rollout.began_at(),
            report: rollout.report(),
        }
    }

    /// Whether it can be taken up again: the story of a package is not over.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.report.is_open()
    }
}
