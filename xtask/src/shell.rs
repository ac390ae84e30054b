//! Commands by `xshell`, which prints each as it runs it.

use std::{env, path::Path};

use anyhow::{Result, ensure};
use xshell::{Cmd, Shell};

/// `xshell::cmd!`, independent of how xtask itself was started.
macro_rules! cmd {
    ($shell:expr, $line:literal) => {
        // A `match`, so that a shell made here lives as long as the command.
        match &$shell {
            shell => $crate::shell::independent(xshell::cmd!(shell, $line)),
        }
    };
}
pub(crate) use cmd;

pub(crate) fn at(folder: &Path) -> Result<Shell> {
    let shell = Shell::new()?;
    shell.change_dir(folder);
    Ok(shell)
}

/// Cargo tells this process which package it is. Some build scripts (ring's) read these variables, and would run
/// again whenever `cargo test` and `cargo xtask test` alternate.
pub(crate) fn independent(command: Cmd<'_>) -> Cmd<'_> {
    let starts = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"];
    env::vars_os()
        .filter_map(|(name, _)| name.into_string().ok())
        .filter(|name| starts.iter().any(|start| name.starts_with(start)))
        .fold(command, Cmd::env_remove)
}

/// Prints what a check found, and fails with `summary` if that is anything.
pub(crate) fn report(problems: &[String], summary: &str) -> Result<()> {
    for problem in problems {
        println!("  {problem}");
    }
    ensure!(problems.is_empty(), "{summary}");
    Ok(())
}
