//! `cargo xtask dist`: the command for people who do not build it themselves, with what they need to trust it:
//! checksums, what it is made of, and the licences of all that.

use std::{
    collections::{BTreeMap, BTreeSet},
    env::consts::EXE_SUFFIX,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use cargo_metadata::{MetadataCommand, Package};
use serde_json::Value;

use crate::{
    release::checksum,
    shell::{self, cmd},
    workspace::{clean, empty, fresh, work},
};

const PACKAGE: &str = "dls-cli";
const PROGRAM: &str = "dls";

/// How the names of files with licences begin, in capitals.
const LICENCES: [&str; 6] = ["COPYING", "COPYRIGHT", "LICENCE", "LICENSE", "NOTICE", "UNLICENSE"];

/// What stands in the place of a crate's licences.
const NO_TEXT: &str = "(no text of the licence that stands beside the name comes along)";

/// Built twice, in places of different lengths: a path that gets into the program shows.
const PLACES: [&str; 2] = ["one", "another-place"];

/// Writes to `target/dist`, from what is committed.
pub(crate) fn run(root: &Path) -> Result<()> {
    clean(root)?;
    let sh = shell::at(root)?;
    let compiler = cmd!(sh, "rustc -vV").read()?;
    let host = compiler.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.context("rustc does not say for which platform it builds")?;
    let commit = cmd!(sh, "git rev-parse HEAD").read()?;
    let [one, another] = PLACES.map(|place| work(root, "dist").join(place));
    fresh(root, &one, &commit)?;
    fresh(root, &another, &commit)?;
    let parts = contents(&one, host)?;
    let main = parts.iter().find(|part| *part.name == PACKAGE);
    let main = main.context("the program is not one of its own parts")?;
    let [program, again] = [build(&one, &parts)?, build(&another, &parts)?];
    let size = fs::metadata(&program)?.len();
    ensure!(
        fs::read(&program)? == fs::read(&again)?,
        "two builds of the same commit differ, so the program is not reproducible: compare {} and {}",
        program.display(),
        again.display()
    );

    let name = format!("{PROGRAM}-{}-{host}", main.version);
    let about = format!(
        "{name}\n\ncommit: {commit}\nsize: {:.1} MiB\nbuilt twice, in two folders: the same bytes\n\n\
         Compiler\n\n{compiler}\n\nCrates in it: {}, the standard library apart\n\n{}\n",
        size as f64 / f64::from(1 << 20),
        parts.len(),
        parts.iter().map(line).collect::<Vec<_>>().join("\n")
    );
    let out = root.join("target/dist");
    empty(&out)?;
    let file = |ending: &str| out.join(format!("{name}{ending}"));
    // A copy of the file, so that it stays executable.
    fs::copy(program, file(EXE_SUFFIX))?;
    fs::write(file(".about.txt"), &about)?;
    fs::write(file(".licences.txt"), licences(&parts)?)?;
    // The standard library is in each program, and in no tree of crates. The toolchain brings the page about it along.
    let sysroot = cmd!(sh, "rustc --print sysroot").read()?;
    let standard = Path::new(&sysroot).join("share/doc/rust/COPYRIGHT-library.html");
    if standard.is_file() {
        fs::copy(standard, file(".standard-library.html"))?;
    } else {
        println!(
            "the toolchain has no page about the standard library, which is MIT OR Apache-2.0"
        );
    }
    // A line for each file, as `sha256sum --check` reads it.
    let mut sums = BTreeSet::new();
    for entry in fs::read_dir(&out)? {
        let entry = entry?;
        let sum = checksum(&fs::read(entry.path())?);
        sums.insert(format!("{sum}  {}\n", entry.file_name().display()));
    }
    let sums = String::from_iter(sums);
    fs::write(out.join("SHA256SUMS"), &sums)?;
    println!("\n{about}\n{sums}\nin {}", out.display());
    Ok(())
}

/// Asks cargo what is in the program when it is built for `host`, in the order of names.
///
/// Without what only builds it: macros, build scripts and what these need.
fn contents(root: &Path, host: &str) -> Result<Vec<Package>> {
    let options =
        ["--locked", "--offline", "-e", "normal,no-proc-macro", "--prefix", "none", "-f", "{p}"];
    let tree =
        cmd!(shell::at(root)?, "cargo tree -p {PACKAGE} --target {host} {options...}").read()?;
    // Lines like `http v1.4.0 (path) (*)`.
    let named = tree.lines().map(|line| line.split(" (").next().unwrap_or_default());
    let mut named: BTreeSet<&str> = named.filter(|named| !named.is_empty()).collect();
    let options = ["--locked", "--offline", "--filter-platform", host].map(str::to_owned);
    let metadata = MetadataCommand::new().current_dir(root).other_options(options).exec()?;
    let mut packages = metadata.packages;
    packages.retain(|it| named.remove(format!("{} v{}", it.name, it.version).as_str()));
    packages.sort_by(|one, other| (&one.name, &one.version).cmp(&(&other.name, &other.version)));
    ensure!(named.is_empty(), "cargo metadata does not describe {named:?}");
    Ok(packages)
}

/// Builds the program and says where it is.
fn build(clone: &Path, parts: &[Package]) -> Result<PathBuf> {
    // Where it was built is nobody's business, and would make each build another one.
    let registries = parts.iter().filter(|part| part.source.is_some());
    let registries: BTreeSet<_> =
        registries.filter_map(|part| part.manifest_path.parent()?.parent()).collect();
    let folders = registries.into_iter().map(|folder| (folder.as_std_path(), "registry"));
    let flags = folders.chain([(clone, ".")]);
    let flags = flags.map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display()));
    let flags = format!("build.rustflags={}", Value::from_iter(flags));
    let options = ["--quiet", "--release", "--locked", "--offline", "--target-dir", "target"];
    let sh = shell::at(clone)?;
    let build = cmd!(sh, "cargo build {options...} -p {PACKAGE} --config {flags}");
    // They would take the place of these flags.
    build.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS").run()?;
    Ok(clone.join(format!("target/release/{PROGRAM}{EXE_SUFFIX}")))
}

