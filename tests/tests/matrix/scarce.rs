//! The command where the system gives it little: few file descriptors, or no room on its disk.
#![cfg(unix)]

use std::path::Path;
use std::process::Command;

use dls::{FileStore, RunStore as _};
use dls_emulator::{Emulator, RateLimit};

use crate::play::{ANY_PORT, RELEASE};

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn without_file_descriptors_nothing_is_sent_and_the_system_error_is_shown() {
    let with = async |journal| {
        let mut codes = Vec::new();
        // With fewer than 8 there is no runtime that could do anything.
        for count in 8..=20 {
            let folder = tempfile::tempdir().unwrap();
            let (code, stderr) =
                deploy(&format!("ulimit -n {count}"), folder.path(), journal).await;
            assert_eq!(code == 0, !stderr.contains("os error 24"), "{stderr}");
            codes.push(code);
        }
        codes.dedup();
        codes
    };
    // No runtime, no journal, and then there are enough.
    assert_eq!(with("runs").await, [1, 9, 0]);
    // No runtime, no connection, and then there are enough.
    assert_eq!(with("off").await, [1, 11, 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn on_a_full_disk_nothing_is_sent_and_the_journal_is_still_readable() {
    let (mut codes, mut is_left_open) = (Vec::new(), false);
    // So many blocks of half a kibibyte (or one, by shell) are left for each file.
    for blocks in 0..=16 {
        let folder = tempfile::tempdir().unwrap();
        // Without the signal a write that finds no room is an error, as on a full disk.
        let limit = format!("trap '' XFSZ; ulimit -f {blocks}");
        let (code, stderr) = deploy(&limit, folder.path(), "runs").await;
        let is_told = stderr.contains("os error 27");
        assert!(code == 0 || is_told, "{code}: {stderr}");
        // What was sent is watched to its end, though nobody records it any more.
        is_left_open |= code == 0 && is_told;
        let store = FileStore::for_reading(folder.path().join("runs"));
        for run in store.list().await.unwrap() {
            let run = run.unwrap_or_else(|error| panic!("{blocks} blocks: {error}"));
            assert!(code == 0 || !run.report.packages.iter().any(|it| it.sent));
        }
        codes.push(code);
    }
    codes.dedup();
    // Not even the first line, or not the intention to send; and then there is room for that.
    assert_eq!(codes, [9, 0]);
    assert!(is_left_open, "no disk was full between the request and its end");
}

/// A deploy under a limit that a shell sets: its exit code and what it says. Whatever it comes to, it is
/// released if and only if it says so.
async fn deploy(limit: &str, folder: &Path, journal: &str) -> (i32, String) {
    let builder = Emulator::builder().release_time(RELEASE);
    let builder = builder.rate_limit(RateLimit::Off);
    let emulator = builder.start(ANY_PORT).await.unwrap();
    let settings = dls_tests::command(emulator.base_url(), Path::new(journal));
    let output = Command::new("sh")
        .args(["-c", &format!(r#"{limit} && exec "$0" "$@""#)])
        .arg(dls_tests::COMMAND.as_ref().unwrap())
        .args(["deploy", "23", "--no-start", "--interval", "20ms"])
        .args(["--max-attempts", "1"])
        .current_dir(folder)
        .env_clear()
        .envs(settings.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .output()
        .unwrap();
    let code = output.status.code().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let ledger = emulator.ledger();
    let requests = ledger.requests.iter();
    let deploys = requests.filter(|it| it.operation == Some("deploy"));
    let counted = (deploys.count(), ledger.releases.len());
    let expected = usize::from(code == 0);
    assert_eq!(counted, (expected, expected), "{limit}: {stderr}");
    (code, stderr)
}
