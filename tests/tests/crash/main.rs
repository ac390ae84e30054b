//! The command is killed, as a machine that loses its power would kill it, and its run is taken up again by
//! another process. The emulator lives on and counts.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]
#![cfg(unix)]

mod bench;

use bench::{Bench, Ended, Subcommand};

const FEW: u32 = 3;
/// Three requests: of 100, 100 and 50 packages.
const MANY: u32 = 250;

/// Where a run is killed, and what the next process makes of it.
struct Point {
    packages: u32,
    faults: &'static str,
    /// Of the process that is killed.
    interval: &'static str,
    reached: fn(&Bench) -> bool,
    ends: &'static str,
}

impl Point {
    fn new(packages: u32, reached: fn(&Bench) -> bool, ends: &'static str) -> Self {
        Self { packages, faults: "", interval: "20ms..50ms", reached, ends }
    }

    fn with_faults(self, faults: &'static str) -> Self {
        Self { faults, ..self }
    }

    fn with_interval(self, interval: &'static str) -> Self {
        Self { interval, ..self }
    }

    fn play(&self) {
        let bench = Bench::new(self.packages, self.faults);
        let process = bench.start(Subcommand::Deploy, self.interval);
        let early = process.killed_once(|| (self.reached)(&bench));
        assert!(early.is_none(), "it ended before it was killed: {early:?}");
        let ended = bench.start(Subcommand::Resume, "20ms..50ms").ended();
        let place = format!("{} packages, {:?}", self.packages, self.faults);
        assert_eq!(bench.summary(&ended), self.ends, "{place}: {ended:?}");
        bench.check(&ended);
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
    let created = |bench: &Bench| bench.journal().contains("\"run-created\"");
    let looking = r#"{ on = "show", nth = 3, do = "silence" }"#;
    let refused = r#"{ on = "connection", nth = 2, do = { refuse = "300ms" } }"#;
    play(&[
        Point::new(FEW, created, FEW_RELEASED),
        Point::new(MANY, created, MANY_RELEASED),
        // The last observation before the request is under way.
        Point::new(FEW, |bench| bench.asked("show") == 3, FEW_RELEASED).with_faults(looking),
        // The request could not be sent, and waits to be tried again.
        Point::new(FEW, |bench| bench.journal().contains("send-failed"), FEW_RELEASED)
            .with_faults(refused)
            .with_interval("1m"),
    ]);
}

#[test]
fn a_run_that_is_killed_during_its_request_observes_the_packages() {
    let sent = |bench: &Bench| bench.asked("deploy") == 1;
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
    let second = |bench: &Bench| bench.asked("deploy") == 2;
    let in_doubt = |bench: &Bench| bench.journal().contains("send-failed");
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
    let accepted = |bench: &Bench| bench.journal().contains("\"accepted\"");
    let watching = |bench: &Bench| bench.asked("show") > 3 + 1;
    // The observation after the request never comes back.
    let held = r#"{ on = "show", nth = 5, do = "silence" }"#;
    play(&[
        Point::new(FEW, accepted, FEW_RELEASED).with_interval("1m"),
        Point::new(FEW, watching, FEW_RELEASED).with_faults(held),
        Point::new(MANY, |bench| bench.asked("list") == 1, MANY_RELEASED)
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
                let bench = Bench::new(packages, rng.choice(FAULTS).unwrap());
                let ended = killed_at_random(&bench, packages, &mut rng);
                let place = format!("seed {seed}: {ended:?}");
                assert!([0, 7].contains(&ended.code), "{place}");
                let is_success = ended.outcomes.values().all(|it| it == "successful");
                assert_eq!(ended.code == 0, is_success, "{place}");
                bench.check(&ended);
            });
        }
    });
}

/// Up to three processes are killed after so many requests, the next one may end.
fn killed_at_random(bench: &Bench, packages: u32, rng: &mut fastrand::Rng) -> Ended {
    let mut subcommand = Subcommand::Deploy;
    for _ in 0..rng.u32(1..=3) {
        let seen = bench.requests() + rng.usize(1..packages as usize * 3);
        let process = bench.start(subcommand, "20ms..50ms");
        if let Some(ended) = process.killed_once(|| bench.requests() >= seen) {
            return ended;
        }
        subcommand = Subcommand::Resume;
    }
    bench.start(subcommand, "20ms..50ms").ended()
}
