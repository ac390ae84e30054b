//! The last lines of a run that did not end well: what happened, and what to do next.

use std::time::Duration;

use dls::Run;
use dls::model::{ServiceError, Timestamp};
use dls::rollout::{NotSent, PackageOutcome, PackageReport, Report};

use crate::exit_code::ExitCode;
use crate::failure::{Failure, next_for_answer, next_for_code, with_request_id};
use crate::signals::StopSignal;
use crate::text::{count, ids, reason};

pub(super) struct Closing<'a> {
    pub(super) report: &'a Report,
    /// Whether this command was to send anything.
    pub(super) is_release: bool,
    /// The flags that lead another command to the same destination.
    pub(super) flags: &'a str,
    /// The command that resumes the run.
    pub(super) resume: Option<&'a str>,
    /// How long the status of a package may lag behind.
    pub(super) grace: Duration,
}

impl Closing<'_> {
    /// Why the exit code is not 0.
    pub(super) fn failure(&self, code: ExitCode) -> Option<Failure> {
        let gone = self.ids(|it| matches!(it.outcome, Some(PackageOutcome::Gone { .. })));
        let failed = self.ids(|it| matches!(it.outcome, Some(PackageOutcome::Failed { .. })));
        Some(match code {
            ExitCode::Success => return None,
            ExitCode::Failed => {
                let first = failed.split(' ').next().unwrap_or_default();
                Failure::new(code, format!("the release of {failed} failed"))
                    .with_next(self.dls("view", first))
            }
            ExitCode::NotFound if !gone.is_empty() => {
                Failure::new(code, format!("not found: package {gone}; nothing was sent"))
                    .with_all_next(next_for_code(code))
            }
            ExitCode::Partial => {
                Failure::new(code, "only a part succeeded, or a released job did not start")
                    .with_next("see the outcome of each package above")
            }
            ExitCode::Unknown => self.unknown(),
            ExitCode::Pending => self.pending(),
            code => self.refused(code),
        })
    }

    /// The command was interrupted: what was sent goes on without it.
    pub(super) fn interrupted(&self, signal: StopSignal) -> Failure {
        let sent = self.ids(|it| it.sent);
        let name = signal.name();
        let message = match (self.is_release, sent.as_str()) {
            (false, _) => format!("interrupted by {name}; nothing is sent by watching"),
            (true, "") => format!("interrupted by {name}; nothing was sent"),
            (true, sent) => format!(
                "interrupted by {name}; sent {sent}, which continues on the service{}",
                match self.unsettled().as_str() {
                    "" => String::new(),
                    unknown => format!(" (unknown whether it was received: {unknown})"),
                }
            ),
        };
        Failure::new(signal.exit_code(), message).with_next(match self.resume {
            Some(resume) => resume.to_owned(),
            None if self.is_release && sent.is_empty() => "run it again".to_owned(),
            None => self.dls("watch", &self.open()),
        })
    }

    fn unknown(&self) -> Failure {
        let unsettled = self.unsettled();
        let message = format!(
            "the outcome of {} of {} is unknown: a request may have been received. Nothing is sent \
             again without consent.",
            unsettled.split(' ').count(),
            count(self.report.packages.len(), "package"),
        );
        let failure =
            Failure::new(ExitCode::Unknown, message).with_next(self.dls("status", &unsettled));
        match self.resume {
            Some(resume) => {
                let fence = self.fence();
                let resend = format!("{resume} --resend {unsettled}");
                let forget = format!("{resume} --forget {unsettled}");
                failure
                    .with_next(format!("or, to send it once more, {fence}: {resend}"))
                    .with_next(format!("or, to give it up, {fence}: {forget}"))
            }
            None => failure,
        }
    }

    /// Those that a request may have reached, with an effect that is not known.
    fn unsettled(&self) -> String {
        self.ids(is_unsettled)
    }

    /// When no copy of the request can be accepted any more; the service's clock may ask for more.
    fn fence(&self) -> String {
        let unknown = self.packages().filter(|it| is_unsettled(it));
        let signed_at = unknown.filter_map(|it| it.signed_at).max();
        let lives = Run::RESEND_FENCE.max(self.grace);
        let fence = signed_at.and_then(|at| at.to_system_time().checked_add(lives));
        match fence.and_then(Timestamp::from_system_time) {
            Some(fence) => format!("after {fence}"),
            None => "after the fence".to_owned(),
        }
    }

    fn pending(&self) -> Failure {
        let under_way = self.packages().find_map(|it| match &it.outcome {
            Some(PackageOutcome::StillRunning { why }) => Some(why.as_str()),
            _ => None,
        });
        let message = match (under_way, self.is_release) {
            (Some(why), _) => format!("not finished: {why}; the release continues on the service"),
            (None, true) => "--timeout ended before anything was sent".to_owned(),
            (None, false) => "--timeout ended before anything happened".to_owned(),
        };
        let next = match (self.resume, under_way) {
            (Some(resume), Some(_)) => resume.to_owned(),
            (_, None) if self.is_release => "run it again".to_owned(),
            _ => self.dls("watch", &self.open()),
        };
        Failure::new(ExitCode::Pending, message).with_next(next)
    }

    /// The package that decided how it ended, and its outcome: no other package stopped it.
    fn decided(&self) -> Option<(&PackageReport, &PackageOutcome)> {
        let mut reported = self.packages().filter_map(|it| Some((it, it.outcome.as_ref()?)));
        reported.find(|(_, outcome)| {
            matches!(outcome, PackageOutcome::NotSent(_) | PackageOutcome::Refused { .. })
                && !matches!(outcome, PackageOutcome::NotSent(NotSent::RunStopped))
        })
    }

    /// The answer that decided how it ended, if one did.
    fn answer(&self) -> Option<&ServiceError> {
        match self.decided()?.1 {
            PackageOutcome::Refused { error, .. }
            | PackageOutcome::NotSent(NotSent::ObserveRefused(error)) => Some(error),
            _ => None,
        }
    }

    /// The line on the package that decided how it ended.
    fn decisive(&self) -> String {
        let Some((package, outcome)) = self.decided() else {
            return "refused".to_owned();
        };
        let why = match outcome {
            PackageOutcome::NotSent(NotSent::Drifted(what)) => {
                format!("the plan is out of date: package {}: {what}", package.id)
            }
            PackageOutcome::NotSent(
                NotSent::Unreachable(why)
                | NotSent::Unavailable(why)
                | NotSent::NotAuthenticated(why)
                | NotSent::NotRecorded(why),
            ) => why.clone(),
            outcome => with_request_id(
                format!("package {}: {}", package.id, reason(outcome).unwrap_or_default()),
                self.answer().and_then(ServiceError::request_id),
            ),
        };
        let is_proved = self
            .packages()
            .all(|it| !it.sent && matches!(it.outcome, Some(PackageOutcome::NotSent(_))));
        match is_proved {
            true => format!("{why}; nothing was sent"),
            false => why,
        }
    }

    /// What can be sent with a consent, names that.
    fn refused(&self, code: ExitCode) -> Failure {
        let all = self.ids(|_| true);
        let failure = || Failure::new(code, self.decisive());
        let why = match self.decided() {
            Some((_, PackageOutcome::NotSent(why))) if code == ExitCode::Refused => Some(why),
            _ => None,
        };
        failure().with_next(match why {
            Some(NotSent::Drifted(_)) => {
                format!("{} --out FILE, and review it again", self.dls("plan", &all))
            }
            Some(NotSent::Deletes(_)) => {
                format!("{}, then add --allow-delete if that is meant", self.dls("plan", &all))
            }
            Some(NotSent::Overlaps { .. }) => {
                "add --in-order to send one after the other, in the order given".to_owned()
            }
            Some(NotSent::LastReleaseFailed) => {
                "add --redeploy-failed to send it once more, after `dls view` says why it failed"
                    .to_owned()
            }
            Some(NotSent::NotRecorded(_)) => {
                "make room for the journal, or give --journal another directory".to_owned()
            }
            Some(NotSent::ReleasedBefore { .. }) => {
                "omit the package, or add --if-released ok".to_owned()
            }
            _ => match self.answer() {
                Some(answer) => return failure().with_all_next(next_for_answer(answer)),
                None if code == ExitCode::Refused => self.dls("status", &all),
                None => return failure().with_all_next(next_for_code(code)),
            },
        })
    }

    /// A command for these packages at the same destination.
    fn dls(&self, command: &str, ids: &str) -> String {
        format!("dls {command} {ids}{}", self.flags)
    }

    fn packages(&self) -> impl Iterator<Item = &PackageReport> {
        self.report.packages.iter()
    }

    fn ids(&self, is_wanted: impl Fn(&PackageReport) -> bool) -> String {
        ids(self.packages().filter(|it| is_wanted(it)).map(|it| it.id))
    }

    /// The packages whose outcome can still change.
    fn open(&self) -> String {
        use PackageOutcome::{AlreadyReleased, Failed, Gone, Succeeded};
        self.ids(|it| {
            let outcome = it.outcome.as_ref();
            !outcome.is_some_and(|outcome| {
                matches!(
                    outcome,
                    Succeeded { .. } | Failed { .. } | AlreadyReleased { .. } | Gone { .. }
                )
            })
        })
    }
}

fn is_unsettled(package: &PackageReport) -> bool {
    match &package.outcome {
        Some(outcome) => outcome.is_unsettled(),
        None => package.sent,
    }
}
