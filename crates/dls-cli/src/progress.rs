//! What a waiting command tells meanwhile: a live line on a terminal, else a line for each change.

use std::collections::HashMap;
use std::io::IsTerminal as _;
use std::time::Duration;

use dls::PackageId;
use dls::rollout::{PackageReport, Report, Verdict};
use indicatif::{ProgressBar, ProgressStyle};

use crate::output::note;

pub(crate) struct Progress {
    spinner: Option<ProgressBar>,
    seen: HashMap<PackageId, String>,
}

impl Progress {
    pub(crate) fn new() -> Self {
        let spinner = std::io::stderr().is_terminal().then(|| {
            let spinner = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
                spinner.set_style(style);
            }
            spinner.enable_steady_tick(Duration::from_millis(120));
            spinner
        });
        Self {
            spinner,
            seen: HashMap::new(),
        }
    }

    /// Tells what has changed since the last time.
    pub(crate) fn tell(&mut self, report: &Report) {
        for package in &report.packages {
            let Some(line) = line(package) else { continue };
            if self.seen.get(&package.id) == Some(&line) {
                continue;
            }
            match &self.spinner {
                Some(spinner) if package.verdict.is_none() => spinner.set_message(line.clone()),
                Some(spinner) => spinner.suspend(|| note(&line)),
                None => note(&line),
            }
            self.seen.insert(package.id, line);
        }
    }

    pub(crate) fn end(self) {
        if let Some(spinner) = self.spinner {
            spinner.finish_and_clear();
        }
    }
}

fn line(package: &PackageReport) -> Option<String> {
    let name = package
        .latest
        .as_ref()
        .and_then(|detail| detail.package.name.as_deref());
    let name = name.unwrap_or_default();
    let id = package.id;
    if let Some(verdict) = &package.verdict {
        return Some(format!("{id} {name}  {}", verdict_in_words(verdict)));
    }
    let detail = package.latest.as_ref()?;
    let status = detail.package.status?;
    let done = detail
        .tasks
        .iter()
        .filter(|task| task.status.is_some_and(|it| it.is_final()));
    Some(format!(
        "{id} {name}  {status}, {}/{} tasks",
        done.count(),
        detail.tasks.len()
    ))
}

fn verdict_in_words(verdict: &Verdict) -> String {
    match crate::document::why(verdict) {
        Some(why) => format!("{}: {why}", verdict.word()),
        None => verdict.word().to_owned(),
    }
}
