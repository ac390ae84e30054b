//! An emulator with some packages, processes of the command against it, and what became of them.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, SystemTime};

use dls::rollout::Event;
use dls_emulator::{Claim, Emulator, FaultPlan, History, Initiator, LedgerRequest};
use dls_tests::{SECRET, Service};
use serde::Deserialize as _;
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::Instant;

/// How long anything is waited for.
const SOON: Duration = Duration::from_secs(60);

#[derive(Clone, Copy)]
pub(crate) enum Subcommand {
    Deploy,
    Resume,
}

pub(crate) struct Bench {
    folder: TempDir,
    packages: u32,
    service: Service,
}

impl Bench {
    /// So many packages that can be released, and what goes wrong, as a list of rules.
    pub(crate) fn new(packages: u32, faults: &str) -> Self {
        let builder = Emulator::builder()
            .release_time(Duration::from_millis(300))
            .extra_packages(packages)
            .faults(FaultPlan::from_toml(&format!("faults = [{faults}]")).unwrap());
        Self { folder: tempfile::tempdir().unwrap(), packages, service: Service::start(builder) }
    }

    fn ids(&self) -> Vec<String> {
        (1001..1001 + self.packages).map(|id| id.to_string()).collect()
    }

    /// The command of a user who wants all of them released, or the run taken up.
    pub(crate) fn start(&self, subcommand: Subcommand, interval: &str) -> Process<'_> {
        let stdout = self.folder.path().join("stdout");
        let stderr = self.folder.path().join("stderr");
        let mut command = dls_tests::command(self.service.emulator.base_url(), &self.runs());
        match subcommand {
            Subcommand::Deploy => command.arg("deploy").args(self.ids()).arg("--no-start"),
            Subcommand::Resume => command.arg("resume"),
        };
        let child = command
            .args(["--interval", interval, "--grace", "2s", "--rate", "100000"])
            .args(["--request-timeout", "3s", "-o", "json"])
            .stdin(Stdio::null())
            .stdout(File::create(&stdout).unwrap())
            .stderr(File::create(&stderr).unwrap())
            .spawn()
            .unwrap();
        Process { bench: self, child, stdout, stderr }
    }

    fn runs(&self) -> PathBuf {
        self.folder.path().join("runs")
    }

    pub(crate) fn journal(&self) -> String {
        dls_tests::journal_text(&self.runs())
    }

    pub(crate) fn requests(&self) -> usize {
        self.service.emulator.ledger().requests.len()
    }

    /// How many requests to this operation came from us.
    pub(crate) fn asked(&self, operation: &str) -> usize {
        let requests = self.service.emulator.ledger().requests;
        requests.iter().filter(|it| is_ours(it, operation)).count()
    }

    /// The outcomes, and what the emulator counted, in one line.
    pub(crate) fn summary(&self, ended: &Ended) -> String {
        format!(
            "exit {}, {}; deploys {}, releases {}",
            ended.code,
            dls_tests::count(ended.outcomes.values()),
            self.asked("deploy"),
            self.service.emulator.ledger().releases.len(),
        )
    }

    /// At most one request is unknown, and no promise is broken: no package was sent twice, and each outcome is true.
    pub(crate) fn check(&self, ended: &Ended) {
        let ledger = self.service.emulator.ledger();
        let deploys = ledger.requests.iter().filter(|it| is_ours(it, "deploy"));
        let unknown = |id: &String| ended.outcomes.get(id).is_some_and(|it| it == "unknown");
        let in_flight = deploys.filter(|it| it.packages.iter().any(unknown));
        assert!(in_flight.count() <= 1, "{ended:?}");

        let journal = self.journal();
        let entries = journal.lines().map(serde_json::from_str::<Value>);
        let events = entries.map(|entry| Event::deserialize(&entry.unwrap()["event"]));
        let events: Vec<Event> = events.map(Result::unwrap).collect();
        let claims = ended.outcomes.iter().map(|(package, outcome)| Claim {
            package: package.clone(),
            outcome: outcome.clone(),
            at: ended.at,
        });
        let history = History {
            ids: self.ids(),
            sends: dls_tests::sends(&events),
            claims: claims.collect(),
            ledger: ledger.clone(),
            texts: vec![journal, ended.stdout.clone(), ended.stderr.clone()],
            secrets: vec![SECRET.to_owned(), "Signature=".to_owned()],
            ..History::default()
        };
        let broken = dls_emulator::check(&history);
        assert!(broken.is_empty(), "{broken:?} {ended:?}");
    }
}

fn is_ours(request: &LedgerRequest, operation: &str) -> bool {
    request.operation == Some(operation) && request.by == Initiator::Client
}

/// A process of the command.
pub(crate) struct Process<'a> {
    bench: &'a Bench,
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Process<'_> {
    /// Kills it once this is so; what it said if it ended before.
    pub(crate) fn killed_once(mut self, is_so: impl Fn() -> bool) -> Option<Ended> {
        if self.is_over_before(is_so) {
            return Some(self.ended());
        }
        // SIGKILL: it has no chance to say or do anything more.
        self.child.kill().unwrap();
        let status = self.child.wait().unwrap();
        status.code().map(|code| self.said(code))
    }

    /// What it said in the end.
    pub(crate) fn ended(mut self) -> Ended {
        let is_over = self.is_over_before(|| false);
        assert!(is_over);
        let status = self.child.wait().unwrap();
        self.said(status.code().unwrap())
    }

    fn is_over_before(&mut self, is_so: impl Fn() -> bool) -> bool {
        let deadline = Instant::now() + SOON;
        loop {
            // In this order: what is so at its end was so before.
            let is_over = self.child.try_wait().unwrap().is_some();
            if is_over || is_so() {
                return is_over;
            }
            assert!(Instant::now() < deadline, "{}", self.read(&self.stderr));
            let pause = async { tokio::time::sleep(Duration::from_millis(10)).await };
            self.bench.service.runtime.block_on(pause);
        }
    }

    fn read(&self, path: &PathBuf) -> String {
        std::fs::read_to_string(path).unwrap()
    }

    fn said(&self, code: i32) -> Ended {
        let (stdout, stderr) = (self.read(&self.stdout), self.read(&self.stderr));
        let document: Value = serde_json::from_str(&stdout).unwrap_or_else(|_| panic!("{stderr}"));
        let packages = document["packages"].as_array().unwrap().iter();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Ended {
            code,
            outcomes: packages.map(|it| (text(&it["id"]), text(&it["outcome"]))).collect(),
            at: std::fs::metadata(&self.stdout).unwrap().modified().unwrap(),
            stdout,
            stderr,
        }
    }
}

/// What a process said, and when.
pub(crate) struct Ended {
    pub(crate) code: i32,
    /// The outcome of each package.
    pub(crate) outcomes: BTreeMap<String, String>,
    at: SystemTime,
    stdout: String,
    stderr: String,
}

impl std::fmt::Debug for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit {}\n{}", self.code, self.stderr)
    }
}
