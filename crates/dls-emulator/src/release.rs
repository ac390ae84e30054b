//! The progress of a release and its tasks, as pure functions of time. Nothing runs in the background; the caller passes
//! the time.

use std::time::Duration;

use dls_model::{Status, Timestamp, User};

use crate::ledger::Initiator;

/// One release of one package: status 5 from the moment it is accepted, then 2 or 3. The tasks run one after the other,
/// each for an equal part of the time; after one that fails the rest stays to be reviewed.
#[derive(Clone, Debug)]
pub(crate) struct Release {
    pub(crate) accepted_at: Timestamp,
    pub(crate) by: User,
    /// Whether jobs are started as soon as they are released.
    pub(crate) starts_jobs: bool,
    /// How long it takes; [`Duration::MAX`] for one that never ends.
    pub(crate) length: Duration,
    /// How many tasks there are.
    pub(crate) tasks: usize,
    /// Which of them fails, if one does.
    pub(crate) fails_at: Option<usize>,
    /// Absent if it was accepted before the emulator started.
    pub(crate) cause: Option<Cause>,
}

/// What caused a release.
#[derive(Clone, Debug)]
pub(crate) struct Cause {
    pub(crate) by: Initiator,
    /// Absent if no request asks for it.
    pub(crate) request_id: Option<String>,
    pub(crate) copy_of: Option<String>,
}

impl Release {
    pub(crate) fn status(&self, now: Timestamp) -> Status {
        match self.ends_at() {
            Some(end) if end <= now && self.fails_at.is_some() => Status::Failed,
            Some(end) if end <= now => Status::Successful,
            _ => Status::BeingReleased,
        }
    }

    /// When it ends; `None` for never.
    pub(crate) fn ends_at(&self) -> Option<Timestamp> {
        self.end_of(self.fails_at.unwrap_or(usize::MAX))
    }

    pub(crate) fn task_status(&self, index: usize, now: Timestamp) -> Status {
        let over = |end: Option<Timestamp>| end.is_some_and(|end| end <= now);
        let begun = match index.checked_sub(1) {
            Some(before) => over(self.end_of(before)),
            None => true,
        };
        match self.fails_at {
            Some(failed) if failed < index => Status::ToBeReviewed,
            _ if !begun => Status::ToBeReviewed,
            _ if !over(self.end_of(index)) => Status::BeingReleased,
            Some(failed) if failed == index => Status::Failed,
            _ => Status::Successful,
        }
    }

    /// When the status of a task last changed.
    pub(crate) fn last_change(&self, now: Timestamp) -> Timestamp {
        let ends =
            (0..self.parts()).map_while(|index| self.end_of(index).filter(|end| *end <= now));
        ends.last().unwrap_or(self.accepted_at).max(self.accepted_at)
    }

    /// When the task of this place ends, or the last one for a place beyond.
    pub(crate) fn end_of(&self, index: usize) -> Option<Timestamp> {
        let parts = self.parts();
        let done = index.saturating_add(1).min(parts);
        let length = i128::try_from(self.length.as_millis()).ok()?;
        let share = length.checked_mul(i128::try_from(done).ok()?)? / i128::try_from(parts).ok()?;
        let end = i128::from(self.accepted_at.as_millis()).checked_add(share)?;
        Timestamp::from_millis(i64::try_from(end).ok()?)
    }

    /// A package without tasks takes the same time.
    fn parts(&self) -> usize {
        self.tasks.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_may_take_no_time_or_forever_and_have_no_tasks() {
        let after = |millis| Timestamp::from_millis(1_747_106_000_000 + millis).unwrap();
        let release = |length, tasks, fails_at| Release {
            accepted_at: after(0),
            by: User::new("1", "ci-bot"),
            starts_jobs: false,
            length,
            tasks,
            fails_at,
            cause: None,
        };
        let half = Duration::from_millis(500);
        for (release, at, expected) in [
            (release(Duration::ZERO, 2, None), 0, Status::Successful),
            (release(Duration::ZERO, 2, Some(1)), 0, Status::Failed),
            (release(half, 0, None), 499, Status::BeingReleased),
            (release(half, 0, None), 500, Status::Successful),
            (release(half, 0, Some(0)), 500, Status::Failed),
            (release(Duration::MAX, 2, None), i64::from(u32::MAX), Status::BeingReleased),
        ] {
            assert_eq!(release.status(after(at)), expected, "{release:?} {at}");
        }
        assert_eq!(release(Duration::MAX, 2, None).ends_at(), None);
        let three = release(Duration::from_secs(3), 3, None);
        assert_eq!([10, 2500].map(|at| three.last_change(after(at))), [after(0), after(2000)]);
    }
}
