//! The checks that the promises rest on, one name each. The tests can remove one, to show that the model checker then
//! finds a counterexample, and can lower a limit, so that two packages suffice.

macro_rules! guards {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// A check without which a promise breaks.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Guard {
            $($(#[$doc])* $name,)*
        }

        #[cfg(test)]
        pub(crate) const ALL: &[Guard] = &[$(Guard::$name),*];
    };
}

guards! {
    /// Nothing is sent for a package before it was observed.
    ObservedBeforeSend,
    /// An observation is not old when the request based on it is written.
    FreshObservation,
    /// A package that is released or being released is not sent.
    NotReleasedYet,
    /// Nothing is sent while a request is in doubt.
    NoSendWhileInDoubt,
    /// A request whose answer was lost is not sent again.
    NoResendAfterLostAnswer,
    /// A refusal of several packages proves nothing about one of them.
    RefusalOfOnePackage,
    /// An answer says something only about the packages that it names.
    AnswerNamesPackage,
    /// Only a package that moved has succeeded or failed.
    MovedSinceBaseline,
    /// A failure from before that appears again after a release was observed may be a status that lags.
    WaitBeforeOldFailure,
    /// An observation that may show a state from before the baseline proves nothing.
    NewerThanBaseline,
    /// When the time to wait is over, what is in doubt is unknown.
    UnknownAtTimeout,
    /// No observation from before a run was resumed counts.
    ObserveAfterResume,
    /// Nothing more is sent after an unknown outcome.
    StopAfterUnknown,
    /// Consent to another request counts only for what is in doubt.
    ConsentOnlyInDoubt,
    /// A package that is missing in a list is observed by itself.
    ObserveIfMissingInList,
    /// The end of a release is read with its tasks.
    ObserveEndSeenInList,
    /// A package is gone only if it was not found several times in a row.
    SeveralAbsencesBeforeGone,
    /// After a 401 or 403 nothing is read any more.
    StopReadingIfForbidden,
    /// What has changed since it was planned is not sent.
    UnchangedSincePlan,
    /// A failure since the plan has a later time.
    FailedSincePlan,
    /// A package that must not be sent stops the others, too.
    BlockedPackageStopsAll,
    /// A member that only one of two observations has is no difference.
    DifferenceNeedsBothValues,
    /// A package that a request may have named stays open until its end was observed or somebody gives it up.
    OpenUntilSettled,
    /// An answer that says anything besides its error proves nothing.
    NothingButAnError,
    /// A status may lag by some seconds, however short the grace.
    MinimumLag,
}

/// Whether a guard is in place: always, except in the test that removes it.
#[cfg(not(test))]
pub(crate) const fn holds(_: Guard) -> bool {
    true
}

/// A limit, except in a test that lowers it.
#[cfg(not(test))]
pub(crate) const fn limit(limit: usize) -> usize {
    limit
}

#[cfg(test)]
pub(crate) use removal::{holds, limit, lower_limits, without};

#[cfg(test)]
mod removal {
    use std::cell::Cell;

    use super::Guard;

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

    /// Lowers all limits of this thread.
    pub(crate) fn lower_limits(to: usize) {
        LOWEST.set(to);
    }

    /// Runs this with a guard removed.
    pub(crate) fn without<T>(guard: Guard, work: impl FnOnce() -> T) -> T {
        REMOVED.set(Some(guard));
        let result = work();
        REMOVED.set(None);
        result
    }
}
