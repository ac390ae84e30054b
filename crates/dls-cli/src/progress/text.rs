//! A line on stderr for each change.

use dls::model::{Status, Task, Timestamp};
use dls::rollout::{PackageReport, RunSpec, SendError};
use dls::{JobStart, PackageId, RunId};

use super::changes::{Reporter, RunChange, SendOutcome};
use crate::stdio::note;
use crate::text::{count, ids, observe_error, reason, report_outcome, send_error, shown};

/// Up to this many packages are reported task by task, and have a bar each in the live view.
pub(super) const FEW: usize = 10;

/// Writes the lines as they are.
pub(crate) struct TextReporter(Lines);

impl TextReporter {
    pub(crate) fn new(spec: &RunSpec) -> Self {
        Self(Lines::new(spec))
    }
}

impl Reporter for TextReporter {
    fn report(&mut self, change: &RunChange<'_>, _: Timestamp) {
        self.0.of(change).iter().for_each(|line| note(line));
    }
}

/// The lines of changes.
pub(super) struct Lines {
    is_few: bool,
    is_stopped: bool,
    /// Reported once, and not at each attempt.
    last_observe_error: Option<String>,
}

impl Lines {
    pub(super) fn new(spec: &RunSpec) -> Self {
        let is_few = spec.packages.len() <= FEW;
        Self { is_few, is_stopped: false, last_observe_error: None }
    }

    /// The lines of a change. What many packages do at the same time is not reported one by one.
    pub(super) fn of(&mut self, change: &RunChange<'_>) -> Vec<String> {
        match change {
            // The result says the rest.
            _ if self.is_stopped => Vec::new(),
            RunChange::Stopped { .. } => {
                self.is_stopped = true;
                Vec::new()
            }
            RunChange::Started { run, spec } => started(*run, spec).into_iter().collect(),
            RunChange::ObserveFailed(failure) => {
                let why = observe_error(failure);
                if self.last_observe_error.as_ref() == Some(&why) {
                    return Vec::new();
                }
                let line = format!("! cannot read the status: {}", shown(&why));
                self.last_observe_error = Some(why);
                vec![line]
            }
            RunChange::Status { is_first: true, .. } | RunChange::Task { .. } if !self.is_few => {
                Vec::new()
            }
            // The outcome says it better, and after the last task.
            RunChange::Status { now, .. } if now.outcome.is_some() => Vec::new(),
            RunChange::Status { now, .. } => vec![format!("{}  {}", title(now), status(now))],
            RunChange::Task { of, task } => vec![task_line(of, task)],
            RunChange::Accepted { packages, request_id } => accepted(packages, *request_id),
            RunChange::SendFailed { packages, failure, outcome } => {
                vec![send_failed(packages, failure, *outcome)]
            }
            RunChange::ResendAllowed(packages) => {
                vec![format!("to be sent once more, as you consent to: {}", ids(*packages))]
            }
            RunChange::PackageOutcome(now) => vec![format!("{}  {}", title(now), outcome(now))],
            RunChange::Sent { .. } | RunChange::Finished { .. } => Vec::new(),
        }
    }
}

/// Says at once under which name a run goes, so that it can be found again.
fn started(run: Option<&RunId>, spec: &RunSpec) -> Option<String> {
    let jobs = match spec.options.start()? {
        JobStart::Immediately => "jobs will be started",
        JobStart::Later => "jobs will not be started",
    };
    let run = run.map(|run| format!("run {run}: ")).unwrap_or_default();
    Some(format!(
        "{run}deploy {} to workspace {} at {}; {jobs}",
        count(spec.packages.len(), "package"),
        spec.destination.workspace,
        spec.destination.endpoint,
    ))
}

fn task_line(of: &PackageReport, task: &Task) -> String {
    let status = task.status.map(|it| it.to_string()).unwrap_or_default();
    let tasks = tasks(of);
    format!("{}  {}/{} tasks  {} {status}", title(of), done(tasks), tasks.len(), name(task))
}

