//! What survives the machine, on a disk that loses whatever was not made durable.

use dls::rollout::EventKind;
use dls::store::{
    Disk as _, FileStore, MemoryDisk, OpenMode, RunStore as _, RunWriter, StoreError,
};

use super::bench::*;
use crate::fault::Fault;

/// A run of the packages 23 and 24 to which this has happened.
async fn written(events: Vec<EventKind>) -> (MemoryDisk, FileStore, Box<dyn RunWriter>) {
    let disk = MemoryDisk::default();
    let store = FileStore::open_on(disk.clone(), "runs").await.unwrap();
    let mut writer = store.create(spec(&[23, 24]), at(0)).await.unwrap();
    for kind in events {
        append(&mut *writer, kind).await.unwrap();
    }
    (disk, store, writer)
}

#[tokio::test]
async fn a_created_run_survives_a_crash() {
    let (disk, store, writer) = written(vec![]).await;
    disk.crash();
    assert_eq!(store.load(writer.run()).await.unwrap().position().entry, 1);
}

#[tokio::test]
async fn decisions_survive_a_crash_and_observations_need_not() {
    for (kind, survives) in [
        (intended(), true),
        (consented(), true),
        (given_up(), true),
        (EventKind::Waited, false),
        (lost(), false),
    ] {
        let (disk, store, mut writer) = written(vec![intended(), lost(), consented()]).await;
        let before = writer.position().entry;
        let named = format!("{kind:?}");
        append(&mut *writer, kind).await.unwrap();
        disk.crash();
        let stored = store.load(writer.run()).await.unwrap();
        assert_eq!(stored.position().entry, before + u64::from(survives), "{named}");
    }
}

#[tokio::test]
async fn a_finished_run_survives_with_all_its_entries() {
    let (disk, store, mut writer) = written(vec![given_up(), EventKind::Waited]).await;
    writer.finish().await.unwrap();
    disk.crash();
    let stored = store.load(writer.run()).await.unwrap();
    assert_eq!((stored.position().entry, stored.is_open()), (3, false));
    let found = store.check(writer.run()).await.unwrap().path;
    assert!(found.to_str().unwrap().ends_with(".done.jsonl"), "{found:?}");
}

#[tokio::test]
async fn entries_that_a_take_over_has_read_survive() {
    let (disk, store, writer) = written(vec![intended(), lost()]).await;
    let run = writer.run().clone();
    drop(writer);
    // The process died, the machine did not.
    let taken = store.take_over(&run, None).await.unwrap();
    disk.crash();
    let stored = store.load(&run).await.unwrap();
    assert_eq!(stored.position(), taken.writer.position());
}

#[tokio::test]
async fn a_take_over_makes_the_name_of_the_run_durable() {
    let (disk, store, writer) = written(vec![]).await;
    let run = writer.run().clone();
    drop(writer);
    // As if whoever created it had ended before the directory was flushed.
    let path = store.check(&run).await.unwrap().path;
    let other = path.with_extension("other");
    disk.rename(&path, &other).await.unwrap();
    disk.sync_dir(path.parent().unwrap()).await.unwrap();
    disk.rename(&other, &path).await.unwrap();
    let mut taken = store.take_over(&run, None).await.unwrap();
    append(&mut *taken.writer, intended()).await.unwrap();
    disk.crash();
    assert_eq!(store.load(&run).await.unwrap().position().entry, 2);
}

#[tokio::test]
async fn a_consent_to_set_a_file_aside_survives() {
    let disk = MemoryDisk::default();
    let store = FileStore::open_on(disk.clone(), "runs").await.unwrap();
    let run = "20250513-031320-0001".parse().unwrap();
    let path = std::path::Path::new("runs/20250513-031320-0001.jsonl");
    let mut file = disk.open(path, OpenMode::CreateNew).await.unwrap();
    file.append(b"{}\n".to_vec()).await.unwrap();
    file.flush().await.unwrap();
    disk.sync_dir(path.parent().unwrap()).await.unwrap();
    let aside = store.set_aside(&run, "li.wei", at(5)).await.unwrap();
    disk.crash();
    assert!(store.list().await.unwrap().is_empty());
    let log = path.with_file_name("set-aside.log");
    for (path, holds) in [(&aside, "{}"), (&log, "li.wei")] {
        let mut file = disk.open(path, OpenMode::Read).await.unwrap();
        let text = String::from_utf8(file.read().await.unwrap()).unwrap();
        assert!(text.contains(holds), "{text}");
    }
}

#[tokio::test]
async fn on_a_full_disk_no_run_is_created() {
    let fault = Fault::default();
    let store = fault.store().await;
    fault.set(1, false);
    let error = store.create(spec(&[23]), at(0)).await.unwrap_err();
    assert!(matches!(error, StoreError::Unusable { .. }), "{error}");
    assert!(store.list().await.unwrap().is_empty());
}
