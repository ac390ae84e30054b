//! What may come out: the promises that were not kept.

use std::fmt;
use std::time::Duration;

/// A promise that was not kept. `Display` is one line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Violation {
    /// It was named in a deploy request after another one that may have been carried out, without consent.
    SentAgain {
        /// The package.
        package: String,
        /// How many requests had no consent and followed one that may have had an effect.
        sends: usize,
    },
    /// More deploy requests that name it arrived than the client says that it wrote.
    UnreportedRequest {
        /// The package.
        package: String,
        /// How many arrived.
        arrived: usize,
        /// How many the client says.
        told: usize,
    },
    /// It is said to be released, and was not by then.
    FalseSuccess {
        /// The package.
        package: String,
    },
    /// Its release is said to have failed, and did not, or a later one succeeded.
    FalseFailure {
        /// The package.
        package: String,
    },
    /// It is said that nothing was accepted, and a request of ours, or a copy of one, released it.
    FalseRefusal {
        /// The package.
        package: String,
        /// What was said.
        outcome: String,
    },
    /// It is said to be accepted or under way, and nobody released it, nor was a request of ours taken.
    FalseAcceptance {
        /// The package.
        package: String,
        /// What was said.
        outcome: String,
    },
    /// It is said not to be found, and too few answers said so.
    FalseAbsence {
        /// The package.
        package: String,
        /// How many answers said so.
        answers: usize,
        /// How many it takes: one, or three after a request that names it.
        needed: usize,
    },
    /// It has no outcome, or several.
    OutcomeCount {
        /// The package.
        package: String,
        /// How many.
        count: usize,
    },
    /// A outcome on a package that nobody asked for.
    UnexpectedPackage {
        /// The package.
        package: String,
    },
    /// A word that is no outcome.
    UnknownOutcome {
        /// The package.
        package: String,
        /// The word.
        outcome: String,
    },
    /// It took longer than its limit and a second.
    OverTimeLimit {
        /// How long it took.
        took: Duration,
        /// The limit.
        limit: Duration,
    },
    /// A secret stands in a text. Neither is shown.
    SecretLeaked {
        /// The place of the text in [`History::texts`](crate::History::texts).
        text: usize,
        /// The place of the secret in [`History::secrets`](crate::History::secrets).
        secret: usize,
    },
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SentAgain { package, sends } => {
                write!(f, "package {package} was sent again {sends} times without consent")
            }
            Self::UnreportedRequest { package, arrived, told } => write!(
                f,
                "{arrived} deploy requests that name package {package} arrived, and {told} are said to have been written"
            ),
            Self::FalseSuccess { package } => {
                write!(f, "package {package} is said to be released, and was not by then")
            }
            Self::FalseFailure { package } => write!(
                f,
                "the release of package {package} is said to have failed, and had not, or a later one had succeeded"
            ),
            Self::FalseRefusal { package, outcome } => write!(
                f,
                "package {package} is said to be {outcome}, and a request of ours or a copy of one released it"
            ),
            Self::FalseAcceptance { package, outcome } => write!(
                f,
                "package {package} is said to be {outcome}, and nobody had released it, nor was a request of ours taken"
            ),
            Self::FalseAbsence { package, answers, needed } => write!(
                f,
                "package {package} is said not to be found after {answers} answers that say so, and it takes {needed}"
            ),
            Self::OutcomeCount { package, count } => {
                write!(f, "package {package} has {count} outcomes instead of one")
            }
            Self::UnexpectedPackage { package } => {
                write!(f, "package {package} has a outcome, and nobody asked for it")
            }
            Self::UnknownOutcome { package, outcome } => {
                write!(f, "{outcome:?}, said of package {package}, is no outcome")
            }
            Self::OverTimeLimit { took, limit } => {
                write!(f, "it took {took:?}, and its limit was {limit:?}")
            }
            Self::SecretLeaked { text, secret } => {
                write!(f, "secret {secret} stands in text {text} (both counted from 0)")
            }
        }
    }
}

impl std::error::Error for Violation {}
