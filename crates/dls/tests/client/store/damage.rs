//! Files that were changed: none makes a later command send again, and nothing is dropped in silence.

use std::fs;

use dls::store::{RunId, RunStore as _, StoreError};

use super::bench::*;

#[tokio::test]
async fn a_flipped_line_end_is_repaired_by_the_next_writer() {
    let (bench, run, path, original) = Bench::with_run(vec![intended()]).await;
    let without = original.len() - 1;
    for end in [vec![], vec![b'\n' ^ 0x40], vec![0]] {
        let broken = [&original[..without], &end].concat();
        fs::write(&path, broken).unwrap();
        let taken = bench.store.take_over(&run, None).await.unwrap();
        assert!(taken.rollout.report().packages[0].sent);
        assert_eq!(fs::read(&path).unwrap(), original);
        let mut writer = taken.writer;
        append(&mut *writer, lost()).await.unwrap();
        assert_eq!(bench.store.load(&run).await.unwrap().position().entry, 3);
        drop(writer);
    }
}

#[tokio::test]
async fn an_incomplete_entry_or_zeros_are_removed_by_a_writer_and_reported_to_a_reader() {
    let (bench, run, path, whole) = Bench::with_run(vec![intended(), lost()]).await;
    let last = line_starts(&whole)[2];
    let kept = &whole[..last];
    for tail in [
        &whole[last..last + 1],
        &whole[last..whole.len() - 2],
        &[0; 4096],
        &[&whole[last..last + 30], &[0; 100]].concat(),
    ] {
        let torn = [kept, tail].concat();
        fs::write(&path, &torn).unwrap();
        let read = bench.store.load(&run).await.unwrap();
        assert_eq!(read.position().entry, 2);
        assert!(read.unfinished.is_some());
        assert_eq!(fs::read(&path).unwrap(), torn, "a reader changes nothing");
        let taken = bench.store.take_over(&run, None).await.unwrap();
        assert_eq!(taken.writer.position().entry, 2);
        assert_eq!(fs::read(&path).unwrap(), kept);
    }
}

#[tokio::test]
async fn a_complete_last_entry_with_a_wrong_hash_is_refused() {
    let (bench, run, path, mut bytes) = Bench::with_run(vec![intended()]).await;
    let last = line_starts(&bytes)[1];
    bytes[last + 100] ^= 1;
    // With its line end and without.
    for length in [bytes.len(), bytes.len() - 1] {
        fs::write(&path, &bytes[..length]).unwrap();
        let error = bench.store.load(&run).await.unwrap_err();
        assert!(matches!(error, StoreError::Broken { entry: 2, .. }), "{error}");
    }
}

#[tokio::test]
async fn swapped_duplicate_missing_and_foreign_lines_are_refused() {
    let (bench, run, path, whole) = Bench::with_run(vec![intended(), lost(), consented()]).await;
    let lines: Vec<&[u8]> = whole.split_inclusive(|it| *it == b'\n').collect();
    let (_, _, _, stranger) = Bench::with_run(vec![intended(), lost()]).await;
    let stranger: Vec<&[u8]> = stranger.split_inclusive(|it| *it == b'\n').collect();
    for (kind, broken, at) in [
        ("swapped", vec![lines[0], lines[2], lines[1], lines[3]], 2),
        ("doubled", vec![lines[0], lines[1], lines[1], lines[2]], 3),
        ("missing", vec![lines[0], lines[2], lines[3]], 2),
        ("first missing", vec![lines[1], lines[2]], 1),
        ("another run's", vec![lines[0], lines[1], stranger[2]], 3),
        ("another run's file", stranger.clone(), 1),
    ] {
        fs::write(&path, broken.concat()).unwrap();
        let error = bench.store.load(&run).await.unwrap_err();
        let StoreError::Broken { run: named, entry, why } = &error else {
            panic!("{kind}: {error}");
        };
        assert_eq!((named, *entry), (&run, at), "{kind}: {why}");
        let taken = bench.store.take_over(&run, None).await;
        assert_eq!(taken.unwrap_err(), error, "{kind}");
        let listed = bench.store.list().await.unwrap();
        assert_eq!(listed, [Err(error)], "{kind}");
    }
}

#[tokio::test]
async fn an_unreadable_first_entry_blocks_every_new_run_until_the_run_is_set_aside() {
    let (bench, run, path, whole) = Bench::with_run(vec![intended()]).await;
    for broken in [&b""[..], &[0; 512], &whole[..40], &whole[10..]] {
        fs::write(&path, broken).unwrap();
        let error = bench.create(99).await.unwrap_err();
        assert!(matches!(error, StoreError::Broken { entry: 1, .. }), "{error}");
    }
    let checked = bench.store.check(&run).await.unwrap();
    assert!(!checked.names_its_packages && checked.problem.is_some());
    let aside = bench.store.set_aside(&run, "li.wei", at(5)).await.unwrap();
    assert_eq!(fs::read(&aside).unwrap(), &whole[10..], "it is kept");
    let log = fs::read_to_string(bench.store.path().join("set-aside.log")).unwrap();
    let consent: serde_json::Value = serde_json::from_str(&log).unwrap();
    assert_eq!(consent["by"], "li.wei");
    assert_eq!(consent["at"], at(5).to_string());
    assert_eq!(consent["sha256"].as_str().unwrap().len(), 64);
    assert!(bench.store.list().await.unwrap().is_empty());
    bench.create(23).await.unwrap();
}

#[tokio::test]
async fn a_run_that_is_broken_at_a_later_entry_claims_only_its_packages() {
    let (bench, run, path, mut bytes) = Bench::with_run(vec![intended(), given_up()]).await;
    let last = line_starts(&bytes)[2];
    bytes[last + 200] ^= 1;
    fs::write(&path, &bytes).unwrap();
    bench.create(99).await.unwrap();
    let error = bench.create(24).await.unwrap_err();
    assert!(matches!(error, StoreError::Broken { entry: 3, .. }), "{error}");
    let checked = bench.store.check(&run).await.unwrap();
    assert_eq!((checked.entries, checked.names_its_packages), (2, true));
    assert_eq!(checked.problem, Some(error));
}

#[tokio::test]
async fn a_readable_run_is_not_set_aside() {
    let (bench, run, ..) = Bench::with_run(vec![intended()]).await;
    let refused = bench.store.set_aside(&run, "li.wei", at(5)).await;
    assert_eq!(refused.unwrap_err(), StoreError::NotBroken(run.clone()));
    let unknown: RunId = "20200101-000000-0000".parse().unwrap();
    let refused = bench.store.set_aside(&unknown, "li.wei", at(5)).await;
    assert_eq!(refused.unwrap_err(), StoreError::NoSuchRun(unknown));
    assert!(bench.store.load(&run).await.is_ok());
}

fn line_starts(bytes: &[u8]) -> Vec<usize> {
    let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect()
}
