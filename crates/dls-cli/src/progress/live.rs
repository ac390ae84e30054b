//! The live view on a terminal: bars, and lines for what no bar can show.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::time::Duration;

use dls::PackageId;
use dls::model::{Status, Timestamp};
use dls::rollout::{PackageReport, RunSpec};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::changes::{Reporter, RunChange};
use super::text::{FEW, Lines, by, done, name, package_name, released_at, status_word, tasks};
use crate::clock;
use crate::stdio::note;
use crate::text::{ago, reason_with, report_outcome, shown, since, span};

/// What must not be cut comes first: the terminal may be narrow.
const ONE: &str = "{spinner} {prefix} {bar:6} {pos}/{len} {status}  {wide_msg}";
const ALL: &str = "{spinner} {bar:20} {pos}/{len} packages  {wide_msg}";

pub(crate) struct LiveReporter {
    lines: Lines,
    bars: MultiProgress,
    /// One for each package if they are few, else one for all.
    each: HashMap<PackageId, ProgressBar>,
    total: Option<Total>,
}

impl LiveReporter {
    pub(crate) fn new(spec: &RunSpec) -> Self {
        Self::on(ProgressDrawTarget::stderr(), spec)
    }

    fn on(target: ProgressDrawTarget, spec: &RunSpec) -> Self {
        let bars = MultiProgress::with_draw_target(target);
        let bar = |style: ProgressStyle| {
            let bar = bars.add(ProgressBar::new(0)).with_style(style);
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        };
        let (mut each, mut total) = (HashMap::new(), None);
        if spec.packages.len() <= FEW {
            each.extend(spec.packages.iter().map(|id| {
                (
                    *id,
                    bar(style(ONE).with_key("status", |_: &ProgressState, _: &mut dyn Write| {}))
                        .with_prefix(id.to_string()),
                )
            }));
        } else {
            let bar = bar(style(ALL));
            bar.set_length(length(spec.packages.len()));
            total = Some(Total { bar, words: HashMap::new(), counts: BTreeMap::new() });
        }
        Self { lines: Lines::new(spec), bars, each, total }
    }

    /// Whether a bar shows the change, so that it needs no line.
    fn show(&mut self, change: &RunChange<'_>) -> bool {
        let now = match change {
            RunChange::Status { now, .. }
            | RunChange::Task { of: now, .. }
            | RunChange::PackageOutcome(now) => now,
            _ => return false,
        };
        match (self.each.get(&now.id), &mut self.total) {
            (Some(bar), _) => show_one(bar, now),
            (None, Some(total)) => total.show(now),
            (None, None) => return false,
        }
        true
    }
}

