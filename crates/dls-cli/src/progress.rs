//! Follows a run to its end, to a signal or to `--timeout`, and reports what became of each package: the common part of
//! `deploy`, `resume`, `watch` and `wait`.

pub(crate) mod changes;
mod closing;
pub(crate) mod live;
pub(crate) mod ndjson;
pub(crate) mod text;

use dls::Run;
use dls::model::Timestamp;
use dls::rollout::{Report, Rollout, RunOutcome, RunSpec};

use crate::args::Global;
use crate::clock;
use crate::evidence::EvidenceFile;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::journal_location::JournalLocation;
use crate::output::Output;
use crate::run_document::RunDocument;
use crate::signals::{Signals, StopSignal};
use crate::stdio::note;
use crate::text::shown;
use changes::{ChangeTracker, Reporter, RunChange};
use closing::Closing;

/// How a run is followed.
pub(crate) struct Follower {
    pub(crate) output: Output,
    /// The flags that lead another command to the same destination.
    pub(crate) flags: String,
    pub(crate) journal: JournalLocation,
    pub(crate) evidence: Option<EvidenceFile>,
    /// Whether only the result is shown.
    pub(crate) is_quiet: bool,
}

impl Follower {
    pub(crate) fn new(global: &Global, output: Output) -> Self {
        let flags = global.destination_flags();
        Self { output, flags, journal: JournalLocation::Off, evidence: None, is_quiet: false }
    }

    /// Follows the run, shows its result, and says what to do next.
    pub(crate) async fn until_it_ends(self, mut run: Run) -> Result<ExitCode, Failure> {
        let mut signals = Signals::new()?;
        let mut tracker = ChangeTracker::default();
        let mut reporters = vec![self.output.reporter()];
        if !self.is_quiet {
            reporters.push(self.output.progress(run.spec()));
        }
        let mut report = |change: &RunChange<'_>, at: Timestamp| {
            reporters.iter_mut().for_each(|it| it.report(change, at));
        };
        let started = RunChange::Started { run: run.id(), spec: run.spec() };
        report(&started, run.created_at());
        let signal = loop {
            let event = tokio::select! {
                biased;
                signal = signals.next() => break Some(signal),
                event = run.next_event() => event,
            };
            let Some(event) = event else { break None };
            tracker.of(&run, &event, &mut |change| report(change, event.at));
        };
        let result = match signal {
            None => run.report(),
            Some(signal) => run.report_if_left(&format!("interrupted by {}", signal.name())),
        };
        report(&RunChange::Stopped { signal }, clock::timestamp());
        tracker.outcomes(&result.packages, &mut |change| report(change, clock::timestamp()));
        self.conclude(&run, &result, signal, reporters)
    }

    /// Ends a command that gave up packages of a run and did nothing else.
    pub(crate) fn given_up(self, run: &Run) -> ExitCode {
        let report = run.report_if_left("the command gave packages up and did nothing else");
        finish(self.output.reporter(), &RunDocument::of(run, &report), ExitCode::Success);
        ExitCode::Success
    }

    /// Ends a run that could not go on as it was asked to.
    pub(crate) fn stopped(self, run: &Run, failure: Failure) -> Failure {
        let report = run.report_if_left(&failure.message);
        self.fail(&RunDocument::of(run, &report), failure)
    }

    /// Ends a run that was refused before it was created: no package was sent.
    pub(crate) fn refused(self, spec: &RunSpec, failure: Failure) -> Failure {
        let report = Rollout::new(spec.clone(), clock::timestamp());
        let report = report.report_if_left(&failure.message);
        let document = RunDocument::new(spec, None, &report).with_outcome(match failure.code {
            ExitCode::Unknown => RunOutcome::Unknown,
            _ => RunOutcome::Refused,
        });
        self.fail(&document, failure)
    }

    /// Shows the document of a run that was not followed.
    pub(crate) fn fail(self, document: &RunDocument<'_>, failure: Failure) -> Failure {
        if let Some(evidence) = self.evidence {
            evidence.forget();
        }
        finish(self.output.reporter(), document, failure.code);
        failure
    }

    fn conclude(
        self,
        run: &Run,
        report: &Report,
        signal: Option<StopSignal>,
        reporters: Vec<Box<dyn Reporter>>,
    ) -> Result<ExitCode, Failure> {
        let code = signal.map_or_else(|| ExitCode::of_report(report), StopSignal::exit_code);
        if let Some(why) = run.journal_failure() {
            note(&format!(
                "warning: the journal does not have the end of the run, which sent nothing from then on: {}",
                shown(why)
            ));
        }
        let document = RunDocument::of(run, report);
        reporters.into_iter().for_each(|it| finish(it, &document, code));
        let written = self
            .evidence
            .map(|evidence| evidence.write(run, report, code, signal.map(StopSignal::name)));
        let resume = run.id().and_then(|id| self.journal.resume(id));
        let options = &run.spec().options;
        let closing = Closing {
            report,
            is_release: options.deploy.is_some(),
            flags: &self.flags,
            resume: resume.as_deref(),
            grace: options.grace,
        };
        let failure = match signal {
            Some(signal) => Some(closing.interrupted(signal)),
            None => closing.failure(code),
        };
        match (failure, written) {
            (Some(failure), Some(Err(unwritten))) => {
                unwritten.report();
                Err(failure)
            }
            (Some(failure), _) | (None, Some(Err(failure))) => Err(failure),
            (None, _) => Ok(code),
        }
    }
}

fn finish(mut reporter: Box<dyn Reporter>, document: &RunDocument<'_>, exit_code: ExitCode) {
    reporter.report(&RunChange::Finished { document, exit_code }, clock::timestamp());
}
