//! Locks: of the directory while a run is created, and of a run while it is written.

use std::fs::File;
use std::path::PathBuf;

use dls::store::{FileStore, RunStore as _, StoreError};

use crate::bench::*;
use crate::disk::Volatile;

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
    let bench = Bench::new().await;
    let run = bench.run_of(vec![intended()]).await;
    let writer = lock(bench.file(&run));
    let refused = bench.store.take_over(&run, None).await;
    assert_eq!(refused.unwrap_err(), StoreError::InUse { run: run.clone() });
    // Readers, and the check for conflicts, need no lock.
    assert!(bench.load(&run).await.unwrap().is_open());
    let conflict = bench.create(23).await.unwrap_err();
    assert!(matches!(conflict, StoreError::Conflict { .. }), "{conflict}");
    drop(writer);
    bench.store.take_over(&run, None).await.unwrap();
}

#[tokio::test]
async fn a_file_that_was_replaced_just_before_it_was_locked_is_not_taken_over() {
    let disk = Volatile::default();
    let store = FileStore::open_on(disk.clone(), "runs").await.unwrap();
    let created = store.create(spec(&[23]), at(0)).await.unwrap();
    let run = created.run().clone();
    drop(created);
    disk.replace_on_lock();
    let refused = store.take_over(&run, None).await.unwrap_err();
    assert!(matches!(refused, StoreError::Replaced { .. }), "{refused}");
    store.take_over(&run, None).await.unwrap();
}

#[tokio::test]
async fn no_run_is_created_under_a_replaced_lock() {
    let disk = Volatile::default();
    let store = FileStore::open_on(disk.clone(), "runs").await.unwrap();
    disk.replace_on_lock();
    let refused = store.create(spec(&[23]), at(0)).await.unwrap_err();
    assert!(matches!(refused, StoreError::Replaced { .. }), "{refused}");
    store.create(spec(&[23]), at(0)).await.unwrap();
}

#[tokio::test]
async fn a_locked_broken_run_is_not_set_aside() {
    let bench = Bench::new().await;
    let run = bench.run_of(vec![intended()]).await;
    let path = bench.file(&run);
    std::fs::write(&path, "{}\n").unwrap();
    let writer = lock(path.clone());
    let refused = bench.store.set_aside(&run, "li.wei", at(5)).await;
    assert_eq!(refused.unwrap_err(), StoreError::InUse { run: run.clone() });
    assert!(path.exists());
    drop(writer);
    bench.store.set_aside(&run, "li.wei", at(5)).await.unwrap();
    assert!(!path.exists());
}
