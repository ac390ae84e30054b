//! What is around the entries: directories, permissions, names, and files of other versions.

use std::fs;

use dls::rollout::EventKind;
use dls::store::{FileStore, RunStore as _, StoreError, conformance};

use super::bench::*;

/// `MemoryStore` passes it in a doctest.
#[tokio::test]
async fn a_directory_of_files_passes_the_conformance_suite() {
    let folder = tempfile::tempdir().unwrap();
    let number = std::cell::Cell::new(0);
    let checked = conformance::check(async || {
        number.set(number.get() + 1);
        let folder = folder.path().join(number.get().to_string());
        FileStore::open(folder).await.unwrap()
    });
    checked.await.unwrap();
}

#[tokio::test]
async fn reading_does_not_create_the_directory() {
    let folder = tempfile::tempdir().unwrap();
    let runs = folder.path().join("runs");
    let store = FileStore::for_reading(&runs);
    assert!(store.list().await.unwrap().is_empty());
    assert!(!runs.exists());
    fs::write(&runs, "").unwrap();
    let error = store.list().await.unwrap_err();
    assert!(matches!(error, StoreError::Unusable { .. }), "{error}");
}

#[tokio::test]
async fn a_directory_that_is_not_writable_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    for path in [file.join("runs"), file] {
        let error = FileStore::open(path).await.unwrap_err();
        assert!(matches!(error, StoreError::Unusable { .. }), "{error}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_access_files_and_directories() {
    use std::os::unix::fs::PermissionsExt as _;
    let (bench, run, ..) = Bench::with_run(vec![]).await;
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(bench.file(&run)), 0o600);
    assert_eq!(mode(bench.store.path().to_owned()), 0o700);
}

#[cfg(unix)]
#[tokio::test]
async fn a_symbolic_link_is_refused_and_blocks_every_new_run() {
    let (bench, run, path, _) = Bench::with_run(vec![intended()]).await;
    let elsewhere = bench.path().join("elsewhere");
    fs::rename(&path, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
    for error in [
        bench.store.load(&run).await.err(),
        bench.store.take_over(&run, None).await.err(),
        bench.create(99).await.err(),
    ] {
        let error = error.unwrap();
        assert!(error.to_string().contains("symbolic link"), "{error}");
    }
}

#[tokio::test]
async fn a_misnamed_file_blocks_every_new_run() {
    let (bench, run, path, _) = Bench::with_run(vec![intended()]).await;
    for name in [format!("{run} (1).jsonl"), format!("{run}.JSONL")] {
        let stranger = path.with_file_name(&name);
        fs::rename(&path, &stranger).unwrap();
        let error = bench.create(99).await.unwrap_err();
        assert!(error.to_string().contains(&name), "{error}");
        fs::rename(&stranger, &path).unwrap();
    }
    bench.create(99).await.unwrap();
}

#[tokio::test]
async fn no_intention_is_recorded_after_the_directory_or_the_file_was_removed_or_replaced() {
    for replace in [false, true] {
        for whole_directory in [false, true] {
            let bench = Bench::new().await;
            let mut writer = bench.store.create(spec(&[23]), at(0)).await.unwrap();
            let path = bench.file(writer.run());
            let bytes = fs::read(&path).unwrap();
            if whole_directory {
                fs::rename(bench.store.path(), bench.path().join("away")).unwrap();
                fs::create_dir(bench.store.path()).unwrap();
            } else {
                fs::rename(&path, bench.path().join("away")).unwrap();
            }
            if replace {
                fs::write(&path, bytes).unwrap();
            }
            let error = append(&mut *writer, intended()).await.unwrap_err();
            assert_eq!(error, StoreError::Replaced(path));
        }
    }
}

#[tokio::test]
async fn finishing_does_not_touch_a_file_that_replaced_the_run() {
    let bench = Bench::new().await;
    let mut writer = bench.store.create(spec(&[23]), at(0)).await.unwrap();
    let path = bench.file(writer.run());
    fs::rename(&path, bench.path().join("away")).unwrap();
    fs::write(&path, "somebody else's").unwrap();
    let error = writer.finish().await.unwrap_err();
    assert_eq!(error, StoreError::Replaced(path.clone()));
    assert_eq!(fs::read_to_string(&path).unwrap(), "somebody else's");
}

#[tokio::test]
async fn a_file_that_another_writer_changed_is_not_appended_to() {
    let bench = Bench::new().await;
    let mut writer = bench.store.create(spec(&[23]), at(0)).await.unwrap();
    let path = bench.file(writer.run());
    let longer = [fs::read(&path).unwrap(), b"{}\n".to_vec()].concat();
    fs::write(&path, &longer).unwrap();
    let error = append(&mut *writer, EventKind::Waited).await.unwrap_err();
    assert!(matches!(error, StoreError::Fenced(_)), "{error}");
    assert_eq!(fs::read(&path).unwrap(), longer);
}

#[tokio::test]
async fn a_finished_run_is_renamed_and_still_readable() {
    let bench = Bench::new().await;
    let mut writer = bench.store.create(spec(&[23, 24]), at(0)).await.unwrap();
    append(&mut *writer, given_up()).await.unwrap();
    let run = writer.run().clone();
    let before = bench.store.load(&run).await.unwrap();
    writer.finish().await.unwrap();
    assert!(!bench.file(&run).exists());
    assert_eq!(bench.store.load(&run).await.unwrap(), before);
    // By what was known when it was written it was over, by what is known today it is not.
    let open = bench.run_of(vec![intended()]).await;
    let over = bench.store.path().join(format!("{open}.done.jsonl"));
    fs::rename(bench.file(&open), &over).unwrap();
    drop(bench.store.take_over(&open, None).await.unwrap());
    assert!(bench.file(&open).exists() && !over.exists());
}

#[tokio::test]
async fn a_run_of_another_version_is_refused_with_both_versions_and_blocks_every_new_run() {
    let (bench, run, path, _) = Bench::with_run(vec![intended()]).await;
    let text = fs::read_to_string(&path).unwrap();
    for (known, other, version) in [
        ("{\"journal\":2,", "{\"journal\":1,", 1),
        ("{\"journal\":2,", "{\"journal\":3,", 3),
        ("\"version\":2", "\"version\":1", 1),
        ("\"version\":2", "\"version\":3,\"new\":[]", 3),
    ] {
        assert!(text.contains(known), "{text}");
        fs::write(&path, text.replace(known, other)).unwrap();
        let error = bench.create(99).await.unwrap_err();
        let refusal = StoreError::OtherVersion { run: run.clone(), found: version, known: 2 };
        assert_eq!(error, refusal, "{other}");
        let both = format!("has version {version}; this program reads version 2 only");
        assert!(error.to_string().contains(&both), "{error}");
        assert_eq!(bench.store.load(&run).await.unwrap_err(), error);
        assert_eq!(bench.store.take_over(&run, None).await.unwrap_err(), error);
        let checked = bench.store.check(&run).await.unwrap();
        assert_eq!((checked.version, checked.entries), (version, 0));
        assert!(!checked.names_its_packages);
    }
}
