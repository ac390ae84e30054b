//! Locks: of the directory while a run is created, and of a run while it is written.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use dls::store::{FileStore, RunStore as _, StoreError};

use crate::bench::*;
use crate::disk::Volatile;

#[tokio::test(start_paused = true)]
async fn a_run_is_created_only_under_the_lock_of_the_directory() {
    let bench = Bench::new().await;
    let lock = File::options();
    let lock = lock.clone().append(true).open(bench.store.path().join(".lock")).unwrap();
    lock.lock().unwrap();
    let error = bench.create(23).await.unwrap_err();
    assert!(error.to_string().contains("keeps it locked"), "{error}");
    drop(lock);
    bench.create(23).await.unwrap();
}

#[tokio::test]
async fn a_run_that_another_process_writes_is_not_taken_over_until_that_process_ends() {
    let bench = Bench::new().await;
    let run = bench.run_of(vec![intended()]).await;
    let holder = Holder::of(bench.file(&run));
    let refused = bench.store.take_over(&run, None).await;
    assert_eq!(refused.unwrap_err(), StoreError::InUse { run: run.clone() });
    // Readers, and the check for conflicts, need no lock.
    assert!(bench.load(&run).await.unwrap().is_open());
    let conflict = bench.create(23).await.unwrap_err();
    assert!(matches!(conflict, StoreError::Conflict { .. }), "{conflict}");
    drop(holder);
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
async fn no_run_is_created_under_a_lock_that_others_do_not_find_any_more() {
    let disk = Volatile::default();
    let store = FileStore::open_on(disk.clone(), "runs").await.unwrap();
    disk.replace_on_lock();
    let refused = store.create(spec(&[23]), at(0)).await.unwrap_err();
    assert!(matches!(refused, StoreError::Replaced { .. }), "{refused}");
    store.create(spec(&[23]), at(0)).await.unwrap();
}

#[tokio::test]
async fn a_broken_run_that_somebody_writes_is_not_set_aside() {
    let bench = Bench::new().await;
    let run = bench.run_of(vec![intended()]).await;
    let path = bench.file(&run);
    std::fs::write(&path, "{}\n").unwrap();
    let writer = File::options().append(true).open(&path).unwrap();
    writer.lock().unwrap();
    let refused = bench.store.set_aside(&run, "li.wei", at(5)).await;
    assert_eq!(refused.unwrap_err(), StoreError::InUse { run: run.clone() });
    assert!(path.exists());
    drop(writer);
    bench.store.set_aside(&run, "li.wei", at(5)).await.unwrap();
    assert!(!path.exists());
}

/// Names the file that the child process is to lock.
const FILE: &str = "DLS_TEST_LOCKED_FILE";
const LIMIT: Duration = Duration::from_secs(60);

/// Another process that holds the lock of a file.
struct Holder(Child);

impl Holder {
    fn of(file: PathBuf) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "locks::another_process", "--ignored", "--nocapture"]);
        command.env(FILE, file).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut holder = Self(command.spawn().unwrap());
        let stdout = BufReader::new(holder.0.stdout.take().unwrap());
        let (told, is_told) = mpsc::channel();
        std::thread::spawn(move || {
            let mut lines = stdout.lines().map_while(Result::ok);
            if lines.any(|line| line.contains("it is locked")) {
                told.send(()).unwrap();
            }
        });
        is_told.recv_timeout(LIMIT).unwrap();
        holder
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
#[ignore = "a part of another test, which runs it as a process of its own"]
fn another_process() {
    let Some(file) = std::env::var_os(FILE) else {
        return;
    };
    let file = File::options().append(true).open(file).unwrap();
    file.lock().unwrap();
    println!("it is locked");
    // Until the other end is closed.
    let _ = std::io::stdin().read(&mut [0]);
}
