//! The emulator of the command: as a server, and embedded in one command.

use std::process::Command;
use std::time::Duration;

use crate::bench::*;

#[test]
fn the_emulator_serves_over_tls_to_a_client_that_trusts_it_until_sigterm() {
    let folder = tempfile::tempdir().unwrap();
    let (ready, ca) = (folder.path().join("ready"), folder.path().join("ca.pem"));
    let mut serve = bare()
        .args(["emulator", "serve", "--release-time", "50ms", "--ready-file"])
        .args([&ready, std::path::Path::new("--tls"), &ca])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while !ready.exists() {
        assert!(tokio::time::Instant::now() < deadline, "the ready file never came");
        std::thread::yield_now();
    }
    let url = std::fs::read_to_string(&ready).unwrap();
    assert!(url.starts_with("https://127.0.0.1:"), "{url}");
    let deploy = |trust: Option<&std::path::Path>| {
        let mut command = bare();
        command
            .env("DLS_JOURNAL", folder.path().join("runs"))
            .env("HUAWEICLOUD_SDK_AK", "AKIDEXAMPLE")
            .env("HUAWEICLOUD_SDK_SK", "example-secret-key");
        if let Some(path) = trust {
            command.env("SSL_CERT_FILE", path);
        }
        command.args(["deploy", "23", "--no-start", "--workspace", "default"]);
        command.args(["--project-id", PROJECT, "--endpoint", &url]).output().unwrap()
    };
    assert_eq!(code(&deploy(None)), 11);
    let trusting = deploy(Some(&ca));
    let terminated = Command::new("kill").arg(serve.id().to_string()).status().unwrap();
    assert!(terminated.success());
    assert_eq!(serve.wait().unwrap().code(), Some(0));
    assert_eq!(code(&trusting), 0, "{}", stderr(&trusting));
}

#[test]
fn the_emulator_refuses_invalid_flags() {
    for (flag, value) in [
        ("--rate-limit", "fast"),
        ("--rate-limit", "0"),
        ("--assume", "list-offset=bytes"),
        ("--listen", "here"),
        ("--release-time", "soon"),
    ] {
        let output = ended(2, bare().args(["emulator", "serve", flag, value]));
        says(&output, flag);
    }
}

#[test]
fn an_emulator_that_other_machines_can_reach_prints_a_warning() {
    for (listen, is_warned) in [("0.0.0.0:0", true), ("127.0.0.1:0", false)] {
        let folder = tempfile::tempdir().unwrap();
        let (ready, log) = (folder.path().join("ready"), folder.path().join("log"));
        let mut serve = bare()
            .args(["emulator", "serve", "--listen", listen, "--ready-file"])
            .arg(&ready)
            .stdout(std::process::Stdio::null())
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
        while !ready.exists() && tokio::time::Instant::now() < deadline {
            std::thread::yield_now();
        }
        serve.kill().unwrap();
        serve.wait().unwrap();
        let log = std::fs::read_to_string(&log).unwrap();
        assert_eq!(log.contains("warning: "), is_warned, "{listen}: {log}");
    }
}

#[test]
fn the_embedded_emulator_takes_faults_and_suggests_no_next_step() {
    let bench = Bench::quick();
    bench.write("faults.toml", "[[faults]]\non = \"deploy\"\ndo = \"reset\"\ndone = false\n");
    let deploy = "deploy 23 --no-start --grace 0s --faults faults.toml";
    let lost = ended(
        7,
        bench
            .dls()
            .env_remove("DLS_JOURNAL")
            .env_remove("DLS_ENDPOINT")
            .arg("--emulator")
            .args(deploy.split(' ')),
    );
    assert!(!stderr(&lost).contains("next: "), "{}", stderr(&lost));
    let without = bench.ends(2, deploy);
    says(&without, "--emulator");
    assert_eq!(bench.requests(), 0);
}
