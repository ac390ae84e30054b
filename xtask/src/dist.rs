//! `cargo xtask dist`: the command for people who do not build it themselves, with what they need to trust it:
//! checksums, what it is made of, and the licences of all that.

mod licences;
mod parts;

use std::{
    collections::BTreeSet,
    env::consts::EXE_SUFFIX,
    fs,
    path::{Path, PathBuf},
};

use parts::Part;

use crate::{
    Outcome,
    release::{checksum, clean, empty, fresh, work},
    shell::Line,
};

const PACKAGE: &str = "dls-cli";
const PROGRAM: &str = "dls";

/// Built twice, in places of different lengths: a path that gets into the program shows.
const PLACES: [&str; 2] = ["one", "another-place"];

/// Writes to `target/dist`, from what is committed.
pub(crate) fn run(root: &Path, _: &[String]) -> Outcome {
    clean(root)?;
    let compiler = Line::new("rustc -vV").show_and_read(root)?;
    let host = compiler
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .ok_or("rustc does not say for which platform it builds")?;
    let clones = PLACES.map(|place| work(root, "dist").join(place));
    for clone in &clones {
        fresh(root, clone, "HEAD")?;
    }
    let [one, another] = &clones;
    let parts = parts::read(one, PACKAGE, host)?;
    let program = build(one, &parts)?;
    let same = build(another, &parts)? == program;

    let main = parts.iter().find(|part| part.name == PACKAGE);
    let version = &main
        .ok_or("the program is not one of its own parts")?
        .version;
    let name = format!("{PROGRAM}-{version}-{host}");
    let commit = Line::new("git rev-parse HEAD").read(one)?;
    let about = about(
        &name,
        commit.trim(),
        &compiler,
        (program.len(), same),
        &parts,
    );
    let out = root.join("target/dist");
    empty(&out)?;
    fs::copy(binary(one), out.join(format!("{name}{EXE_SUFFIX}")))?;
    fs::write(out.join(format!("{name}.about.txt")), &about)?;
    let mut texts = licences::of(&parts)?;
    texts.extend(licences::of_the_standard_library(root)?);
    fs::write(
        out.join(format!("{name}.licences.txt")),
        licences::page(texts),
    )?;
    let sums = sums(&out)?;
    fs::write(out.join("SHA256SUMS"), &sums)?;
    println!("\n{about}\n{sums}\nin {}", out.display());
    if same {
        Ok(())
    } else {
        Err("two builds of the same commit differ, so nobody can check what was built".into())
    }
}

/// Builds the program and gives its bytes.
fn build(clone: &Path, parts: &[Part]) -> Outcome<Vec<u8>> {
    // Where it was built is nobody's business, and would make each build another one.
    let clone_itself = [(clone.to_owned(), ".")];
    let folders = parts.iter().filter(|part| !part.ours);
    let registries: BTreeSet<_> = folders.filter_map(|part| part.folder.parent()).collect();
    let elsewhere = registries
        .into_iter()
        .map(|folder| (folder.to_owned(), "registry"));
    let flags = clone_itself
        .into_iter()
        .chain(elsewhere)
        .map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display()));
    let flags = serde_json::Value::from_iter(flags);
    Line::new("cargo build --quiet --release --locked --offline --target-dir target -p")
        .with(PACKAGE)
        .with("--config")
        .with(format!("build.rustflags={flags}"))
        .show_and_run(clone)?;
    Ok(fs::read(binary(clone))?)
}

fn binary(clone: &Path) -> PathBuf {
    clone.join(format!("target/release/{PROGRAM}{EXE_SUFFIX}"))
}

/// What there is to know before running it.
fn about(
    name: &str,
    commit: &str,
    compiler: &str,
    (size, same): (usize, bool),
    parts: &[Part],
) -> String {
    let same = if same {
        "the same bytes"
    } else {
        "other bytes: NOT reproducible"
    };
    let mut text = format!(
        "{name}\n\ncommit: {commit}\nsize: {:.1} MiB\nbuilt twice, in two folders: {same}\n\nCompiler\n\n{}\n\
         Crates in it: {}, the standard library apart\n\n",
        size as f64 / f64::from(1 << 20),
        compiler,
        parts.len(),
    );
    for part in parts {
        text.push_str(&format!(
            "{} {}: {}\n",
            part.name, part.version, part.licence
        ));
    }
    text
}

/// A line for each file in the folder, as `sha256sum --check` reads it.
fn sums(folder: &Path) -> Outcome<String> {
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
        let page = |same| {
            about(
                "dls-1-x",
                "abc",
                "rustc 1\n",
                (3 << 19, same),
                std::slice::from_ref(&part),
            )
        };
        assert_eq!(
            page(true),
            "dls-1-x\n\ncommit: abc\nsize: 1.5 MiB\nbuilt twice, in two folders: the same bytes\n\nCompiler\n\n\
             rustc 1\n\nCrates in it: 1, the standard library apart\n\nhttp 1.4.0: MIT OR Apache-2.0\n"
        );
        assert!(page(false).contains("NOT reproducible"));
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
