//! `cargo xtask dist`: the command for people who do not build it themselves, with what they need to trust it:
//! checksums, what it is made of, and the licences of all that.

use std::{
    collections::{BTreeMap, BTreeSet},
    env::{self, consts::EXE_SUFFIX},
    fs,
    path::Path,
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

/// Built twice, in places of different lengths: a path that gets into the program shows.
const PLACES: [&str; 2] = ["one", "another-place"];

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
    let sh = shell::at(root)?;
    let compiler = cmd!(sh, "rustc -vV").read()?;
    let host = compiler.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.context("rustc does not say for which platform it builds")?;
    let commit = cmd!(sh, "git rev-parse HEAD").read()?;
    let [one, another] = PLACES.map(|place| work(root, "dist").join(place));
    fresh(root, &one, &commit)?;
    fresh(root, &another, &commit)?;
    let parts = contents(&one, PACKAGE, host)?;
    let main = parts.iter().find(|part| *part.name == PACKAGE);
    let main = main.context("the program is not one of its own parts")?;
    let program = build(&one, &parts)?;
    let is_same = build(&another, &parts)? == program;

    let about = about(&commit, program.len(), is_same, &compiler, &parts);
    let name = format!("{PROGRAM}-{}-{host}", main.version);
    let out = root.join("target/dist");
    empty(&out)?;
    let file = |ending: &str| out.join(format!("{name}{ending}"));
    // A copy of the file, so that it stays executable.
    fs::copy(one.join(built()), file(EXE_SUFFIX))?;
    fs::write(file(".about.txt"), format!("{name}\n\n{about}"))?;
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
    let sums = sums(&out)?;
    fs::write(out.join("SHA256SUMS"), &sums)?;
    println!("\n{name}\n\n{about}\n{sums}\nin {}", out.display());
    ensure!(is_same, "two builds of the same commit differ, so the program is not reproducible");
    Ok(())
}

fn built() -> String {
    format!("target/release/{PROGRAM}{EXE_SUFFIX}")
}

/// Asks cargo what is in `package` when it is built for `host`, in the order of names.
///
/// Without what only builds it: macros, build scripts and what these need.
fn contents(root: &Path, package: &str, host: &str) -> Result<Vec<Package>> {
    let options =
        ["--locked", "--offline", "-e", "normal,no-proc-macro", "--prefix", "none", "-f", "{p}"];
    let tree =
        cmd!(shell::at(root)?, "cargo tree -p {package} --target {host} {options...}").read()?;
    let options = ["--locked", "--offline", "--filter-platform", host].map(str::to_owned);
    join(&tree, MetadataCommand::new().current_dir(root).other_options(options).exec()?.packages)
}

/// The packages of lines like `http v1.4.0 (path) (*)`.
fn join(tree: &str, mut packages: Vec<Package>) -> Result<Vec<Package>> {
    let named = tree.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        Some(format!("{} {}", words.next()?, words.next()?))
    });
    let mut named: BTreeSet<String> = named.collect();
    let key = |package: &Package| format!("{} v{}", package.name, package.version);
    packages.retain(|package| named.remove(&key(package)));
    packages.sort_by_key(key);
    ensure!(named.is_empty(), "cargo metadata does not describe {named:?}");
    Ok(packages)
}

/// Builds the program and gives its bytes.
fn build(clone: &Path, parts: &[Package]) -> Result<Vec<u8>> {
    // Where it was built is nobody's business, and would make each build another one.
    let registries = parts.iter().filter(|part| part.source.is_some());
    let registries: BTreeSet<_> =
        registries.filter_map(|part| part.manifest_path.parent()?.parent()).collect();
    let folders = registries.into_iter().map(|folder| (folder.as_std_path(), "registry"));
    let flags = folders.chain([(clone, ".")]);
    let flags = flags.map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display()));
    let flags = format!("build.rustflags={}", Value::from_iter(flags));
    let options = ["--quiet", "--release", "--locked", "--offline", "--target-dir", "target"];
    cmd!(shell::at(clone)?, "cargo build {options...} -p {PACKAGE} --config {flags}").run()?;
    Ok(fs::read(clone.join(built()))?)
}

