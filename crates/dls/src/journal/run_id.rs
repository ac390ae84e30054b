//! The names of runs.

use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::str::FromStr;

use dls_model::Timestamp;

/// The name of a run: when it began, and four digits that tell it from others of that second. 1 to 64
/// of `A-Z a-z 0-9 -`, and no `-` at its beginning.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(String);

impl RunId {
    pub(super) fn new(at: Timestamp) -> Self {
        let time = at.to_string();
        let digits = time.chars().filter(char::is_ascii_digit);
        let time: String = digits.take(14).collect();
        let (day, second) = time.split_at_checked(8).unwrap_or_default();
        let chance = RandomState::new().hash_one(std::process::id()) & 0xffff;
        Self(format!("{day}-{second}-{chance:04x}"))
    }

    /// The name as text.
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

/// A text that cannot be the name of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidRunId;

impl fmt::Display for InvalidRunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it is no run: names look like 20261124-104107-7f3a")
    }
}

impl std::error::Error for InvalidRunId {}