/// The ids to follow, at once: if this process ends now, they are what is left of it.
fn accepted(packages: &[PackageReport], request_id: Option<&str>) -> Vec<String> {
    let ours: Vec<_> = packages.iter().filter(|it| it.ours).collect();
    let request = request_id.map(|id| format!(", request id {}", shown(id)));
    let mut lines =
        vec![format!("accepted: {}{}", count(ours.len(), "package"), request.unwrap_or_default())];
    lines.extend(ours.iter().map(|package| {
        let task = package.background_task.as_deref();
        let task = task.map(|task| format!(", asy_task_id {}", shown(task)));
        format!("{}  accepted{}", title(package), task.unwrap_or_default())
    }));
    if ours.len() < packages.len() {
        lines.push("! the answer does not name the others; asking the service".to_owned());
    }
    lines
}

fn send_failed(packages: &[PackageId], failure: &SendError, outcome: SendOutcome) -> String {
    use SendOutcome::{Lost, NotSent, Refused};
    let what = match (outcome, failure) {
        (NotSent { .. }, _) => "the request was not sent".to_owned(),
        (Refused { .. }, _) => "refused".to_owned(),
        // A refusal of several packages may be one of some of them.
        (Lost { .. }, SendError::Answered(_)) => format!(
            "the request for {} was answered by an error that does not say what became of each",
            short(packages)
        ),
        (Lost { .. }, _) => {
            format!("answer lost after the request for {} was sent", short(packages))
        }
    };
    let next = match outcome {
        NotSent { repeats: true } | Refused { repeats: true } => {
            " Nothing happened, so it is sent again."
        }
        NotSent { .. } | Refused { .. } => "",
        Lost { observes: true } => " Not sending again; asking the service.",
        Lost { observes: false } => " Not sending again.",
    };
    format!("! {what} ({}).{next}", shown(&send_error(failure)))
}

/// Ids that fit on a line; of many, how many there are.
fn short(packages: &[PackageId]) -> String {
    match packages {
        [first, .., last] if packages.len() > FEW => {
            format!("{} packages ({first} … {last})", packages.len())
        }
        _ => ids(packages),
    }
}

fn title(package: &PackageReport) -> String {
    match package_name(package) {
        Some(name) => format!("{} {name}", package.id),
        None => package.id.to_string(),
    }
}

pub(super) fn package_name(package: &PackageReport) -> Option<String> {
    let detail = package.latest.as_ref()?;
    detail.package.name.as_deref().map(shown)
}

/// The status and, while the package is being released, since when and by whom: it may be somebody else.
fn status(now: &PackageReport) -> String {
    let since = released_at(now).map(|at| format!(" since {at}"));
    format!("{}{}{}", status_word(now), since.unwrap_or_default(), by(now))
}

pub(super) fn status_word(now: &PackageReport) -> String {
    let status = now.latest.as_ref().and_then(|detail| detail.package.status);
    status.map(|it| it.to_string()).unwrap_or_default()
}

/// When the release began that goes on.
pub(super) fn released_at(now: &PackageReport) -> Option<Timestamp> {
    let package = &now.latest.as_ref()?.package;
    package.deployed_at.filter(|_| package.status == Some(Status::BeingReleased))
}

pub(super) fn by(now: &PackageReport) -> String {
    let package = now.latest.as_ref().map(|detail| &detail.package);
    let package = package.filter(|it| it.status == Some(Status::BeingReleased));
    let name = package.and_then(|it| it.deployer.as_ref()?.name.as_deref());
    name.map(|name| format!(" by {}", shown(name))).unwrap_or_default()
}

fn outcome(now: &PackageReport) -> String {
    let word = report_outcome(now);
    match now.outcome.as_ref().and_then(reason) {
        Some(why) => format!("{word}: {}", shown(&why)),
        None => word.to_owned(),
    }
}

pub(super) fn tasks(package: &PackageReport) -> &[Task] {
    let detail = package.latest.as_ref();
    detail.map(|it| it.tasks.as_slice()).unwrap_or_default()
}

pub(super) fn done(tasks: &[Task]) -> usize {
    let is_done = |task: &&Task| task.status.is_some_and(Status::is_final);
    tasks.iter().filter(is_done).count()
}

pub(super) fn name(task: &Task) -> String {
    shown(task.name.as_deref().unwrap_or("(a task without a name)"))
}
