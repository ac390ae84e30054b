//! The state of one package of a rollout: what was observed, and what that proves.

use std::time::Duration;

use dls_model::{
    DeployDetail, Package, PackageDetail, PackageId, ServiceError, StartStatus, Status, Task,
    Timestamp, User,
};

use crate::guard::{Guard, holds};
use crate::options::Options;
use crate::outcome::{Claim, Forgotten, NotSent, PackageOutcome, PackageReport};

/// How far a package has come.
#[derive(Debug, Clone)]
pub(crate) enum Stage {
    /// No request names it, or the caller consented to another one.
    Waiting,
    /// A request names it, and whether the service accepted that is unknown.
    InDoubt,
    /// It is being released, by us or by somebody else.
    Running,
    Done(PackageOutcome),
}

/// What is known of a request in doubt.
#[derive(Debug, Clone)]
pub(crate) struct Doubt {
    pub(crate) since: Timestamp,
    pub(crate) evidence: String,
    /// The service refused several packages at once, which may concern only some of them.
    pub(crate) refusal: Option<Box<ServiceError>>,
}

impl Doubt {
    pub(crate) fn new(since: Timestamp, evidence: &str) -> Self {
        Self { since, evidence: evidence.to_owned(), refusal: None }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct PackageState {
    pub(crate) id: PackageId,
    pub(crate) stage: Stage,
    /// The last observation before a request named it. Every later one is compared with it.
    pub(crate) baseline: Option<PackageDetail>,
    pub(crate) latest: Option<PackageDetail>,
    pub(crate) observed_at: Option<Timestamp>,
    pub(crate) doubt: Option<Doubt>,
    /// The doubt about an earlier request, while one that the caller consented to is in doubt.
    pub(crate) earlier: Option<Doubt>,
    /// A request of ours names it and may have been read.
    pub(crate) sent: bool,
    /// The latest signature time of such a request.
    pub(crate) signed_at: Option<Timestamp>,
    /// Such a request carries a token instead of a signature, so it never expires.
    pub(crate) with_token: bool,
    pub(crate) accepted: Option<DeployDetail>,
    pub(crate) request_id: Option<String>,
    /// When the baseline was observed, or when the last request was sent: later observations are compared with the
    /// state at this time.
    pub(crate) baseline_at: Option<Timestamp>,
    /// When it was last observed as being released since then.
    pub(crate) running_at: Option<Timestamp>,
    pub(crate) absences: u32,
    /// To be observed in this round.
    pub(crate) due: bool,
    /// Observed since its batch is the next one.
    pub(crate) checked: bool,
    /// Who gave it up, and when.
    pub(crate) forgotten: Option<Forgotten>,
}

impl PackageState {
    pub(crate) fn new(id: PackageId) -> Self {
        Self {
            id,
            stage: Stage::Waiting,
            baseline: None,
            latest: None,
            observed_at: None,
            doubt: None,
            earlier: None,
            sent: false,
            signed_at: None,
            with_token: false,
            accepted: None,
            request_id: None,
            baseline_at: None,
            running_at: None,
            absences: 0,
            due: true,
            checked: false,
            forgotten: None,
        }
    }

    pub(crate) fn is_waiting(&self) -> bool {
        matches!(self.stage, Stage::Waiting)
    }

    pub(crate) fn is_in_doubt(&self) -> bool {
        matches!(self.stage, Stage::InDoubt)
    }

    pub(crate) fn is_watched(&self) -> bool {
        matches!(self.stage, Stage::InDoubt | Stage::Running)
    }

    pub(crate) fn outcome(&self) -> Option<&PackageOutcome> {
        match &self.stage {
            Stage::Done(outcome) => Some(outcome),
            _ => None,
        }
    }

    pub(crate) fn end(&mut self, outcome: PackageOutcome) {
        self.stage = Stage::Done(outcome);
    }

    /// A request that names it is about to be sent: it is in doubt until its outcome says otherwise.
    pub(crate) fn mark_sent(&mut self, at: Timestamp, signed_at: Timestamp, with_token: bool) {
        let evidence = "the request was sent, and its outcome was not recorded";
        self.earlier = self.doubt.replace(Doubt::new(at, evidence));
        self.stage = Stage::InDoubt;
        self.sent = true;
        self.baseline_at = Some(at);
        self.signed_at = self.signed_at.max(Some(signed_at));
        self.with_token |= with_token;
    }

    /// The last request had no effect. An earlier one may have had one.
    pub(crate) fn mark_unsent(&mut self) {
        self.doubt = self.earlier.take();
        self.sent = self.doubt.is_some();
        self.with_token &= self.sent;
        self.stage = Stage::Waiting;
    }

    /// Ends it without another request: with this outcome if none was sent before.
    pub(crate) fn end_unsent(&mut self, outcome: PackageOutcome) {
        self.stage = Stage::Done(match &self.doubt {
            None => outcome,
            Some(doubt) => PackageOutcome::Unknown { evidence: doubt.evidence.clone() },
        });
    }

    pub(crate) fn status(&self) -> Option<Status> {
        self.latest.as_ref().and_then(|detail| detail.package.status)
    }

    /// Keeps what was observed. Before a request names the package, that is its baseline.
    pub(crate) fn observe(&mut self, detail: PackageDetail, at: Timestamp, lag: Duration) {
        if self.is_waiting() && !self.sent {
            self.baseline = Some(detail.clone());
            self.baseline_at = Some(at);
            self.running_at = None;
        }
        self.latest = Some(detail);
        if self.status() == Some(Status::BeingReleased) && !self.may_be_old(at, lag) {
            self.running_at = Some(at);
        }
        self.observed_at = Some(at);
        self.absences = 0;
        self.due = false;
        self.checked = true;
    }

    /// Whether it *moved* since the baseline, on which success and failure rest: a status from before says nothing about
    /// our release.
    pub(crate) fn has_moved(&self) -> bool {
        self.baseline.is_some() && (self.running_at.is_some() || !self.reads_as_before())
    }

    /// Whether it moved and the last observation shows the end. A package that was being released and now reads as at
    /// the baseline has failed without a trace, or its status lags: only time tells.
    fn has_ended(&self, at: Timestamp, lag: Duration) -> bool {
        let ran_lately = self.running_at.is_some_and(|ran| since(ran, at) < lag);
        let may_lag = ran_lately && self.reads_as_before() && holds(Guard::WaitBeforeOldFailure);
        self.has_moved() && !may_lag && !self.may_be_old(at, lag)
    }

    /// Whether the last observation may show a state from before the baseline: a status lags by less than `lag`. It
    /// matters only after an earlier release.
    fn may_be_old(&self, at: Timestamp, lag: Duration) -> bool {
        let (Some(baseline), Some(latest), Some(from)) =
            (&self.baseline, &self.latest, self.baseline_at)
        else {
            return false;
        };
        let (before, now) = (&baseline.package, &latest.package);
        let was_running = match before.status {
            Some(Status::BeingReleased) => true,
            Some(Status::Failed) => false,
            _ => return false,
        };
        // Of a release that was running at the baseline, nobody knows whether the baseline had its time already. A
        // success is its end all the same; a failure may be the one before.
        let newer = match (before.deployed_at, now.deployed_at) {
            (Some(before), Some(now)) if now < before => false,
            (Some(before), Some(now)) if now > before => true,
            _ => was_running && now.status != Some(Status::Failed),
        };
        since(from, at) < lag && !newer && holds(Guard::NewerThanBaseline)
    }

    fn reads_as_before(&self) -> bool {
        match (&self.baseline, &self.latest) {
            (Some(baseline), Some(latest)) => !differs(baseline, latest),
            (baseline, latest) => baseline.is_none() && latest.is_none(),
        }
    }

    /// Ends a watched package, or moves it on, by the last observation.
    pub(crate) fn evaluate(&mut self, at: Timestamp, options: &Options) {
        if !self.is_watched() {
            return;
        }
        let Some(latest) = &self.latest else { return };
        let ended = self.has_ended(at, options.lag()) || !holds(Guard::MovedSinceBaseline);
        match latest.package.status {
            Some(Status::Successful) if ended => self.stage = Stage::Done(succeeded(latest)),
            Some(Status::Failed) if ended => self.stage = Stage::Done(failed(latest)),
            Some(Status::BeingReleased) if self.running_at.is_some() => {
                self.stage = Stage::Running;
            }
            _ => self.end_doubt_after(options.grace, at),
        }
    }

    /// Ends a package in doubt that was not observed as released within the grace: it is unknown.
    fn end_doubt_after(&mut self, grace: Duration, at: Timestamp) {
        let Some(doubt) = self.doubt.as_ref().filter(|_| self.is_in_doubt()) else { return };
        if since(doubt.since, at) < grace {
            return;
        }
        self.stage = Stage::Done(match &doubt.refusal {
            Some(error) => PackageOutcome::Refused { error: error.clone(), proved: false },
            None => PackageOutcome::Unknown {
                evidence: format!("{}; no release of it was observed since", doubt.evidence),
            },
        });
    }

    /// The service does not know it, and said so often enough. The outcome of a request that may have been read stays
    /// unknown.
    pub(crate) fn mark_gone(&mut self, at: Timestamp) {
        if let (Stage::Running, true) = (&self.stage, self.sent) {
            let evidence = "a request was accepted, and then the package was not found";
            self.doubt = Some(Doubt::new(at, evidence));
        }
        self.stage = Stage::Done(PackageOutcome::Gone { sent: self.sent });
    }

    /// Gives it up: unknown if a request may have been read, else not sent.
    pub(crate) fn forget(&mut self, forgotten: &Forgotten) {
        match self.stage {
            Stage::Waiting => {
                let why = format!("given up by {}", forgotten.by);
                self.end_unsent(PackageOutcome::NotSent(NotSent::Left(why)));
            }
            Stage::InDoubt => self.give_up(&format!("given up by {}", forgotten.by)),
            Stage::Running | Stage::Done(_) => {}
        }
        self.forgotten = Some(forgotten.clone());
    }

    pub(crate) fn report(&self) -> PackageReport {
        let accepted = self.accepted.as_ref();
        PackageReport {
            id: self.id,
            outcome: self.outcome().cloned(),
            latest: self.latest.clone(),
            baseline: self.baseline.clone(),
            sent: self.sent,
            signed_at: self.signed_at,
            ours: accepted.is_some(),
            background_task: accepted.and_then(|detail| detail.task_id.clone()),
            subtasks: accepted.and_then(|detail| detail.subtask_count),
            request_id: self.request_id.clone(),
            forgotten: self.forgotten.clone(),
        }
    }

    /// What this run has to do with it, as another run asks.
    pub(crate) fn claim(&self) -> Claim {
        let signed_at = self.signed_at.filter(|_| self.sent);
        let unsettled = |signed_at| Claim::Unsettled { signed_at, with_token: self.with_token };
        match (&self.stage, signed_at) {
            _ if self.forgotten.is_some() => Claim::Settled,
            (Stage::Waiting, None) => Claim::NeverSent,
            (Stage::Waiting | Stage::InDoubt, Some(signed_at)) => unsettled(signed_at),
            (Stage::Done(outcome), Some(signed_at)) if outcome.is_unsettled() => {
                unsettled(signed_at)
            }
            (Stage::Done(outcome), _) if !outcome.is_open() => Claim::Settled,
            _ => Claim::UnderWay,
        }
    }

    /// The run is resumed: a package that ended before the end of its release was observed is open again.
    pub(crate) fn reopen(&mut self) {
        if let Stage::Done(outcome) = &self.stage
            && outcome.is_open()
            && self.forgotten.is_none()
        {
            self.stage = if outcome.is_unsettled() { Stage::InDoubt } else { Stage::Running };
        }
    }

    /// Ends it because it is observed no more.
    pub(crate) fn give_up(&mut self, why: &str) {
        self.stage = Stage::Done(match (&self.stage, &self.doubt) {
            (Stage::InDoubt, Some(doubt)) if holds(Guard::UnknownAtTimeout) => {
                PackageOutcome::Unknown { evidence: format!("{}; {why}", doubt.evidence) }
            }
            _ => PackageOutcome::StillRunning { why: why.to_owned() },
        });
    }
}

/// The time from `from` to `to`, zero if a clock went back in between.
pub(crate) fn since(from: Timestamp, to: Timestamp) -> Duration {
    let millis = to.as_millis().saturating_sub(from.as_millis());
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}

/// Whether two observations differ in what a release changes. A member that only one of them has says nothing: not every
/// answer has all of them.
pub(crate) fn differs(before: &PackageDetail, after: &PackageDetail) -> bool {
    let (before, after) = (&before.package, &after.package);
    other(before.status, after.status)
        || other(before.deployed_at, after.deployed_at)
        || other(deployer(before, |it| &it.id), deployer(after, |it| &it.id))
        || other(deployer(before, |it| &it.name), deployer(after, |it| &it.name))
}

fn deployer<T>(package: &Package, member: impl Fn(&User) -> &Option<T>) -> Option<&T> {
    package.deployer.as_ref().and_then(|user| member(user).as_ref())
}

fn other<T: PartialEq>(before: Option<T>, after: Option<T>) -> bool {
    let both = before.is_some() && after.is_some();
    before != after && (both || !holds(Guard::DifferenceNeedsBothValues))
}

pub(crate) fn succeeded(detail: &PackageDetail) -> PackageOutcome {
    let start_failed = |task: &Task| task.start_status == Some(StartStatus::StartFailed);
    PackageOutcome::Succeeded { start_failures: task_names(detail, start_failed) }
}

pub(crate) fn failed(detail: &PackageDetail) -> PackageOutcome {
    PackageOutcome::Failed { tasks: task_names(detail, |task| task.status == Some(Status::Failed)) }
}

fn task_names(detail: &PackageDetail, wanted: impl Fn(&Task) -> bool) -> Vec<String> {
    let unnamed = || "(a task without a name)".to_owned();
    let wanted = detail.tasks.iter().filter(|task| wanted(task));
    wanted.map(|task| task.name.clone().unwrap_or_else(unnamed)).collect()
}
