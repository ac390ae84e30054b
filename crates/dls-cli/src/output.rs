//! Where texts go: the result to stdout and nothing else there, all talk to stderr.

use std::io::{Error, ErrorKind, IsTerminal as _, Write as _};
use std::sync::OnceLock;

use comfy_table::{Table, presets};
use serde::Serialize;

use crate::args::{Form, Verb};
use crate::document::Run;
use crate::exit::Failure;
use crate::follow::Events;
use crate::words::shown;

/// The form of a result.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    form: Form,
}

impl Output {
    /// Not every verb has every form. What a flag asks for is given or refused; a setting is for all verbs, and
    /// those that have not its form take the nearest one.
    pub(crate) fn of(form: Form, verb: &Verb, is_by_flag: bool) -> Result<Self, Failure> {
        use Verb::{Deploy, Plan, Resume, Wait, Watch};
        let (name, verbs, nearest) = match (form, verb) {
            (Form::Ndjson, Deploy(_) | Resume(_) | Watch(_) | Wait(_)) => return Ok(Self { form }),
            (Form::Markdown, Plan(_)) => return Ok(Self { form }),
            (Form::Ndjson, _) => ("ndjson", "deploy, resume, watch and wait", Form::Json),
            (Form::Markdown, _) => ("markdown", "plan", Form::Auto),
            _ => return Ok(Self { form }),
        };
        if !is_by_flag {
            return Ok(Self { form: nearest });
        }
        let failure = Failure::usage(format!("the form {name} is for {verbs} only"));
        Err(failure.with_next("choose another one with -o"))
    }

    pub(crate) fn form(self) -> Form {
        self.form
    }

    /// What became of a run, in whatever form.
    pub(crate) fn run(self, run: &Run, events: &mut Events, exit_code: u8) {
        match self.form {
            Form::Json => Self::json(run),
            Form::Ndjson => events.done(run, exit_code),
            _ => self.rows(&["id", "name", "outcome", ""], run.rows()),
        }
    }

    pub(crate) fn is_json(self) -> bool {
        self.form == Form::Json
    }

    /// A document, in lines for people or in one for programs.
    pub(crate) fn document(self, document: &impl Serialize) {
        match self.form {
            Form::Ndjson => match serde_json::to_string(document) {
                Ok(line) => text(&line),
                Err(error) => note(&format!("error: the result cannot be written: {error}")),
            },
            _ => Self::json(document),
        }
    }

    pub(crate) fn json(document: &impl Serialize) {
        match serde_json::to_string_pretty(document) {
            Ok(document) => text(&document),
            Err(error) => note(&format!("error: the result cannot be written: {error}")),
        }
    }

    /// Rows for people on a terminal, tab-separated rows for programs.
    pub(crate) fn rows(self, head: &[&str], mut rows: Vec<Vec<String>>) {
        for cell in rows.iter_mut().flatten() {
            *cell = shown(cell);
        }
        let is_table = match self.form {
            Form::Auto => std::io::stdout().is_terminal(),
            form => form == Form::Table,
        };
        if is_table {
            let mut table = Table::new();
            table.load_style(presets::NOTHING).set_header(head).add_rows(rows);
            return text(&table.trim_fmt());
        }
        for row in rows {
            text(&row.join("\t"));
        }
    }
}

/// Why a part of the result did not get out, such as a full disk.
static UNWRITTEN: OnceLock<Error> = OnceLock::new();

/// A line, or several, of the result. A reader that went away is no error of ours.
pub(crate) fn text(text: &str) {
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
    let failure = Failure::new(1, format!("the result was not written to stdout: {error}"));
    Some(failure.with_next("what was done stays done: look with dls status, or dls history"))
}

/// A line of talk.
pub(crate) fn note(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
