//! The developer's commands, one file a command. `cargo xtask` alone lists them.
//!
//! A library as well as a binary, because the tests under `tests/` need [`venv`] too.

#![forbid(unsafe_code)]

mod arrows;
mod markdown;
mod metadata;
mod shell;
mod test;
mod tidy;
pub mod venv;

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
];

/// Runs the command that `words` name, in the repository's top folder.
///
/// The exit code is 0 for success, 1 for a check that failed and 2 for words that make no command.
pub fn main(words: &[String]) -> ExitCode {
    let Some((name, options)) = words.split_first() else {
        print!("{}", list());
        return ExitCode::SUCCESS;
    };
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        eprint!("xtask: there is no command `{name}`\n\n{}", list());
        return ExitCode::from(2);
    };
    if let Some(odd) = options
        .iter()
        .find(|word| !command.options.contains(&word.as_str()))
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
pub fn root() -> PathBuf {
    let here = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    here.parent()
        .map_or_else(|| here.clone(), Path::to_path_buf)
}

fn list() -> String {
    let mut text = String::from("Usage: cargo xtask <command>\n\n");
    for command in COMMANDS {
        let usage = [&[command.name], command.options].concat().join(" ");
        text.push_str(&format!("  {usage:<16}{}\n", command.about));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_has_one_line_in_the_list() {
        let list = list();
        for command in COMMANDS {
            let lines = list
                .lines()
                .filter(|line| line.trim_start().starts_with(command.name));
            assert_eq!(lines.count(), 1, "{}", command.name);
        }
    }
}
