//! What changed since the last release: a file for each change, `changes/<crate>/<what>.md`, and the section of a
//! changelog that these become. Two branches that each add a file do not conflict, as they would in a changelog.

use std::{collections::BTreeSet, fmt, fs, path::Path};

use anyhow::{Context, Result, bail, ensure};

use crate::workspace;

/// How much a change asks of those who use the crate. A later one asks more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Fix,
    Feature,
    Break,
}

/// One change of one crate since its last tag.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    /// The crate's name.
    pub(crate) of: String,
    /// Where it was read, seen from the repository's top folder.
    pub(crate) path: String,
    pub(crate) level: Level,
    /// For the crate's users, in Markdown.
    pub(crate) text: String,
}

/// The levels in the order of a changelog, with what stands above such changes there.
const SECTIONS: [(Level, &str); 3] =
    [(Level::Break, "Breaking"), (Level::Feature, "New"), (Level::Fix, "Fixed")];

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format!("{self:?}").to_lowercase())
    }
}

/// All changes under `changes/`, in the order of their paths, and what is wrong with those that cannot be read.
pub(crate) fn read(root: &Path, crates: &BTreeSet<&str>) -> Result<(Vec<Change>, Vec<String>)> {
    let (mut changes, mut wrong) = (Vec::new(), Vec::new());
    let is_change = |path: &String| path.starts_with("changes/") && path != "changes/README.md";
    for path in workspace::files(root)?.into_iter().filter(is_change) {
        match parse(&path, &fs::read_to_string(root.join(&path))?, crates) {
            Ok(change) => changes.push(change),
            Err(why) => wrong.push(format!("{path}: {why}")),
        }
    }
    changes.sort_by(|one, other| one.path.cmp(&other.path));
    Ok((changes, wrong))
}

fn parse(path: &str, text: &str, crates: &BTreeSet<&str>) -> Result<Change> {
    let parts = path.strip_suffix(".md").map(|path| path.split('/').collect::<Vec<_>>());
    let Some(["changes", of, _]) = parts.as_deref() else {
        bail!("a change is a file `changes/<crate>/<what>.md`");
    };
    ensure!(crates.contains(of), "`{of}` is no published crate");
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let level =
        SECTIONS.map(|(level, _)| level).into_iter().find(|it| it.to_string() == first.trim());
    let level = level.context("the first line is one of `break`, `feature`, `fix`")?;
    let rest = rest.trim();
    ensure!(!rest.is_empty(), "the lines after the first say what changed");
    ensure!(
        level != Level::Break || rest.lines().any(|line| line.starts_with("Migration:")),
        "a break has a line that starts with `Migration:` and says what to do"
    );
    Ok(Change { of: (*of).to_owned(), path: path.to_owned(), level, text: rest.to_owned() })
}

/// The changelog `text` with these items under `version`. What stood under *Unreleased* is released
/// with it; an item that is there already is not repeated.
pub(crate) fn with_items(text: &str, version: &str, items: &[(Level, &str)]) -> String {
    let heading = format!("## {version}\n");
    let text = text.replacen("## Unreleased\n", &heading, 1);
    let (before, rest) =
        text.split_once(&heading).unwrap_or_else(|| text.split_at(next_section(&text)));
    let (section, after) = rest.split_at(next_section(rest));
    // Whole lines: one item may begin like another.
    let lines = format!("\n{section}\n");
    let mut added = String::new();
    for (level, heading) in SECTIONS {
        let items = items.iter().filter(|(of, _)| *of == level);
        // As one item of a list: what follows the first line is moved in.
        let items = items.map(|(_, text)| {
            format!("- {}\n", text.replace('\n', "\n  ").replace("\n  \n", "\n\n"))
        });
        let new: String = items.filter(|item| !lines.contains(&format!("\n{item}"))).collect();
        if !new.is_empty() {
            added.push_str(&format!("### {heading}\n\n{new}\n"));
        }
    }
    let parts = [before, &heading, section, &added, after].map(str::trim);
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n") + "\n"
}

/// Where the next section begins.
fn next_section(text: &str) -> usize {
    if text.starts_with("## ") { 0 } else { text.find("\n## ").map_or(text.len(), |at| at + 1) }
}
