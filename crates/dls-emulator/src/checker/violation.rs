//! What may come out: the promises that were not kept.

use std::time::Duration;

/// A promise that was not kept. `Display` is one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// It was named in a deploy request after another one that may have been carried out, without consent.
    #[error("package {package} was sent again {sends} times without consent")]
    SentAgain {
        /// The package.
        package: String,
        /// How many requests had no consent and followed one that may have had an effect.
        sends: usize,
    },
    /// More deploy requests that name it arrived than the client says that it wrote.
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
    /// It is said to be released, and was not by then.
    #[error("package {package} was reported as released, and was not by then")]
    FalseSuccess {
        /// The package.
        package: String,
    },
    /// Its release is said to have failed, and did not, or a later one succeeded.
    #[error(
        "the release of package {package} was reported as failed, and had not failed, or a later one had succeeded"
    )]
    FalseFailure {
        /// The package.
        package: String,
    },
    /// It is said that nothing was accepted, and a request of ours, or a copy of one, released it.
    #[error(
        "package {package} was reported as {outcome}, and a request of the client or a copy of one released it"
    )]
    FalseRefusal {
        /// The package.
        package: String,
        /// What was said.
        outcome: String,
    },
    /// It is said to be accepted or under way, and nobody released it, nor was a request of ours taken.
    #[error(
        "package {package} was reported as {outcome}, and nobody had released it, nor was a request of the client accepted"
    )]
    FalseAcceptance {
        /// The package.
        package: String,
        /// What was said.
        outcome: String,
    },
    /// It is said not to be found, and too few answers said so.
    #[error(
        "package {package} was reported as not found after {answers} answers that say so; {needed} are required"
    )]
    FalseAbsence {
        /// The package.
        package: String,
        /// How many answers said so.
        answers: usize,
        /// How many it takes: one, or three after a request that names it.
        needed: usize,
    },
    /// It has no outcome, or several.
    #[error("package {package} has {count} outcomes instead of one")]
    OutcomeCount {
        /// The package.
        package: String,
        /// How many.
        count: usize,
    },
    /// A outcome on a package that nobody asked for.
    #[error("package {package} has an outcome, and the run did not include it")]
    UnexpectedPackage {
        /// The package.
        package: String,
    },
    /// A word that is no outcome.
    #[error("{outcome:?}, reported for package {package}, is no outcome")]
    UnknownOutcome {
        /// The package.
        package: String,
        /// The word.
        outcome: String,
    },
    /// It took longer than its limit and a second.
    #[error("the run took {took:?}, and its limit was {limit:?}")]
    OverTimeLimit {
        /// How long it took.
        took: Duration,
        /// The limit.
        limit: Duration,
    },
    /// A secret stands in a text. Neither is shown.
    #[error("secret {secret} is in text {text} (both counted from 0)")]
    SecretLeaked {
        /// The place of the text in [`History::texts`](crate::History::texts).
        text: usize,
        /// The place of the secret in [`History::secrets`](crate::History::secrets).
        secret: usize,
    },
}
