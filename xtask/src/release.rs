//! `cargo xtask release`: from changes to published crates, one step after the other. Each crate has a version
//! and a tag of its own. What is to be decided is decided by pure functions; the rest asks git and cargo.

mod bump;
mod cargo;
mod changelog;
mod check;
mod copy;
mod facts;
mod fragment;
mod manifest;
mod plan;
mod publish;
mod registry;
mod rehearse;
mod report;
mod tag;

use std::{fs, path::Path};

pub(crate) use {
    bump::clean,
    cargo::checksum,
    copy::{empty, fresh, work},
    facts::last_release,
    manifest::required,
    rehearse::run as rehearse,
};

use crate::Outcome;
use facts::Facts;
use plan::Bump;

/// The workspace that requires our crates by version alone.
pub(crate) const STRANGERS: &str = "tests/downstream";

struct Step {
    name: &'static str,
    /// A name, and after a blank what it takes.
    options: &'static [&'static str],
    about: &'static str,
    run: fn(&Path, &Options) -> Outcome,
}

const STEPS: &[Step] = &[
    Step {
        name: "plan",
        options: &["--json", "--semver FILE"],
        about: "which crates go out with which versions, in order, and why",
        run: |root, options| {
            let bumps = planned(root, options)?.1;
            if options.has("--json") {
                println!("{:#}", report::json(&bumps));
            } else {
                print!("{}", report::table(&bumps));
            }
            Ok(())
        },
    },
    Step {
        name: "bump",
        options: &["--semver FILE"],
        about: "one commit: versions, requirements, and fragments that become changelogs",
        run: bump::run,
    },
    Step {
        name: "check",
        options: &["--registry NAME", "--offline"],
        about: "in a fresh clone: packages, their contents and docs; tags, versions and names are free",
        run: check::run,
    },
    Step {
        name: "tag",
        options: &[],
        about: "a tag for each crate whose version has none",
        run: tag::run,
    },
    Step {
        name: "publish",
        options: &["--registry NAME", "--at TAG", "--no-verify"],
        about: "what was tagged last, crate by crate; may be repeated after any failure",
        run: publish::run,
    },
    Step {
        name: "rehearse",
        options: &[],
        about: "all of it on a copy, against a registry on this machine that fails on purpose",
        run: |root, _| rehearse::run(root, &[]),
    },
];

/// The words after a step, which are options that it knows.
pub(crate) struct Options<'a>(&'a [String]);

impl<'a> Options<'a> {
    fn read(step: &Step, words: &'a [String]) -> Outcome<Self> {
        match crate::odd(step.options, words) {
            None => Ok(Self(words)),
            Some(odd) => {
                Err(format!("`release {}` does not take `{odd}`: cargo xtask release", step.name)
                    .into())
            }
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|word| word == name)
    }

    pub(crate) fn value(&self, name: &str) -> Option<&'a str> {
        crate::value(self.0, name)
    }
}

pub(crate) fn run(root: &Path, words: &[String]) -> Outcome {
    let Some((name, options)) = words.split_first() else {
        print!("{}", list());
        return Ok(());
    };
    let step = STEPS.iter().find(|step| step.name == name);
    let step = step.ok_or_else(|| format!("`release` has no step `{name}`\n\n{}", list()))?;
    (step.run)(root, &Options::read(step, options)?)
}

/// What keeps the next release from being planned: fragments that cannot be read, and changes without one.
pub(crate) fn untold(root: &Path) -> Outcome<Vec<String>> {
    Ok(Facts::read(root)?.wrong)
}

/// The facts and the plan, with what the file of `--semver` adds to the fragments.
pub(crate) fn planned(root: &Path, options: &Options) -> Outcome<(Facts, Vec<Bump>)> {
    let facts = Facts::read(root)?;
    if let Some(wrong) = facts.wrong.first() {
        let more = facts.wrong.len() - 1;
        let more = if more == 0 { String::new() } else { format!(" (and {more} more)") };
        return Err(format!("no release: {wrong}{more}").into());
    }
    let mut changes = facts.changes();
    if let Some(file) = options.value("--semver") {
        let text =
            fs::read_to_string(root.join(file)).map_err(|error| format!("{file}: {error}"))?;
        changes.extend(facts::found(&text, file, &facts.members)?);
    }
    let bumps = plan::plan(&facts.members, &changes)?;
    Ok((facts, bumps))
}

fn list() -> String {
    let mut text = String::from("Usage: cargo xtask release <step>\n\n");
    for step in STEPS {
        text.push_str(&format!("  {:<10}{}\n", step.name, step.about));
        for option in step.options {
            text.push_str(&format!("  {:<10}  {option}\n", ""));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_has_its_value_and_one_that_is_not_known_is_named() {
        let words = ["--json", "--semver", "file"].map(str::to_owned);
        let options = Options::read(&STEPS[0], &words).unwrap();
        assert!(options.has("--json"));
        assert_eq!(options.value("--semver"), Some("file"));
        for (words, odd) in [(&words[..2], "--semver"), (&words[2..], "file")] {
            let reason = Options::read(&STEPS[0], words).err().unwrap().to_string();
            assert!(
                reason.starts_with(&format!("`release plan` does not take `{odd}`")),
                "{reason}"
            );
        }
    }
}
