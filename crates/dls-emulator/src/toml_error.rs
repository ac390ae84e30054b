//! What is wrong with a file that people write: one line that names the line and the key.

use std::fmt;
use std::ops::Range;

use serde::de::DeserializeOwned;

/// A mistake in a TOML file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TomlError {
    line: usize,
    message: String,
}

/// Reads TOML.
pub(crate) fn parse<T: DeserializeOwned>(text: &str) -> Result<T, TomlError> {
    toml::from_str(text).map_err(|error| TomlError::of(text, &error))
}

impl TomlError {
    pub(crate) fn at(text: &str, span: &Range<usize>, message: &str) -> Self {
        Self { line: line_of(text, span.start), message: printable(message) }
    }

    fn of(text: &str, error: &toml::de::Error) -> Self {
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
    }

    /// Counted from 1.
    pub(crate) fn line(&self) -> usize {
        self.line
    }
}

impl fmt::Display for TomlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// The key whose value begins at `offset`, if one does.
fn key_before(text: &str, offset: usize) -> Option<&str> {
    let (before, _) = text.split_at_checked(offset)?;
    let line = before.rsplit('\n').next()?;
    let assignment = line.rsplit(['{', ',', '[']).next()?.trim();
    let key = assignment.strip_suffix('=')?.trim();
    (!key.is_empty()).then_some(key)
}

/// One line that can be shown, however strange the text was.
fn printable(text: &str) -> String {
    const MOST: usize = 600;
    let mut out = String::new();
    for c in text.chars().take(MOST) {
        if c.is_control() {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    if text.chars().nth(MOST).is_some() {
        out.push('…');
    }
    out
}
