//! stdout has the result and nothing else; everything else goes to stderr.

use std::io::{Error, ErrorKind, Write as _};
use std::sync::OnceLock;

/// Why a part of the result was not written, such as a full disk.
static WRITE_ERROR: OnceLock<Error> = OnceLock::new();

/// Writes a part of the result, and a line feed. A closed pipe is not an error: nobody reads the rest.
pub(crate) fn print(text: &str) {
    match writeln!(std::io::stdout().lock(), "{text}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            // The first error is the one to report.
            drop(WRITE_ERROR.set(error));
        }
        _ => {}
    }
}

/// The first error of [`print`].
pub(crate) fn write_error() -> Option<&'static Error> {
    WRITE_ERROR.get()
}

/// Writes a line to stderr.
pub(crate) fn note(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
