//! One package on its way: what was seen of it, and what that proves.

use std::time::Duration;

use dls_model::{
    DeployDetail, PackageDetail, PackageId, ServiceError, StartStatus, Status, Timestamp, User,
};

use crate::guard::{Guard, holds};
use crate::options::Options;
use crate::outcome::{Claim, Forgotten, NotSent, PackageOutcome};

/// Where a package stands.
#[derive(Debug, Clone)]
pub(crate) enum Phase {
    /// No request names it, or the caller has consented to another one.
    Waiting,
    /// A request names it, and whether that was accepted is not known.
    InDoubt,
    /// Its release is under way, by us or by somebody else.
    Running,
    Done(PackageOutcome),
}

/// What is known of a request whose answer says nothing.
#[derive(Debug, Clone)]
pub(crate) struct Doubt {
    pub(crate) since: Timestamp,
    pub(crate) evidence: String,
    /// The service said no to several packages at once, which may be a no to some of them only.
    pub(crate) refusal: Option<Box<ServiceError>>,
}

#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) id: PackageId,
    pub(crate) phase: Phase,
    /// The last look before a request named it. Everything later is compared with it.
    pub(crate) baseline: Option<PackageDetail>,
    pub(crate) latest: Option<PackageDetail>,
    pub(crate) looked_at: Option<Timestamp>,
    pub(crate) doubt: Option<Doubt>,
    /// The doubt about an earlier request, while one that the caller consented to is under way.
    earlier: Option<Doubt>,
    /// A request of ours named it, and may have been read.
    pub(crate) sent: bool,
    /// The latest time that the signature of such a request bears.
    pub(crate) signed_at: Option<Timestamp>,
    /// Such a request bears a token, which no time of ours ends.
    with_token: bool,
    pub(crate) accepted: Option<DeployDetail>,
    pub(crate) request_id: Option<String>,
    /// When it was last looked at before a request named it, or when the last request went out.
    /// What it was like then is what later looks are held against.
    from: Option<Timestamp>,
    /// When a look last saw it being released since.
    running_at: Option<Timestamp>,
    pub(crate) absences: u32,
    /// To be looked at in this round.
    pub(crate) due: bool,
    /// Looked at since its batch is next in turn.
    pub(crate) checked: bool,
    /// Who gave it up.
    pub(crate) forgotten: Option<Forgotten>,
}

impl Entry {
    pub(crate) fn new(id: PackageId) -> Self {
        Self {
            id,
            phase: Phase::Waiting,
            baseline: None,
            latest: None,
            looked_at: None,
            doubt: None,
            earlier: None,
            sent: false,
            signed_at: None,
            with_token: false,
            accepted: None,
            request_id: None,
            from: None,
            running_at: None,
            absences: 0,
            due: true,
            checked: false,
            forgotten: None,
        }
    }

    pub(crate) fn is_waiting(&self) -> bool {
        matches!(self.phase, Phase::Waiting)
    }

    pub(crate) fn is_in_doubt(&self) -> bool {
        matches!(self.phase, Phase::InDoubt)
    }

    pub(crate) fn is_watched(&self) -> bool {
        matches!(self.phase, Phase::InDoubt | Phase::Running)
    }

    pub(crate) fn outcome(&self) -> Option<&PackageOutcome> {
        match &self.phase {
            Phase::Done(outcome) => Some(outcome),
            _ => None,
        }
    }

    pub(crate) fn end(&mut self, outcome: PackageOutcome) {
        self.phase = Phase::Done(outcome);
    }

    /// From here on it is in doubt, until an outcome says otherwise.
    pub(crate) fn send(&mut self, at: Timestamp, signed_at: Timestamp, with_token: bool) {
        let doubt = Doubt {
            since: at,
            evidence: "the request went out, and what came of it was not recorded".to_owned(),
            refusal: None,
        };
        self.earlier = self.doubt.replace(doubt);
        self.phase = Phase::InDoubt;
        self.sent = true;
        self.from = Some(at);
        self.signed_at = self.signed_at.max(Some(signed_at));
        self.with_token |= with_token;
    }

    /// The last request had no effect. An earlier one may have had.
    pub(crate) fn unsend(&mut self) {
        self.doubt = self.earlier.take();
        self.sent = self.doubt.is_some();
        self.with_token &= self.sent;
        self.phase = Phase::Waiting;
    }

    /// It will not be sent, or not again.
    pub(crate) fn end_unsent(&mut self, outcome: PackageOutcome) {
        self.phase = Phase::Done(match &self.doubt {
            None => outcome,
            Some(doubt) => PackageOutcome::Unknown { evidence: doubt.evidence.clone() },
        });
    }

