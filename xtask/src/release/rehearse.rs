//! `release rehearse`: a whole release of a copy, by the same commands as the real one, to a registry on this
//! machine that refuses an upload and loses an answer. Cargo's other crates come from what was fetched before.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use super::{
    copy,
    facts::{Facts, tag},
    plan,
    registry::{Fault, Registry},
};
use crate::{Outcome, shell::Line};

/// The package whose library is `dls`.
const FACADE: &str = "dls-client";

/// What the copy calls the registry.
const NAME: &str = "rehearsal";

struct Stage {
    folder: PathBuf,
    /// The repository that is released here.
    copy: PathBuf,
    registry: Registry,
}

pub(crate) fn run(root: &Path, _: &[String]) -> Outcome {
    let stage = set(root)?;
    let crates = pretend(&stage)?;
    for step in ["plan", "bump", "plan", "tag"] {
        stage.step(step).show_and_run(&stage.copy)?;
    }
    fail_and_resume(&stage, &crates)?;
    refuse_a_forgery(&stage, &crates)?;
    consume(&stage)
}

/// A fresh copy beside a registry, and a cargo that knows nothing else. What was built stays for the next time.
fn set(root: &Path) -> Outcome<Stage> {
    let folder = copy::work(root, "rehearse");
    let vendored = folder.join("vendored");
    fs::create_dir_all(&folder)?;
    let vendor = Line::new("cargo vendor --quiet --offline --locked").with(&vendored);
    // What it prints is a configuration, which ours below takes the place of.
    vendor.show_and_read(root)?;
    // This program may have been built anew while it ran, by a test, and then is not where it was.
    let build = Line::new("cargo build --quiet --offline --locked -p xtask --target-dir");
    build.with(folder.join("target")).show_and_run(root)?;
    copy::empty(&folder.join("home"))?;
    let registry = Registry::start()?;
    let address = &registry.address;
    let config = format!(
        "[source.crates-io]\nreplace-with = \"vendored\"\n\n[source.vendored]\ndirectory = \"vendored\"\n\n\
         [registries.{NAME}]\nindex = \"sparse+{address}/index/\"\ntoken = \"none\"\n"
    );
    fs::create_dir_all(folder.join(".cargo"))?;
    fs::write(folder.join(".cargo/config.toml"), config)?;
    let copy = folder.join("copy");
    copy::fresh(root, &copy, "HEAD")?;
    Ok(Stage { folder, copy, registry })
}

/// Makes a history up: each crate was released as it is, then the lowest broke and all were mended.
/// Gives the crates in the order of publishing.
fn pretend(stage: &Stage) -> Outcome<Vec<String>> {
    let copy = &stage.copy;
    let git = |words: &str| Line::new(words).run(copy);
    for (key, value) in [
        ("user.name", NAME),
        ("user.email", "nobody@localhost"),
        ("commit.gpgsign", "false"),
        ("tag.gpgsign", "false"),
    ] {
        git(&format!("git config {key} {value}"))?;
    }
    for old in Line::new("git tag --list").read(copy)?.lines() {
        git(&format!("git tag --delete {old}"))?;
    }
    let members = Facts::read(copy)?.members;
    let members = plan::order(&members)?;
    for (place, member) in members.iter().enumerate() {
        git(&format!("git tag {}", tag(&member.name, &member.version)))?;
        let text = match place {
            0 => "break\nMade up.\n\nMigration: none, it is a rehearsal.\n",
            _ => "fix\nMade up.\n",
        };
        let folder = copy.join("changes").join(&member.name);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("rehearsal.md"), text)?;
    }
    git("git add changes")?;
    git("git commit --quiet -m rehearsal")?;
    Ok(members.iter().map(|member| member.name.clone()).collect())
}

/// The second crate is refused, the answer for the third is lost: the same command again ends well.
fn fail_and_resume(stage: &Stage, crates: &[String]) -> Outcome {
    let [first, second, third, ..] = crates else {
        return Err("a rehearsal takes three crates or more".into());
    };
    stage.registry.fail(second, Fault::Refuse);
    stage.registry.fail(third, Fault::LoseAnswer);
    stage.publish_fails(&format!("{second} "))?;
    if stage.registry.stored() != [first.clone()] {
        return Err(format!(
            "{second} was refused, and yet there is {:?}",
            stage.registry.stored()
        )
        .into());
    }
    stage.publish().show_and_run(&stage.copy)?;
    let stored = stage.registry.stored();
    if stored != crates {
        return Err(format!("not all were stored once and in order: {stored:?}").into());
    }
    Ok(())
}

/// Another checksum under our name and version is not to be overlooked, and nothing is uploaded again.
fn refuse_a_forgery(stage: &Stage, crates: &[String]) -> Outcome {
    let last = crates.last().ok_or("no crates")?;
    stage.registry.forge(last);
    stage.publish_fails(&format!("STOP: {last} "))?;
    if stage.registry.stored() != crates {
        return Err("a finished release uploaded something".into());
    }
    Ok(())
}

/// Somebody else's program, built from the registry alone.
fn consume(stage: &Stage) -> Outcome {
    let folder = stage.folder.join("consumer");
    copy::empty(&folder)?;
    let members = Facts::read(&stage.copy)?.members;
    let facade = members.iter().find(|member| member.name == FACADE).ok_or("there is no facade")?;
    let manifest = format!(
        "[package]\nname = \"consumer\"\nedition = \"2024\"\n\n[[bin]]\nname = \"consumer\"\npath = \"main.rs\"\n\n\
         [workspace]\n\n[dependencies.{FACADE}]\nversion = \"{}\"\nregistry = \"{NAME}\"\n\n\
         [profile.dev]\ndebug = false\n",
        facade.version
    );
    fs::write(folder.join("Cargo.toml"), manifest)?;
    let main = "fn main() {\n    let id: dls::PackageId = \"23\".parse().unwrap();\n    println!(\"built from the registry: {id:?}\");\n}\n";
    fs::write(folder.join("main.rs"), main)?;
    let line = Line::new("cargo run --quiet --target-dir").with(stage.folder.join("target"));
    stage.at_home(line).show_and_run(&folder)
}

impl Stage {
    /// One of our own commands, told that the copy is its repository.
    fn step(&self, words: &str) -> Line {
        let program = format!("target/debug/xtask{}", env::consts::EXE_SUFFIX);
        let line = Line::at(&self.folder.join(program), &format!("release {words}"));
        let xtask = self.copy.join("xtask").display().to_string();
        self.at_home(line.set("CARGO_MANIFEST_DIR", &xtask))
    }

    /// What is built here was never released, and the consumer builds it: cargo need not do so each time.
    fn publish(&self) -> Line {
        self.step(&format!("publish --registry {NAME} --no-verify"))
    }

    /// A home of its own for cargo: this registry is gone tomorrow, and should leave nothing behind.
    fn at_home(&self, line: Line) -> Line {
        let home = self.folder.join("home").display().to_string();
        line.set("CARGO_HOME", &home)
    }

    fn publish_fails(&self, with: &str) -> Outcome {
        let line = self.publish();
        line.show(&self.copy);
        println!("  This has to fail:");
        match line.ask(&self.copy)? {
            Ok(_) => Err(format!("this should have failed: {line}").into()),
            Err(told) => {
                let last = told.lines().rev().find(|line| line.starts_with("FAILED"));
                let last = last.unwrap_or_default();
                println!("  {last}");
                let expected =
                    last.strip_prefix("FAILED ").is_some_and(|last| last.starts_with(with));
                expected
                    .then_some(())
                    .ok_or_else(|| format!("it failed, but otherwise: {told}").into())
            }
        }
    }
}
