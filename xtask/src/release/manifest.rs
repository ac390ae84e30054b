//! Edits of manifests and lock files that keep all else in them, comments included.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context, Result};
use toml_edit::{DocumentMut, Item, Table, TableLike, value};

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

/// Gives the package another version.
pub(crate) fn set_version(manifest: &mut DocumentMut, version: &str) -> Result<()> {
    let package = manifest.get_mut("package").and_then(Item::as_table_mut);
    package.context("there is no table `package`")?.insert("version", value(version));
    Ok(())
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

/// The first thing that crates inherit which stands in the root manifest `new` otherwise than in `old`: a property
/// of all packages, or one of the dependencies `names`.
pub(crate) fn inherited(old: &str, new: &str, names: BTreeSet<&str>) -> Result<Option<String>> {
    let manifests: [DocumentMut; 2] = [old.parse()?, new.parse()?];
    let [old, new] = manifests.each_ref().map(|manifest| manifest.get("workspace"));
    let properties = [old, new].into_iter().flatten();
    let properties = properties.filter_map(|item| item.get("package")?.as_table_like());
    let properties: BTreeSet<&str> =
        properties.flat_map(|table| table.iter().map(|(key, _)| key)).collect();
    let keys = properties.into_iter().map(|key| ("package", key));
    let mut keys = keys.chain(names.into_iter().map(|key| ("dependencies", key)));
    let is_other = |(table, key): &(&str, &str)| {
        let [old, new] = [old, new].map(|item| bare(item?.get(table)?.get(key)?));
        old != new
    };
    Ok(keys.find(is_other).map(|(_, key)| key.to_owned()))
}

/// The text of an item without the comments around it.
fn bare(item: &Item) -> Option<String> {
    let mut item = item.clone();
    if let Some(value) = item.as_value_mut() {
        value.decor_mut().clear();
    }
    Some(item.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_crate_inherits_is_compared_and_what_it_does_not_is_left_alone() {
        let old = "[workspace.package]\nedition = \"2024\"\n\n\
                   [workspace.dependencies]\na = \"1.0.0\" # why\nb = { version = \"1.0.0\" }\n";
        let feature = "1.0.0\", default-features = false }";
        for (from, to, names, expected) in [
            ("a = \"1", "a = \"2", &["a"][..], Some("a")),
            ("a = \"1", "a = \"2", &["b"], None),
            ("# why", "# because", &["a"], None),
            ("1.0.0\" }", feature, &["a", "b"], Some("b")),
            ("2024\"", "2024\"\nrust-version = \"1.90\"", &[], Some("rust-version")),
        ] {
            let names = names.iter().copied().collect();
            let found = inherited(old, &old.replace(from, to), names).unwrap();
            assert_eq!(found.as_deref(), expected, "{from} -> {to}");
        }
    }
}
