//! The fold: what happened so far, and what to do next.
//!
//! One batch, from baseline to verdicts. A rollout takes no clock and does no I/O: the driver asks
//! [`Rollout::next`], does that, and tells what happened through [`Rollout::fold`].

use std::time::Duration;

use dls_model::{
    DeployAnswer, DeployDetail, JobStart, Origin, PackageDetail, PackageId, PackageIds,
    ServiceError, StartStatus, Status,
};

use crate::action::Action;
use crate::event::{Event, LookFailure, SendFailure};
use crate::pace::pause;
use crate::verdict::{NotSent, PackageReport, Report, Verdict};

/// How often one thing is tried before it is given up: a look before the send, and a send that
/// provably did not happen or was throttled by the gateway.
const TRIES: u32 = 3;
/// How many looks in a row must say "not found" before a package that was sent counts as gone.
const ABSENCES: u32 = 3;

/// What the caller wants of a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Whether jobs start once they are released (wire: `startup_mode`).
    pub start: JobStart,
    /// Whether to look until the release is over.
    pub wait: bool,
    /// Whether a package whose last release failed is sent once more.
    pub again: bool,
}

impl Options {
    /// Waits for the end, and sends no package whose last release failed.
    #[must_use]
    pub fn new(start: JobStart) -> Self {
        Self {
            start,
            wait: true,
            again: false,
        }
    }

    /// Whether to look until the release is over.
    #[must_use]
    pub fn with_wait(self, wait: bool) -> Self {
        Self { wait, ..self }
    }

    /// Whether a package whose last release failed is sent once more.
    #[must_use]
    pub fn with_again(self, again: bool) -> Self {
        Self { again, ..self }
    }
}

/// The release of up to 100 packages, from the first look to a verdict on each.
///
/// ```
/// use dls_model::{JobStart, PackageIds};
/// use dls_rollout::{Action, Options, Rollout};
///
/// let ids = PackageIds::new(["23".parse()?, "24".parse()?])?;
/// let rollout = Rollout::new(ids, Options::new(JobStart::Later));
/// // Nothing is sent before the state of each package was read.
/// assert_eq!(rollout.next(), Action::Look("23".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Rollout {
    options: Options,
    packages: Vec<Entry>,
    stage: Stage,
    rest: Option<Duration>,
    round: u32,
    failed_looks: u32,
    failed_sends: u32,
    /// What stood in the way of the send so far, should the time run out.
    obstacle: Option<NotSent>,
    request_id: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Reading the state that every later look is compared with.
    Baseline,
    /// The batch may go out.
    Ready,
    /// A request was intended and its outcome is not known yet.
    Sending,
    /// Looking until each package has its verdict.
    Watching,
}

#[derive(Debug, Clone)]
struct Entry {
    id: PackageId,
    baseline: Option<PackageDetail>,
    latest: Option<PackageDetail>,
    /// Belongs to the batch that we send; the others are only watched.
    in_batch: bool,
    accepted: Option<DeployDetail>,
    seen_running: bool,
    absences: u32,
    /// Looked at in this round.
    looked: bool,
    verdict: Option<Verdict>,
}

impl Rollout {
    /// A rollout of these packages, before anything was read or sent.
    #[must_use]
    pub fn new(ids: PackageIds, options: Options) -> Self {
        Self {
            options,
            packages: ids.iter().map(|id| Entry::new(*id)).collect(),
            stage: Stage::Baseline,
            rest: None,
            round: 0,
            failed_looks: 0,
            failed_sends: 0,
            obstacle: None,
            request_id: None,
        }
    }

    /// What to do next. Asking twice changes nothing.
    #[must_use]
    pub fn next(&self) -> Action {
        if self.undecided().next().is_none() {
            return Action::Done;
        }
        if let Some(rest) = self.rest {
            return Action::Wait(rest);
        }
        let look = match self.stage {
            Stage::Ready => match PackageIds::new(self.batch().map(|entry| entry.id)) {
                Ok(ids) => return Action::Deploy(ids, self.options.start),
                Err(_) => None,
            },
            Stage::Baseline => self.undecided().find(|entry| entry.baseline.is_none()),
            // An intended send without an outcome may have happened: look, never send.
            Stage::Sending => self.batch().next(),
            Stage::Watching => self.undecided().find(|entry| !entry.looked),
        };
        look.map_or(Action::Done, |entry| Action::Look(entry.id))
    }

