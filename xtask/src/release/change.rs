//! Changes that are not released yet: one file each, `changes/<crate>/<what>.md`. Two branches that each add a file
//! do not conflict, as they would in a changelog.

use std::{collections::BTreeSet, fmt, fs, path::Path};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use crate::workspace::relative;

/// How much a change asks of those who use the crate. A later one asks more.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    Fix,
    Feature,
    Break,
}

/// One change of one crate since its last tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// The crate's name.
    pub(crate) of: String,
    /// Where it was read, seen from the repository's top folder.
    pub(crate) path: String,
    pub(crate) level: Level,
    /// For the crate's users, in Markdown. None for what a tool found.
    pub(crate) text: Option<String>,
}

impl Level {
    pub(crate) const ALL: [Self; 3] = [Self::Break, Self::Feature, Self::Fix];

    /// What stands above such changes in a changelog.
    pub(crate) fn heading(self) -> &'static str {
        match self {
            Self::Break => "Breaking",
            Self::Feature => "New",
            Self::Fix => "Fixed",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Break => "break",
            Self::Feature => "feature",
            Self::Fix => "fix",
        })
    }
}

/// All changes under `changes/`, in the order of their paths, and what is wrong with those that cannot be read.
pub(crate) fn read(root: &Path, crates: &BTreeSet<&str>) -> Result<(Vec<Change>, Vec<String>)> {
    let (mut changes, mut wrong) = (Vec::new(), Vec::new());
    let mut folders = vec![root.join("changes")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let file = entry?.path();
            let path = relative(&file, root);
            if file.is_dir() {
                folders.push(file);
            } else if path != "changes/README.md" {
                match parse(&path, &fs::read_to_string(&file)?, crates) {
                    Ok(change) => changes.push(change),
                    Err(why) => wrong.push(format!("{path}: {why}")),
                }
            }
        }
    }
    changes.sort_by(|one, other| one.path.cmp(&other.path));
    wrong.sort();
    Ok((changes, wrong))
}

fn parse(path: &str, text: &str, crates: &BTreeSet<&str>) -> Result<Change> {
    let ["changes", of, file] = path.split('/').collect::<Vec<_>>()[..] else {
        bail!("a change is a file `changes/<crate>/<what>.md`");
    };
    ensure!(file.ends_with(".md"), "a change is a file `changes/<crate>/<what>.md`");
    ensure!(crates.contains(of), "`{of}` is no published crate");
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let level = Level::ALL.into_iter().find(|level| level.to_string() == first.trim());
    let level = level.context("the first line is one of `break`, `feature`, `fix`")?;
    let rest = rest.trim();
    ensure!(!rest.is_empty(), "the lines after the first say what changed");
    ensure!(
        level != Level::Break || rest.lines().any(|line| line.starts_with("Migration:")),
        "a break has a line that starts with `Migration:` and says what to do"
    );
    Ok(Change { of: of.to_owned(), path: path.to_owned(), level, text: Some(rest.to_owned()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(path: &str, text: &str) -> Result<Change> {
        parse(path, text, &BTreeSet::from(["dls-model"]))
    }

    #[test]
    fn the_first_line_is_the_kind_and_the_rest_is_for_users() {
        let change = parsed("changes/dls-model/wide.md", "feature\n\nWider ids.\n").unwrap();
        assert_eq!((change.of.as_str(), change.level), ("dls-model", Level::Feature));
        assert_eq!(change.text.as_deref(), Some("Wider ids."));
        let text = "break\nIds are wide.\n\nMigration: say `Wide`.";
        assert_eq!(parsed("changes/dls-model/x.md", text).unwrap().level, Level::Break);
    }

    #[test]
    fn a_change_that_cannot_be_read_says_what_is_missing() {
        for (path, text, why) in [
            ("changes/dls-model.md", "fix\nx", "`changes/<crate>/<what>.md`"),
            ("changes/dls-model/a/b.md", "fix\nx", "`changes/<crate>/<what>.md`"),
            ("changes/dls-model/wide.txt", "fix\nx", "`changes/<crate>/<what>.md`"),
            ("changes/xtask/x.md", "fix\nx", "`xtask` is no published crate"),
            ("changes/dls-model/x.md", "fixed\nx", "`break`, `feature`, `fix`"),
            ("changes/dls-model/x.md", "", "the first line"),
            ("changes/dls-model/x.md", "fix\n \n", "what changed"),
            ("changes/dls-model/x.md", "break\nGone.", "`Migration:`"),
        ] {
            let reason = parsed(path, text).unwrap_err().to_string();
            assert!(reason.contains(why), "{path} {text:?}: {reason}");
        }
    }
}
