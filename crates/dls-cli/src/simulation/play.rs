//! Plays a case to its end, crashes and all, and holds what came of it against the promises.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use dls::model::{Deploy, PackageId, Timestamp};
use dls::rollout::{Action, Began, Event, Place, Report, Rollout, Verdict, What};
use dls::transport::credentials::{AccessKey, SecretKey};
use dls_emulator::{Claim, Consent, ConsentKind, History, Violation, check};
use fastrand::Rng;

use super::case::Case;
use super::wire::Wire;
use super::{Broken, Tally};

const SECRET: &str = "example-secret-key";
/// More steps than any case needs: whoever takes them does not end.
const MOST_STEPS: u32 = 20_000;
/// A process that dies again and again before it has looked at everything would never end.
const MOST_CRASHES: u64 = 6;
/// The time after which a signature is dead, whatever the clocks.
const FENCE: Duration = Duration::from_secs(60 * 60);
/// 2025-06-01T00:00:00Z.
const BEGINNING: Duration = Duration::from_secs(1_748_736_000);

/// A run that is played.
struct Play {
    case_options: dls::rollout::Options,
    limit: Duration,
    crashes: f64,
    wire: Wire,
    rollout: Rollout,
    events: Vec<Event>,
    /// So many events are on disk for sure.
    flushed: usize,
    deadline: SystemTime,
    crashed: u64,
    longest: Duration,
    steps: u32,
    consents: Vec<Consent>,
}

/// Plays the case of this seed.
pub(crate) fn play(seed: u64) -> Tally {
    let mut rng = Rng::with_seed(seed);
    let Some(case) = Case::random(&mut rng) else {
        return impossible(seed, "there is no such case");
    };
    let packages = case.packages.clone();
    let (resumes, resends, faults) = (case.resumes, case.resends, case.faults.clone());
    let Some(mut play) = Play::new(case, rng) else {
        return impossible(seed, "the case cannot be set up");
    };
    play.go_on();
    for _ in 0..resumes {
        if play.rollout.report().is_open() {
            play.take_up_again(resends);
            play.go_on();
        }
    }
    let deploys = play.wire.sent.len() as u64;
    let (crashes, steps) = (play.crashed, play.steps);
    let report = play.rollout.report();
    let unknown = report
        .packages
        .iter()
        .filter(|it| is_unknown(it.verdict.as_ref()));
    let mut tally = Tally {
        cases: 1,
        packages: packages.len() as u64,
        unknown: unknown.count() as u64,
        endless: u64::from(steps >= MOST_STEPS),
        deploys,
        crashes,
        ..Tally::default()
    };
    let mut story: Vec<String> = faults.lines().map(str::to_owned).collect();
    story.extend(
        play.events
            .iter()
            .filter_map(|it| serde_json::to_string(it).ok()),
    );
    let (violations, met) = play.judge(&report);
    tally.faults = met;
    for violation in &violations {
        match violation {
            Violation::SentAgain { .. } => tally.double_sends += 1,
            Violation::FalseSuccess { .. } => tally.false_successes += 1,
            Violation::FalseFailure { .. } => tally.false_failures += 1,
            _ => tally.other_violations += 1,
        }
    }
    let mut violations: Vec<String> = violations.iter().map(ToString::to_string).collect();
    if tally.endless > 0 {
        violations.push(format!("it does not end in {MOST_STEPS} steps"));
    }
    if !violations.is_empty() {
        tally.broken.push(Broken {
            seed,
            violations,
            story,
        });
    }
    tally
}

fn impossible(seed: u64, why: &str) -> Tally {
    Tally {
        cases: 1,
        other_violations: 1,
        broken: vec![Broken {
            seed,
            violations: vec![why.to_owned()],
            story: Vec::new(),
        }],
        ..Tally::default()
    }
}

fn is_unknown(verdict: Option<&Verdict>) -> bool {
    matches!(verdict, Some(Verdict::Unknown { .. }))
}

impl Play {
    fn new(case: Case, rng: Rng) -> Option<Self> {
        let now = UNIX_EPOCH + BEGINNING;
        let project = "b384b9e9ab9b4ee8994c8633aabc9505".parse().ok()?;
        let place = Place::new(
            "http://emulator.example.com",
            project,
            "default".parse().ok()?,
        );
        let scope = dls::model::Scope::new(place.project.clone());
        let wire = Wire {
            core: case.core,
            now,
            scope: scope.with_workspace(place.workspace.clone()),
            key: AccessKey::new("AKIDEXAMPLE", SecretKey::new(SECRET).ok()?).ok()?,
            stopped: false,
            sent: Vec::new(),
            rng,
        };
        let began = Began::new(place, case.packages, case.options);
        let at = timestamp(now);
        Some(Self {
            case_options: case.options,
            limit: case.limit,
            crashes: case.crashes,
            wire,
            rollout: Rollout::new(began.clone(), at),
            events: vec![Event::new(at, What::Began(Box::new(began)))],
            flushed: 1,
            deadline: now + case.limit,
            crashed: 0,
            longest: Duration::ZERO,
            steps: 0,
            consents: Vec::new(),
        })
    }

    fn go_on(&mut self) {
        while self.steps < MOST_STEPS && self.rollout.next() != Action::Done {
            self.steps += 1;
            self.step();
            let took = self.wire.now.duration_since(self.deadline - self.limit);
            self.longest = self.longest.max(took.unwrap_or_default());
            self.may_crash();
        }
    }

