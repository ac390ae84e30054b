//! The command where the system gives it few file descriptors.

use std::process::Command;

use dls_emulator::{Emulator, RateLimit};

use crate::play::{ANY_PORT, PROJECT, RELEASE};

/// With fewer there is no runtime that could do anything.
const LEAST: u32 = 8;
/// With so many all goes well.
const ENOUGH: u32 = 20;

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn where_no_file_descriptor_is_left_nothing_is_sent_and_the_system_is_quoted() {
    // No runtime, no journal, and then there are enough.
    assert_eq!(exit_codes("runs").await, [1, 9, 0]);
    // No runtime, no connection, and then there are enough.
    assert_eq!(exit_codes("off").await, [1, 11, 0]);
}

/// What a deploy exits with, from the fewest to enough, each once.
async fn exit_codes(journal: &str) -> Vec<i32> {
    let mut codes = Vec::new();
    for limit in LEAST..=ENOUGH {
        let builder = Emulator::builder().release_time(RELEASE);
        let builder = builder.rate_limit(RateLimit::Off);
        let emulator = builder.start(ANY_PORT).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let output = Command::new("sh")
            .args(["-c", r#"ulimit -n "$0" && exec "$@""#, &limit.to_string()])
            .arg(dls_tests::COMMAND.as_ref().unwrap())
            .args(["deploy", "23", "--no-start", "--interval", "20ms"])
            .args(["--max-attempts", "1", "--journal", journal])
            .current_dir(folder.path())
            .env_clear()
            .env("DLS_ENDPOINT", emulator.base_url())
            .env("DLS_WORKSPACE", "default")
            .env("HUAWEICLOUD_SDK_PROJECT_ID", PROJECT)
            .env("HUAWEICLOUD_SDK_AK", "AKIDEXAMPLE")
            .env("HUAWEICLOUD_SDK_SK", "example-secret-key")
            .output()
            .unwrap();
        let code = output.status.code().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        let ledger = emulator.ledger();
        let requests = ledger.requests.iter();
        let deploys = requests.filter(|it| it.operation == Some("deploy"));
        let counted = (deploys.count(), ledger.releases.len());
        let expected = usize::from(code == 0);
        assert_eq!(counted, (expected, expected), "{limit}: {text}");
        assert_eq!(code == 0, !text.contains("os error 24"), "{limit}: {text}");
        codes.push(code);
    }
    codes.dedup();
    codes
}
