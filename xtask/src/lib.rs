//! The developer's commands, one file a command. `cargo xtask` alone lists them.
//!
//! A library as well as a binary, because the tests under `tests/` need [`venv`] too.

#![forbid(unsafe_code)]

mod api;
mod arrows;
mod dist;
mod downstream;
mod external_types;
mod features;
mod markdown;
mod metadata;
mod min_versions;
mod release;
mod semver;
mod shell;
mod surface;
mod test;
mod tidy;
pub mod venv;
mod working_tree;

use std::{
    env,
    error::Error,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// What a command, or a part of one, ends with: nothing more to say, or the reason why it failed.
pub type Outcome<T = ()> = Result<T, Box<dyn Error>>;

struct Command {
    name: &'static str,
    /// Each as it is typed, followed by a blank and a word in capitals if it takes a value.
    options: &'static [&'static str],
    about: &'static str,
    run: fn(&Path, &[String]) -> Outcome,
}

const COMMANDS: &[Command] = &[
    Command {
        name: "test",
        options: &["--quick"],
        about: "everything that a change must pass (--quick: format, tidy, clippy, unit tests)",
        run: test::run,
    },
    Command {
        name: "tidy",
        options: &[],
        about: "the rules of the house: arrows between crates, reasons for dependencies, module heads",
        run: tidy::run,
    },
    Command {
        name: "features",
        options: &[],
        about: "each published crate by itself: with no feature, the default, each alone, all",
        run: features::run,
    },
    Command {
        name: "api",
        options: &["--bless"],
        about: "compare the public API of each library with api/*.txt (--bless: write it there)",
        run: api::run,
    },
    Command {
        name: "external-types",
        options: &[],
        about: "which crates of others stand in public signatures",
        run: external_types::run,
    },
    Command {
        name: "downstream",
        options: &["--bless"],
        about: "what strangers build of our packages (--bless: put their lock file back)",
        run: downstream::run,
    },
    Command {
        name: "min-versions",
        options: &[],
        about: "build with the oldest versions that the manifests allow, in a copy",
        run: min_versions::run,
    },
    Command {
        name: "semver",
        options: &["--since TAG", "--out FILE"],
        about: "what breaks for callers since the last release, if cargo-semver-checks is installed",
        run: semver::run,
    },
    Command {
        name: "dist",
        options: &[],
        about: "the command as a file to give away: built twice, with its checksums, parts and licences",
        run: dist::run,
    },
    Command {
        name: "release",
        options: STEPS,
        about: "plan, bump, check, tag, publish and rehearse a release; alone, it lists these steps",
        run: release::run,
    },
];

/// Stands for a command whose first word is a step, which reads its options itself.
const STEPS: &[&str] = &["STEP"];

/// Runs the command that `words` name, in the repository's top folder.
///
/// The exit code is 0 for success, 1 for a check that failed and 2 for words that make no command.
#[must_use]
pub fn main(words: &[String]) -> ExitCode {
    let Some((name, options)) = words.split_first() else {
        print!("{}", list());
        return ExitCode::SUCCESS;
    };
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        eprint!("xtask: there is no command `{name}`\n\n{}", list());
        return ExitCode::from(2);
    };
    if command.options != STEPS
        && let Some(odd) = odd(command.options, options)
    {
        eprint!("xtask: `{name}` has no option `{odd}`\n\n{}", list());
        return ExitCode::from(2);
    }
    match (command.run)(&root(), options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("\nFAILED {reason}");
            ExitCode::FAILURE
        }
    }
}

/// The repository's top folder.
#[must_use]
pub fn root() -> PathBuf {
    let here = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    here.parent().map_or_else(|| here.clone(), Path::to_path_buf)
}

/// The first word that is no option, or an option whose value is missing.
pub(crate) fn odd<'a>(all: &[&str], words: &'a [String]) -> Option<&'a str> {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let known = |option: &&&str| option.split(' ').next() == Some(word);
        match all.iter().find(known) {
            Some(option) if !option.contains(' ') || words.next().is_some() => {}
            _ => return Some(word),
        }
    }
    None
}

/// What follows the option `name` in words that are not odd.
pub(crate) fn value<'a>(words: &'a [String], name: &str) -> Option<&'a str> {
    let at = words.iter().position(|word| word == name)?;
    words.get(at + 1).map(String::as_str)
}

fn list() -> String {
    let usages =
        COMMANDS.iter().map(|command| [&[command.name], command.options].concat().join(" "));
    let usages: Vec<String> = usages.collect();
    let width = usages.iter().map(String::len).max().unwrap_or_default();
    let lines = usages
        .iter()
        .zip(COMMANDS)
        .map(|(usage, command)| format!("  {usage:<width$}  {}\n", command.about));
    format!("Usage: cargo xtask <command>\n\n{}", lines.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_that_is_not_known_or_has_no_value_is_odd() {
        let odd = |text: &str| {
            let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
            odd(&["--bless", "--since TAG"], &words).map(str::to_owned)
        };
        assert_eq!(odd(""), None);
        assert_eq!(odd("--since v1 --bless"), None);
        assert_eq!(odd("--bless --since"), Some("--since".into()));
        assert_eq!(odd("--bless v1"), Some("v1".into()));
        assert_eq!(odd("--sin v1"), Some("--sin".into()));
    }

    #[test]
    fn each_command_has_one_line_in_the_list() {
        let list = list();
        for command in COMMANDS {
            let lines = list.lines().filter(|line| line.trim_start().starts_with(command.name));
            assert_eq!(lines.count(), 1, "{}", command.name);
        }
    }
}
