//! `cargo xtask dist`: the command for people who do not build it themselves, with what they need to trust it:
//! checksums, what it is made of, and the licences of all that.

mod licences;
mod parts;

use std::{
    collections::BTreeSet,
    env::{self, consts::EXE_SUFFIX},
    fs,
    path::Path,
};

use anyhow::{Context, Result, ensure};
use parts::Part;

use crate::{
    release::{checksum, clean, fresh, work},
    shell::{self, cmd},
    workspace::empty,
};

const PACKAGE: &str = "dls-cli";
const PROGRAM: &str = "dls";

/// Built twice, in places of different lengths: a path that gets into the program shows.
const PLACES: [&str; 2] = ["one", "another-place"];

/// A program with what there is to know before running it.
struct Built {
    /// With its version and platform.
    name: String,
    program: Vec<u8>,
    /// Did the second build give the same bytes?
    same: bool,
    commit: String,
    compiler: String,
    parts: Vec<Part>,
}

/// Writes to `target/dist`, from what is committed.
pub(crate) fn run(root: &Path) -> Result<()> {
    clean(root)?;
    // They would take the place of ours, by which no path gets into the program.
    for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"] {
        ensure!(
            env::var_os(name).is_none(),
            "{name} is set, and changes what is built: unset {name}"
        );
    }
    let built = twice(root)?;
    let out = root.join("target/dist");
    empty(&out)?;
    built.write(root, &out)?;
    let sums = sums(&out)?;
    fs::write(out.join("SHA256SUMS"), &sums)?;
    println!("\n{}\n{sums}\nin {}", built.about(), out.display());
    ensure!(built.same, "two builds of the same commit differ, so nobody can check what was built");
    Ok(())
}

fn twice(root: &Path) -> Result<Built> {
    let compiler = cmd!(shell::at(root)?, "rustc -vV").read()?;
    let host = compiler
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .context("rustc does not say for which platform it builds")?;
    let [one, another] = PLACES.map(|place| work(root, "dist").join(place));
    fresh(root, &one, "HEAD")?;
    fresh(root, &another, "HEAD")?;
    let parts = parts::read(&one, PACKAGE, host)?;
    let main = parts.iter().find(|part| part.name == PACKAGE);
    let main = main.context("the program is not one of its own parts")?;
    let program = build(&one, &parts)?;
    Ok(Built {
        name: format!("{PROGRAM}-{}-{host}", main.version),
        same: build(&another, &parts)? == program,
        program,
        commit: cmd!(shell::at(&one)?, "git rev-parse HEAD").read()?,
        compiler,
        parts,
    })
}

/// Builds the program and gives its bytes.
fn build(clone: &Path, parts: &[Part]) -> Result<Vec<u8>> {
    // Where it was built is nobody's business, and would make each build another one.
    let registries = parts.iter().filter(|part| !part.ours).filter_map(|part| part.folder.parent());
    let registries: BTreeSet<&Path> = registries.collect();
    let folders =
        [(clone, ".")].into_iter().chain(registries.into_iter().map(|it| (it, "registry")));
    let flags = folders.map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display()));
    let flags = format!("build.rustflags={}", serde_json::Value::from_iter(flags));
    let options = ["--quiet", "--release", "--locked", "--offline", "--target-dir", "target"];
    cmd!(shell::at(clone)?, "cargo build {options...} -p {PACKAGE} --config {flags}").run()?;
    Ok(fs::read(clone.join(format!("target/release/{PROGRAM}{EXE_SUFFIX}")))?)
}

impl Built {
    fn write(&self, root: &Path, out: &Path) -> Result<()> {
        let name = &self.name;
        let program = out.join(format!("{name}{EXE_SUFFIX}"));
        fs::write(&program, &self.program)?;
        executable(&program)?;
        fs::write(out.join(format!("{name}.about.txt")), self.about())?;
        let mut texts = licences::of(&self.parts)?;
        let standard = licences::of_the_standard_library(root)?;
        if standard.is_file() {
            fs::copy(standard, out.join(format!("{name}.standard-library.html")))?;
        } else {
            texts.push(("Rust's standard library (MIT OR Apache-2.0)".to_owned(), None));
        }
        let licences = out.join(format!("{name}.licences.txt"));
        Ok(fs::write(licences, licences::page(texts))?)
    }

    fn about(&self) -> String {
        let same = if self.same { "the same bytes" } else { "other bytes: NOT reproducible" };
        let mut text = format!(
            "{}\n\ncommit: {}\nsize: {:.1} MiB\nbuilt twice, in two folders: {same}\n\nCompiler\n\n{}\n\
             Crates in it: {}, the standard library apart\n\n",
            self.name,
            self.commit,
            self.program.len() as f64 / f64::from(1 << 20),
            self.compiler,
            self.parts.len(),
        );
        for part in &self.parts {
            text.push_str(&format!("{} {}: {}\n", part.name, part.version, part.licence));
        }
        text
    }
}

#[cfg(unix)]
fn executable(program: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(fs::set_permissions(program, fs::Permissions::from_mode(0o755))?)
}

#[cfg(not(unix))]
fn executable(_: &Path) -> Result<()> {
    Ok(())
}

/// A line for each file in the folder, as `sha256sum --check` reads it.
fn sums(folder: &Path) -> Result<String> {
    let mut lines = BTreeSet::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        lines.insert(format!("{}  {name}\n", checksum(&fs::read(&path)?)));
    }
    Ok(lines.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_what_is_in_the_program_and_whether_anybody_can_build_it_again() {
        let part = Part {
            name: "http".into(),
            version: "1.4.0".into(),
            licence: "MIT OR Apache-2.0".into(),
            ..Part::default()
        };
        let mut built = Built {
            name: "dls-1-x".into(),
            program: vec![0; 3 << 19],
            same: true,
            commit: "abc".into(),
            compiler: "rustc 1\n".into(),
            parts: vec![part],
        };
        assert_eq!(
            built.about(),
            "dls-1-x\n\ncommit: abc\nsize: 1.5 MiB\nbuilt twice, in two folders: the same bytes\n\nCompiler\n\n\
             rustc 1\n\nCrates in it: 1, the standard library apart\n\nhttp 1.4.0: MIT OR Apache-2.0\n"
        );
        built.same = false;
        assert!(built.about().contains("NOT reproducible"));
    }

    #[test]
    fn checksums_are_those_of_the_files_by_name() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("empty"), "").unwrap();
        assert_eq!(
            sums(folder.path()).unwrap(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  empty\n"
        );
    }
}
