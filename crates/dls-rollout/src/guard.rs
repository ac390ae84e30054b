//! The checks that a promise rests on, one name each. A build of the tests can take one away, to see
//! that the search for counterexamples then finds one. And it can lower a limit, so that the search
//! gets by with two packages.

/// A check without which a promise would break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guard {
    /// Nothing is sent for a package before its state was read.
    BaselineFirst,
    /// A look is not old when the request that rests on it is written.
    LookIsFresh,
    /// A package that is released or being released is not sent.
    ReleasedIsNotSent,
    /// Nothing is sent while a request is in doubt.
    DoubtBlocksSending,
    /// A request whose answer was lost is not sent again.
    LostIsNotResent,
    /// A no to several packages proves nothing about one of them.
    RefusalNeedsProof,
    /// An answer says something only about the packages that it names.
    AnswerMustName,
    /// Only a package that moved has succeeded or failed.
    MovedToEnd,
    /// A failure that was there before, and is there again after a release was seen, may lag behind.
    OldFailureNeedsTime,
    /// A look that may show what was before the baseline proves nothing.
    OldLooksProveNothing,
    /// When patience is over, what is in doubt is unknown.
    DoubtEndsUnknown,
    /// What was seen before a run is taken up again is no look.
    ResumeLooksAgain,
    /// Nothing more is sent after an unknown outcome.
    UnknownStops,
    /// Consent to another request counts only for what is in doubt.
    ConsentNeedsDoubt,
    /// Who is missing in a list is asked for alone.
    AbsenceIsNoAnswer,
    /// How a release ended is read in full, tasks and all.
    ListsEndNothing,
    /// A package is gone only if it was not found several times in a row.
    OneAbsenceIsNone,
    /// After a 401 or 403 nothing is asked any more.
    ForbiddenEnds,
    /// What has changed since it was planned is not sent.
    DriftIsNotSent,
    /// What has failed since it was planned bears a later time.
    PlannedFailureIsOld,
    /// What must not be sent keeps the others back, too.
    OneAgainstStopsAll,
    /// A member that one observation has and the other has not is no difference.
    AbsenceIsNoEvidence,
    /// What a request of ours may have reached stays open until its end was seen or somebody gives it up.
    SentStaysOpen,
    /// An answer that says anything besides its error proves nothing.
    ProofIsFlat,
    /// However short the grace, a status may lag by some seconds.
    LagHasALowerBound,
}

/// Whether a guard is in place: always, but in the test that takes it away.
#[cfg(not(test))]
pub(crate) const fn holds(_: Guard) -> bool {
    true
}

/// A limit as it stands in the code, but in a test that lowers it.
#[cfg(not(test))]
pub(crate) const fn limit(limit: usize) -> usize {
    limit
}

#[cfg(test)]
pub(crate) use removal::{ALL, holds, limit, lower_limits, without};

#[cfg(test)]
mod removal {
    use std::cell::Cell;

    use super::Guard;

    pub(crate) const ALL: [Guard; 25] = [
        Guard::BaselineFirst,
        Guard::LookIsFresh,
        Guard::ReleasedIsNotSent,
        Guard::DoubtBlocksSending,
        Guard::LostIsNotResent,
        Guard::RefusalNeedsProof,
        Guard::AnswerMustName,
        Guard::MovedToEnd,
        Guard::OldFailureNeedsTime,
        Guard::OldLooksProveNothing,
        Guard::DoubtEndsUnknown,
        Guard::ResumeLooksAgain,
        Guard::UnknownStops,
        Guard::ConsentNeedsDoubt,
        Guard::AbsenceIsNoAnswer,
        Guard::ListsEndNothing,
        Guard::OneAbsenceIsNone,
        Guard::ForbiddenEnds,
        Guard::DriftIsNotSent,
        Guard::PlannedFailureIsOld,
        Guard::OneAgainstStopsAll,
        Guard::AbsenceIsNoEvidence,
        Guard::SentStaysOpen,
        Guard::ProofIsFlat,
        Guard::LagHasALowerBound,
    ];

    thread_local! {
        static REMOVED: Cell<Option<Guard>> = const { Cell::new(None) };
        static LOWEST: Cell<usize> = const { Cell::new(usize::MAX) };
    }

    pub(crate) fn holds(guard: Guard) -> bool {
        REMOVED.get() != Some(guard)
    }

    pub(crate) fn limit(limit: usize) -> usize {
        limit.min(LOWEST.get())
    }

    /// From here on no limit of this thread is above this one.
    pub(crate) fn lower_limits(to: usize) {
        LOWEST.set(to);
    }

    /// Does this with a guard taken away.
    pub(crate) fn without<T>(guard: Guard, work: impl FnOnce() -> T) -> T {
        REMOVED.set(Some(guard));
        let result = work();
        REMOVED.set(None);
        result
    }

    #[test]
    fn a_guard_that_was_taken_away_is_back_afterwards() {
        for guard in ALL {
            assert!(!without(guard, || holds(guard)));
            assert!(holds(guard));
        }
    }
}