    /// Takes in what happened.
    pub fn fold(&mut self, event: Event) {
        match event {
            Event::Looked(id, detail) => self.looked(id, *detail),
            Event::LookFailed(id, failure) => self.look_failed(id, failure),
            Event::SendIntended => self.stage = Stage::Sending,
            Event::Accepted(answer) => self.accepted(&answer),
            Event::SendFailed(failure) => self.send_failed(failure),
            Event::Waited => self.rest = None,
            Event::OutOfTime => self.out_of_time(),
        }
    }

    /// What is known now; final once [`next`](Self::next) answers [`Action::Done`].
    #[must_use]
    pub fn report(&self) -> Report {
        let packages = self.packages.iter().map(|entry| PackageReport {
            id: entry.id,
            verdict: entry.verdict.clone(),
            latest: entry.latest.clone(),
            ours: entry.accepted.is_some(),
            background_task: entry.accepted.as_ref().and_then(|d| d.task_id.clone()),
            subtasks: entry.accepted.as_ref().and_then(|d| d.subtask_count),
            request_id: self.request_id.clone().filter(|_| entry.in_batch),
        });
        Report::new(packages.collect())
    }

    fn looked(&mut self, id: PackageId, detail: PackageDetail) {
        let stage = self.stage;
        let Some(entry) = self.packages.iter_mut().find(|entry| entry.id == id) else {
            return;
        };
        entry.latest = Some(detail.clone());
        match stage {
            Stage::Baseline => {
                entry.baseline = Some(detail);
                self.failed_looks = 0;
                self.obstacle = None;
                if self.packages.iter().all(|entry| entry.baseline.is_some()) {
                    self.choose_batch();
                }
            }
            Stage::Ready | Stage::Sending => {}
            Stage::Watching => {
                entry.absences = 0;
                entry.looked = true;
                entry.judge();
                self.end_round();
            }
        }
    }

    fn look_failed(&mut self, id: PackageId, failure: LookFailure) {
        match self.stage {
            Stage::Baseline => self.baseline_failed(id, failure),
            Stage::Ready | Stage::Sending => {}
            Stage::Watching => self.watch_failed(id, failure),
        }
    }

    fn baseline_failed(&mut self, id: PackageId, failure: LookFailure) {
        self.failed_looks += 1;
        let why = match failure {
            LookFailure::NotFound(_) => {
                if let Some(entry) = self.packages.iter_mut().find(|entry| entry.id == id) {
                    entry.verdict = Some(Verdict::Gone { sent: false });
                }
                NotSent::RunStopped
            }
            LookFailure::Refused(error) => NotSent::LookRefused(error),
            LookFailure::NotAuthenticated(why) => NotSent::NotAuthenticated(why),
            LookFailure::Unreachable(why) => NotSent::Unreachable(why),
            LookFailure::Unavailable(why) => NotSent::Unavailable(why),
        };
        let may_pass = matches!(why, NotSent::Unreachable(_) | NotSent::Unavailable(_));
        if may_pass && self.failed_looks < TRIES {
            self.rest = Some(pause(self.failed_looks - 1));
            self.obstacle = Some(why);
            return;
        }
        self.settle(|_| Verdict::NotSent(why.clone()));
    }

    fn watch_failed(&mut self, id: PackageId, failure: LookFailure) {
        let not_allowed = match &failure {
            LookFailure::NotAuthenticated(why) => Some(why.clone()),
            LookFailure::Refused(error) if matches!(error.status().as_u16(), 401 | 403) => {
                Some(error.to_string())
            }
            _ => None,
        };
        if let Some(why) = not_allowed {
            return self.settle(|_| Verdict::StillRunning { why: why.clone() });
        }
        // Any other failed look says nothing about the release: it is simply made again.
        if let Some(entry) = self.packages.iter_mut().find(|entry| entry.id == id) {
            entry.looked = true;
            if let LookFailure::NotFound(_) = failure {
                entry.absences += 1;
                if entry.absences >= ABSENCES {
                    entry.verdict = Some(Verdict::Gone {
                        sent: entry.in_batch,
                    });
                }
            }
        }
        self.end_round();
    }

