//! `cargo xtask test`: all that a change must pass, in one command. The cheap checks come first.

use std::{path::Path, time::Duration};

use crate::{
    Outcome, api, downstream, external_types, features, release,
    shell::{self, Line},
    tidy,
    venv::Venv,
};

/// A check: its name, and how it is done.
struct Step {
    name: &'static str,
    work: Work,
}

enum Work {
    /// A shell line as it stands.
    Shell(&'static str),
    /// A tool from `tools/requirements.txt` with its arguments.
    Tool(&'static str, &'static str),
    /// Another of our own commands, without a process of its own.
    Ours(&'static str, fn(&Path, &[String]) -> Outcome),
}

const FORMAT: Step = Step { name: "format", work: Work::Shell("cargo fmt --all --check") };
const TIDY: Step = Step { name: "tidy", work: Work::Ours("cargo xtask tidy", tidy::run) };
// All steps build the same features with the same flags: what one has built, the next one takes.
const CLIPPY: Step = Step {
    name: "clippy",
    work: Work::Shell("cargo clippy --workspace --all-targets --all-features -- -D warnings"),
};

const QUICK: &[Step] = &[
    FORMAT,
    TIDY,
    CLIPPY,
    Step {
        name: "unit tests",
        work: Work::Shell("cargo test --workspace --all-features --lib --bins"),
    },
];

const EVERYTHING: &[Step] = &[
    FORMAT,
    // The licences of all platforms' crates are read below, so those must be here too.
    Step { name: "fetch", work: Work::Shell("cargo fetch --locked") },
    TIDY,
    Step { name: "spelling", work: Work::Tool("typos", "") },
    Step {
        name: "licences, bans, sources",
        work: Work::Tool("cargo-deny", "--offline --all-features check bans licenses sources"),
    },
    Step { name: "unused dependencies", work: Work::Tool("cargo-shear", "") },
    CLIPPY,
    Step { name: "features", work: Work::Ours("cargo xtask features", features::run) },
    Step { name: "public API", work: Work::Ours("cargo xtask api", api::run) },
    Step {
        name: "external types",
        work: Work::Ours("cargo xtask external-types", external_types::run),
    },
    Step {
        name: "docs",
        work: Work::Shell("RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps --all-features"),
    },
    // Doctests and the referee included.
    Step { name: "tests", work: Work::Shell("cargo test --workspace --all-features") },
    Step { name: "downstream", work: Work::Ours("cargo xtask downstream", downstream::run) },
    // Offline, too: from what was fetched above.
    Step {
        name: "rehearsal of a release",
        work: Work::Ours("cargo xtask release rehearse", release::rehearse),
    },
];

/// Does one step after the other, stops at the first that fails, and tells the time that each took.
pub(crate) fn run(root: &Path, options: &[String]) -> Outcome {
    let steps = if options.is_empty() { EVERYTHING } else { QUICK };
    let mut times: Vec<(&str, Duration)> = Vec::new();
    for step in steps {
        println!("\n== {}", step.name);
        let (outcome, time) = shell::timed(|| step.work.run(root));
        times.push((step.name, time));
        outcome.map_err(|reason| format!("{} {reason}", step.name))?;
        println!("   {:.1} s", time.as_secs_f64());
    }
    print!("\n{}", summary(&times));
    Ok(())
}

impl Work {
    fn run(&self, root: &Path) -> Outcome {
        let line = match self {
            Self::Ours(words, command) => {
                println!("$ {words}");
                return command(root, &[]);
            }
            Self::Shell(words) => Line::new(words),
            Self::Tool(name, arguments) => {
                let tools = Venv::open(
                    root,
                    Path::new("target/tools"),
                    Path::new("tools/requirements.txt"),
                )?;
                Line::at(&tools.program(name), arguments)
            }
        };
        line.show_and_run(root)
    }
}

fn summary(times: &[(&str, Duration)]) -> String {
    let total = ("all passed", times.iter().map(|(_, time)| *time).sum());
    let lines = times.iter().chain([&total]);
    lines.map(|(name, time)| format!("{:>8.1} s  {name}\n", time.as_secs_f64())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_ends_with_the_whole_time() {
        let times = [("format", Duration::from_millis(1_250)), ("tests", Duration::from_secs(60))];
        assert_eq!(
            summary(&times),
            "     1.2 s  format\n    60.0 s  tests\n    61.2 s  all passed\n"
        );
    }

    #[test]
    fn quick_leaves_out_and_adds_nothing_but_unit_tests() {
        let names = |steps: &'static [Step]| steps.iter().map(|step| step.name);
        let added: Vec<_> =
            names(QUICK).filter(|name| names(EVERYTHING).all(|other| other != *name)).collect();
        assert_eq!(added, ["unit tests"]);
    }
}