impl Reporter for LiveReporter {
    fn report(&mut self, change: &RunChange<'_>, _: Timestamp) {
        if self.show(change) {
            return;
        }
        for line in self.lines.of(change) {
            self.bars.suspend(|| note(&line));
        }
        if let RunChange::Stopped { .. } = change {
            self.each.clear();
            self.total = None;
            drop(self.bars.clear());
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template);
    style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("██░")
}

fn length(of: usize) -> u64 {
    u64::try_from(of).unwrap_or(u64::MAX)
}

fn show_one(bar: &ProgressBar, now: &PackageReport) {
    let word = word(now);
    let released_at = released_at(now).filter(|_| now.outcome.is_none());
    // A span of time is written anew each time that the bar is drawn.
    let status = move |_: &ProgressState, out: &mut dyn Write| {
        let _ = match released_at {
            Some(at) => write!(out, "{word} {}", span(since(at, clock::timestamp()))),
            None => write!(out, "{word}"),
        };
    };
    bar.set_style(style(ONE).with_key("status", status));
    bar.set_length(length(tasks(now).len()));
    bar.set_position(length(done(tasks(now))));
    bar.set_message(message(now, clock::timestamp()));
}

/// The outcome, or as long as there is none the status.
fn word(now: &PackageReport) -> String {
    match &now.outcome {
        Some(_) => report_outcome(now).to_owned(),
        None => status_word(now),
    }
}

/// What may be cut at the end: name, reason and tasks.
fn message(package: &PackageReport, now: Timestamp) -> String {
    let mut parts = vec![format!("{}{}", package_name(package).unwrap_or_default(), by(package))];
    let why = package.outcome.as_ref().and_then(|it| reason_with(it, &|at| ago(at, now)));
    parts.extend(why.map(|why| shown(&why)));
    let marks = tasks(package).iter().map(|task| {
        let mark = match task.status {
            Some(Status::Successful) => "ok",
            Some(Status::Failed) => "failed",
            _ => "…",
        };
        format!("{} {mark}", name(task))
    });
    parts.push(marks.collect::<Vec<_>>().join(" · "));
    parts.retain(|part| !part.is_empty());
    parts.join("  ")
}

/// How many packages are in which state.
struct Total {
    bar: ProgressBar,
    words: HashMap<PackageId, String>,
    counts: BTreeMap<String, usize>,
}

impl Total {
    fn show(&mut self, now: &PackageReport) {
        let word = word(now);
        if let Some(before) = self.words.insert(now.id, word.clone())
            && let Some(count) = self.counts.get_mut(&before)
        {
            *count -= 1;
        }
        *self.counts.entry(word).or_default() += 1;
        if now.outcome.is_some() {
            self.bar.inc(1);
        }
        let counts = self.counts.iter().filter(|(_, count)| **count > 0);
        let counts: Vec<String> = counts.map(|(word, count)| format!("{count} {word}")).collect();
        self.bar.set_message(counts.join(", "));
    }
}

#[cfg(test)]
mod tests {
    use dls::Selection;
    use dls::model::{Operation as _, ShowPackage};
    use dls::rollout::{Destination, Event, Options, Rollout};
    use http::{HeaderMap, StatusCode};
    use indicatif::InMemoryTerm;

    use super::*;

    /// What a bar shows of a package with these members.
    fn shown_at(width: u16, members: &str) -> String {
        let body = format!(
            r#"{{"release_package":{{"package_id":"23","package_name":"orders_2025w46",{members}}},
            "task_details":[{{"item_name":"ods_orders_d","deploy_status":2}}]}}"#
        );
        let detail = ShowPackage::decode(StatusCode::OK, &HeaderMap::new(), body.as_bytes());
        let detail = detail.unwrap();
        let id = "23".parse().unwrap();
        let destination = Destination::new(
            "http://a",
            "b384b9e9ab9b4ee8994c8633aabc9505".parse().unwrap(),
            "default".parse().unwrap(),
        );
        let spec = RunSpec::new(destination, Selection::new([id]).unwrap(), Options::watch_only());
        let at = clock::timestamp();
        let mut run = Rollout::new(spec.clone(), at);
        run.apply(Event::new(at, run.observed(id, at, detail)));

        let terminal = InMemoryTerm::new(10, width);
        let target = ProgressDrawTarget::term_like(Box::new(terminal.clone()));
        let mut view = LiveReporter::on(target, &spec);
        let now = run.package(id).unwrap();
        view.report(&RunChange::Status { now: &now, is_first: true }, at);
        view.each[&id].force_draw();
        terminal.contents()
    }

    #[test]
    fn a_narrow_terminal_shows_status_and_age_and_no_timestamp() {
        let ago = clock::timestamp().as_millis() - 90_000;
        let released = |status, age| {
            format!(
                r#""deploy_status":{status},"deploy_user_name":"zhang.min","deploy_timestamp":{age}"#
            )
        };
        let line = shown_at(44, &released(5, ago));
        assert!(line.contains("1/1 being-released 1min") && line.lines().count() == 1, "{line}");
        assert!(!line.contains('Z'), "{line}");
        let line = shown_at(120, &released(5, ago));
        assert!(line.contains("being-released 1min  orders_2025w46 by zhang.min"), "{line}");
        assert!(line.contains("ods_orders_d ok"), "{line}");
        let line = shown_at(120, &released(2, ago - 7_200_000));
        assert!(line.contains("already-released  orders_2025w46"), "{line}");
        assert!(line.contains("by zhang.min 2h ago, not by this run"), "{line}");
    }
}
