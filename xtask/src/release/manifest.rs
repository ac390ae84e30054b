//! Edits of manifests that keep all else in them, comments included.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context, Result};
use toml_edit::{DocumentMut, Item, Table, TableLike, value};

/// The workspace that requires our crates by version alone.
pub(crate) const DOWNSTREAM: &str = "tests/downstream";

/// Changes the file at `path`, which stays as it is if that fails.
pub(crate) fn edit(path: &Path, change: impl FnOnce(&str) -> Result<String>) -> Result<()> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let text = change(&text).with_context(|| path.display().to_string())?;
    Ok(fs::write(path, text)?)
}

/// The manifest `text` with another package version.
pub(crate) fn with_version(text: &str, version: &str) -> Result<String> {
    let mut manifest: DocumentMut = text.parse()?;
    let package = manifest.get_mut("package").and_then(Item::as_table_mut);
    package.context("there is no table `package`")?.insert("version", value(version));
    Ok(manifest.to_string())
}

/// The root manifest `text`, in which one key of the requirement of our package `name` is `to`.
pub(crate) fn with_key_of(text: &str, name: &str, key: &str, to: &str) -> Result<String> {
    let mut manifest: DocumentMut = text.parse()?;
    let entry =
        requirements(&mut manifest)?.iter_mut().find(|(own, item)| package(own, item) == name);
    let entry = entry.and_then(|(_, item)| item.as_table_like_mut());
    entry.with_context(|| format!("`{name}` is not required with a table"))?.insert(key, value(to));
    Ok(manifest.to_string())
}

/// The packages, ours and others', that the root manifest `text` requires.
pub(crate) fn required(text: &str) -> Result<BTreeSet<String>> {
    let mut manifest: DocumentMut = text.parse()?;
    let entries = requirements(&mut manifest)?.iter();
    Ok(entries.map(|(own, item)| package(own, item).to_owned()).collect())
}

fn requirements(manifest: &mut DocumentMut) -> Result<&mut dyn TableLike> {
    let table = manifest.get_mut("workspace").and_then(|item| item.get_mut("dependencies"));
    table.and_then(Item::as_table_like_mut).context("there is no table `workspace.dependencies`")
}

/// The package of a requirement, which may go by another name here.
fn package<'a>(own: &'a str, requirement: &'a Item) -> &'a str {
    requirement.get("package").and_then(Item::as_str).unwrap_or(own)
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

/// The lock file `text` with another version of our crate `name`, which has no checksum there.
pub(crate) fn with_locked(text: &str, name: &str, version: &str) -> Result<String> {
    let mut lock: DocumentMut = text.parse()?;
    let packages = lock.get_mut("package").and_then(Item::as_array_of_tables_mut);
    let is_it = |package: &&mut Table| package.get("name").and_then(Item::as_str) == Some(name);
    let package = packages.and_then(|packages| packages.iter_mut().find(is_it));
    package.with_context(|| format!("`{name}` is not locked"))?.insert("version", value(version));
    Ok(lock.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "# Ours.\n[workspace.dependencies]\nm = { path = \"m\", version = \"0.1.0\" } # why\n\
        f = { path = \"f\", version = \"0.1.5\", package = \"facade\" }\n";

    #[test]
    fn a_requirement_moves_and_comments_stay() {
        let text = with_key_of(ROOT, "m", "version", "0.2.0").unwrap();
        assert_eq!(text, ROOT.replace("0.1.0", "0.2.0"));
        let text = with_key_of(ROOT, "facade", "version", "0.2.0").unwrap();
        assert_eq!(text, ROOT.replace("0.1.5", "0.2.0"));
        let reason = with_key_of(ROOT, "f", "version", "0.2.0").unwrap_err().to_string();
        assert!(reason.contains("`f`"), "{reason}");
    }

    #[test]
    fn what_is_required_goes_by_the_names_of_packages() {
        assert_eq!(required(ROOT).unwrap(), ["facade", "m"].map(String::from).into());
    }

    #[test]
    fn what_a_crate_inherits_is_compared_and_what_it_does_not_is_left_alone() {
        let old = "[workspace.package]\nedition = \"2024\"\n\n\
                   [workspace.dependencies]\na = \"1.0.0\" # why\nb = { version = \"1.0.0\" }\n";
        let other = |from: &str, to: &str, names: &[&str]| {
            let new = old.replace(from, to);
            inherited(old, &new, names.iter().copied().collect()).unwrap()
        };
        assert_eq!(other("a = \"1", "a = \"2", &["a"]), Some("a".into()));
        assert_eq!(other("a = \"1", "a = \"2", &["b"]), None);
        assert_eq!(other("# why", "# because", &["a"]), None);
        let feature = "1.0.0\", default-features = false }";
        assert_eq!(other("1.0.0\" }", feature, &["a", "b"]), Some("b".into()));
        let more = "2024\"\nrust-version = \"1.90\"";
        assert_eq!(other("2024\"", more, &[]), Some("rust-version".into()));
    }

    #[test]
    fn a_version_moves_in_a_manifest_and_in_a_lock_file_and_nothing_else_does() {
        let text = "[package]\nname = \"m\"\nversion = \"0.1.0\"\n# End.\n";
        assert_eq!(with_version(text, "0.2.0").unwrap(), text.replace("0.1.0", "0.2.0"));
        let text = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"0.1.0\"\ndependencies = [\n \"m\",\n]\n\n\
                    [[package]]\nname = \"m\"\nversion = \"0.1.0\"\n";
        assert_eq!(with_locked(text, "a", "0.2.0").unwrap(), text.replacen("0.1.0", "0.2.0", 1));
        assert!(with_locked(text, "b", "0.2.0").is_err());
    }
}