    pub(crate) fn status(&self) -> Option<Status> {
        self.latest.as_ref().and_then(|detail| detail.package.status)
    }

    /// Takes in what a look saw. Before a request names the package, that is its baseline.
    pub(crate) fn see(&mut self, detail: PackageDetail, at: Timestamp, lag: Duration) {
        if self.is_waiting() && !self.sent {
            self.baseline = Some(detail.clone());
            self.from = Some(at);
            self.running_at = None;
        }
        self.latest = Some(detail);
        if self.status() == Some(Status::BeingReleased) && !self.may_be_old(at, lag) {
            self.running_at = Some(at);
        }
        self.looked_at = Some(at);
        self.absences = 0;
        self.due = false;
        self.checked = true;
    }

    /// Success and failure rest on one word: it *moved* since the baseline. A status that was there
    /// before says nothing about our release.
    pub(crate) fn has_moved(&self) -> bool {
        self.baseline.is_some() && (self.running_at.is_some() || !self.reads_as_before())
    }

    /// It moved, and the last look shows what it came to. What was being released and reads as at the
    /// baseline again has failed without a trace, or the status lags behind: time tells.
    fn has_ended(&self, at: Timestamp, lag: Duration) -> bool {
        let ran_lately = self.running_at.is_some_and(|ran| since(ran, at) < lag);
        let may_lag = ran_lately && self.reads_as_before() && holds(Guard::OldFailureNeedsTime);
        self.has_moved() && !may_lag && !self.may_be_old(at, lag)
    }

    /// Whether the last look may show what was before the baseline: a status may be late by less than
    /// `lag`. It matters only where there was a release before.
    fn may_be_old(&self, at: Timestamp, lag: Duration) -> bool {
        let (Some(baseline), Some(latest), Some(from)) = (&self.baseline, &self.latest, self.from)
        else {
            return false;
        };
        let (before, now) = (&baseline.package, &latest.package);
        let was_running = match before.status {
            Some(Status::BeingReleased) => true,
            Some(Status::Failed) => false,
            _ => return false,
        };
        // Of a release that was running then nobody knows whether its time stood there already. A
        // success is taken for its end all the same, and a failure may be the one before.
        let newer = match (before.deployed_at, now.deployed_at) {
            (Some(before), Some(now)) if now < before => false,
            (Some(before), Some(now)) if now > before => true,
            _ => was_running && now.status != Some(Status::Failed),
        };
        since(from, at) < lag && !newer && holds(Guard::OldLooksProveNothing)
    }

    fn reads_as_before(&self) -> bool {
        match (&self.baseline, &self.latest) {
            (Some(baseline), Some(latest)) => !differs(baseline, latest),
            (baseline, latest) => baseline.is_none() && latest.is_none(),
        }
    }

    /// Judges a watched package by the last look at it.
    pub(crate) fn judge(&mut self, at: Timestamp, options: &Options) {
        if !self.is_watched() {
            return;
        }
        let Some(latest) = &self.latest else { return };
        let ended = self.has_ended(at, options.lag()) || !holds(Guard::MovedToEnd);
        match latest.package.status {
            Some(Status::Successful) if ended => self.phase = Phase::Done(succeeded(latest)),
            Some(Status::Failed) if ended => self.phase = Phase::Done(failed(latest)),
            Some(Status::BeingReleased) if self.running_at.is_some() => {
                self.phase = Phase::Running;
            }
            _ => self.end_doubt_after(options.grace, at),
        }
    }

    /// A package in doubt that was not seen to be released within the grace is unknown.
    fn end_doubt_after(&mut self, grace: Duration, at: Timestamp) {
        let Some(doubt) = self.doubt.as_ref().filter(|_| self.is_in_doubt()) else {
            return;
        };
        if since(doubt.since, at) < grace {
            return;
        }
        self.phase = Phase::Done(match &doubt.refusal {
            Some(error) => PackageOutcome::Refused { error: error.clone(), proved: false },
            None => PackageOutcome::Unknown {
                evidence: format!("{}; no release of it was seen since", doubt.evidence),
            },
        });
    }

    /// The service does not know it, and said so often enough. If a request of ours may have been read, nobody
    /// knows what became of that.
    pub(crate) fn vanish(&mut self, at: Timestamp) {
        if let (Phase::Running, true) = (&self.phase, self.sent) {
            self.doubt = Some(Doubt {
                since: at,
                evidence: "a request was accepted, and then the service knew no such package"
                    .to_owned(),
                refusal: None,
            });
        }
        self.phase = Phase::Done(PackageOutcome::Gone { sent: self.sent });
    }

