//! Edits of manifests and lock files that keep all else in them, comments included.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context, Result};
use serde_json::Value;
use toml_edit::{DocumentMut, Item, Table, TableLike, de::from_str, value};

/// The workspace that requires our crates by version alone.
pub(crate) const DOWNSTREAM: &str = "tests/downstream";

/// Changes the file at `path`, which stays as it is if that fails.
pub(crate) fn edit(path: &Path, change: impl FnOnce(&mut DocumentMut) -> Result<()>) -> Result<()> {
    let edited = || {
        let mut document = fs::read_to_string(path)?.parse()?;
        change(&mut document)?;
        anyhow::Ok(fs::write(path, document.to_string())?)
    };
    edited().with_context(|| path.display().to_string())
}

/// Sets one key of the root manifest's requirement of our package `name`.
pub(crate) fn require(root: &mut DocumentMut, name: &str, key: &str, to: &str) -> Result<()> {
    let entry = requirements(root)?.iter_mut().find(|(own, item)| package(own, item) == name);
    let entry = entry.and_then(|(_, item)| item.as_table_like_mut());
    entry.with_context(|| format!("`{name}` is not required with a table"))?.insert(key, value(to));
    Ok(())
}

/// The packages, ours and others', that the root manifest at `path` requires.
pub(crate) fn required(path: &Path) -> Result<BTreeSet<String>> {
    let mut root: DocumentMut = fs::read_to_string(path)?.parse()?;
    let entries = requirements(&mut root)?.iter();
    Ok(entries.map(|(own, item)| package(own, item).to_owned()).collect())
}

fn requirements(root: &mut DocumentMut) -> Result<&mut dyn TableLike> {
    let table = root.get_mut("workspace").and_then(|item| item.get_mut("dependencies"));
    table.and_then(Item::as_table_like_mut).context("there is no table `workspace.dependencies`")
}

/// The package of a requirement, which may go by another name here.
fn package<'a>(own: &'a str, requirement: &'a Item) -> &'a str {
    requirement.get("package").and_then(Item::as_str).unwrap_or(own)
}

/// What a lock file says of the package `name`.
pub(crate) fn locked<'a>(lock: &'a mut DocumentMut, name: &str) -> Result<&'a mut Table> {
    let packages = lock.get_mut("package").and_then(Item::as_array_of_tables_mut);
    let is_it = |package: &&mut Table| package.get("name").and_then(Item::as_str) == Some(name);
    let package = packages.and_then(|packages| packages.iter_mut().find(is_it));
    package.with_context(|| format!("`{name}` is not locked"))
}

/// The first thing that crates inherit which the root manifest `new` says otherwise than `old`: the properties
/// of all packages, or one of the dependencies `names`.
pub(crate) fn inherited<'a>(
    old: &str,
    new: &str,
    names: impl Iterator<Item = &'a str>,
) -> Result<Option<String>> {
    let [old, new]: [Value; 2] = [from_str(old)?, from_str(new)?];
    let dependencies = names.map(|name| format!("/workspace/dependencies/{name}"));
    let mut keys = dependencies.chain(["/workspace/package".to_owned()]);
    Ok(keys.find(|key| old.pointer(key) != new.pointer(key)))
}
