//! `cargo xtask test`: all that a change must pass, in one command. The cheap checks come first.

use std::{path::Path, time::Duration};

use anyhow::{Context, Result};
use xshell::Shell;

use crate::{
    api, downstream, features, release,
    shell::{self, cmd},
    tidy,
    venv::Venv,
};

/// A check: its name, and how it is done in the repository's top folder.
type Step = (&'static str, fn(&Path, &Shell) -> Result<()>);

const FORMAT: Step = ("format", |_, sh| Ok(cmd!(sh, "cargo fmt --all --check").run()?));
const TIDY: Step = ("tidy", |root, _| tidy::run(root));
// All steps build the same features with the same flags: what one has built, the next one takes.
const CLIPPY: Step = ("clippy", |_, sh| {
    Ok(cmd!(sh, "cargo clippy --workspace --all-targets --all-features -- -D warnings").run()?)
});

const QUICK: &[Step] = &[
    FORMAT,
    TIDY,
    CLIPPY,
    ("unit tests", |_, sh| {
        Ok(cmd!(sh, "cargo test --workspace --all-features --lib --bins").run()?)
    }),
];

const EVERYTHING: &[Step] = &[
    FORMAT,
    // The licences of all platforms' crates are read below, so those must be here too.
    ("fetch", |_, sh| Ok(cmd!(sh, "cargo fetch --locked").run()?)),
    TIDY,
    ("spelling", |root, sh| tool(root, sh, "typos", &[])),
    ("licences, bans, sources", |root, sh| {
        let words = ["--offline", "--all-features", "check", "bans", "licenses", "sources"];
        tool(root, sh, "cargo-deny", &words)
    }),
    ("unused dependencies", |root, sh| tool(root, sh, "cargo-shear", &[])),
    CLIPPY,
    ("features", |root, _| features::run(root)),
    ("public API", |root, _| api::run(root, false)),
    ("docs", |_, sh| {
        let doc = cmd!(sh, "cargo doc --workspace --no-deps --all-features");
        Ok(doc.env("RUSTDOCFLAGS", "-Dwarnings").run()?)
    }),
    // Doctests and the referee included.
    ("tests", |_, sh| Ok(cmd!(sh, "cargo test --workspace --all-features").run()?)),
    ("downstream", |root, _| downstream::run(root, false)),
    // Offline, too: from what was fetched above.
    ("rehearsal of a release", |root, _| release::rehearse(root)),
];

/// Does one step after the other, stops at the first that fails, and prints how long each took.
pub(crate) fn run(root: &Path, quick: bool) -> Result<()> {
    let sh = shell::at(root)?;
    let mut times = Vec::new();
    for (name, work) in if quick { QUICK } else { EVERYTHING } {
        println!("\n== {name}");
        let (done, time) = timed(|| work(root, &sh));
        done.context(*name)?;
        println!("   {:.1} s", time.as_secs_f64());
        times.push((*name, time));
    }
    times.push(("all passed", times.iter().map(|(_, time)| *time).sum()));
    for (name, time) in times {
        println!("{:>8.1} s  {name}", time.as_secs_f64());
    }
    Ok(())
}

/// A tool from `tools/requirements.txt`.
fn tool(root: &Path, sh: &Shell, name: &str, words: &[&str]) -> Result<()> {
    let tools = Venv::open(root, Path::new("target/tools"), Path::new("tools/requirements.txt"))?;
    let program = tools.program(name);
    Ok(cmd!(sh, "{program} {words...}").run()?)
}

#[expect(clippy::disallowed_methods, reason = "wall time for people; nothing is decided by it")]
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = std::time::Instant::now();
    let done = work();
    (done, start.elapsed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quick_leaves_out_and_adds_nothing_but_unit_tests() {
        let names = |steps: &'static [Step]| steps.iter().map(|(name, _)| *name);
        let added: Vec<_> =
            names(QUICK).filter(|name| names(EVERYTHING).all(|it| it != *name)).collect();
        assert_eq!(added, ["unit tests"]);
    }
}
