//! What people see meanwhile: live bars on a terminal, else a line for each change.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::io::IsTerminal as _;
use std::time::Duration;

use dls::model::{Status, Task};
use dls::rollout::{PackageReport, RunSpec, SendError};
use dls::{PackageId, RunId};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::changes::{AfterSendFailure, RunChange};
use super::ndjson::{observe_error, send_error};
use crate::output::note;
use crate::text::{count, ids, package_outcome, shown, why};

/// Up to so many packages have a bar of their own, and are reported about task by task.
const FEW: usize = 10;

/// The talk of one run.
pub(crate) struct View {
    is_few: bool,
    bars: Option<Bars>,
    /// The last look that failed, so that it is reported once and not at each attempt.
    last_observe_error: Option<String>,
}

impl View {
    pub(crate) fn new(began: &RunSpec) -> Self {
        let is_few = began.packages.len() <= FEW;
        let is_live = std::io::stderr().is_terminal();
        Self { is_few, bars: is_live.then(|| Bars::new(began, is_few)), last_observe_error: None }
    }

    /// Says at once under which name a run goes, so that it can be found again.
    pub(crate) fn began(&self, run: Option<&RunId>, began: &RunSpec) {
        let Some(start) = began.options.start() else {
            return;
        };
        let run = run.map(|run| format!("run {run}: ")).unwrap_or_default();
        let jobs = match start {
            dls::JobStart::Immediately => "jobs will be started",
            dls::JobStart::Later => "jobs will not be started",
        };
        self.say(&format!(
            "{run}deploy {} to workspace {} at {}; {jobs}",
            count(began.packages.len(), "package"),
            began.destination.workspace,
            began.destination.endpoint,
        ));
    }

    pub(crate) fn tell(&mut self, change: &RunChange<'_>) {
        if let RunChange::ObserveFailed(failure) = change {
            let why = observe_error(failure);
            if self.last_observe_error.as_ref() != Some(&why) {
                self.say(&format!("! a look failed: {why}"));
            }
            self.last_observe_error = Some(why);
            return;
        }
        if let Some(bars) = &mut self.bars
            && bars.show(change)
        {
            return;
        }
        for line in lines(change, self.is_few) {
            self.say(&line);
        }
    }

    pub(crate) fn end(self) {
        if let Some(bars) = self.bars {
            drop(bars.all.clear());
        }
    }

    fn say(&self, line: &str) {
        match &self.bars {
            Some(bars) => bars.all.suspend(|| note(line)),
            None => note(line),
        }
    }
}

