//! The formats of results: the only place that asks which one is wanted.

use std::io::IsTerminal as _;

use comfy_table::{Table, presets};
use dls::model::Timestamp;
use dls::rollout::RunSpec;

use crate::args::{Command, OutputFormat};
use crate::document::{Block, Document};
use crate::failure::Failure;
use crate::progress::changes::{Reporter, RunChange};
use crate::progress::live::LiveReporter;
use crate::progress::ndjson::NdjsonReporter;
use crate::progress::text::TextReporter;
use crate::stdio::print;
use crate::text::shown;

/// How a command shows its result.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    format: OutputFormat,
}

impl Output {
    /// Not every command has every format. A flag for one that it has not is refused; a setting, which is meant for
    /// all commands, is replaced by the nearest format.
    pub(crate) fn new(
        format: OutputFormat,
        command: &Command,
        is_by_flag: bool,
    ) -> Result<Self, Failure> {
        use Command::{Deploy, Plan, Resume, Wait, Watch};
        let (name, commands, nearest) = match (format, command) {
            (OutputFormat::Ndjson, Deploy(_) | Resume(_) | Watch(_) | Wait(_))
            | (OutputFormat::Markdown, Plan(_)) => return Ok(Self { format }),
            (OutputFormat::Ndjson, _) => {
                ("ndjson", "deploy, resume, watch and wait", OutputFormat::Json)
            }
            (OutputFormat::Markdown, _) => ("markdown", "plan", OutputFormat::Auto),
            _ => return Ok(Self { format }),
        };
        if !is_by_flag {
            return Ok(Self { format: nearest });
        }
        let failure = Failure::usage(format!("format {name} is for {commands} only"));
        Err(failure.with_next("choose another format with -o"))
    }

    /// Writes a result to stdout.
    pub(crate) fn show(self, document: &impl Document) {
        match self.format {
            OutputFormat::Json => print(&format!("{:#}", document.json())),
            OutputFormat::Ndjson => print(&document.json().to_string()),
            OutputFormat::Markdown => match document.markdown() {
                Some(text) => print(&text),
                None => blocks(document.text(), false),
            },
            OutputFormat::Table => blocks(document.text(), true),
            OutputFormat::Auto => blocks(document.text(), std::io::stdout().is_terminal()),
        }
    }

    /// What shows the end of a run.
    pub(crate) fn reporter(self) -> Box<dyn Reporter> {
        match self.format {
            OutputFormat::Ndjson => Box::new(NdjsonReporter::default()),
            _ => Box::new(ResultReporter(self)),
        }
    }

    /// What shows on stderr how a run progresses.
    pub(crate) fn progress(self, spec: &RunSpec) -> Box<dyn Reporter> {
        match std::io::stderr().is_terminal() {
            true => Box::new(LiveReporter::new(spec)),
            false => Box::new(TextReporter::new(spec)),
        }
    }
}

/// Shows the end of a run as any other result.
struct ResultReporter(Output);

impl Reporter for ResultReporter {
    fn report(&mut self, change: &RunChange<'_>, _: Timestamp) {
        if let RunChange::Finished { document, .. } = change {
            self.0.show(*document);
        }
    }
}

fn blocks(blocks: Vec<Block>, is_table: bool) {
    for block in blocks {
        match block {
            Block::Lines(lines) => print(&lines),
            Block::Table { head, rows } => {
                let rows = rows.iter().map(|row| row.iter().map(|cell| shown(cell)));
                if is_table {
                    let mut table = Table::new();
                    table.load_style(presets::NOTHING).set_header(head).add_rows(rows);
                    print(&table.trim_fmt());
                } else {
                    rows.for_each(|row| print(&row.collect::<Vec<_>>().join("\t")));
                }
            }
        }
    }
}
