//! `cargo xtask downstream`: do our crates work for somebody who has nothing of this repository? Such code is in
//! `tests/downstream`, and is built here against our packages, as its author would get them.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use cargo_metadata::Package;

use crate::{
    release::{DOWNSTREAM, required},
    shell::{self, cmd},
    workspace,
};

/// With `bless` the lock file of `tests/downstream` follows what our crates need now.
pub(crate) fn run(root: &Path, bless: bool) -> Result<()> {
    let source = root.join(DOWNSTREAM);
    // The packages, the copy and its build stay, so that a second run builds little.
    let folder = root.join("target/downstream");
    let copy = folder.join("copy");
    // In a copy, cargo finds no path of ours but those that it is given.
    workspace::copy(&source, &copy)?;
    let packages = pack(root, &folder)?;
    fs::create_dir_all(copy.join(".cargo"))?;
    fs::write(copy.join(".cargo/config.toml"), patches(&packages))?;
    let sh = shell::at(&copy)?;
    cmd!(sh, "cargo fmt --all --check").run()?;
    // No other lock file names all that these crates need, so this is where it is fetched.
    let locked = (!bless).then_some("--locked");
    cmd!(sh, "cargo fetch --quiet {locked...}")
        .run()
        .context("if tests/downstream needs something else now: cargo xtask downstream --bless")?;
    if bless {
        fs::copy(copy.join("Cargo.lock"), source.join("Cargo.lock"))?;
    }
    Ok(cmd!(sh, "cargo test --quiet --offline --locked --target-dir ../build").run()?)
}

/// Packs what `tests/downstream` requires of ours, and unpacks it into `packages`.
fn pack(root: &Path, folder: &Path) -> Result<Vec<Package>> {
    let required = required(&root.join(DOWNSTREAM).join("Cargo.toml"))?;
    let mut packages = workspace::packages(root)?;
    packages.retain(|package| required.contains(package.name.as_str()));
    let each = packages.iter().flat_map(|package| ["-p", package.name.as_str()]);
    // Packed together, each is locked with the packages of the others. What is not committed yet is packed too.
    let options = ["--quiet", "--offline", "--no-verify", "--no-metadata", "--allow-dirty"];
    cmd!(shell::at(root)?, "cargo package {options...} {each...} --target-dir {folder}").run()?;
    workspace::empty(&folder.join("packages"))?;
    let sh = shell::at(folder)?;
    for package in &packages {
        // All that is packed bears one date of long ago (-m: the present one), by which cargo would take what it
        // built of an older package for this one.
        let file = format!("package/{}-{}.crate", package.name, package.version);
        cmd!(sh, "tar -xzmf {file} -C packages").run()?;
    }
    Ok(packages)
}

/// The registry's crates of our names are these packages.
fn patches(packages: &[Package]) -> String {
    let patch = |Package { name, version, .. }: &Package| {
        format!("{name} = {{ path = \"../packages/{name}-{version}\" }}\n")
    };
    format!("[patch.crates-io]\n{}", packages.iter().map(patch).collect::<String>())
}