    /// All baselines are in: what is already there is not sent, what must not be sent stops the
    /// run before anything is, the rest is the batch.
    fn choose_batch(&mut self) {
        let mut blocked = false;
        for entry in &mut self.packages {
            match entry
                .baseline
                .as_ref()
                .and_then(|detail| detail.package.status)
            {
                Some(Status::ToBeReviewed) => entry.in_batch = true,
                Some(Status::Failed) if self.options.again => entry.in_batch = true,
                Some(Status::Successful) => entry.verdict = Some(entry.already_released()),
                Some(Status::BeingReleased) => entry.seen_running = true,
                Some(Status::Failed) => {
                    entry.verdict = Some(Verdict::NotSent(NotSent::LastReleaseFailed));
                    blocked = true;
                }
                status => {
                    entry.verdict = Some(Verdict::NotSent(NotSent::WrongStatus(status)));
                    blocked = true;
                }
            }
        }
        if blocked {
            self.settle(|_| Verdict::NotSent(NotSent::RunStopped));
        } else if self.batch().next().is_some() {
            self.stage = Stage::Ready;
        } else {
            self.watch();
        }
    }

    fn accepted(&mut self, answer: &DeployAnswer) {
        self.request_id.clone_from(&answer.request_id);
        let wait = self.options.wait;
        for entry in self
            .packages
            .iter_mut()
            .filter(|entry| entry.is_open_batch())
        {
            entry.accepted = answer.detail(entry.id).cloned();
            if entry.accepted.is_none() {
                let evidence = "the request was sent, and the answer does not name this package";
                entry.verdict = Some(Verdict::Unknown {
                    evidence: evidence.to_owned(),
                });
            } else if !wait {
                entry.verdict = Some(Verdict::Accepted);
            }
        }
        self.watch();
    }

    fn send_failed(&mut self, failure: SendFailure) {
        self.failed_sends += 1;
        let again = self.failed_sends < TRIES;
        let verdict = match failure {
            SendFailure::NotSent(why) if again => {
                return self.send_again(NotSent::Unreachable(why));
            }
            SendFailure::NotSent(why) => Verdict::NotSent(NotSent::Unreachable(why)),
            SendFailure::NotAuthenticated(why) => Verdict::NotSent(NotSent::NotAuthenticated(why)),
            SendFailure::Answered(error) if again && is_throttled_by_gateway(&error) => {
                return self.send_again(NotSent::Unavailable(error.to_string()));
            }
            SendFailure::Answered(error) => {
                self.request_id = error.request_id().map(str::to_owned);
                if is_refusal(&error, self.batch().count()) {
                    Verdict::Refused(error)
                } else {
                    Verdict::Unknown {
                        evidence: format!("the request was sent; {error}"),
                    }
                }
            }
            SendFailure::Lost(evidence) => Verdict::Unknown { evidence },
        };
        for entry in self
            .packages
            .iter_mut()
            .filter(|entry| entry.is_open_batch())
        {
            entry.verdict = Some(verdict.clone());
        }
        self.watch();
    }

    fn send_again(&mut self, obstacle: NotSent) {
        self.stage = Stage::Ready;
        self.obstacle = Some(obstacle);
        self.rest = Some(pause(self.failed_sends - 1));
    }

    fn out_of_time(&mut self) {
        self.rest = None;
        let stage = self.stage;
        let not_sent = self
            .obstacle
            .take()
            .unwrap_or_else(|| self.nothing_sent_in_time());
        self.settle(|entry| match stage {
            Stage::Baseline | Stage::Ready => Verdict::NotSent(not_sent.clone()),
            Stage::Sending if entry.in_batch => Verdict::Unknown {
                evidence: "the request was sent, and the time was over before an answer came"
                    .to_owned(),
            },
            Stage::Sending | Stage::Watching => Verdict::StillRunning {
                why: "the time to wait was over".to_owned(),
            },
        });
    }

