//! A directory of runs that vanishes with the test, and runs of each kind.

use std::path::PathBuf;

use dls::model::Timestamp;
use dls::rollout::{Event, EventKind, SendError};
use dls::store::{FileStore, RunId, RunStore, RunWriter, StoreError};
use tempfile::TempDir;

pub(crate) use crate::bench::{ids, spec};

pub(crate) struct Bench {
    folder: TempDir,
    pub(crate) store: FileStore,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = FileStore::open(folder.path().join("runs")).await.unwrap();
        Self { folder, store }
    }

    /// A store with one run, to which this has happened, and that was left: its file, and what is in it.
    pub(crate) async fn with_run(events: Vec<EventKind>) -> (Self, RunId, PathBuf, Vec<u8>) {
        let bench = Self::new().await;
        let run = bench.run_of(events).await;
        let path = bench.file(&run);
        let bytes = std::fs::read(&path).unwrap();
        (bench, run, path, bytes)
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// The file of a run that may be open.
    pub(crate) fn file(&self, run: &RunId) -> PathBuf {
        self.store.path().join(format!("{run}.jsonl"))
    }

    /// A run of the packages 23 and 24 to which this has happened, and that was left.
    pub(crate) async fn run_of(&self, events: Vec<EventKind>) -> RunId {
        let mut writer = self.store.create(spec(&[23, 24]), at(0)).await.unwrap();
        for kind in events {
            append(&mut *writer, kind).await.unwrap();
        }
        writer.run().clone()
    }

    /// The result of creating another run of this package.
    pub(crate) async fn create(&self, package: u64) -> Result<(), StoreError> {
        let created = self.store.create(spec(&[package]), at(9)).await?;
        // The test goes on as if it had never been.
        std::fs::remove_file(self.file(created.run())).unwrap();
        Ok(())
    }
}

pub(crate) async fn append(writer: &mut dyn RunWriter, kind: EventKind) -> Result<(), StoreError> {
    writer.append(&Event::new(at(1), kind)).await.map(drop)
}

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_747_106_000_000 + 1000 * seconds).unwrap()
}

pub(crate) fn intended() -> EventKind {
    EventKind::SendIntended { packages: ids(&[23]), signed_at: at(1), with_token: false }
}

pub(crate) fn lost() -> EventKind {
    EventKind::SendFailed { failure: SendError::Lost("a reset".to_owned()) }
}

pub(crate) fn consented() -> EventKind {
    EventKind::ResendAllowed { packages: ids(&[23]).iter().copied().collect(), no_fence: false }
}

pub(crate) fn given_up() -> EventKind {
    EventKind::Forgotten {
        packages: ids(&[23, 24]).iter().copied().collect(),
        by: "li.wei".to_owned(),
        no_fence: false,
    }
}
