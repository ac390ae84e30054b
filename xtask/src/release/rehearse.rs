//! `release rehearse`: a whole release of a copy, by the same commands as the real one, to a registry on this
//! machine that refuses an upload and loses an answer. Cargo's other crates come from what was fetched before.

use std::{env, fs, path::Path};

use anyhow::{Context, Result, bail, ensure};
use xshell::{Cmd, Shell};

use super::{
    clone::{fresh, work},
    facts::{Facts, tag},
    plan::{self, Member},
    registry::{Fault, Registry},
};
use crate::{
    shell::{self, cmd},
    workspace::empty,
};

/// What the copy calls the registry.
const NAME: &str = "rehearsal";

struct Stage {
    /// In the repository that is released here.
    copy: Shell,
    registry: Registry,
}

pub(crate) fn run(root: &Path) -> Result<()> {
    let stage = Stage::set(root)?;
    let members = invent_history(&stage.copy)?;
    let crates: Vec<&str> = members.iter().map(|member| member.name.as_str()).collect();
    for step in ["plan", "bump", "plan", "tag"] {
        stage.step(&[step]).run()?;
    }
    fail_and_resume(&stage, &crates)?;
    refuse_a_forgery(&stage, &crates)
}

/// Invents a history: each crate was released as it is, then the lowest broke and all were mended. Gives the crates in
/// the order of publishing.
fn invent_history(sh: &Shell) -> Result<Vec<Member>> {
    let settings = [
        ["user.name", NAME],
        ["user.email", "nobody@localhost"],
        ["commit.gpgsign", "false"],
        ["tag.gpgsign", "false"],
    ];
    for setting in settings {
        cmd!(sh, "git config {setting...}").quiet().run()?;
    }
    for old in cmd!(sh, "git tag --list").read()?.lines() {
        cmd!(sh, "git tag --delete {old}").quiet().run()?;
    }
    let members = Facts::read(&sh.current_dir())?.members;
    let members: Vec<Member> = plan::order(&members)?.into_iter().cloned().collect();
    for (place, member) in members.iter().enumerate() {
        let tag = tag(&member.name, &member.version);
        cmd!(sh, "git tag {tag}").quiet().run()?;
        let text = match place {
            0 => "break\nMade up.\n\nMigration: none, it is a rehearsal.\n",
            _ => "fix\nMade up.\n",
        };
        sh.write_file(format!("changes/{}/rehearsal.md", member.name), text)?;
    }
    cmd!(sh, "git add changes").quiet().run()?;
    cmd!(sh, "git commit --quiet -m rehearsal").quiet().run()?;
    Ok(members)
}

/// The second crate is refused, the answer for the third is lost: the same command again ends well.
fn fail_and_resume(stage: &Stage, crates: &[&str]) -> Result<()> {
    let [first, second, third, ..] = crates else {
        bail!("a rehearsal takes three crates or more");
    };
    stage.registry.fail(second, Fault::Refuse);
    stage.registry.fail(third, Fault::LoseAnswer);
    stage.publish_fails(&format!("{second} "))?;
    let stored = stage.registry.stored();
    ensure!(stored == [*first], "{second} was refused, and yet there is {stored:?}");
    stage.publish().run()?;
    let stored = stage.registry.stored();
    ensure!(stored == crates, "not all were stored once and in order: {stored:?}");
    Ok(())
}

/// Another checksum under our name and version is not to be overlooked, and nothing is uploaded again.
fn refuse_a_forgery(stage: &Stage, crates: &[&str]) -> Result<()> {
    let last = crates.last().context("no crates")?;
    stage.registry.forge(last);
    stage.publish_fails(&format!("STOP: {last} "))?;
    ensure!(stage.registry.stored() == crates, "a finished release uploaded something");
    Ok(())
}

impl Stage {
    /// A fresh copy beside a registry, and a cargo that knows nothing else. What was built stays for the next time.
    fn set(root: &Path) -> Result<Self> {
        let folder = work(root, "rehearse");
        let (vendored, target) = (folder.join("vendored"), folder.join("target"));
        fs::create_dir_all(&folder)?;
        let sh = shell::at(root)?;
        // What it prints is a configuration, which ours below takes the place of.
        cmd!(sh, "cargo vendor --quiet --offline --locked {vendored}").read()?;
        // This program may have been built anew while it ran, by a test, and then is not where it was.
        cmd!(sh, "cargo build --quiet --offline --locked -p xtask --target-dir {target}").run()?;
        let registry = Registry::start()?;
        let address = &registry.address;
        let config = format!(
            "[source.crates-io]\nreplace-with = \"vendored\"\n\n[source.vendored]\ndirectory = \"vendored\"\n\n\
             [registries.{NAME}]\nindex = \"sparse+{address}/index/\"\ntoken = \"none\"\n"
        );
        fs::create_dir_all(folder.join(".cargo"))?;
        fs::write(folder.join(".cargo/config.toml"), config)?;
        fresh(root, &folder.join("copy"), "HEAD")?;
        // A home of its own for cargo: this registry is gone tomorrow, and should leave nothing behind.
        let home = folder.join("home");
        empty(&home)?;
        let copy = shell::at(&folder.join("copy"))?;
        copy.set_var("CARGO_HOME", home);
        Ok(Self { copy, registry })
    }

    /// One of our own commands, told that the copy is its repository.
    fn step(&self, words: &[&str]) -> Cmd<'_> {
        let copy = self.copy.current_dir();
        let program = copy
            .with_file_name("target")
            .join("debug/xtask")
            .with_extension(env::consts::EXE_EXTENSION);
        let sh = &self.copy;
        cmd!(sh, "{program} release {words...}").env("CARGO_MANIFEST_DIR", copy.join("xtask"))
    }

    /// That the packages build is seen by `downstream` and by `release check`.
    fn publish(&self) -> Cmd<'_> {
        self.step(&["publish", "--registry", NAME, "--no-verify"])
    }

    fn publish_fails(&self, with: &str) -> Result<()> {
        let publish = self.publish().ignore_status();
        println!("$ {publish}\n  This has to fail:");
        let told = publish.output()?.stderr;
        let told = String::from_utf8_lossy(&told);
        let last =
            told.lines().rev().find_map(|line| line.strip_prefix("FAILED ")).unwrap_or_default();
        println!("  FAILED {last}");
        ensure!(last.starts_with(with), "it failed otherwise, or not at all: {told}");
        Ok(())
    }
}
