//! What happened in a case, and whether every promise was kept.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use dls::model::Timestamp;
use dls::rollout::Event;
use dls::{PackageId, RunId, Selection};
use dls_emulator::{
    Claim, Consent, ConsentKind, History, Initiator, Ledger, LedgerRelease, Sent, Violation,
    ViolationKind, check,
};

use super::tally::{Broken, Tally};
use super::wire::{SECRET, TOKEN};
use super::world::World;

/// The time after which nothing of the past comes any more.
const LATE: Duration = Duration::from_secs(4 * 60 * 60);

/// So late a status may be at most. What a run watched, and never sent, may have ended a little before it started. And what
/// it sent may have been released a little before, if its first observation did not show that yet: it was released since it
/// was observed, as far as anybody could see. The same holds of a failure, if its request released nothing.
const LAG: Duration = Duration::from_secs(60);

/// A process that came to its end, and what it said.
pub(super) struct Process {
    pub(super) run: RunId,
    pub(super) at: SystemTime,
    pub(super) took: Duration,
    pub(super) claims: Vec<Claim>,
}

struct Entered {
    run: RunId,
    at: SystemTime,
    asked_at: SystemTime,
}

/// All that happened, as the user saw it.
#[derive(Default)]
pub(super) struct Record {
    limit: Duration,
    /// When a run was asked for last.
    asked_at: Option<SystemTime>,
    /// Each process of a run: when it started, and when a run was asked for last before that.
    entered: Vec<Entered>,
    ended: Vec<Process>,
    consents: Vec<Consent>,
    /// Consents whose fence was proved to be past.
    fenced: Vec<(String, SystemTime)>,
    packages: u64,
    pub(super) is_endless: bool,
    /// What was seen at once to be against a promise.
    pub(super) broken: Vec<String>,
    /// What may not contain a secret.
    pub(super) texts: Vec<String>,
    story: Vec<String>,
}

impl Record {
    pub(super) fn new(limit: Duration, faults: &str) -> Self {
        let story = faults.lines().map(str::to_owned).collect();
        Self { limit, story, ..Self::default() }
    }

    pub(super) fn tell(&mut self, line: String) {
        self.story.push(line);
    }

    pub(super) fn refused(&mut self, why: &impl std::fmt::Display) {
        self.tell(format!("refused: {why}"));
    }

    pub(super) fn event(&mut self, event: &Event) {
        self.story.extend(serde_json::to_string(event).ok());
    }

    /// Somebody asks for a run. Whatever that command says, the run may be there from now on, and may send what
    /// it names, unless what another run sent is not settled.
    pub(super) fn ask(&mut self, at: SystemTime, packages: &Selection) {
        let is_first = self.asked_at.replace(at).is_none();
        self.packages += packages.len() as u64;
        if !is_first {
            self.consent(at, packages, ConsentKind::NewRun);
        }
    }