fn about(commit: &str, size: usize, is_same: bool, compiler: &str, parts: &[Package]) -> String {
    let same = if is_same { "the same bytes" } else { "other bytes: NOT reproducible" };
    let mut text = format!(
        "commit: {commit}\nsize: {:.1} MiB\nbuilt twice, in two folders: {same}\n\nCompiler\n\n{compiler}\n\n\
         Crates in it: {}, the standard library apart\n\n",
        size as f64 / f64::from(1 << 20),
        parts.len(),
    );
    for part in parts {
        text.push_str(&format!("{} {}: {}\n", part.name, part.version, licence(part)));
    }
    text
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

/// What the manifest says, in the words of SPDX.
fn licence(package: &Package) -> &str {
    package.license.as_deref().unwrap_or("not said")
}

/// Each text that the crates bring along, once, below the names of all who use it. Who brings none is named at the end.
fn licences(parts: &[Package]) -> Result<String> {
    let mut users: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for part in parts {
        let texts = texts(part.manifest_path.as_std_path().parent().unwrap_or(Path::new(".")))?;
        let texts = if texts.is_empty() { vec![String::new()] } else { texts };
        for text in texts {
            let owner = format!("{} {} ({})", part.name, part.version, licence(part));
            users.entry(text).or_default().push(owner);
        }
    }
    let without = users.remove("").unwrap_or_default();
    let mut sections: Vec<(Vec<String>, String)> =
        users.into_iter().map(|(text, owners)| (owners, text)).collect();
    sections.sort();
    let rule = "=".repeat(80);
    let section = |(owners, text): &(Vec<String>, String)| {
        format!("{rule}\n{}\n\n{text}\n\n", owners.join("\n"))
    };
    let mut page: String = sections.iter().map(section).collect();
    if !without.is_empty() {
        page.push_str(&format!(
            "{rule}\nThese bring no text of the licence that stands beside their names:\n{}\n",
            without.join("\n")
        ));
    }
    Ok(page)
}

/// The texts about licences in `folder`, in the order of their names.
fn texts(folder: &Path) -> Result<Vec<String>> {
    let mut texts = BTreeMap::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
        if path.is_file() && LICENCES.iter().any(|start| name.starts_with(start)) {
            let text = String::from_utf8_lossy(&fs::read(&path)?).trim().replace('\r', "");
            texts.insert(path, text);
        }
    }
    Ok(texts.into_values().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::tests::package;

    #[test]
    fn a_page_says_what_is_in_the_program_and_whether_anybody_can_build_it_again() {
        let mut part = package("http");
        part.license = Some("MIT OR Apache-2.0".into());
        assert_eq!(
            about("abc", 3 << 19, true, "rustc 1", &[part]),
            "commit: abc\nsize: 1.5 MiB\nbuilt twice, in two folders: the same bytes\n\nCompiler\n\n\
             rustc 1\n\nCrates in it: 1, the standard library apart\n\nhttp 0.1.0: MIT OR Apache-2.0\n"
        );
        assert!(about("abc", 1, false, "", &[]).contains("NOT reproducible"));
    }

    #[test]
    fn checksums_are_those_of_the_files_by_name() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("empty"), "").unwrap();
        let sum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(sums(folder.path()).unwrap(), format!("{sum}  empty\n"));
    }

    #[test]
    fn each_crate_of_the_tree_is_one_part_and_no_other_is() {
        let packages = ["b", "a", "c"].map(package);
        let tree = "b v0.1.0 (/here/b)\na v0.1.0\n\na v0.1.0 (*)\n";
        let parts = join(tree, packages.to_vec()).unwrap();
        let names: Vec<&str> = parts.iter().map(|part| part.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        let reason = join("c v0.2.0", packages.to_vec()).unwrap_err().to_string();
        assert!(reason.contains("c v0.2.0"), "{reason}");
    }

    #[test]
    fn a_text_that_many_use_is_there_once_and_who_brings_none_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let part = |name: &str, files: &[(&str, &str)]| {
            let folder = folder.path().join(name);
            fs::create_dir(&folder).unwrap();
            files.iter().for_each(|(file, text)| fs::write(folder.join(file), text).unwrap());
            let mut part = package(name);
            part.manifest_path = folder.join("Cargo.toml").try_into().unwrap();
            part.license = Some("MIT".into());
            part
        };
        let more =
            [("Notice", "Noted"), ("README.md", "Read me"), ("LICENSE-MIT", "Permission\r\n")];
        let page = licences(&[
            part("a", &more),
            part("b", &[("license.txt", "Permission"), ("COPYING", "Copy")]),
            part("c", &[]),
        ]);
        let expected = "=\na 0.1.0 (MIT)\n\nNoted\n\n=\na 0.1.0 (MIT)\nb 0.1.0 (MIT)\n\nPermission\n\n\
            =\nb 0.1.0 (MIT)\n\nCopy\n\n\
            =\nThese bring no text of the licence that stands beside their names:\nc 0.1.0 (MIT)\n";
        assert_eq!(page.unwrap().replace(&"=".repeat(80), "="), expected);
    }
}
