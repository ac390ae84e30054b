//! The ways in which a client can break its promises.

use std::time::Duration;

/// A broken promise. `Display` is one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// A package was named in a deploy request after another one that may have been executed, without consent.
    #[error("package {package} was sent again {sends} times without consent")]
    SentAgain {
        /// The package.
        package: String,
        /// How many requests had no consent.
        sends: usize,
    },
    /// More deploy requests that name the package arrived than the client reported.
    #[error(
        "{arrived} deploy requests that name package {package} arrived, and the client reported {reported}"
    )]
    UnreportedRequest {
        /// The package.
        package: String,
        /// How many arrived.
        arrived: usize,
        /// How many the client reported.
        reported: usize,
    },
    /// A package was reported as released, and was not by then.
    #[error("package {package} was reported as released, and was not by then")]
    FalseSuccess {
        /// The package.
        package: String,
    },
    /// A release was reported as failed, and had not failed, or a later one had succeeded.
    #[error(
        "the release of package {package} was reported as failed, and had not failed, or a later one had succeeded"
    )]
    FalseFailure {
        /// The package.
        package: String,
    },
    /// A package was reported as not accepted, and a request of the client or a copy of one released it.
    #[error(
        "package {package} was reported as {outcome}, and a request of the client or a copy of one released it"
    )]
    FalseRefusal {
        /// The package.
        package: String,
        /// The reported outcome.
        outcome: String,
    },
    /// A package was reported as accepted or pending, and nobody had released it, nor was a request of the client accepted.
    #[error(
        "package {package} was reported as {outcome}, and nobody had released it, nor was a request of the client accepted"
    )]
    FalseAcceptance {
        /// The package.
        package: String,
        /// The reported outcome.
        outcome: String,
    },
    /// A package was reported as not found, and too few responses said so.
    #[error(
        "package {package} was reported as not found after {answers} answers that say so; {needed} are required"
    )]
    FalseAbsence {
        /// The package.
        package: String,
        /// How many responses said so.
        answers: usize,
        /// How many are required: one, or three after a request that names the package.
        needed: usize,
    },
    /// A package has no outcome, or several.
    #[error("package {package} has {count} outcomes instead of one")]
    OutcomeCount {
        /// The package.
        package: String,
        /// How many.
        count: usize,
    },
    /// An outcome was reported for a package that is not in the run.
    #[error("package {package} has an outcome, and the run did not include it")]
    UnexpectedPackage {
        /// The package.
        package: String,
    },
    /// A reported outcome is none of the known ones.
    #[error("{outcome:?}, reported for package {package}, is no outcome")]
    UnknownOutcome {
        /// The package.
        package: String,
        /// The reported outcome.
        outcome: String,
    },
    /// The run took longer than its limit and a second.
    #[error("the run took {took:?}, and its limit was {limit:?}")]
    OverTimeLimit {
        /// How long it took.
        took: Duration,
        /// The limit.
        limit: Duration,
    },
    /// A secret occurs in a text. Neither is shown.
    #[error("secret {secret} is in text {text} (both counted from 0)")]
    SecretLeaked {
        /// The index of the text in [`History::texts`](crate::History::texts).
        text: usize,
        /// The index of the secret in [`History::secrets`](crate::History::secrets).
        secret: usize,
    },
}