    /// Somebody gives it up. What a request of ours may have reached stays unknown, and what none did is
    /// not sent.
    pub(crate) fn forget(&mut self, forgotten: &Forgotten) {
        match self.phase {
            Phase::Waiting => {
                let why = format!("given up by {}", forgotten.by);
                self.end_unsent(PackageOutcome::NotSent(NotSent::Left(why)));
            }
            Phase::InDoubt => self.end(self.give_up(&format!("given up by {}", forgotten.by))),
            Phase::Running | Phase::Done(_) => {}
        }
        self.forgotten = Some(forgotten.clone());
    }

    /// What another request for it would be up against.
    pub(crate) fn claim(&self) -> Claim {
        let signed_at = self.signed_at.filter(|_| self.sent);
        let unsettled = |signed_at| Claim::Unsettled { signed_at, with_token: self.with_token };
        match (&self.phase, signed_at) {
            _ if self.forgotten.is_some() => Claim::Settled,
            (Phase::Waiting, None) => Claim::NeverSent,
            (Phase::Waiting | Phase::InDoubt, Some(signed_at)) => unsettled(signed_at),
            (Phase::Done(outcome), Some(signed_at)) if outcome.is_unsettled() => {
                unsettled(signed_at)
            }
            (Phase::Done(outcome), _) if !outcome.is_open() => Claim::Settled,
            _ => Claim::UnderWay,
        }
    }

    /// The run is taken up again: what it ended as before its end was seen is open once more.
    pub(crate) fn reopen(&mut self) {
        if self.forgotten.is_some() {
            return;
        }
        match &self.phase {
            Phase::Done(outcome) if !outcome.is_open() => {}
            Phase::Done(outcome) if outcome.is_unsettled() => self.phase = Phase::InDoubt,
            Phase::Done(_) => self.phase = Phase::Running,
            Phase::Waiting | Phase::InDoubt | Phase::Running => {}
        }
    }

    /// What it ends as when nobody looks any more.
    pub(crate) fn give_up(&self, why: &str) -> PackageOutcome {
        match (&self.phase, &self.doubt) {
            (Phase::InDoubt, Some(doubt)) if holds(Guard::DoubtEndsUnknown) => {
                PackageOutcome::Unknown { evidence: format!("{}; {why}", doubt.evidence) }
            }
            _ => PackageOutcome::StillRunning { why: why.to_owned() },
        }
    }
}

/// The time from `from` to `to`, zero if a clock went back in between.
pub(crate) fn since(from: Timestamp, to: Timestamp) -> Duration {
    let millis = to.as_millis().saturating_sub(from.as_millis());
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}

/// Whether what moves when a package is released is another in two observations. A member that only one
/// of them has says nothing: not every answer of the service has all of them.
pub(crate) fn differs(before: &PackageDetail, after: &PackageDetail) -> bool {
    let (before, after) = (&before.package, &after.package);
    other(before.status, after.status)
        || other(before.deployed_at, after.deployed_at)
        || match (&before.deployer, &after.deployer) {
            (Some(before), Some(after)) => is_another_user(before, after),
            (before, after) => other(before.is_some().then_some(()), after.is_some().then_some(())),
        }
}

fn is_another_user(before: &User, after: &User) -> bool {
    other(before.id.as_ref(), after.id.as_ref()) || other(before.name.as_ref(), after.name.as_ref())
}

fn other<T: PartialEq>(before: Option<T>, after: Option<T>) -> bool {
    let both = before.is_some() && after.is_some();
    before != after && (both || !holds(Guard::AbsenceIsNoEvidence))
}

pub(crate) fn succeeded(detail: &PackageDetail) -> PackageOutcome {
    PackageOutcome::Succeeded {
        start_failures: task_names(detail, |task| {
            task.start_status == Some(StartStatus::StartFailed)
        }),
    }
}

pub(crate) fn failed(detail: &PackageDetail) -> PackageOutcome {
    PackageOutcome::Failed { tasks: task_names(detail, |task| task.status == Some(Status::Failed)) }
}

fn task_names(detail: &PackageDetail, wanted: impl Fn(&dls_model::Task) -> bool) -> Vec<String> {
    let unnamed = || "(a task without a name)".to_owned();
    let wanted = detail.tasks.iter().filter(|task| wanted(task));
    wanted.map(|task| task.name.clone().unwrap_or_else(unnamed)).collect()
}