    /// A service that never answered a look counts as unavailable, not as merely slow.
    fn nothing_sent_in_time(&self) -> NotSent {
        if self.packages.iter().any(|entry| entry.baseline.is_some()) {
            return NotSent::OutOfTime;
        }
        NotSent::Unavailable("no look came back before the time was over".to_owned())
    }

    fn watch(&mut self) {
        self.stage = Stage::Watching;
        if !self.options.wait {
            self.settle(|_| Verdict::StillRunning {
                why: "nobody asked to wait".to_owned(),
            });
        }
    }

    /// Rests once each undecided package was looked at, then begins the next round.
    fn end_round(&mut self) {
        if self.undecided().all(|entry| entry.looked) {
            self.packages
                .iter_mut()
                .for_each(|entry| entry.looked = false);
            self.rest = Some(pause(self.round));
            self.round += 1;
        }
    }

    fn settle(&mut self, verdict: impl Fn(&Entry) -> Verdict) {
        for entry in self
            .packages
            .iter_mut()
            .filter(|entry| entry.verdict.is_none())
        {
            entry.verdict = Some(verdict(entry));
        }
    }

    fn undecided(&self) -> impl Iterator<Item = &Entry> {
        self.packages.iter().filter(|entry| entry.verdict.is_none())
    }

    fn batch(&self) -> impl Iterator<Item = &Entry> {
        self.packages.iter().filter(|entry| entry.is_open_batch())
    }
}

impl Entry {
    fn new(id: PackageId) -> Self {
        Self {
            id,
            baseline: None,
            latest: None,
            in_batch: false,
            accepted: None,
            seen_running: false,
            absences: 0,
            looked: false,
            verdict: None,
        }
    }

    fn is_open_batch(&self) -> bool {
        self.in_batch && self.verdict.is_none()
    }

    /// Success and failure rest on one word: it *moved* since the baseline. A status that was there
    /// before says nothing about our release.
    fn judge(&mut self) {
        let (Some(baseline), Some(latest)) = (&self.baseline, &self.latest) else {
            return;
        };
        self.seen_running |= latest.package.status == Some(Status::BeingReleased);
        let moved = self.seen_running || fingerprint(baseline) != fingerprint(latest);
        self.verdict = match latest.package.status {
            Some(Status::Successful) if moved => Some(Verdict::Succeeded {
                start_failures: task_names(latest, |task| {
                    task.start_status == Some(StartStatus::StartFailed)
                }),
            }),
            Some(Status::Failed) if moved => Some(Verdict::Failed {
                tasks: task_names(latest, |task| task.status == Some(Status::Failed)),
            }),
            _ => None,
        };
    }

    fn already_released(&self) -> Verdict {
        let package = self.baseline.as_ref().map(|detail| &detail.package);
        Verdict::AlreadyReleased {
            by: package
                .and_then(|p| p.deployer.as_ref())
                .and_then(|user| user.name.clone()),
            at: package.and_then(|p| p.deployed_at),
        }
    }
}

fn fingerprint(detail: &PackageDetail) -> impl PartialEq + use<'_> {
    let package = &detail.package;
    (
        package.status,
        package.deployed_at,
        package.deployer.as_ref(),
    )
}

fn task_names(detail: &PackageDetail, wanted: impl Fn(&dls_model::Task) -> bool) -> Vec<String> {
    let unnamed = || "(a task without a name)".to_owned();
    let wanted = detail.tasks.iter().filter(|task| wanted(task));
    wanted
        .map(|task| task.name.clone().unwrap_or_else(unnamed))
        .collect()
}

/// Whether an error answer to a write that names so many packages proves that nothing was done.
///
/// It does if it is a 4xx of the gateway, or of the service to a request that names one package. To
/// several packages the service may have said no to one and yes to another.
#[must_use]
pub fn is_refusal(error: &ServiceError, packages: usize) -> bool {
    error.status().is_client_error()
        && match error.code().map(|code| code.origin()) {
            Some(Origin::Gateway) => true,
            Some(Origin::Service) => packages == 1,
            _ => false,
        }
}

fn is_throttled_by_gateway(error: &ServiceError) -> bool {
    error.status().as_u16() == 429
        && error.code().is_some_and(|code| {
            code.origin() == Origin::Gateway && code.as_str().ends_with(".0308")
        })
}
