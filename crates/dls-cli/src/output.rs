//! Where texts go: the result to stdout and nothing else there, all talk to stderr.

use std::io::{Error, ErrorKind, IsTerminal as _, Write as _};
use std::sync::OnceLock;

use comfy_table::{Table, presets};
use serde::Serialize;

use crate::args::{Command, OutputFormat};
use crate::exit::Failure;
use crate::exit_code::ExitCode;
use crate::json::RunDocument;
use crate::progress::NdjsonEvents;
use crate::text::shown;

/// The form of a result.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    format: OutputFormat,
}

impl Output {
    /// Not every verb has every form. What a flag asks for is given or refused; a setting is for all verbs, and
    /// those that have not its form take the nearest one.
    pub(crate) fn of(
        format: OutputFormat,
        command: &Command,
        is_by_flag: bool,
    ) -> Result<Self, Failure> {
        use Command::{Deploy, Plan, Resume, Wait, Watch};
        let (name, verbs, nearest) = match (format, command) {
            (OutputFormat::Ndjson, Deploy(_) | Resume(_) | Watch(_) | Wait(_)) => {
                return Ok(Self { format });
            }
            (OutputFormat::Markdown, Plan(_)) => return Ok(Self { format }),
            (OutputFormat::Ndjson, _) => {
                ("ndjson", "deploy, resume, watch and wait", OutputFormat::Json)
            }
            (OutputFormat::Markdown, _) => ("markdown", "plan", OutputFormat::Auto),
            _ => return Ok(Self { format }),
        };
        if !is_by_flag {
            return Ok(Self { format: nearest });
        }
        let failure = Failure::usage(format!("format {name} is for {verbs} only"));
        Err(failure.with_next("choose another one with -o"))
    }

    pub(crate) fn format(self) -> OutputFormat {
        self.format
    }

    /// What became of a run, in whatever form.
    pub(crate) fn run(self, run: &RunDocument, events: &mut NdjsonEvents, exit_code: ExitCode) {
        match self.format {
            OutputFormat::Json => Self::json(run),
            OutputFormat::Ndjson => events.done(run, exit_code),
            _ => self.rows(&["id", "name", "outcome", ""], run.rows()),
        }
    }

    pub(crate) fn is_json(self) -> bool {
        self.format == OutputFormat::Json
    }

    /// A document, in lines for people or in one for programs.
    pub(crate) fn document(self, document: &impl Serialize) {
        match self.format {
            OutputFormat::Ndjson => match serde_json::to_string(document) {
                Ok(line) => print(&line),
                Err(error) => note(&format!("error: the result cannot be written: {error}")),
            },
            _ => Self::json(document),
        }
    }

    pub(crate) fn json(document: &impl Serialize) {
        match serde_json::to_string_pretty(document) {
            Ok(document) => print(&document),
            Err(error) => note(&format!("error: the result cannot be written: {error}")),
        }
    }

    /// Rows for people on a terminal, tab-separated rows for programs.
    pub(crate) fn rows(self, head: &[&str], mut rows: Vec<Vec<String>>) {
        for cell in rows.iter_mut().flatten() {
            *cell = shown(cell);
        }
        let is_table = match self.format {
            OutputFormat::Auto => std::io::stdout().is_terminal(),
            format => format == OutputFormat::Table,
        };
        if is_table {
            let mut table = Table::new();
            table.load_style(presets::NOTHING).set_header(head).add_rows(rows);
            return print(&table.trim_fmt());
        }
        for row in rows {
            print(&row.join("\t"));
        }
    }
}

/// Why a part of the result did not get out, such as a full disk.
static UNWRITTEN: OnceLock<Error> = OnceLock::new();

/// A line, or several, of the result. A reader that went away is no error of ours.
pub(crate) fn print(text: &str) {
    match writeln!(std::io::stdout().lock(), "{text}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            // The first one says it.
            drop(UNWRITTEN.set(error));
        }
        _ => {}
    }
}

/// What it comes to if the result, or a part of it, did not get out.
pub(crate) fn unwritten() -> Option<Failure> {
    let error = UNWRITTEN.get()?;
    let failure =
        Failure::new(ExitCode::Internal, format!("the result was not written to stdout: {error}"));
    Some(failure.with_next("what was done stays done: look with dls status, or dls history"))
}

/// A line of talk.
pub(crate) fn note(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
