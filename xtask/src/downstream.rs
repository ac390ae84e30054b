//! `cargo xtask downstream`: do our crates work for somebody who has nothing of this repository? What such
//! people write stands in `tests/downstream`, and is built here from packages, as they would get them.

use std::{fs, path::Path};

use crate::{
    Outcome,
    metadata::{self, Package},
    release,
    shell::Line,
    working_tree,
};

/// Where the packages, a copy of the strangers' workspace and its build stay, so that a second run builds little.
const FOLDER: &str = "target/downstream";

/// With `--bless` the strangers' lock file follows what our crates need now, and is put back where it belongs.
pub(crate) fn run(root: &Path, options: &[String]) -> Outcome {
    let bless = !options.is_empty();
    let strangers = root.join(release::STRANGERS);
    let folder = root.join(FOLDER);
    let copy = folder.join("copy");
    // In a copy, cargo finds no path of ours but those that it is told.
    working_tree::copy(&strangers, &copy)?;
    let packages = pack(root, &folder)?;
    fs::create_dir_all(copy.join(".cargo"))?;
    fs::write(copy.join(".cargo/config.toml"), patches(&packages))?;
    Line::new("cargo fmt --all --check").show_and_run(&copy)?;
    // No other lock file names all that strangers need, so this is where it is fetched.
    let locked = if bless { "" } else { " --locked" };
    Line::new(&format!("cargo fetch --quiet{locked}")).show_and_run(&copy).map_err(|reason| {
        format!("{reason}\nDo they need something else now? cargo xtask downstream --bless")
    })?;
    if bless {
        fs::copy(copy.join("Cargo.lock"), strangers.join("Cargo.lock"))?;
    }
    Line::new("cargo test --quiet --offline --locked --target-dir ../build").show_and_run(&copy)
}

/// Packs what the strangers require of ours, and unpacks it into `packages`.
fn pack(root: &Path, folder: &Path) -> Outcome<Vec<Package>> {
    let manifest = fs::read_to_string(root.join(release::STRANGERS).join("Cargo.toml"))?;
    let required = release::required(&manifest)?;
    let mut packages = metadata::read(root)?;
    packages.retain(|package| required.contains(&package.name));
    let each: String = packages.iter().map(|package| format!(" -p {}", package.name)).collect();
    // Packed together, each is locked with the packages of the others. What is not committed yet is packed too.
    let line = format!(
        "cargo package --quiet --offline --no-verify --no-metadata --allow-dirty{each} --target-dir"
    );
    Line::new(&line).with(folder).show_and_run(root)?;
    release::empty(&folder.join("packages"))?;
    for package in &packages {
        // All that is packed bears one date of long ago (-m: the present one), by which cargo would take what it
        // built of an older package for this one.
        let file = format!("package/{}-{}.crate", package.name, package.version);
        Line::new(&format!("tar -xzmf {file} -C packages")).show_and_run(folder)?;
    }
    Ok(packages)
}

/// The registry's crates of our names are these packages.
fn patches(packages: &[Package]) -> String {
    let patch = |Package { name, version, .. }: &Package| {
        format!("{name} = {{ path = \"../packages/{name}-{version}\" }}\n")
    };
    let patches = packages.iter().map(patch);
    format!("[patch.crates-io]\n{}", patches.collect::<String>())
}
