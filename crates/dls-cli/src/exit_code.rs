//! The exit codes of the command, which are part of its contract, and which outcome has which.

use dls::model::ServiceError;
use dls::model::error_codes::{self, Meaning};
use dls::rollout::{NotSent, PackageOutcome, Report, RunOutcome};

/// What `dls help exit-codes` prints. The codes are part of the command's contract.
pub(crate) const TABLE: &str = "\
Exit codes:
    0  done: everything is in the requested state
    1  internal error (a bug): please report it; or the result could not be written
    2  wrong usage; nothing was sent
    3  at least one package failed to be released, and none is unknown
    4  not authenticated, or not permitted
    5  not found: a package, the workspace, or the call at this address
    6  partial: some packages succeeded, others did not; or a released job did not start
    7  unknown: a request may have been received; check the status before sending anything again
    8  still in progress when --timeout ended
    9  refused, by dls before sending or by the service
   10  throttled, or the service is unavailable; nothing was accepted
   11  network or TLS; nothing was accepted
   20  plan --detailed-exitcode: there are changes
   21  plan --detailed-exitcode: there are changes, with deletions
  130  interrupted by SIGINT; stderr says what was sent, and how to resume
  143  interrupted by SIGTERM, likewise

If several apply, 7 takes precedence over 6, then 3, then 8, then the rest.";

/// The exit codes, as [`TABLE`] explains them. Of the reasons for a refusal, the lower code wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum ExitCode {
    Success = 0,
    Internal = 1,
    Usage = 2,
    Failed = 3,
    NotPermitted = 4,
    NotFound = 5,
    Partial = 6,
    Unknown = 7,
    Pending = 8,
    Refused = 9,
    Unavailable = 10,
    Network = 11,
    /// Of `plan --detailed-exitcode`, as the next one.
    Changes = 20,
    Deletions = 21,
    /// As shells report a process that SIGINT ended.
    Interrupted = 130,
    /// As shells report a process that SIGTERM ended.
    Terminated = 143,
}

impl ExitCode {
    /// What a run comes to.
    pub(crate) fn of_report(report: &Report) -> Self {
        let packages = report.packages.iter().filter_map(|it| it.outcome.as_ref());
        Self::of_run(report.outcome, packages)
    }

    fn of_run<'a>(outcome: RunOutcome, packages: impl Iterator<Item = &'a PackageOutcome>) -> Self {
        match outcome {
            RunOutcome::Successful | RunOutcome::NothingToDo | RunOutcome::Accepted => {
                Self::Success
            }
            RunOutcome::Failed => Self::Failed,
            RunOutcome::Partial => Self::Partial,
            RunOutcome::Unknown => Self::Unknown,
            RunOutcome::Pending => Self::Pending,
            _ => packages.filter_map(Self::of_refusal).min().unwrap_or(Self::Refused),
        }
    }

    /// Why this package was refused; `None` if it was not, or only because of another one.
    fn of_refusal(package: &PackageOutcome) -> Option<Self> {
        Some(match package {
            PackageOutcome::Refused { error, proved: true }
            | PackageOutcome::NotSent(NotSent::ObserveRefused(error)) => Self::of_answer(error),
            PackageOutcome::Gone { sent: false } => Self::NotFound,
            PackageOutcome::NotSent(why) => match why {
                NotSent::RunStopped | NotSent::OutOfTime | NotSent::Left(_) => return None,
                NotSent::NotAuthenticated(_) => Self::NotPermitted,
                NotSent::Unavailable(_) => Self::Unavailable,
                NotSent::Unreachable(_) => Self::Network,
                _ => Self::Refused,
            },
            _ => return None,
        })
    }

    /// What an error answer comes to that refuses a request.
    pub(crate) fn of_answer(error: &ServiceError) -> Self {
        let status = error.status().as_u16();
        match (error.code().map(error_codes::meaning), status) {
            (_, 401 | 403) | (Some(Meaning::NotAuthenticated | Meaning::NotPermitted), _) => {
                Self::NotPermitted
            }
            (Some(Meaning::NotFound | Meaning::WorkspaceNotFound), _) | (_, 404) => Self::NotFound,
            (Some(Meaning::Throttled | Meaning::Unavailable), _) | (_, 429 | 500..) => {
                Self::Unavailable
            }
            _ => Self::Refused,
        }
    }

    pub(crate) fn code(self) -> u8 {
        self as u8
    }
}

