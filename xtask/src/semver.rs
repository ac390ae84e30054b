//! `cargo xtask semver`: does a library break its callers since its last release? That is known by
//! cargo-semver-checks, which takes ten minutes to install, so it is used where it is there.

use std::path::Path;

use crate::{Outcome, metadata, shell::Line};

const INSTALL: &str = "cargo install --locked cargo-semver-checks";

/// Compares each library with the tag `--since`, or with its own last release.
pub(crate) fn run(root: &Path, options: &[String]) -> Outcome {
    let commands = Line::new("cargo --list").read(root)?;
    if !has_command(&commands, "semver-checks") {
        println!("  SKIPPED cargo-semver-checks is not installed: {INSTALL}");
        return Ok(());
    }
    let tags = Line::new("git tag --list --merged HEAD --sort=-version:refname").read(root)?;
    let since = options.get(1).map(String::as_str);
    let packages = metadata::read(root)?;
    for package in packages
        .iter()
        .filter(|package| package.published && package.library)
    {
        let name = &package.name;
        match since.or_else(|| last_release(&tags, name)) {
            Some(tag) => Line::new(&format!(
                "cargo semver-checks -p {name} --all-features --baseline-rev {tag}"
            ))
            .show_and_run(root)?,
            None => println!("  SKIPPED {name} has no release yet: no tag {name}-v…"),
        }
    }
    Ok(())
}

fn has_command(list: &str, name: &str) -> bool {
    list.lines()
        .any(|line| line.split_whitespace().next() == Some(name))
}

/// The first of the tags, the newest first, that belongs to the crate.
fn last_release<'a>(tags: &'a str, name: &str) -> Option<&'a str> {
    tags.lines().find(|tag| {
        tag.strip_prefix(name)
            .and_then(|rest| rest.strip_prefix("-v"))
            .is_some_and(|version| version.starts_with(|c: char| c.is_ascii_digit()))
    })
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

    #[test]
    fn the_newest_tag_of_the_crate_itself_counts() {
        let tags = "dls-model-v0.10.0\ndls-model-v0.9.0\ndls-v0.2.0\ndls-vnext\n";
        assert_eq!(last_release(tags, "dls-model"), Some("dls-model-v0.10.0"));
        assert_eq!(last_release(tags, "dls"), Some("dls-v0.2.0"));
        assert_eq!(last_release(tags, "dls-rollout"), None);
    }
}
