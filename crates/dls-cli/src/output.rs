//! Where texts go: the result to stdout and nothing else there, all talk to stderr.

use std::io::{IsTerminal as _, Write as _};

use comfy_table::{Table, presets};
use serde::Serialize;

use crate::args::Form;

/// The form of a result.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    form: Form,
}

impl Output {
    pub(crate) fn new(form: Form) -> Self {
        Self { form }
    }

    pub(crate) fn is_json(self) -> bool {
        self.form == Form::Json
    }

    pub(crate) fn json(document: &impl Serialize) {
        match serde_json::to_string_pretty(document) {
            Ok(document) => text(&document),
            Err(error) => note(&format!("error: the result cannot be written: {error}")),
        }
    }

    /// Rows for people on a terminal, tab-separated rows for programs.
    pub(crate) fn rows(self, head: &[&str], rows: Vec<Vec<String>>) {
        let is_table = match self.form {
            Form::Auto => std::io::stdout().is_terminal(),
            form => form == Form::Table,
        };
        if is_table {
            let mut table = Table::new();
            table
                .load_style(presets::NOTHING)
                .set_header(head)
                .add_rows(rows);
            return text(&table.trim_fmt());
        }
        for row in rows {
            text(&row.join("\t"));
        }
    }
}

/// A line, or several, of the result. A reader that went away is no error of ours.
pub(crate) fn text(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// A line of talk.
pub(crate) fn note(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
