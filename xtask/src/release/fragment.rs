//! Fragments: one file for each change, `changes/<crate>/<what>.md`. Two branches that each add a file do not
//! meet in one place, as they would in a changelog.

use std::{collections::BTreeSet, fmt, fs, path::Path};

use crate::Outcome;

/// How much a change asks of those who use the crate. A later one asks more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Fix,
    Feature,
    Break,
}

/// The first line of a fragment, what it means, and the heading in the changelog.
pub(crate) const LEVELS: [(Level, &str, &str); 3] = [
    (Level::Break, "break", "Breaking"),
    (Level::Feature, "feature", "New"),
    (Level::Fix, "fix", "Fixed"),
];

/// One change of one crate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fragment {
    /// The crate's name.
    pub(crate) of: String,
    /// Where it was read, seen from the repository's top folder.
    pub(crate) path: String,
    pub(crate) level: Level,
    /// Why, in Markdown.
    pub(crate) text: String,
}

impl Level {
    pub(crate) fn parse(word: &str) -> Option<Self> {
        let row = LEVELS.iter().find(|(_, name, _)| *name == word);
        row.map(|(level, ..)| *level)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = LEVELS.iter().find(|(level, ..)| level == self);
        f.write_str(row.map_or("", |(_, name, _)| *name))
    }
}

/// All fragments under `changes/`, in the order of their paths, and what is wrong with those that cannot be read.
pub(crate) fn read(root: &Path, crates: &BTreeSet<&str>) -> Outcome<(Vec<Fragment>, Vec<String>)> {
    let (mut read, mut wrong) = (Vec::new(), Vec::new());
    for path in files(root)? {
        let text = fs::read_to_string(root.join(&path))?;
        match parse(&path, &text, crates) {
            Ok(fragment) => read.push(fragment),
            Err(why) => wrong.push(format!("{path}: {why}")),
        }
    }
    Ok((read, wrong))
}

fn parse(path: &str, text: &str, crates: &BTreeSet<&str>) -> Result<Fragment, String> {
    let of = match path.split('/').collect::<Vec<_>>().as_slice() {
        ["changes", of, file] if file.ends_with(".md") => (*of).to_owned(),
        _ => return Err("a change is told in `changes/<crate>/<what>.md`".into()),
    };
    if !crates.contains(of.as_str()) {
        return Err(format!("`{of}` is no published crate"));
    }
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let level = Level::parse(first.trim()).ok_or_else(|| {
        let names = LEVELS.map(|(_, name, _)| format!("`{name}`"));
        format!("the first line is one of {}", names.join(", "))
    })?;
    let rest = rest.trim();
    if rest.is_empty() {
        return Err("below the first line stands why".into());
    }
    if level == Level::Break && !rest.lines().any(|line| line.starts_with("Migration:")) {
        return Err("a break has a line that starts with `Migration:` and says what to do".into());
    }
    Ok(Fragment { of, path: path.to_owned(), level, text: rest.to_owned() })
}

/// Everything under `changes/` but its README, seen from `root`, with `/` on every platform.
fn files(root: &Path) -> Outcome<Vec<String>> {
    let mut folders = vec!["changes".to_owned()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        if !root.join(&folder).is_dir() {
            continue;
        }
        for entry in fs::read_dir(root.join(&folder))? {
            let entry = entry?;
            let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
            if entry.file_type()?.is_dir() {
                folders.push(path);
            } else if path != "changes/README.md" {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(path: &str, text: &str) -> Result<Fragment, String> {
        parse(path, text, &BTreeSet::from(["dls-model"]))
    }

    #[test]
    fn the_first_line_is_the_kind_and_the_rest_says_why() {
        let fragment = parsed("changes/dls-model/wide.md", "feature\n\nWider ids.\n").unwrap();
        assert_eq!(fragment.of, "dls-model");
        assert_eq!(fragment.level, Level::Feature);
        assert_eq!(fragment.text, "Wider ids.");
    }

    #[test]
    fn a_fragment_that_cannot_be_read_says_what_is_missing() {
        for (path, text, why) in [
            ("changes/dls-model.md", "fix\nx", "`changes/<crate>/<what>.md`"),
            ("changes/dls-model/a/b.md", "fix\nx", "`changes/<crate>/<what>.md`"),
            ("changes/dls-model/wide.txt", "fix\nx", "`changes/<crate>/<what>.md`"),
            ("changes/xtask/x.md", "fix\nx", "`xtask` is no published crate"),
            ("changes/dls-model/x.md", "fixed\nx", "`break`, `feature`, `fix`"),
            ("changes/dls-model/x.md", "", "the first line"),
            ("changes/dls-model/x.md", "fix\n \n", "why"),
            ("changes/dls-model/x.md", "break\nGone.", "`Migration:`"),
        ] {
            let reason = parsed(path, text).unwrap_err();
            assert!(reason.contains(why), "{path} {text:?}: {reason}");
        }
    }

    #[test]
    fn a_break_that_says_how_to_migrate_is_read() {
        let text = "break\nIds are wide.\n\nMigration: say `Wide`.";
        assert_eq!(parsed("changes/dls-model/x.md", text).unwrap().level, Level::Break);
    }
}
