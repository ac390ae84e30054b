//! From the events of a run to its changes: most observations bring nothing new.

use std::collections::HashMap;

use dls::model::{Status, Task, Timestamp};
use dls::rollout::{Event, EventKind, ObserveError, PackageReport, RunSpec, SendError};
use dls::{PackageId, Run, RunId};

use crate::exit_code::ExitCode;
use crate::run_document::RunDocument;
use crate::signals::StopSignal;

/// What shows the changes of a run. Text, a live view, NDJSON, or the result alone: each shows what it is there for.
pub(crate) trait Reporter {
    fn report(&mut self, change: &RunChange<'_>, at: Timestamp);
}

/// Something that is worth reporting.
pub(crate) enum RunChange<'a> {
    /// The run begins, or goes on.
    Started {
        run: Option<&'a RunId>,
        spec: &'a RunSpec,
    },
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
    /// An observation failed; it is repeated.
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
        outcome: SendOutcome,
    },
    ResendAllowed(&'a [PackageId]),
    /// What became of a package.
    PackageOutcome(&'a PackageReport),
    /// Nothing more is observed.
    Stopped {
        signal: Option<StopSignal>,
    },
    /// The result of the command.
    Finished {
        document: &'a RunDocument<'a>,
        exit_code: ExitCode,
    },
}

/// What a request that was not accepted came to.
#[derive(Clone, Copy)]
pub(crate) enum SendOutcome {
    NotSent {
        repeats: bool,
    },
    Refused {
        repeats: bool,
    },
    /// It may have had an effect. The packages may be observed until that is known.
    Lost {
        observes: bool,
    },
}

impl SendOutcome {
    fn of(failure: &SendError, packages: &[PackageReport]) -> Self {
        let waiting = packages.iter().find(|it| it.outcome.is_none());
        let repeats = waiting.is_some_and(|it| !it.sent);
        let observes = waiting.is_some_and(|it| it.sent);
        match failure {
            SendError::NotSent(_) | SendError::NotAuthenticated(_) | SendError::NotRecorded(_) => {
                Self::NotSent { repeats }
            }
            SendError::Answered(error) if error.status().is_client_error() && !observes => {
                Self::Refused { repeats }
            }
            _ => Self::Lost { observes },
        }
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::NotSent { .. } => "not-sent",
            Self::Refused { .. } => "refused",
            Self::Lost { .. } => "lost",
        }
    }
}

/// What has been reported.
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
    /// What an event has changed in the packages that it names. [`outcomes`](Self::outcomes) has what it changed in others:
    /// comparing all of them each time would be slow for many.
    pub(crate) fn of(&mut self, run: &Run, event: &Event, emit: &mut impl FnMut(&RunChange<'_>)) {
        match &event.kind {
            EventKind::Observed { package, .. } => self.observed(run, *package, emit),
            EventKind::ObserveFailed { package, failure } => {
                emit(&RunChange::ObserveFailed(failure));
                self.observed(run, *package, emit);
            }
            EventKind::Listed { rows, missing } => {
                let listed = rows.iter().filter_map(|row| row.id);
                listed.chain(missing.iter().copied()).for_each(|id| self.observed(run, id, emit));
            }
            EventKind::ListFailed { failure } => emit(&RunChange::ObserveFailed(failure)),
            EventKind::SendIntended { packages, signed_at, .. } => {
                self.sent = packages.iter().copied().collect();
                emit(&RunChange::Sent { packages: &self.sent, signed_at: *signed_at });
            }
            EventKind::Accepted { request_id, .. } => {
                let reports = self.answered(run);
                emit(&RunChange::Accepted {
                    packages: &reports,
                    request_id: request_id.as_deref(),
                });
                self.outcomes(&reports, emit);
            }
            EventKind::SendFailed { failure } => {
                let reports = self.answered(run);
                let packages: Vec<_> = reports.iter().map(|report| report.id).collect();
                let outcome = SendOutcome::of(failure, &reports);
                emit(&RunChange::SendFailed { packages: &packages, failure, outcome });
                self.outcomes(&reports, emit);
            }
            EventKind::ResendAllowed { packages, .. } => emit(&RunChange::ResendAllowed(packages)),
            _ => {}
        }
    }

    /// The packages of the request that was answered; none if it found no connection.
    fn answered(&mut self, run: &Run) -> Vec<PackageReport> {
        let sent = std::mem::take(&mut self.sent);
        sent.into_iter().filter_map(|id| run.package(id)).collect()
    }

    fn observed(&mut self, run: &Run, id: PackageId, emit: &mut impl FnMut(&RunChange<'_>)) {
        let Some(now) = run.package(id) else { return };
        self.status(&now, emit);
        self.tasks(&now, emit);
        self.outcomes(std::slice::from_ref(&now), emit);
    }

    fn status(&mut self, now: &PackageReport, emit: &mut impl FnMut(&RunChange<'_>)) {
        let reported = self.reported.entry(now.id).or_default();
        let status = now.latest.as_ref().and_then(|it| it.package.status);
        if status.is_none() || status == reported.status {
            return;
        }
        let is_first = reported.status.is_none();
        reported.status = status;
        emit(&RunChange::Status { now, is_first });
    }

    fn tasks(&mut self, now: &PackageReport, emit: &mut impl FnMut(&RunChange<'_>)) {
        let reported = self.reported.entry(now.id).or_default();
        let tasks = now.latest.as_ref().map(|it| it.tasks.as_slice());
        let tasks = tasks.unwrap_or_default();
        // Tasks that are seen for the first time have not changed.
        if reported.tasks.len() == tasks.len() {
            let pairs = tasks.iter().zip(&reported.tasks);
            for (task, _) in pairs.filter(|(task, reported)| task.status != **reported) {
                emit(&RunChange::Task { of: now, task });
            }
        }
        reported.tasks = tasks.iter().map(|task| task.status).collect();
    }

    /// The outcomes that have not been reported.
    pub(crate) fn outcomes(
        &mut self,
        reports: &[PackageReport],
        emit: &mut impl FnMut(&RunChange<'_>),
    ) {
        for now in reports {
            let reported = self.reported.entry(now.id).or_default();
            if now.outcome.is_some() && !std::mem::replace(&mut reported.outcome, true) {
                emit(&RunChange::PackageOutcome(now));
            }
        }
    }
}
