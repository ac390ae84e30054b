//! The asynchronous engine: what a release and each of its tasks are doing, as pure functions of time.
//! Nothing runs in the background; whoever asks says when it is.

use std::time::Duration;

use dls_model::{Status, Timestamp, User};

/// One release of one package: 5 from the moment it is accepted, then 2 or 3. Tasks go one after the
/// other, each in an equal part of the time; after one that fails the rest stays to be reviewed.
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
}

impl Release {
    pub(crate) fn status(&self, now: Timestamp) -> Status {
        match self.ends_at() {
            Some(end) if end <= now => self.outcome(),
            _ => Status::BeingReleased,
        }
    }

    /// Where it ends up.
    pub(crate) fn outcome(&self) -> Status {
        match self.fails_at {
            Some(_) => Status::Failed,
            None => Status::Successful,
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

    /// When something last changed.
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

    /// A package without tasks takes its time, too.
    fn parts(&self) -> usize {
        self.tasks.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Status::{BeingReleased, Failed, Successful, ToBeReviewed};

    const START: i64 = 1_747_106_000_000;

    fn release(millis: u64, tasks: usize, fails_at: Option<usize>) -> Release {
        Release {
            accepted_at: after(0),
            by: User::new("1", "ci-bot"),
            starts_jobs: false,
            length: Duration::from_millis(millis),
            tasks,
            fails_at,
        }
    }

    fn after(millis: i64) -> Timestamp {
        Timestamp::from_millis(START + millis).unwrap()
    }

    fn course(release: &Release, millis: i64) -> Vec<Status> {
        let now = after(millis);
        let tasks = (0..release.tasks).map(|index| release.task_status(index, now));
        std::iter::once(release.status(now)).chain(tasks).collect()
    }

    #[test]
    fn tasks_are_released_one_after_the_other_in_equal_parts() {
        let release = release(3000, 3, None);
        for (millis, expected) in [
            (0, [BeingReleased, BeingReleased, ToBeReviewed, ToBeReviewed]),
            (999, [BeingReleased, BeingReleased, ToBeReviewed, ToBeReviewed]),
            (1000, [BeingReleased, Successful, BeingReleased, ToBeReviewed]),
            (2000, [BeingReleased, Successful, Successful, BeingReleased]),
            (2999, [BeingReleased, Successful, Successful, BeingReleased]),
            (3000, [Successful, Successful, Successful, Successful]),
        ] {
            assert_eq!(course(&release, millis), expected, "{millis}");
        }
        assert_eq!(release.ends_at(), Some(after(3000)));
        assert_eq!(release.last_change(after(2500)), after(2000));
        assert_eq!(release.last_change(after(10)), after(0));
    }

    #[test]
    fn a_task_that_fails_ends_the_release_and_the_rest_stays_to_be_reviewed() {
        let release = release(3000, 3, Some(1));
        for (millis, expected) in [
            (1999, [BeingReleased, Successful, BeingReleased, ToBeReviewed]),
            (2000, [Failed, Successful, Failed, ToBeReviewed]),
            (9000, [Failed, Successful, Failed, ToBeReviewed]),
        ] {
            assert_eq!(course(&release, millis), expected, "{millis}");
        }
        assert_eq!(release.ends_at(), Some(after(2000)));
    }

    #[test]
    fn a_release_may_take_no_time_or_for_ever_and_need_no_tasks() {
        assert_eq!(course(&release(0, 2, None), 0), [Successful; 3]);
        assert_eq!(course(&release(500, 0, None), 499), [BeingReleased]);
        assert_eq!(course(&release(500, 0, None), 500), [Successful]);
        assert_eq!(course(&release(500, 0, Some(0)), 500), [Failed]);

        let for_ever = Release { length: Duration::MAX, ..release(0, 2, None) };
        assert_eq!(for_ever.ends_at(), None);
        assert_eq!(for_ever.status(Timestamp::MAX), BeingReleased);
    }
}