    /// As the driver does it.
    fn step(&mut self) {
        let what = match self.rollout.next() {
            Action::Done => return,
            Action::Look(package) => match self.wire.look(package) {
                Ok(seen) => self.rollout.looked(package, seen),
                Err(failure) => What::LookFailed { package, failure },
            },
            Action::List(query) => match self.wire.list(*query) {
                Ok(rows) => self.rollout.listed(rows),
                Err(failure) => What::ListFailed { failure },
            },
            Action::Wait(time) => {
                self.wire.pass(time);
                What::Waited
            }
            Action::Deploy { request, .. } => match self.wire.connect() {
                Err(failure) => What::SendFailed { failure },
                Ok(()) if self.is_late() => What::OutOfTime,
                Ok(()) => return self.deploy(&request),
            },
            _ => What::OutOfTime,
        };
        self.note_in_time(what);
    }

    fn deploy(&mut self, deploy: &Deploy) {
        let signed_at = self.wire.now;
        self.note(What::SendIntended {
            packages: deploy.packages().clone(),
            signed_at: timestamp(signed_at),
            with_token: false,
        });
        self.flushed = self.events.len();
        if self.may_crash() {
            return;
        }
        let what = self.wire.send(deploy, signed_at);
        if !self.may_crash() {
            self.note_in_time(what);
        }
    }

    fn is_late(&self) -> bool {
        self.wire.now > self.deadline
    }

    /// What comes after the deadline does not come at all.
    fn note_in_time(&mut self, what: What) {
        if self.is_late() {
            self.wire.now = self.deadline;
            return self.note(What::OutOfTime);
        }
        self.note(what);
    }

    fn note(&mut self, what: What) {
        let event = Event::new(timestamp(self.wire.now), what);
        self.events.push(event.clone());
        self.rollout.fold(event);
    }

    /// The process dies; what was not flushed may be lost. Another one takes the run up.
    fn may_crash(&mut self) -> bool {
        if self.crashed >= MOST_CRASHES || self.wire.rng.f64() >= self.crashes {
            return false;
        }
        self.crashed += 1;
        let kept = self.wire.rng.usize(self.flushed..=self.events.len());
        self.events.truncate(kept);
        let away = self.wire.rng.u64(1..200);
        self.wire.pass(Duration::from_secs(away));
        self.replay();
        self.resume();
        true
    }

    fn take_up_again(&mut self, resends: bool) {
        let away = self.wire.rng.u64(1..900);
        self.wire.pass(Duration::from_secs(away));
        self.replay();
        let report = self.rollout.report();
        let unknown = report
            .packages
            .iter()
            .filter(|it| is_unknown(it.verdict.as_ref()));
        let unknown: Vec<PackageId> = unknown.map(|package| package.id).collect();
        if resends && !unknown.is_empty() {
            self.wire.pass(FENCE);
            self.resume();
            let at = self.wire.now;
            self.consents.extend(unknown.iter().map(|id| Consent {
                package: id.to_string(),
                at,
                kind: ConsentKind::Resend,
            }));
            self.note(What::ResendAllowed {
                packages: unknown,
                no_fence: false,
            });
        } else {
            self.resume();
        }
    }

    /// Through the text of the journal, as another process would read it.
    fn replay(&mut self) {
        let lines = self
            .events
            .iter()
            .filter_map(|it| serde_json::to_string(it).ok());
        let read = lines.filter_map(|line| serde_json::from_str(&line).ok());
        let read: Vec<Event> = read.collect();
        if let Ok(rollout) = Rollout::replay(read) {
            self.rollout = rollout;
        }
    }

    fn resume(&mut self) {
        self.wire.stopped = false;
        self.deadline = self.wire.now + self.limit;
        let (grace, pace) = (self.case_options.grace, self.case_options.pace);
        self.note(What::Resumed {
            grace,
            pace,
            other_endpoint: None,
        });
        self.flushed = self.events.len();
    }

    /// What was not kept, and how many faults were met.
    fn judge(mut self, report: &Report) -> (Vec<Violation>, u64) {
        let at = self.wire.now;
        let claims = report.packages.iter().filter_map(|package| {
            Some(Claim {
                package: package.id.to_string(),
                verdict: package.verdict.as_ref()?.word().to_owned(),
                at,
            })
        });
        let text = serde_json::to_string(&self.events).unwrap_or_default();
        // Whatever is still on its way arrives.
        let ledger = self.wire.core.ledger(at + FENCE);
        let faults = ledger
            .requests
            .iter()
            .map(|it| it.faults.len() as u64)
            .sum();
        let history = History {
            began: UNIX_EPOCH + BEGINNING,
            ids: report.packages.iter().map(|it| it.id.to_string()).collect(),
            sends: self.wire.sent,
            consents: self.consents,
            claims: claims.collect(),
            ledger,
            ended_in: self.longest,
            limit: self.limit,
            texts: vec![text, format!("{:?}", self.rollout)],
            secrets: vec![SECRET.to_owned()],
        };
        (check(&history), faults)
    }
}

fn timestamp(time: SystemTime) -> Timestamp {
    Timestamp::from_system_time(time).unwrap_or(Timestamp::MAX)
}
