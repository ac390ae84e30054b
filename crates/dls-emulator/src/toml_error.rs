//! Errors in TOML files that users write: one line that names the line and the key.

use std::ops::Range;

use dls_model::printable;
use serde::de::DeserializeOwned;

/// The longest message, in characters.
const MAX_MESSAGE: usize = 600;

/// Why a text is not a valid [`Seed`](crate::Seed) or [`FaultPlan`](crate::FaultPlan). `Display` is one line that begins
/// with the number of the line in the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
#[non_exhaustive]
pub struct InvalidToml {
    /// The line of the error, counted from 1.
    pub line: usize,
    message: String,
}

impl InvalidToml {
    pub(crate) fn at(text: &str, span: &Range<usize>, message: &str) -> Self {
        let before = text.bytes().take(span.start);
        let line = before.filter(|byte| *byte == b'\n').count() + 1;
        Self { line, message: printable(message, MAX_MESSAGE) }
    }

    pub(crate) fn parse<T: DeserializeOwned>(text: &str) -> Result<T, Self> {
        toml::from_str(text).map_err(|error: toml::de::Error| {
            let span = error.span().unwrap_or_default();
            let message = error
                .message()
                .replace("unknown field", "unknown key")
                .replace("missing field", "missing key")
                .replace("unknown variant", "unknown value")
                .replace("expected `", "expected one of `")
                .replace('`', "\"");
            match key_before(text, span.start) {
                Some(key) => Self::at(text, &span, &format!("key {key:?}: {message}")),
                None => Self::at(text, &span, &message),
            }
        })
    }
}

/// The key whose value begins at `offset`, if one does.
fn key_before(text: &str, offset: usize) -> Option<&str> {
    let (before, _) = text.split_at_checked(offset)?;
    let line = before.rsplit('\n').next()?;
    let assignment = line.rsplit(['{', ',', '[']).next()?.trim();
    let key = assignment.strip_suffix('=')?.trim();
    (!key.is_empty()).then_some(key)
}
