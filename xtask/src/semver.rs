//! `cargo xtask semver`: does a library break its callers since its last release? That is known by
//! cargo-semver-checks, which takes five to ten minutes to install: it belongs to a release, and not to each change.

use std::{fs, path::Path};

use serde_json::{Map, Value};

use crate::{Outcome, metadata, release, shell::Line, value};

const INSTALL: &str = "cargo install --locked cargo-semver-checks";

/// What cargo-semver-checks exits with when it found a break, and did not fail itself.
const BREAK: i32 = 100;

/// Compares each library with the tag `--since`, or with its own last release, and fails if one breaks more than
/// its version says. With `--out` it writes the breaks instead, as `cargo xtask release plan --semver` reads them.
pub(crate) fn run(root: &Path, options: &[String]) -> Outcome {
    let mut pairs = Vec::new();
    for package in metadata::read(root)? {
        if package.published && package.library.is_some() {
            let name = package.name;
            let since = match value(options, "--since") {
                Some(tag) => Some(tag.to_owned()),
                None => release::last_release(root, &name)?,
            };
            match since {
                Some(tag) => pairs.push((name, tag)),
                None => println!("  SKIPPED {name} has no release yet: no tag {name}-v…"),
            }
        }
    }
    let commands = Line::new("cargo --list").read(root)?;
    if !pairs.is_empty() && !has_command(&commands, "semver-checks") {
        return Err(format!("cargo-semver-checks is not installed: {INSTALL}").into());
    }
    let mut breaks = Map::new();
    for (name, tag) in pairs {
        if is_break(root, &name, &tag)? {
            breaks.insert(name, "break".into());
        }
    }
    if let Some(out) = value(options, "--out") {
        return Ok(fs::write(root.join(out), format!("{:#}\n", Value::from(breaks)))?);
    }
    if breaks.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = breaks.keys().map(String::as_str).collect();
    Err(format!("a break that the version does not tell of: {}", names.join(", ")).into())
}

fn is_break(root: &Path, name: &str, since: &str) -> Outcome<bool> {
    let line = format!("cargo semver-checks -p {name} --all-features --baseline-rev {since}");
    let line = Line::new(&line);
    match line.show_and_code(root)? {
        Some(0) => Ok(false),
        Some(BREAK) => Ok(true),
        _ => Err(format!("cargo-semver-checks failed: {line}").into()),
    }
}

fn has_command(list: &str, name: &str) -> bool {
    list.lines().any(|line| line.split_whitespace().next() == Some(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_found_by_its_whole_name() {
        let list = "Installed Commands:\n    check    Check\n    semver-checks\n";
        assert!(has_command(list, "semver-checks"));
        assert!(!has_command(list, "semver"));
    }
}
