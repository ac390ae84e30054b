//! The command is killed, as a machine that loses its power would kill it, and its run is taken up again by
//! another process. The emulator lives on and counts.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::fs::File;
use std::process::{Child, Stdio};
use std::time::{Duration, SystemTime};

use dls::rollout::Event;
use dls_emulator::{Claim, Emulator, FaultPlan, History};
use dls_tests::SECRET;
use serde::Deserialize as _;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::bench::Bench;

/// How long anything is waited for.
const SOON: Duration = Duration::from_secs(60);
const FEW: u32 = 3;
/// Three requests: of 100, 100 and 50 packages.
const MANY: u32 = 250;

/// Where a run is killed, and what the next process makes of it.
struct Point {
    packages: u32,
    faults: &'static str,
    /// Of the process that is killed.
    interval: &'static str,
    reached: fn(&Release) -> bool,
    ends: &'static str,
}

impl Point {
    fn new(packages: u32, reached: fn(&Release) -> bool, ends: &'static str) -> Self {
        Self { packages, faults: "", interval: "20ms..50ms", reached, ends }
    }

    fn with_faults(self, faults: &'static str) -> Self {
        Self { faults, ..self }
    }

    fn with_interval(self, interval: &'static str) -> Self {
        Self { interval, ..self }
    }

    fn play(&self) {
        let release = Release::new(self.packages, self.faults);
        let process = release.start("deploy", self.interval);
        let early = process.killed_once(|| (self.reached)(&release));
        assert!(early.is_none(), "it ended before it was killed: {early:?}");
        let ended = release.start("resume", "20ms..50ms").ended();
        let place = format!("{} packages, {:?}", self.packages, self.faults);
        assert_eq!(release.summary(&ended), self.ends, "{place}: {ended:?}");
        release.check(&ended);
    }
}

/// All at once: mostly they wait.
fn play(points: &[Point]) {
    std::thread::scope(|scope| {
        for point in points {
            scope.spawn(|| point.play());
        }
    });
}

const FEW_RELEASED: &str = "exit 0, 3 successful; deploys 1, releases 3";
const MANY_RELEASED: &str = "exit 0, 250 successful; deploys 3, releases 250";

#[test]
fn a_run_that_is_killed_before_its_request_sends_it_when_it_is_resumed() {
    let created = |release: &Release| release.bench.journal_text().contains("\"run-created\"");
    let looking = r#"{ on = "show", nth = 3, do = "silence" }"#;
    let refused = r#"{ on = "connection", nth = 2, do = { refuse = "300ms" } }"#;
    play(&[
        Point::new(FEW, created, FEW_RELEASED),
        Point::new(MANY, created, MANY_RELEASED),
        // The last observation before the request is under way.
        Point::new(FEW, |release| release.bench.requests_to("show") == 3, FEW_RELEASED)
            .with_faults(looking),
        // The request could not be sent, and waits to be tried again.
        Point::new(
            FEW,
            |release| release.bench.journal_text().contains("send-failed"),
            FEW_RELEASED,
        )
        .with_faults(refused)
        .with_interval("1m"),
    ]);
}

#[test]
fn a_run_that_is_killed_during_its_request_observes_the_packages() {
    let sent = |release: &Release| release.bench.requests_to("deploy") == 1;
    let done = r#"{ on = "deploy", nth = 1, do = "silence" }"#;
    let lost = r#"{ on = "deploy", nth = 1, do = "silence", done = false }"#;
    play(&[
        Point::new(FEW, sent, FEW_RELEASED).with_faults(done),
        Point::new(MANY, sent, MANY_RELEASED).with_faults(done),
        Point::new(FEW, sent, "exit 7, 3 unknown; deploys 1, releases 0").with_faults(lost),
        Point::new(MANY, sent, "exit 7, 150 not-sent 100 unknown; deploys 1, releases 0")
            .with_faults(lost),
    ]);
}

