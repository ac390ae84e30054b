//! Locks: of the directory while a run is created, and of a run while it is written.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use dls::store::memory_disk::{DiskCall, DiskFaults};
use dls::store::{
    BoxFuture, Disk as _, FileStore, MemoryDisk, OpenMode, RunStore as _, StoreError,
};

use super::bench::*;

/// As another process does it: the lock belongs to this handle.
fn lock(path: PathBuf) -> File {
    let file = File::options().append(true).open(path).unwrap();
    file.lock().unwrap();
    file
}

#[tokio::test(start_paused = true)]
async fn a_run_is_created_only_under_the_lock_of_the_directory() {
    let bench = Bench::new().await;
    let writer = lock(bench.store.path().join(".lock"));
    let error = bench.create(23).await.unwrap_err();
    assert!(error.to_string().contains("keeps it locked"), "{error}");
    drop(writer);
    bench.create(23).await.unwrap();
}

#[tokio::test]
async fn a_locked_run_is_not_taken_over_until_the_lock_ends() {
    let (bench, run, path, _) = Bench::with_run(vec![intended()]).await;
    let writer = lock(path);
    let refused = bench.store.take_over(&run, None).await;
    assert_eq!(refused.unwrap_err(), StoreError::InUse(run.clone()));
    // Readers, and the check for conflicts, need no lock.
    assert!(bench.store.load(&run).await.unwrap().is_open());
    let conflict = bench.create(23).await.unwrap_err();
    assert!(matches!(conflict, StoreError::Conflict { .. }), "{conflict}");
    drop(writer);
    bench.store.take_over(&run, None).await.unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn a_run_is_locked_whatever_its_directory_is_called() {
    let bench = Bench::new().await;
    let created = bench.store.create(spec(&[23]), at(0)).await.unwrap();
    let link = bench.path().join("link");
    std::os::unix::fs::symlink(bench.store.path(), &link).unwrap();
    for name in [link, bench.path().join("runs/../runs")] {
        let store = FileStore::open(name).await.unwrap();
        let refused = store.take_over(created.run(), None).await.unwrap_err();
        assert_eq!(refused, StoreError::InUse(created.run().clone()));
    }
}

/// Replaces a file by a copy just before the next lock is taken.
#[derive(Clone, Default)]
struct Replacer(Arc<Mutex<Option<PathBuf>>>, MemoryDisk);

impl Replacer {
    async fn store(&self) -> FileStore {
        FileStore::open_on(self.1.clone().with_faults(self.clone()), "runs").await.unwrap()
    }

    fn replace(&self, path: &Path) {
        *self.0.lock().unwrap() = Some(path.to_owned());
    }
}

impl DiskFaults for Replacer {
    fn before(&self, call: DiskCall) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(async move {
            let path = self.0.lock().unwrap().take_if(|_| call == DiskCall::Lock);
            if let Some(path) = path {
                let bytes = self.1.open(&path, OpenMode::Read).await?.read().await?;
                let copy = path.with_extension("copy");
                self.1.open(&copy, OpenMode::CreateNew).await?.append(bytes).await?;
                self.1.rename(&copy, &path).await?;
            }
            Ok(())
        })
    }
}

#[tokio::test]
async fn a_file_that_was_replaced_just_before_it_was_locked_is_not_taken_over() {
    let replacer = Replacer::default();
    let store = replacer.store().await;
    let created = store.create(spec(&[23]), at(0)).await.unwrap();
    let run = created.run().clone();
    drop(created);
    replacer.replace(&store.check(&run).await.unwrap().path);
    let refused = store.take_over(&run, None).await.unwrap_err();
    assert!(matches!(refused, StoreError::Replaced(_)), "{refused}");
    store.take_over(&run, None).await.unwrap();
}

#[tokio::test]
async fn no_run_is_created_under_a_replaced_lock() {
    let replacer = Replacer::default();
    let store = replacer.store().await;
    replacer.replace(Path::new("runs/.lock"));
    let refused = store.create(spec(&[23]), at(0)).await.unwrap_err();
    assert!(matches!(refused, StoreError::Replaced(_)), "{refused}");
    store.create(spec(&[23]), at(0)).await.unwrap();
}

#[tokio::test]
async fn a_locked_broken_run_is_not_set_aside() {
    let (bench, run, path, _) = Bench::with_run(vec![intended()]).await;
    std::fs::write(&path, "{}\n").unwrap();
    let writer = lock(path.clone());
    let refused = bench.store.set_aside(&run, "li.wei", at(5)).await;
    assert_eq!(refused.unwrap_err(), StoreError::InUse(run.clone()));
    assert!(path.exists());
    drop(writer);
    bench.store.set_aside(&run, "li.wei", at(5)).await.unwrap();
    assert!(!path.exists());
}
