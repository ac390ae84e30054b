//! The names of runs.

use std::fmt;
use std::str::FromStr;

use dls_model::Timestamp;
use serde::{Deserialize, Serialize};

/// The name of a run: its creation time, and four random digits. 1 to 64 characters of `A-Z a-z 0-9 -`; the first is
/// not `-`.
///
/// Serialized as a string.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(String);

impl RunId {
    /// The name of a run that is created at this time.
    pub(crate) fn new(at: Timestamp, random: u64) -> Self {
        let time = at.to_string();
        let digits = time.chars().filter(char::is_ascii_digit);
        let time: String = digits.take(14).collect();
        let (day, second) = time.split_at_checked(8).unwrap_or_default();
        let random = random & 0xffff;
        Self(format!("{day}-{second}-{random:04x}"))
    }

    /// The name as a string.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for RunId {
    type Err = InvalidRunId;

    fn from_str(text: &str) -> Result<Self, InvalidRunId> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let fits = (1..=64).contains(&text.len()) && text.chars().all(allowed);
        match fits && !text.starts_with('-') {
            true => Ok(Self(text.to_owned())),
            false => Err(InvalidRunId),
        }
    }
}

impl TryFrom<String> for RunId {
    type Error = InvalidRunId;

    fn try_from(text: String) -> Result<Self, InvalidRunId> {
        text.parse()
    }
}

impl From<RunId> for String {
    fn from(run: RunId) -> Self {
        run.0
    }
}

/// A text that is not the name of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid run name: a name has the form 20261124-104107-7f3a")]
#[non_exhaustive]
pub struct InvalidRunId;
