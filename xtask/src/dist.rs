//! `cargo xtask dist`: the command for people who do not build it themselves, with what they need to trust it:
//! checksums, what it is made of, and the licences of all that.

mod licences;

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
    fs::write(file(".licences.txt"), licences::page(&parts)?)?;
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
fn join(tree: &str, packages: Vec<Package>) -> Result<Vec<Package>> {
    let key = |package: &Package| format!("{} v{}", package.name, package.version);
    let known: BTreeMap<String, Package> =
        packages.into_iter().map(|package| (key(&package), package)).collect();
    let mut parts = BTreeMap::new();
    for line in tree.lines().filter(|line| !line.is_empty()) {
        let key: Vec<&str> = line.split_whitespace().take(2).collect();
        let part = known.get(&key.join(" "));
        let part = part.with_context(|| format!("cargo metadata does not describe `{line}`"))?;
        parts.insert(&part.id, part);
    }
    let mut parts: Vec<Package> = parts.into_values().cloned().collect();
    parts.sort_by_key(key);
    Ok(parts)
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
        text.push_str(&format!("{} {}: {}\n", part.name, part.version, licences::licence(part)));
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
        assert_eq!(
            sums(folder.path()).unwrap(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  empty\n"
        );
    }

    #[test]
    fn each_crate_of_the_tree_is_one_part_and_no_other_is() {
        let packages = ["a", "b", "c"].map(package);
        let parts =
            join("b v0.1.0 (/here/b)\na v0.1.0\n\na v0.1.0 (*)\n", packages.to_vec()).unwrap();
        let names: Vec<&str> = parts.iter().map(|part| part.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        let reason = join("c v0.2.0", packages.to_vec()).unwrap_err().to_string();
        assert!(reason.ends_with("`c v0.2.0`"), "{reason}");
    }
}