/// The lines of a change. What many packages do at the same time is not reported one by one.
fn lines(change: &RunChange<'_>, is_few: bool) -> Vec<String> {
    match change {
        RunChange::Status { is_first: true, .. } | RunChange::Task { .. } if !is_few => Vec::new(),
        // The outcome says it better, and after the last task.
        RunChange::Status { now, .. } if now.outcome.is_some() => Vec::new(),
        RunChange::Status { now, .. } => vec![format!("{}  {}", title(now), status(now))],
        RunChange::Task { of, task } => {
            let status = task.status.map(|it| it.to_string()).unwrap_or_default();
            let tasks = tasks(of);
            vec![format!(
                "{}  {}/{} tasks  {} {status}",
                title(of),
                done(tasks),
                tasks.len(),
                name(task)
            )]
        }
        RunChange::Accepted { packages, request_id } => accepted(packages, *request_id),
        RunChange::SendFailed { packages, failure, then } => {
            vec![send_failed(packages, failure, *then)]
        }
        RunChange::ResendAllowed(packages) => {
            vec![format!("to be sent once more, as you consent to: {}", ids(*packages))]
        }
        RunChange::PackageOutcome(now) => vec![format!("{}  {}", title(now), outcome_text(now))],
        RunChange::ObserveFailed(_) | RunChange::Sent { .. } => Vec::new(),
    }
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

fn send_failed(packages: &[PackageId], failure: &SendError, then: AfterSendFailure) -> String {
    let (outcome, why) = send_error(failure, then);
    let what = match (outcome, failure) {
        ("not-sent", _) => "the request was not sent".to_owned(),
        ("refused", _) => "refused".to_owned(),
        // A no to several packages may be one to some of them.
        (_, SendError::Answered(_)) => format!(
            "the request for {} was answered by an error that does not say what became of each",
            few(packages)
        ),
        _ => format!("answer lost after the request for {} was sent", few(packages)),
    };
    let then = match (outcome, then) {
        (_, AfterSendFailure::SendsAgain) => " Nothing happened, so it is sent again.",
        ("lost", AfterSendFailure::Asks) => " Not sending again; asking the service.",
        ("lost", _) => " Not sending again.",
        _ => "",
    };
    format!("! {what} ({}).{then}", shown(&why))
}

/// Ids that fit on a line: of many only how many there are.
fn few(packages: &[PackageId]) -> String {
    match packages {
        [first, .., last] if packages.len() > 10 => {
            format!("{} packages ({first} … {last})", packages.len())
        }
        _ => ids(packages),
    }
}

fn title(package: &PackageReport) -> String {
    let detail = package.latest.as_ref();
    match detail.and_then(|it| it.package.name.as_deref()) {
        Some(name) => format!("{} {}", package.id, shown(name)),
        None => package.id.to_string(),
    }
}

/// The status, and while others can be at it also who is, and since when.
fn status(now: &PackageReport) -> String {
    let Some(detail) = &now.latest else {
        return String::new();
    };
    let package = &detail.package;
    let status = package.status.map(|it| it.to_string()).unwrap_or_default();
    if package.status != Some(Status::BeingReleased) {
        return status;
    }
    let since = package.deployed_at.map(|at| format!(" since {at}"));
    let user = package.deployer.as_ref().and_then(|it| it.name.as_deref());
    let by = user.map(|name| format!(" by {}", shown(name)));
    format!("{status}{}{}", since.unwrap_or_default(), by.unwrap_or_default())
}

fn outcome_text(now: &PackageReport) -> String {
    let word = crate::json::outcome(now);
    match now.outcome.as_ref().and_then(why) {
        Some(why) => format!("{word}: {}", shown(&why)),
        None => word.to_owned(),
    }
}

fn tasks(package: &PackageReport) -> &[Task] {
    let detail = package.latest.as_ref();
    detail.map(|it| it.tasks.as_slice()).unwrap_or_default()
}

fn done(tasks: &[Task]) -> usize {
    let is_done = |task: &&Task| task.status.is_some_and(Status::is_final);
    tasks.iter().filter(is_done).count()
}

fn name(task: &Task) -> String {
    shown(task.name.as_deref().unwrap_or("(a task without a name)"))
}

/// Live bars: one a package if they are few, else one for all.
struct Bars {
    all: MultiProgress,
    each: HashMap<PackageId, ProgressBar>,
    total: Option<Total>,
}

struct Total {
    bar: ProgressBar,
    standing: HashMap<PackageId, String>,
    counts: BTreeMap<String, usize>,
}

impl Bars {
    fn new(began: &RunSpec, is_few: bool) -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let bar = |length: usize, template: &str| {
            let bar = all.add(ProgressBar::new(u64::try_from(length).unwrap_or(u64::MAX)));
            set_template(&bar, template);
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        };
        let (mut each, mut total) = (HashMap::new(), None);
        if is_few {
            for id in &began.packages {
                let bar = bar(0, "{spinner} {prefix} {bar:10} {pos}/{len} tasks  {wide_msg}");
                bar.set_prefix(id.to_string());
                each.insert(*id, bar);
            }
        } else {
            let length = began.packages.len();
            total = Some(Total {
                bar: bar(length, "{spinner} {bar:20} {pos}/{len} packages  {wide_msg}"),
                standing: HashMap::new(),
                counts: BTreeMap::new(),
            });
        }
        Self { all, each, total }
    }

    /// Whether the change is shown by a bar, and needs no line.
    fn show(&mut self, change: &RunChange<'_>) -> bool {
        let now = match change {
            RunChange::Status { now, .. }
            | RunChange::Task { of: now, .. }
            | RunChange::PackageOutcome(now) => now,
            _ => return false,
        };
        match (self.each.get(&now.id), &mut self.total) {
            (Some(bar), _) => show_one(bar, now),
            (None, Some(total)) => total.show(now),
            (None, None) => return false,
        }
        true
    }
}

fn set_template(bar: &ProgressBar, template: &str) {
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("██░"));
    }
}

fn show_one(bar: &ProgressBar, now: &PackageReport) {
    let tasks = tasks(now);
    let word = match &now.outcome {
        Some(_) => outcome_text(now),
        None => status(now),
    };
    // Only now is it known how many tasks there are.
    set_template(bar, "{spinner} {prefix} {bar:10} {pos}/{len} tasks  {wide_msg}");
    bar.set_prefix(title(now));
    bar.set_length(u64::try_from(tasks.len()).unwrap_or(u64::MAX));
    bar.set_position(u64::try_from(done(tasks)).unwrap_or(u64::MAX));
    let reported = tasks.iter().map(|task| {
        let mark = match task.status {
            Some(Status::Successful) => "ok",
            Some(Status::Failed) => "failed",
            _ => "…",
        };
        format!("{} {mark}", name(task))
    });
    let reported: Vec<String> = reported.collect();
    bar.set_message(format!("{}  {word}", reported.join(" · ")));
}

impl Total {
    fn show(&mut self, now: &PackageReport) {
        let word = match &now.outcome {
            Some(outcome) => package_outcome(outcome).to_owned(),
            None => {
                let detail = now.latest.as_ref();
                let status = detail.and_then(|detail| detail.package.status);
                status.map(|it| it.to_string()).unwrap_or_default()
            }
        };
        if let Some(before) = self.standing.insert(now.id, word.clone())
            && let Some(count) = self.counts.get_mut(&before)
        {
            *count -= 1;
        }
        *self.counts.entry(word).or_default() += 1;
        if now.outcome.is_some() {
            self.bar.inc(1);
        }
        let counts = self.counts.iter().filter(|(_, count)| **count > 0);
        let counts: Vec<String> = counts.map(|(word, count)| format!("{count} {word}")).collect();
        self.bar.set_message(counts.join(", "));
    }
}
