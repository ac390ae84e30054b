//! A shell line that is printed as it is run, so that it can be pasted and run again.

use std::{
    env, fmt,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    time::Duration,
};

use crate::{Outcome, root};

/// A program with its arguments, after the environment variables that are set for it alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    variables: Vec<(String, String)>,
    program: String,
    arguments: Vec<String>,
}

impl Line {
    /// Reads `NAME=value program argument…`. Words end at a blank; there is no quoting.
    pub(crate) fn new(text: &str) -> Self {
        let mut words = text.split_whitespace().map(str::to_owned).peekable();
        let mut variables = Vec::new();
        while let Some((name, value)) = words.peek().and_then(|word| word.split_once('=')) {
            variables.push((name.to_owned(), value.to_owned()));
            words.next();
        }
        let program = words.next().unwrap_or_default();
        Self { variables, program, arguments: words.collect() }
    }

    /// The same for a program at a path of its own, which may hold blanks.
    pub(crate) fn at(program: &Path, arguments: &str) -> Self {
        Self {
            variables: Vec::new(),
            program: program.display().to_string(),
            arguments: arguments.split_whitespace().map(str::to_owned).collect(),
        }
    }

    /// Adds one argument, which may hold blanks.
    pub(crate) fn with(mut self, argument: impl AsRef<Path>) -> Self {
        self.arguments.push(argument.as_ref().display().to_string());
        self
    }

    /// Sets a variable for this program, whose value may hold blanks.
    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Prints the line as somebody in the repository's top folder would type it to run it in `folder`.
    pub(crate) fn show(&self, folder: &Path) {
        println!("$ {}", self.seen_from(&root(), folder));
    }

    fn seen_from(&self, root: &Path, folder: &Path) -> String {
        let folder = folder.strip_prefix(root).unwrap_or(folder);
        if folder.as_os_str().is_empty() {
            self.to_string()
        } else {
            format!("(cd {} && {self})", quoted(&folder.display().to_string()))
        }
    }

    /// Prints the line, then runs it in `folder`.
    pub(crate) fn show_and_run(&self, folder: &Path) -> Outcome {
        self.show(folder);
        self.run(folder)
    }

    /// Prints the line, then runs it in `folder` and gives back what the program printed on its standard output.
    pub(crate) fn show_and_read(&self, folder: &Path) -> Outcome<String> {
        self.show(folder);
        self.read(folder)
    }

    /// Prints the line, then runs it in `folder` and gives back its exit code. None if it was killed.
    pub(crate) fn show_and_code(&self, folder: &Path) -> Outcome<Option<i32>> {
        self.show(folder);
        Ok(self.status(folder)?.code())
    }

    /// Runs in `folder` and shows what the program prints.
    pub(crate) fn run(&self, folder: &Path) -> Outcome {
        let status = self.status(folder)?;
        if status.success() { Ok(()) } else { Err(format!("({status}): {self}").into()) }
    }

    /// Runs in `folder` and gives back what the program printed on its standard output.
    pub(crate) fn read(&self, folder: &Path) -> Outcome<String> {
        let output = self
            .command(folder)
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| self.did_not_start(&error))?;
        if output.status.success() {
            Ok(String::from_utf8(output.stdout)?)
        } else {
            Err(format!("({}): {self}", output.status).into())
        }
    }

    /// Runs in `folder` and gives back what the program printed: on its standard output if it
    /// succeeded, on its standard error if it did not.
    pub(crate) fn ask(&self, folder: &Path) -> Outcome<Result<String, String>> {
        let output = self.command(folder).output();
        let output = output.map_err(|error| self.did_not_start(&error))?;
        Ok(if output.status.success() {
            Ok(String::from_utf8(output.stdout)?)
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        })
    }

    fn status(&self, folder: &Path) -> Outcome<ExitStatus> {
        let status = self.command(folder).status();
        Ok(status.map_err(|error| self.did_not_start(&error))?)
    }

    fn command(&self, folder: &Path) -> Command {
        let mut command = Command::new(self.place(folder));
        command.args(&self.arguments).current_dir(folder).stdin(Stdio::null());
        // Cargo tells this process which package it is. Some build scripts (ring's) look at these
        // variables, and would be run again whenever `cargo test` and `cargo xtask test` alternate.
        for (name, _) in env::vars_os() {
            if name.to_str().is_some_and(is_about_this_package) {
                command.env_remove(name);
            }
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// A name is looked up by the system, a path is taken from `folder` on every platform.
    fn place(&self, folder: &Path) -> PathBuf {
        let program = PathBuf::from(&self.program);
        if program.components().count() > 1 { folder.join(program) } else { program }
    }

    fn did_not_start(&self, error: &std::io::Error) -> String {
        format!("to start ({error}): {self}")
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.variables {
            write!(f, "{name}={} ", quoted(value))?;
        }
        write!(f, "{}", quoted(&self.program))?;
        for argument in &self.arguments {
            write!(f, " {}", quoted(argument))?;
        }
        Ok(())
    }
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,{}@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

fn is_about_this_package(variable: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"]
        .iter()
        .any(|start| variable.starts_with(start))
}

/// Runs `work` and tells how long it took.
#[expect(clippy::disallowed_methods, reason = "wall time for people; nothing is decided by it")]
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = std::time::Instant::now();
    let done = work();
    (done, start.elapsed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_printed_as_it_was_written() {
        let text = "RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps";
        let line = Line::new(text);
        assert_eq!(line.to_string(), text);
        assert_eq!(line.variables, [("RUSTDOCFLAGS".into(), "-Dwarnings".into())]);
        assert_eq!(line.program, "cargo");
    }

    #[test]
    fn an_argument_with_an_equals_sign_is_no_variable() {
        let line = Line::new("cargo test --color=never");
        assert!(line.variables.is_empty());
        assert_eq!(line.arguments, ["test", "--color=never"]);
    }

    #[test]
    fn a_word_with_blanks_is_quoted_when_printed() {
        let line = Line::at(Path::new("a folder/it's"), "--check");
        assert_eq!(line.to_string(), r"'a folder/it'\''s' --check");
        assert_eq!(line.arguments, ["--check"]);
        let line = Line::new("cargo doc").set("RUSTDOCFLAGS", "-D warnings");
        assert_eq!(line.to_string(), "RUSTDOCFLAGS='-D warnings' cargo doc");
    }

    #[test]
    fn a_line_for_another_folder_goes_there_and_comes_back() {
        let line = Line::new("A=b git checkout");
        let seen = |folder: &str| line.seen_from(Path::new("/top"), Path::new(folder));
        assert_eq!(seen("/top"), "A=b git checkout");
        assert_eq!(seen("/top/target/x"), "(cd target/x && A=b git checkout)");
        assert_eq!(seen("/a b"), "(cd '/a b' && A=b git checkout)");
    }

    #[test]
    fn a_program_that_does_not_start_is_named() {
        let reason =
            Line::new("no-such-program --now").run(Path::new(".")).unwrap_err().to_string();
        assert!(reason.starts_with("to start"), "{reason}");
        assert!(reason.ends_with("no-such-program --now"), "{reason}");
    }

    #[cfg(unix)]
    #[test]
    fn a_line_that_fails_says_which_line_and_how() {
        let reason = Line::new("false --now").run(Path::new(".")).unwrap_err().to_string();
        assert_eq!(reason, "(exit status: 1): false --now");
    }
}