/// A part and its licence as the manifest says it, in the words of SPDX.
fn line(part: &Package) -> String {
    let licence = part.license.as_deref().unwrap_or("not said");
    format!("{} {} ({licence})", part.name, part.version)
}

/// Each text that the crates bring along, once, below the names of all who use it.
fn licences(parts: &[Package]) -> Result<String> {
    let mut users: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for part in parts {
        for text in texts(part.manifest_path.as_std_path().parent().unwrap_or(Path::new(".")))? {
            users.entry(text).or_default().push(line(part));
        }
    }
    let rule = "=".repeat(80);
    let mut page = String::new();
    for (text, owners) in users {
        let owners = owners.join("\n");
        page.push_str(&format!("{rule}\n{owners}\n\n{text}\n\n"));
    }
    Ok(page)
}

/// The texts about licences in `folder`. If there are none, a sentence says so.
fn texts(folder: &Path) -> Result<BTreeSet<String>> {
    let mut texts = BTreeSet::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
        if path.is_file() && LICENCES.iter().any(|start| name.starts_with(start)) {
            texts.insert(String::from_utf8_lossy(&fs::read(&path)?).trim().replace('\r', ""));
        }
    }
    if texts.is_empty() {
        texts.insert(NO_TEXT.to_owned());
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_that_many_use_is_there_once_and_who_brings_none_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let part = |name: &str, files: &[(&str, &str)]| {
            let folder = folder.path().join(name);
            fs::create_dir(&folder).unwrap();
            files.iter().for_each(|(file, text)| fs::write(folder.join(file), text).unwrap());
            let package = json!({
                "name": name, "version": "0.1.0", "id": name, "targets": [], "features": {}, "dependencies": [],
                "manifest_path": folder.join("Cargo.toml"), "license": "MIT",
            });
            serde_json::from_value(package).unwrap()
        };
        let more =
            [("Notice", "Noted"), ("README.md", "Read me"), ("LICENSE-MIT", "Permission\r\n")];
        let page = licences(&[
            part("a", &more),
            part("b", &[("license.txt", "Permission"), ("COPYING", "Copy")]),
            part("c", &[]),
        ]);
        let expected = format!(
            "=\nc 0.1.0 (MIT)\n\n{NO_TEXT}\n\n=\nb 0.1.0 (MIT)\n\nCopy\n\n=\na 0.1.0 (MIT)\n\nNoted\n\n\
             =\na 0.1.0 (MIT)\nb 0.1.0 (MIT)\n\nPermission\n\n"
        );
        assert_eq!(page.unwrap().replace(&"=".repeat(80), "="), expected);
    }
}
