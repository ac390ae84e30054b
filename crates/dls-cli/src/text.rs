//! Text for people: the words for outcomes and their reasons, spans of time, and names made safe to show.

use std::time::Duration;

use dls::JobStart;
use dls::model::{Timestamp, printable};
use dls::rollout::{NotSent, ObserveError, PackageOutcome, PackageReport, RunOutcome, SendError};

/// The word for what became of a package.
pub(crate) fn package_outcome(outcome: &PackageOutcome) -> &'static str {
    match outcome {
        PackageOutcome::Succeeded { .. } => "successful",
        PackageOutcome::Failed { .. } => "failed",
        PackageOutcome::Accepted => "accepted",
        PackageOutcome::AlreadyReleased { .. } => "already-released",
        PackageOutcome::Refused { .. } => "refused",
        PackageOutcome::NotSent(_) => "not-sent",
        PackageOutcome::StillRunning { .. } => "pending",
        PackageOutcome::Gone { .. } => "gone",
        _ => "unknown",
    }
}

/// The word for what became of the run as a whole.
pub(crate) fn run_outcome(outcome: RunOutcome) -> &'static str {
    match outcome {
        RunOutcome::Successful => "successful",
        RunOutcome::NothingToDo => "nothing-to-do",
        RunOutcome::Accepted => "accepted",
        RunOutcome::Failed => "failed",
        RunOutcome::Partial => "partial",
        RunOutcome::Pending => "pending",
        RunOutcome::Refused => "refused",
        _ => "unknown",
    }
}

/// The word for what became of a package, also if nothing was observed.
pub(crate) fn report_outcome(report: &PackageReport) -> &'static str {
    match &report.outcome {
        Some(outcome) => package_outcome(outcome),
        None if report.sent => "unknown",
        None => "not-sent",
    }
}

/// The reason for an outcome.
pub(crate) fn reason(outcome: &PackageOutcome) -> Option<String> {
    reason_with(outcome, &|at| format!("at {at}"))
}

/// The same, with times in the caller's form.
pub(crate) fn reason_with(
    outcome: &PackageOutcome,
    time: &dyn Fn(Timestamp) -> String,
) -> Option<String> {
    let released_before = |by: &Option<String>, at: &Option<Timestamp>| {
        let by = by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
        let at = at.map(|at| format!(" {}", time(at))).unwrap_or_default();
        format!("released{by}{at}, not by this run")
    };
    Some(match outcome {
        PackageOutcome::Succeeded { start_failures } if start_failures.is_empty() => return None,
        PackageOutcome::Succeeded { start_failures } => {
            format!("released, but not started: {}", start_failures.join(", "))
        }
        PackageOutcome::Failed { tasks } if tasks.is_empty() => return None,
        PackageOutcome::Failed { tasks } => format!("at {}", tasks.join(", ")),
        PackageOutcome::AlreadyReleased { by, at }
        | PackageOutcome::NotSent(NotSent::ReleasedBefore { by, at }) => released_before(by, at),
        PackageOutcome::Refused { error, proved: true } => error.to_string(),
        PackageOutcome::Refused { error, .. } => {
            format!("{error}; that proves nothing, and no release of it was observed")
        }
        PackageOutcome::Unknown { evidence } => evidence.clone(),
        PackageOutcome::StillRunning { why } => why.clone(),
        PackageOutcome::Gone { .. } => "the service knows no such package".to_owned(),
        PackageOutcome::NotSent(why) => why_not_sent(why),
        _ => return None,
    })
}

fn why_not_sent(why: &NotSent) -> String {
    match why {
        NotSent::Unreachable(why)
        | NotSent::Unavailable(why)
        | NotSent::NotAuthenticated(why)
        | NotSent::Left(why)
        | NotSent::NotRecorded(why) => why.clone(),
        NotSent::ObserveRefused(error) => error.to_string(),
        NotSent::LastReleaseFailed => "its last release failed".to_owned(),
        NotSent::WrongStatus(Some(status)) => format!("its status is {status}"),
        NotSent::WrongStatus(None) => "the service reports no status".to_owned(),
        NotSent::Drifted(what) => format!("not as planned: {what}"),
        NotSent::Deletes(names) => format!("it deletes {} in production", names.join(", ")),
        NotSent::Overlaps { name, with } => {
            let with: Vec<String> = with.iter().map(ToString::to_string).collect();
            format!("{name} is also in package {}", with.join(", "))
        }
        NotSent::OutOfTime => "--timeout ended first".to_owned(),
        _ => "another package stopped the run".to_owned(),
    }
}

/// Why an observation failed.
pub(crate) fn observe_error(failure: &ObserveError) -> String {
    match failure {
        ObserveError::NotFound(error) | ObserveError::Refused(error) => error.to_string(),
        ObserveError::NotAuthenticated(why)
        | ObserveError::Unreachable(why)
        | ObserveError::Unavailable(why) => why.clone(),
        _ => "no answer".to_owned(),
    }
}

/// Why a request was not accepted.
pub(crate) fn send_error(failure: &SendError) -> String {
    match failure {
        SendError::Answered(error) => error.to_string(),
        SendError::NotSent(why)
        | SendError::NotAuthenticated(why)
        | SendError::NotRecorded(why)
        | SendError::Lost(why) => why.clone(),
        _ => "no answer that can be used".to_owned(),
    }
}

/// Whether jobs start, as the flags and the documents say it.
pub(crate) fn start(start: Option<JobStart>) -> &'static str {
    match start {
        Some(JobStart::Immediately) => "start",
        Some(JobStart::Later) => "no-start",
        None => "not-chosen",
    }
}

/// `1 package`, `2 packages`.
pub(crate) fn count(number: usize, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}

/// Ids in a row, as a shell line takes them.
pub(crate) fn ids<T: ToString>(ids: impl IntoIterator<Item = T>) -> String {
    let ids: Vec<String> = ids.into_iter().map(|id| id.to_string()).collect();
    ids.join(" ")
}

/// A word of a shell line.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// How long ago `then` was.
pub(crate) fn ago(then: Timestamp, now: Timestamp) -> String {
    format!("{} ago", span(since(then, now)))
}

/// How long it is since `then`, or zero if it is still to come.
pub(crate) fn since(then: Timestamp, now: Timestamp) -> Duration {
    now.to_system_time().duration_since(then.to_system_time()).unwrap_or_default()
}

/// A span in its largest unit.
pub(crate) fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}min", seconds / 60),
        3600..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// A text of somebody else on one line, so that it cannot steer the terminal.
pub(crate) fn shown(text: &str) -> String {
    printable(text, usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_told_in_its_largest_unit() {
        let shown = |seconds| span(Duration::from_secs(seconds));
        assert_eq!([0, 59, 60, 7200, 200_000].map(shown), ["0s", "59s", "1min", "2h", "2d"]);
    }

    #[test]
    fn a_word_survives_the_shell() {
        assert_eq!(quoted("/var/runs"), "/var/runs");
        assert_eq!(quoted("/my runs/it's"), r"'/my runs/it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