#[test]
fn a_run_that_is_killed_between_its_requests_sends_the_rest_when_nothing_is_in_doubt() {
    let second = |release: &Release| release.bench.requests_to("deploy") == 2;
    let in_doubt = |release: &Release| release.bench.journal_text().contains("send-failed");
    play(&[
        Point::new(MANY, second, MANY_RELEASED)
            .with_faults(r#"{ on = "deploy", nth = 2, do = "silence" }"#),
        Point::new(
            MANY,
            second,
            "exit 7, 50 not-sent 100 successful 100 unknown; deploys 2, releases 100",
        )
        .with_faults(r#"{ on = "deploy", nth = 2, do = "silence", done = false }"#),
        // The first answer is lost, and the status does not show yet that it was done.
        Point::new(MANY, in_doubt, MANY_RELEASED).with_faults(
            r#"{ on = "deploy", nth = 1, do = "reset" },
               { on = "deploy", nth = 1, do = { lag = "500ms" } }"#,
        ),
        Point::new(MANY, in_doubt, "exit 7, 150 not-sent 100 unknown; deploys 1, releases 0")
            .with_faults(r#"{ on = "deploy", nth = 1, do = "reset", done = false }"#),
    ]);
}

#[test]
fn a_run_that_is_killed_while_watching_continues_to_watch() {
    let accepted = |release: &Release| release.bench.journal_text().contains("\"accepted\"");
    let watching = |release: &Release| release.bench.requests_to("show") > 3 + 1;
    // The observation after the request never comes back.
    let held = r#"{ on = "show", nth = 5, do = "silence" }"#;
    play(&[
        Point::new(FEW, accepted, FEW_RELEASED).with_interval("1m"),
        Point::new(FEW, watching, FEW_RELEASED).with_faults(held),
        Point::new(MANY, |release| release.bench.requests_to("list") == 1, MANY_RELEASED)
            .with_faults(r#"{ on = "list", nth = 1, do = "silence" }"#),
    ]);
}

/// What may go wrong beside the kills.
const FAULTS: [&str; 6] = [
    "",
    r#"{ on = "deploy", nth = 1, do = "reset" }"#,
    r#"{ on = "deploy", nth = 1, do = "silence", done = false }"#,
    r#"{ on = "deploy", nth = 2, do = "silence" }"#,
    r#"{ on = "show", every = 50, do = "reset" }"#,
    r#"{ on = "list", every = 2, do = { status = 502 } }"#,
];

#[test]
fn a_run_that_is_killed_at_random_times_sends_nothing_twice() {
    std::thread::scope(|scope| {
        for seed in 0..10 {
            scope.spawn(move || {
                let mut rng = fastrand::Rng::with_seed(seed);
                let packages = if seed % 2 == 0 { FEW } else { MANY };
                let release = Release::new(packages, rng.choice(FAULTS).unwrap());
                let Some(ended) = killed_at_random(&release, &mut rng) else {
                    assert_eq!(release.bench.releases(), packages as usize, "seed {seed}");
                    return;
                };
                let place = format!("seed {seed}: {ended:?}");
                assert!([0, 7].contains(&ended.code), "{place}");
                let is_success = ended.outcomes.values().all(|it| it == "successful");
                assert_eq!(ended.code == 0, is_success, "{place}");
                release.check(&ended);
            });
        }
    });
}

/// Up to three processes are killed after so many requests, the next one may end. `None` if one was killed when its run
/// was finished and before it could say so: there is nothing to resume.
fn killed_at_random(release: &Release, rng: &mut fastrand::Rng) -> Option<Ended> {
    let mut subcommand = "deploy";
    for _ in 0..rng.u32(1..=3) {
        let seen = release.bench.requests() + rng.usize(1..release.packages as usize * 3);
        let process = release.start(subcommand, "20ms..50ms");
        if let Some(ended) = process.killed_once(|| release.bench.requests() >= seen) {
            return Some(ended);
        }
        let files = release.bench.run_files();
        if files.iter().any(|path| path.to_string_lossy().ends_with(".done.jsonl")) {
            return None;
        }
        subcommand = "resume";
    }
    Some(release.start(subcommand, "20ms..50ms").ended())
}

/// Packages to release, and processes of the command that do it.
struct Release {
    bench: Bench,
    packages: u32,
}

impl Release {
    /// So many packages that can be released, and what goes wrong, as a list of rules.
    fn new(packages: u32, faults: &str) -> Self {
        let builder = Emulator::builder()
            .release_time(Duration::from_millis(300))
            .extra_packages(packages)
            .faults(FaultPlan::from_toml(&format!("faults = [{faults}]")).unwrap());
        Self { bench: Bench::of(builder), packages }
    }

    fn ids(&self) -> Vec<String> {
        (1001..1001 + self.packages).map(|id| id.to_string()).collect()
    }

    /// The command of a user who wants all of them released, or the run taken up.
    fn start(&self, subcommand: &str, interval: &str) -> Process<'_> {
        let mut command = self.bench.dls();
        command.arg(subcommand);
        if subcommand == "deploy" {
            command.args(self.ids()).arg("--no-start");
        }
        // Files: a pipe that nobody reads yet would stop it.
        let file = |name| File::create(self.bench.path(name)).unwrap();
        let child = command
            .args(["--interval", interval, "--grace", "2s", "--rate", "100000"])
            .args(["--request-timeout", "3s", "-o", "json"])
            .stdin(Stdio::null())
            .stdout(file("stdout"))
            .stderr(file("stderr"))
            .spawn()
            .unwrap();
        Process { bench: &self.bench, child }
    }

    /// The outcomes, and what the emulator counted, in one line.
    fn summary(&self, ended: &Ended) -> String {
        format!(
            "exit {}, {}; deploys {}, releases {}",
            ended.code,
            dls_tests::count(ended.outcomes.values()),
            self.bench.requests_to("deploy"),
            self.bench.releases(),
        )
    }

    /// At most one request is unknown, and no promise is broken: no package was sent twice, and each outcome is true.
    pub(crate) fn check(&self, ended: &Ended) {
        let ledger = self.bench.ledger();
        let deploys = ledger.requests.iter().filter(|it| it.operation == Some("deploy"));
        let unknown = |id: &String| ended.outcomes.get(id).is_some_and(|it| it == "unknown");
        let in_flight = deploys.filter(|it| it.packages.iter().any(unknown));
        assert!(in_flight.count() <= 1, "{ended:?}");

        let journal = self.bench.journal_text();
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

/// A process of the command.
struct Process<'a> {
    bench: &'a Bench,
    child: Child,
}

impl Process<'_> {
    /// Kills it once this is so; what it said if it ended before.
    fn killed_once(mut self, is_so: impl Fn() -> bool) -> Option<Ended> {
        let deadline = Instant::now() + SOON;
        // In this order: what is so at its end was so before.
        while self.child.try_wait().unwrap().is_none() && !is_so() {
            assert!(Instant::now() < deadline, "{}", self.bench.read("stderr"));
            self.bench.runtime.block_on(async { sleep(Duration::from_millis(10)).await });
        }
        // SIGKILL: it has no chance to say or do anything more.
        self.child.kill().unwrap();
        let code = self.child.wait().unwrap().code()?;
        Some(self.said(code))
    }

    /// What it said in the end.
    fn ended(self) -> Ended {
        self.killed_once(|| false).unwrap()
    }

    fn said(&self, code: i32) -> Ended {
        let (stdout, stderr) = (self.bench.read("stdout"), self.bench.read("stderr"));
        let document: Value = serde_json::from_str(&stdout).unwrap_or_else(|_| panic!("{stderr}"));
        let packages = document["packages"].as_array().unwrap().iter();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let written = std::fs::metadata(self.bench.path("stdout")).unwrap();
        Ended {
            code,
            outcomes: packages.map(|it| (text(&it["id"]), text(&it["outcome"]))).collect(),
            at: written.modified().unwrap(),
            stdout,
            stderr,
        }
    }
}

/// What a process said, and when.
struct Ended {
    code: i32,
    /// The outcome of each package.
    outcomes: BTreeMap<String, String>,
    at: SystemTime,
    stdout: String,
    stderr: String,
}

impl std::fmt::Debug for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit {}\n{}", self.code, self.stderr)
    }
}
