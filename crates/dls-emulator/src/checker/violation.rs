//! The ways in which a client can break its promises.

use std::fmt::Display;

/// A broken promise. `Display` is one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct Violation {
    /// Which promise.
    pub kind: ViolationKind,
    message: String,
}

/// Which promise is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ViolationKind {
    /// A package was named in a deploy request after another one that may have been executed, without consent.
    SentAgain,
    /// More deploy requests that name a package arrived than the client reported.
    UnreportedRequest,
    /// A package was reported as released, and was not by then.
    FalseSuccess,
    /// A release was reported as failed, and had not failed, or a later one had succeeded.
    FalseFailure,
    /// A package was reported as not accepted, and a request of the client or a copy of one released it.
    FalseRefusal,
    /// A package was reported as accepted or pending, and nobody had released it, nor was a request of the client accepted.
    FalseAcceptance,
    /// A package was reported as not found, and too few responses said so: one is required, or three after a request that
    /// names the package.
    FalseAbsence,
    /// A package has no outcome, or several.
    OutcomeCount,
    /// An outcome was reported for a package that is not in the run.
    UnexpectedPackage,
    /// A reported outcome is none of the known ones.
    UnknownOutcome,
    /// The run took longer than its limit and a second.
    OverTimeLimit,
    /// A secret occurs in a text. Neither is shown, but the index of each.
    SecretLeaked,
}

impl Violation {
    pub(super) fn new(kind: ViolationKind, message: String) -> Self {
        Self { kind, message }
    }

    /// `what` continues the sentence that begins with the package.
    pub(super) fn of(package: &str, kind: ViolationKind, what: impl Display) -> Self {
        Self::new(kind, format!("package {package} {what}"))
    }
}