#[cfg(test)]
mod tests {
    use dls::model::{AnswerError, Deploy, Operation};
    use http::{HeaderMap, StatusCode};

    use super::*;

    fn answer(status: u16, code: &str) -> Box<ServiceError> {
        let body = format!(r#"{{"error_code":"{code}","error_msg":"no"}}"#);
        let status = StatusCode::from_u16(status).unwrap();
        match Deploy::decode(status, &HeaderMap::new(), body.as_bytes()) {
            Err(AnswerError::Service(error)) => Box::new(error),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_error_answer_has_the_exit_code_of_its_status_or_its_meaning() {
        for (status, code, expected) in [
            (401, "APIGW.0301", 4),
            (403, "APIGW.0302", 4),
            (403, "DLF.0810", 4),
            (400, "DLF.0810", 5),
            (400, "DLF.0819", 5),
            (404, "APIGW.0101", 5),
            (429, "APIGW.0308", 10),
            (500, "OTHER.1", 10),
            (400, "DLF.3051", 9),
        ] {
            assert_eq!(
                ExitCode::of_answer(&answer(status, code)).code(),
                expected,
                "{status} {code}"
            );
        }
    }

    /// Each outcome of a package with the exit code of a run of it alone, in the order in which they win.
    fn by_precedence() -> Vec<(PackageOutcome, u8)> {
        let refused =
            |status, code, proved| PackageOutcome::Refused { error: answer(status, code), proved };
        let because = String::new;
        vec![
            (PackageOutcome::Unknown { evidence: because() }, 7),
            (refused(400, "DLF.3051", false), 7),
            (PackageOutcome::Gone { sent: true }, 7),
            (PackageOutcome::Succeeded { start_failures: vec!["job".to_owned()] }, 6),
            (PackageOutcome::Failed { tasks: Vec::new() }, 3),
            (PackageOutcome::StillRunning { why: because() }, 8),
            (PackageOutcome::NotSent(NotSent::OutOfTime), 8),
            (PackageOutcome::NotSent(NotSent::Left(because())), 8),
            (refused(401, "APIGW.0301", true), 4),
            (PackageOutcome::NotSent(NotSent::NotAuthenticated(because())), 4),
            (PackageOutcome::NotSent(NotSent::ObserveRefused(answer(400, "DLF.0819"))), 5),
            (PackageOutcome::Gone { sent: false }, 5),
            (refused(400, "DLF.3051", true), 9),
            (PackageOutcome::NotSent(NotSent::LastReleaseFailed), 9),
            (PackageOutcome::NotSent(NotSent::WrongStatus(None)), 9),
            (PackageOutcome::NotSent(NotSent::Drifted(because())), 9),
            (PackageOutcome::NotSent(NotSent::Deletes(Vec::new())), 9),
            (PackageOutcome::NotSent(NotSent::NotRecorded(because())), 9),
            (PackageOutcome::NotSent(NotSent::Unavailable(because())), 10),
            (PackageOutcome::NotSent(NotSent::Unreachable(because())), 11),
            (PackageOutcome::Accepted, 0),
            (PackageOutcome::Succeeded { start_failures: Vec::new() }, 0),
            (PackageOutcome::AlreadyReleased { by: None, at: None }, 0),
            (PackageOutcome::NotSent(NotSent::RunStopped), 0),
        ]
    }

    fn exit_code(packages: &[&PackageOutcome]) -> u8 {
        let outcome = RunOutcome::of(packages.iter().copied());
        ExitCode::of_run(outcome, packages.iter().copied()).code()
    }

    #[test]
    fn of_two_outcomes_the_one_that_takes_precedence_has_the_exit_code() {
        let all = by_precedence();
        for (index, (first, code)) in all.iter().enumerate() {
            assert_eq!(exit_code(&[first]), *code, "{first:?}");
            for (second, _) in &all[index..] {
                let is = |wanted: fn(&PackageOutcome) -> bool| wanted(first) || wanted(second);
                let is_mixed = is(|it| matches!(it, PackageOutcome::Succeeded { .. }))
                    && is(|it| {
                        matches!(
                            it,
                            PackageOutcome::Failed { .. }
                                | PackageOutcome::Refused { .. }
                                | PackageOutcome::NotSent(_)
                        )
                    });
                let expected = if is_mixed && *code != 7 { 6 } else { *code };
                assert_eq!(exit_code(&[first, second]), expected, "{first:?} {second:?}");
                assert_eq!(exit_code(&[second, first]), expected, "{second:?} {first:?}");
            }
        }
    }
}
