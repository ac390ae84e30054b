//! From what happened to what has changed: most events are looks that saw nothing new.

use std::collections::HashMap;

use dls::model::{Status, Task, Timestamp};
use dls::rollout::{Event, EventKind, ObserveError, PackageReport, SendError};
use dls::{PackageId, Run};

/// Something that is worth telling.
pub(crate) enum RunChange<'a> {
    /// The status of a package, which was not known before or another one.
    Status {
        now: &'a PackageReport,
        is_first: bool,
    },
    /// The status of a task, which was another one.
    Task {
        of: &'a PackageReport,
        task: &'a Task,
    },
    /// A look brought nothing; it is made again.
    ObserveFailed(&'a ObserveError),
    Sent {
        packages: &'a [PackageId],
        signed_at: Timestamp,
    },
    Accepted {
        packages: &'a [PackageReport],
        request_id: Option<&'a str>,
    },
    SendFailed {
        packages: &'a [PackageId],
        failure: &'a SendError,
        then: AfterSendFailure,
    },
    ResendAllowed(&'a [PackageId]),
    /// What became of a package.
    PackageOutcome(&'a PackageReport),
}

/// What follows from a request that was not accepted.
#[derive(Clone, Copy)]
pub(crate) enum AfterSendFailure {
    /// Its packages end with that.
    Ends,
    /// It had no effect, and goes out again.
    SendsAgain,
    /// It may have had an effect, and the service is asked.
    Asks,
}

/// What was reported already.
#[derive(Default)]
pub(crate) struct ChangeTracker {
    reported: HashMap<PackageId, Reported>,
    /// The packages of the last request.
    sent: Vec<PackageId>,
}

#[derive(Default)]
struct Reported {
    status: Option<Status>,
    tasks: Vec<Option<Status>>,
    outcome: bool,
}

impl ChangeTracker {
    /// Tells what an event has changed in the packages that it is about. What it changed in others is
    /// reported by [`rest`](Self::rest): asking for all of them each time would take long for many.
    pub(crate) fn of(&mut self, run: &Run, event: &Event, tell: &mut impl FnMut(&RunChange<'_>)) {
        match &event.kind {
            EventKind::Observed { package, .. } => self.observed(run, *package, tell),
            EventKind::ObserveFailed { package, failure } => {
                tell(&RunChange::ObserveFailed(failure));
                self.observed(run, *package, tell);
            }
            EventKind::Listed { rows, missing } => {
                let listed = rows.iter().filter_map(|row| row.id);
                listed.chain(missing.iter().copied()).for_each(|id| self.observed(run, id, tell));
            }
            EventKind::ListFailed { failure } => tell(&RunChange::ObserveFailed(failure)),
            EventKind::SendIntended { packages, signed_at, .. } => {
                self.sent = packages.as_slice().to_vec();
                tell(&RunChange::Sent { packages: &self.sent, signed_at: *signed_at });
            }
            EventKind::Accepted { request_id, .. } => {
                let reports = self.answered(run);
                tell(&RunChange::Accepted {
                    packages: &reports,
                    request_id: request_id.as_deref(),
                });
                self.outcomes(&reports, tell);
            }
            EventKind::SendFailed { failure } => {
                let reports = self.answered(run);
                let packages: Vec<_> = reports.iter().map(|report| report.id).collect();
                tell(&RunChange::SendFailed { packages: &packages, failure, then: then(&reports) });
                self.outcomes(&reports, tell);
            }
            EventKind::ResendAllowed { packages, .. } => tell(&RunChange::ResendAllowed(packages)),
            _ => {}
        }
    }

    /// Tells the outcomes that were not reported yet.
    pub(crate) fn rest(
        &mut self,
        reports: &[PackageReport],
        tell: &mut impl FnMut(&RunChange<'_>),
    ) {
        self.outcomes(reports, tell);
    }

    /// The packages of the request that this is the answer to. One that found no connection has none.
    fn answered(&mut self, run: &Run) -> Vec<PackageReport> {
        let sent = std::mem::take(&mut self.sent);
        sent.into_iter().filter_map(|id| run.package(id)).collect()
    }

    fn observed(&mut self, run: &Run, id: PackageId, tell: &mut impl FnMut(&RunChange<'_>)) {
        let Some(now) = run.package(id) else { return };
        self.status(&now, tell);
        self.tasks(&now, tell);
        self.outcomes(std::slice::from_ref(&now), tell);
    }

    fn status(&mut self, now: &PackageReport, tell: &mut impl FnMut(&RunChange<'_>)) {
        let reported = self.reported.entry(now.id).or_default();
        let status = now.latest.as_ref().and_then(|it| it.package.status);
        if status.is_none() || status == reported.status {
            return;
        }
        let is_first = reported.status.is_none();
        reported.status = status;
        tell(&RunChange::Status { now, is_first });
    }

    fn tasks(&mut self, now: &PackageReport, tell: &mut impl FnMut(&RunChange<'_>)) {
        let reported = self.reported.entry(now.id).or_default();
        let tasks = now.latest.as_ref().map(|it| it.tasks.as_slice());
        let tasks = tasks.unwrap_or_default();
        // Tasks that are seen for the first time have not changed.
        if reported.tasks.len() == tasks.len() {
            let pairs = tasks.iter().zip(&reported.tasks);
            for (task, _) in pairs.filter(|(task, reported)| task.status != **reported) {
                tell(&RunChange::Task { of: now, task });
            }
        }
        reported.tasks = tasks.iter().map(|task| task.status).collect();
    }

    fn outcomes(&mut self, reports: &[PackageReport], tell: &mut impl FnMut(&RunChange<'_>)) {
        for now in reports {
            let reported = self.reported.entry(now.id).or_default();
            if now.outcome.is_some() && !std::mem::replace(&mut reported.outcome, true) {
                tell(&RunChange::PackageOutcome(now));
            }
        }
    }
}

fn then(packages: &[PackageReport]) -> AfterSendFailure {
    match packages.iter().find(|it| it.outcome.is_none()) {
        None => AfterSendFailure::Ends,
        Some(waiting) if !waiting.sent => AfterSendFailure::SendsAgain,
        Some(_) => AfterSendFailure::Asks,
    }
}
