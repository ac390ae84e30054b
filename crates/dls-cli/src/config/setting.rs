//! Where an option comes from: a flag, or else a variable.

use crate::failure::Failure;

/// A text and where it came from, so that a wrong one can be found.
pub(super) struct Setting {
    pub(super) text: String,
    pub(super) origin: &'static str,
}

impl Setting {
    pub(super) fn parse<T>(&self, what: &str) -> Result<T, Failure>
    where
        T: std::str::FromStr,
        T::Err: std::fmt::Display,
    {
        self.text.parse().map_err(|error| self.wrong(what, error))
    }

    pub(super) fn wrong(&self, what: &str, error: impl std::fmt::Display) -> Failure {
        Failure::usage(format!("{what} (from {}): {error}", self.origin))
    }
}

/// The flag, else the first variable that holds anything.
pub(super) fn setting(
    flag: Option<&str>,
    flag_name: &'static str,
    variables: &[&'static str],
) -> Result<Option<Setting>, Failure> {
    if let Some(text) = flag {
        return Ok(Some(Setting { text: text.to_owned(), origin: flag_name }));
    }
    for name in variables.iter().copied() {
        match std::env::var(name) {
            Ok(text) if text.is_empty() => {}
            Ok(text) => return Ok(Some(Setting { text, origin: name })),
            Err(std::env::VarError::NotPresent) => {}
            Err(std::env::VarError::NotUnicode(_)) => {
                return Err(Failure::usage(format!("{name} is not valid UTF-8")));
            }
        }
    }
    Ok(None)
}