    pub(super) fn consent<'a>(
        &mut self,
        at: SystemTime,
        packages: impl IntoIterator<Item = &'a PackageId>,
        kind: ConsentKind,
    ) {
        let packages = packages.into_iter().map(ToString::to_string);
        self.consents.extend(packages.map(|package| Consent { package, at, kind }));
    }

    /// The fence of these packages was proved to be past.
    pub(super) fn prove_fence(&mut self, at: SystemTime, packages: &[PackageId]) {
        self.fenced.extend(packages.iter().map(|package| (package.to_string(), at)));
    }

    pub(super) fn enter(&mut self, run: &RunId, at: SystemTime) {
        let asked_at = self.asked_at.unwrap_or(at);
        self.entered.push(Entered { run: run.clone(), at, asked_at });
    }

    pub(super) fn end(&mut self, process: Process) {
        let said = process.claims.iter();
        let said: Vec<String> =
            said.map(|claim| format!("{} {}", claim.package, claim.outcome)).collect();
        self.tell(format!("it ends: {}", said.join(", ")));
        self.ended.push(process);
    }

    /// Counts the case, and tells its story.
    pub(super) fn check(mut self, seed: u64, world: &World, tally: &Mutex<Tally>) -> Vec<String> {
        let now = world.now() + LATE;
        let ledger = world.state().engine.ledger(now);
        let files = world.disk().contents().into_iter();
        self.texts.extend(files.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()));
        self.texts.extend(self.story.iter().cloned());
        let state = world.state();
        let mut violations: Vec<Violation> = Vec::new();
        for process in &self.ended {
            for violation in self.broken_by(process, &ledger, &state.sent) {
                if !violations.contains(&violation) {
                    violations.push(violation);
                }
            }
        }
        let others = [self.passed_the_fence(&ledger), std::mem::take(&mut self.broken)].concat();
        let said = self.ended.iter().flat_map(|process| &process.claims);
        let faults = ledger.requests.iter().map(|it| it.faults.len() as u64);

        let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
        tally.cases += 1;
        tally.packages += self.packages;
        tally.deploys += state.sent.len() as u64;
        tally.crashes += u64::from(state.deaths);
        tally.faults += faults.sum::<u64>();
        tally.unknown += said.filter(|claim| claim.outcome == "unknown").count() as u64;
        tally.endless += u64::from(self.is_endless);
        tally.count(&violations);
        tally.other_violations += others.len() as u64;
        let mut lines: Vec<String> = violations.iter().map(ToString::to_string).collect();
        lines.extend(others);
        if self.is_endless {
            lines.push("it does not end".to_owned());
        }
        if !lines.is_empty() {
            tally.broken.push(Broken { seed, violations: lines, story: self.story.clone() });
        }
        self.story
    }

    /// What a process said, held against the truth. That something was not done is said of its own run's
    /// requests so far, everything else of all that happened.
    fn broken_by(&self, process: &Process, ledger: &Ledger, sends: &[Sent]) -> Vec<Violation> {
        let started = self.created(&process.run);
        let history = |claims: Vec<&Claim>, started: SystemTime, ledger: Ledger| History {
            started_at: started,
            ids: claims.iter().map(|claim| claim.package.clone()).collect(),
            sends: sends.to_vec(),
            consents: self.consents.clone(),
            claims: claims.into_iter().cloned().collect(),
            ledger,
            elapsed: process.took,
            limit: self.limit,
            texts: self.texts.clone(),
            secrets: vec![SECRET.to_owned(), TOKEN.to_owned()],
        };
        let is_sent = |claim: &Claim| {
            let mut since = sends.iter().filter(|sent| sent.at >= started);
            since.any(|sent| sent.packages.contains(&claim.package))
        };
        let period = millis(started)..=millis(process.at);
        let is_new = |claim: &Claim| {
            let mut releases = ledger.releases.iter().filter(|it| it.package_id == claim.package);
            is_sent(claim) && releases.any(|release| period.contains(&release.accepted_ms))
        };
        let (denied, others): (Vec<&Claim>, Vec<&Claim>) =
            process.claims.iter().partition(|claim| is_denial(claim));
        let (watched, sent): (Vec<&Claim>, Vec<&Claim>) = others
            .into_iter()
            .partition(|claim| is_end(claim) && (claim.outcome == "successful" || !is_new(claim)));
        let mut broken = check(&history(sent, started, ledger.clone()));
        if !watched.is_empty() {
            broken.extend(check(&history(watched, started - LAG, ledger.clone())));
        }
        if !denied.is_empty() {
            let mut own = ledger.clone();
            own.releases.retain(|release| self.is_own(release, process, ledger));
            let denied = check(&history(denied, started, own));
            let refuted = |it: &Violation| it.kind == ViolationKind::FalseRefusal;
            broken.extend(denied.into_iter().filter(refuted));
        }
        broken
    }

    fn created(&self, run: &RunId) -> SystemTime {
        let first = self.entered.iter().find(|entered| entered.run == *run);
        first.map_or(SystemTime::UNIX_EPOCH, |first| first.asked_at)
    }

    /// Whether a release goes back to a request that a process of the same run had sent by then.
    fn is_own(&self, release: &LedgerRelease, process: &Process, ledger: &Ledger) -> bool {
        let first = release.copy_of.as_ref().or(release.request_id.as_ref());
        let mut requests = ledger.requests.iter();
        let request = requests.find(|request| Some(&request.request_id) == first);
        request.is_some_and(|request| {
            let mut entered = self.entered.iter().rev();
            let by = entered.find(|entered| millis(entered.at) <= request.at_ms);
            by.is_some_and(|by| by.run == process.run) && request.at_ms <= millis(process.at)
        })
    }

    /// Copies of requests that were accepted after somebody had proof that none could be any more.
    fn passed_the_fence(&self, ledger: &Ledger) -> Vec<String> {
        let mut passed = Vec::new();
        for (package, at) in &self.fenced {
            let late = ledger.releases.iter().filter(|release| {
                let first = release.copy_of.as_ref();
                let mut requests = ledger.requests.iter();
                let first = requests.find(|request| Some(&request.request_id) == first);
                release.by == Initiator::Copy
                    && release.package_id == *package
                    && release.accepted_ms > millis(*at)
                    && first.is_some_and(|first| first.at_ms <= millis(*at))
            });
            passed.extend(late.map(|release| {
                format!(
                    "package {package}: an earlier request was accepted at {}, beyond the fence",
                    release.accepted_at
                )
            }));
        }
        passed
    }
}

fn millis(time: SystemTime) -> i64 {
    Timestamp::from_system_time(time).unwrap_or(Timestamp::MAX).as_millis()
}

fn is_end(claim: &Claim) -> bool {
    matches!(claim.outcome.as_str(), "successful" | "failed")
}

fn is_denial(claim: &Claim) -> bool {
    matches!(claim.outcome.as_str(), "not-sent" | "refused" | "already-released")
}
