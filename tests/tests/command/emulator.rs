//! The emulator of the command: as a server, and embedded in one command.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::bench::*;

/// An emulator as a process of its own, once it listens: the process, its address, and what it wrote to stderr.
fn serve(folder: &Path, args: &[&str]) -> (Child, String, String) {
    let (ready, log) = (folder.join("ready"), folder.join("log"));
    let child = bare()
        .current_dir(folder)
        .args(["emulator", "serve", "--ready-file", "ready"])
        .args(args)
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while !ready.exists() {
        assert!(tokio::time::Instant::now() < deadline, "the ready file never came");
        std::thread::yield_now();
    }
    let [url, log] = [ready, log].map(|path| std::fs::read_to_string(path).unwrap());
    (child.unwrap(), url, log)
}

#[test]
fn the_emulator_serves_over_tls_to_a_client_that_trusts_it_until_sigterm() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["--release-time", "50ms", "--tls", "ca.pem"];
    let (server, url, _) = serve(folder.path(), &args);
    assert!(url.starts_with("https://127.0.0.1:"), "{url}");
    let deploy = |trusted: Option<&str>| {
        let mut command = command(&url, &folder.path().join("runs"));
        command.envs(trusted.map(|file| ("SSL_CERT_FILE", folder.path().join(file))));
        command.args(["deploy", "23", "--no-start"]).output().unwrap()
    };
    assert_eq!(code(&deploy(None)), 11);
    let trusting = deploy(Some("ca.pem"));
    assert_eq!(code(&trusting), 0, "{}", stderr(&trusting));
    assert_eq!(code(&end_with(server, "-TERM")), 0);
}

#[test]
fn an_emulator_that_other_machines_can_reach_prints_a_warning() {
    for (listen, is_warned) in [("0.0.0.0:0", true), ("127.0.0.1:0", false)] {
        let folder = tempfile::tempdir().unwrap();
        let (server, _, log) = serve(folder.path(), &["--listen", listen]);
        end_with(server, "-KILL");
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

#[test]
fn random_cases_break_no_promise_and_reach_the_rare_states() {
    let args = ["emulator", "simulate", "--cases", "1500", "-o", "json"];
    let output = ended(0, bare().args(args));
    let tally = json(&output);
    assert_eq!(tally["cases"], 1500);
    for broken in
        ["double_sends", "false_successes", "false_failures", "other_violations", "endless"]
    {
        assert_eq!(tally[broken], 0, "{tally}");
    }
    // Every kind of fault occurred.
    for met in ["deploys", "crashes", "faults", "unknown"] {
        assert!(tally[met].as_u64().unwrap() > 300, "{tally}");
    }
}

#[test]
fn a_simulation_ends_with_one_line_of_counts() {
    let args = ["emulator", "simulate", "--cases", "20", "--seed", "7"];
    let output = ended(0, bare().args(args));
    let text = stdout(&output);
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.starts_with("20 cases (") && text.contains(" 0 double sends"), "{text}");
}
