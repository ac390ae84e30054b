//! The command where the system gives it little: few file descriptors, or no room on its disk.
#![cfg(unix)]

use std::process::Command;
use std::time::Duration;

use dls::{FileStore, RunStore as _};

use crate::bench::*;

#[test]
fn without_file_descriptors_nothing_is_sent_and_the_system_error_is_shown() {
    let with = |journal| {
        let mut codes = Vec::new();
        // With fewer than 8 there is no runtime that could do anything.
        for count in 8..=20 {
            let (_, code, stderr) = deploy(&format!("ulimit -n {count}"), journal);
            assert_eq!(code == 0, !stderr.contains("os error 24"), "{stderr}");
            codes.push(code);
        }
        codes.dedup();
        codes
    };
    // No runtime, no journal, and then there are enough.
    assert_eq!(with("runs"), [1, 9, 0]);
    // No runtime, no connection, and then there are enough.
    assert_eq!(with("off"), [1, 11, 0]);
}

#[test]
fn on_a_full_disk_nothing_is_sent_and_the_journal_is_still_readable() {
    let (mut codes, mut is_left_open) = (Vec::new(), false);
    // So many blocks of half a kibibyte (or one, by shell) are left for each file.
    for blocks in 0..=16 {
        // Without the signal a write that finds no room is an error, as on a full disk.
        let limit = format!("trap '' XFSZ; ulimit -f {blocks}");
        let (bench, code, stderr) = deploy(&limit, "runs");
        let is_told = stderr.contains("os error 27");
        assert!(code == 0 || is_told, "{code}: {stderr}");
        // What was sent is watched to its end, though nobody records it any more.
        is_left_open |= code == 0 && is_told;
        let store = FileStore::for_reading(bench.journal());
        for run in bench.runtime.block_on(store.list()).unwrap() {
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
fn deploy(limit: &str, journal: &str) -> (Bench, i32, String) {
    let bench = Bench::new(Duration::from_millis(60));
    let settings = bench.dls();
    let output = Command::new("sh")
        .args(["-c", &format!(r#"{limit} && exec "$0" "$@""#)])
        .arg(settings.get_program())
        .args(["deploy", "23", "--no-start", "--interval", "20ms"])
        .args(["--max-attempts", "1"])
        .current_dir(settings.get_current_dir().unwrap())
        .env_clear()
        .envs(settings.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .env("DLS_JOURNAL", journal)
        .output()
        .unwrap();
    let (code, stderr) = (code(&output), stderr(&output));
    let counted = (bench.requests_to("deploy"), bench.releases());
    let expected = usize::from(code == 0);
    assert_eq!(counted, (expected, expected), "{limit}: {stderr}");
    (bench, code, stderr)
}
