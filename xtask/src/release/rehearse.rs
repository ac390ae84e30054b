//! `release rehearse`: a whole release of a copy, by the same steps as the real one, to a registry on this
//! machine that refuses an upload and loses an answer. Cargo's other crates come from what was fetched before.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};

use super::{
    bump,
    pending::{PendingChanges, tag},
    publish,
    registry::{Fault, Registry},
};
use crate::{
    shell::{self, cmd},
    workspace::{empty, fresh, work},
};

/// What the copy calls the registry.
const NAME: &str = "rehearsal";

struct Stage {
    /// The repository that is released here.
    copy: PathBuf,
    /// A home of its own for cargo: this registry is gone tomorrow, and should leave nothing behind.
    home: PathBuf,
    registry: Registry,
}

pub(crate) fn run(root: &Path) -> Result<()> {
    let stage = set(root)?;
    let crates = invent_history(&stage.copy)?;
    bump::run(&stage.copy)?;
    bump::tag(&stage.copy)?;
    let [first, second, third, .., last] = crates.as_slice() else {
        bail!("a rehearsal takes four crates or more");
    };
    // The second crate is refused, the answer for the third is lost: the same command again ends well.
    let faults = [(second.clone(), Fault::Refuse), (third.clone(), Fault::LoseAnswer)];
    stage.registry.store().faults.extend(faults);
    stage.publish_fails(&format!("{second} "))?;
    stage.expect(std::slice::from_ref(first))?;
    stage.publish()?;
    stage.expect(&crates)?;
    // Another checksum under our name and version is not to be overlooked, and nothing is uploaded again.
    stage.registry.store().forge(last);
    stage.publish_fails(&format!("STOP: {last} "))?;
    stage.expect(&crates)
}

/// A fresh copy beside a registry, and a cargo that knows nothing else. What was vendored stays for the next time.
fn set(root: &Path) -> Result<Stage> {
    let folder = work(root, "rehearse");
    let (copy, home, vendored) =
        (folder.join("copy"), folder.join("home"), folder.join("vendored"));
    fs::create_dir_all(folder.join(".cargo"))?;
    // What it prints is a configuration, which ours below takes the place of.
    cmd!(shell::at(root)?, "cargo vendor --quiet --offline --locked {vendored}").read()?;
    let registry = Registry::start()?;
    let config = format!(
        "[source.crates-io]\nreplace-with = \"vendored\"\n\n[source.vendored]\ndirectory = \"vendored\"\n\n\
         [registries.{NAME}]\nindex = \"sparse+{}/index/\"\ntoken = \"none\"\n",
        registry.address
    );
    fs::write(folder.join(".cargo/config.toml"), config)?;
    fresh(root, &copy, "HEAD")?;
    empty(&home)?;
    Ok(Stage { copy, home, registry })
}

/// Invents a history: each crate was released as it is, then the lowest broke and all were mended. Gives the crates in
/// the order of publishing.
fn invent_history(copy: &Path) -> Result<Vec<String>> {
    let sh = shell::at(copy)?;
    for setting in ["user.name=x", "user.email=x", "commit.gpgsign=false", "tag.gpgsign=false"] {
        let setting = setting.split('=');
        cmd!(sh, "git config {setting...}").quiet().run()?;
    }
    for old in cmd!(sh, "git tag --list").read()?.lines() {
        cmd!(sh, "git tag --delete {old}").quiet().ignore_stdout().run()?;
    }
    let members = PendingChanges::read(copy)?.members;
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
    Ok(members.iter().map(|member| member.name.clone()).collect())
}

impl Stage {
    fn publish(&self) -> Result<()> {
        let options = publish::Options {
            registry: Some(NAME.to_owned()),
            at: None,
            // That the packages build is seen by `downstream` and by `release check`.
            no_verify: true,
            cargo_home: Some(self.home.clone()),
        };
        publish::run(&self.copy, options)
    }

    fn publish_fails(&self, with: &str) -> Result<()> {
        println!("  Expected to fail:");
        let reason = self.publish().err().context("this should have failed")?;
        println!("  FAILED {reason:#}");
        ensure!(reason.to_string().starts_with(with), "it failed otherwise: {reason:#}");
        Ok(())
    }

    /// Were these stored, once and in order, and nothing else?
    fn expect(&self, crates: &[String]) -> Result<()> {
        let stored = &self.registry.store().stored;
        ensure!(stored == crates, "there is {stored:?}, and not {crates:?}");
        Ok(())
    }
}
