//! The developer's commands, one file each. `cargo xtask help` lists them.
//!
//! A library as well as a binary, because tests need [`venv`] and [`copy`] too.

#![forbid(unsafe_code)]

mod api;
mod circles;
mod dist;
mod downstream;
mod features;
mod layering;
mod min_versions;
mod release;
mod semver;
mod shell;
mod test;
mod tidy;
pub mod venv;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

pub use workspace::{copy, root};

/// The developer's commands.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask", max_term_width = 100)]
enum Command {
    /// Run everything that a change must pass
    Test {
        /// Run only the format check, tidy, clippy and the unit tests
        #[arg(long)]
        quick: bool,
    },
    /// Check the rules of this repository that no other tool knows
    Tidy,
    /// Check each published crate by itself with each choice of its features
    Features,
    /// Compare the public API of each library with api/*.txt, and find foreign types in it
    Api {
        /// Write the public API to api/*.txt instead
        #[arg(long)]
        bless: bool,
    },
    /// Build tests/downstream against our packages, as a user would
    Downstream {
        /// Update the lock file of tests/downstream
        #[arg(long)]
        bless: bool,
    },
    /// Build with the oldest versions that the manifests allow
    MinVersions,
    /// Find what breaks for callers since the last release and is not told, with cargo-semver-checks
    Semver,
    /// Build the command as a file to distribute, with checksums, contents and licences
    Dist,
    /// Plan, carry out and rehearse a release, step by step
    #[command(subcommand)]
    Release(release::Step),
}

/// Runs the command that this process was started with, in the repository's top folder.
///
/// The exit code is 0 for success, 1 for a check that failed, and 2 for arguments that are not understood.
#[must_use]
pub fn main() -> ExitCode {
    let root = root();
    let done = match Command::parse() {
        Command::Test { quick } => test::run(&root, quick),
        Command::Tidy => tidy::run(&root),
        Command::Features => features::run(&root),
        Command::Api { bless } => api::run(&root, bless),
        Command::Downstream { bless } => downstream::run(&root, bless),
        Command::MinVersions => min_versions::run(&root),
        Command::Semver => semver::run(&root),
        Command::Dist => dist::run(&root),
        Command::Release(step) => release::run(&root, step),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("\nFAILED {reason:#}");
            ExitCode::FAILURE
        }
    }
}
