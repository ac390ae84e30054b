//! Follows a run to its end, to a signal, or to the end of the user's wait, and says what became of
//! each package: the common part of `deploy`, `resume`, `watch` and `wait`.

mod changes;
mod closing;
mod ndjson;
mod view;

use dls::rollout::{Destination, Report};
use dls::{Run, Selection};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::args::OutputFormat;
use crate::evidence::{EvidenceDocument, EvidenceFile};
use crate::exit::Failure;
use crate::exit_code::ExitCode;
use crate::journal_location::JournalLocation;
use crate::json;
use crate::output::{Output, note};
use crate::text::shown;
use changes::ChangeTracker;
pub(crate) use ndjson::NdjsonEvents;
use view::View;

/// How a run is followed.
pub(crate) struct Follow {
    pub(crate) output: Output,
    /// The flags that lead a command to the same place.
    pub(crate) flags: String,
    pub(crate) journal: JournalLocation,
    pub(crate) evidence: Option<EvidenceFile>,
    /// Whether to tell what happens meanwhile.
    pub(crate) is_quiet: bool,
}

impl Follow {
    /// Goes on to the end, prints the document, and says what to do next.
    pub(crate) async fn until_it_ends(self, mut run: Run) -> Result<ExitCode, Failure> {
        let mut signals = Signals::new()?;
        let mut reporter = Reporter::new(&self, &run);
        let interrupted = loop {
            let event = tokio::select! {
                biased;
                signal = signals.next() => break Some(signal),
                event = run.next_event() => event,
            };
            match event {
                Some(event) => reporter.tell(&run, &event),
                None => break None,
            }
        };
        let report = match interrupted {
            None => run.report(),
            Some(signal) => run.report_if_left(&format!("interrupted by {}", signal.name())),
        };
        reporter.end(&report, interrupted);
        self.conclude(&run, &report, interrupted, reporter.events)
    }

    /// Ends a command that gave packages of a run up and did nothing else.
    pub(crate) fn given_up(self, run: &Run) -> Result<ExitCode, Failure> {
        let report = run.report_if_left("the command gave packages up and did nothing else");
        let document = json::RunDocument::new(run.spec(), run.id(), &report);
        self.output.run(&document, &mut NdjsonEvents::default(), ExitCode::Success);
        Ok(ExitCode::Success)
    }

    /// Ends a run that could not go on as it was asked to.
    pub(crate) fn stopped(self, run: &Run, failure: Failure) -> Result<ExitCode, Failure> {
        if let Some(evidence) = self.evidence {
            evidence.forget();
        }
        let report = run.report_if_left(&failure.message);
        let document = json::RunDocument::new(run.spec(), run.id(), &report);
        self.output.run(&document, &mut NdjsonEvents::default(), failure.code);
        Err(failure)
    }

    /// Ends a run that was refused before it began: every package is reported to be not sent.
    pub(crate) fn refused(
        self,
        destination: &Destination,
        is_release: bool,
        packages: &Selection,
        failure: Failure,
    ) -> Result<ExitCode, Failure> {
        if let Some(evidence) = self.evidence {
            evidence.forget();
        }
        let document = json::RunDocument::refused(destination, is_release, packages, &failure);
        self.output.run(&document, &mut NdjsonEvents::default(), failure.code);
        Err(failure)
    }

    fn conclude(
        self,
        run: &Run,
        report: &Report,
        interrupted: Option<StopSignal>,
        events: Option<NdjsonEvents>,
    ) -> Result<ExitCode, Failure> {
        let exit_code =
            interrupted.map_or_else(|| ExitCode::of_report(report), StopSignal::exit_code);
        if let Some(why) = run.journal_failure() {
            note(&format!(
                "warning: the run was not recorded to its end, and sent nothing from then on: {}",
                shown(why)
            ));
        }
        let document = json::RunDocument::new(run.spec(), run.id(), report);
        self.output.run(&document, &mut events.unwrap_or_default(), exit_code);
        let written = self.evidence.map(|evidence| {
            let interrupted = interrupted.map(StopSignal::name);
            evidence.write(&EvidenceDocument::new(run, report, exit_code, interrupted))
        });
        let resume = run.id().and_then(|id| self.journal.resume(id));
        let closing = closing::Closing {
            report,
            is_release: run.spec().options.deploy.is_some(),
            flags: &self.flags,
            resume: resume.as_deref(),
            grace: run.spec().options.grace,
        };
        let failure = match interrupted {
            Some(signal) => Some(closing.interrupted(signal)),
            None => closing.failure(),
        };
        match (failure, written) {
            (Some(failure), written) => {
                if let Some(Err(unwritten)) = written {
                    crate::report(&unwritten);
                }
                Err(failure)
            }
            (None, Some(Err(unwritten))) => Err(unwritten),
            (None, _) => Ok(exit_code),
        }
    }
}

/// Tells, as it happens.
struct Reporter {
    changes: ChangeTracker,
    events: Option<NdjsonEvents>,
    view: Option<View>,
}

impl Reporter {
    fn new(follow: &Follow, run: &Run) -> Self {
        let began = run.spec();
        let mut events =
            (follow.output.format() == OutputFormat::Ndjson).then(NdjsonEvents::default);
        if let Some(events) = &mut events {
            events.began(run.id(), began, run.created_at());
        }
        let view = (!follow.is_quiet).then(|| View::new(began));
        if let Some(view) = &view {
            view.began(run.id(), began);
        }
        Self { changes: ChangeTracker::default(), events, view }
    }

    fn tell(&mut self, run: &Run, event: &dls::rollout::Event) {
        let Self { changes, events, view } = self;
        changes.of(run, event, &mut |change| {
            if let Some(events) = events {
                events.tell(change, event.at);
            }
            if let Some(view) = view {
                view.tell(change);
            }
        });
    }

    fn end(&mut self, report: &Report, interrupted: Option<StopSignal>) {
        let Self { changes, events, view } = self;
        let now = crate::clock::timestamp();
        if let (Some(events), Some(signal)) = (&mut *events, interrupted) {
            events.interrupted(signal.name());
        }
        changes.rest(&report.packages, &mut |change| {
            if let Some(events) = events {
                events.tell(change, now);
            }
        });
        if let Some(view) = view.take() {
            view.end();
        }
    }
}

/// The signals that end a command in an orderly way.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum StopSignal {
    Interrupt,
    Terminate,
}

impl Signals {
    pub(crate) fn new() -> Result<Self, Failure> {
        let of = |kind| {
            signal(kind).map_err(|error| {
                Failure::new(ExitCode::Internal, format!("no signal handler: {error}"))
            })
        };
        Ok(Self {
            interrupt: of(SignalKind::interrupt())?,
            terminate: of(SignalKind::terminate())?,
        })
    }

    pub(crate) async fn next(&mut self) -> StopSignal {
        tokio::select! {
            _ = self.interrupt.recv() => StopSignal::Interrupt,
            _ = self.terminate.recv() => StopSignal::Terminate,
        }
    }
}

impl StopSignal {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
        }
    }

    /// As shells report a process that died of it.
    pub(crate) fn exit_code(self) -> ExitCode {
        match self {
            Self::Interrupt => ExitCode::Interrupted,
            Self::Terminate => ExitCode::Terminated,
        }
    }
}
