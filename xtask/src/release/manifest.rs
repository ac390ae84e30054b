//! Edits of manifests that keep all else in them, comments included.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, TableLike, value};

use crate::Outcome;

/// `text` with another package version.
pub(crate) fn with_version(text: &str, version: &str) -> Outcome<String> {
    edit(text, |manifest| {
        table(manifest.as_table_mut(), &["package"])?.insert("version", value(version));
        Ok(())
    })
}

/// The root manifest `text`, in which one key of our crate `name` is `to`.
pub(crate) fn with_key_of(text: &str, name: &str, key: &str, to: &str) -> Outcome<String> {
    edit(text, |manifest| {
        let path = ["workspace", "dependencies", name];
        table(manifest.as_table_mut(), &path)?.insert(key, value(to));
        Ok(())
    })
}

/// The crates, ours and others', that the root manifest `text` requires.
pub(crate) fn required(text: &str) -> Outcome<BTreeSet<String>> {
    let mut manifest: DocumentMut = text.parse()?;
    let table = table(manifest.as_table_mut(), &["workspace", "dependencies"])?;
    Ok(table.iter().map(|(name, _)| name.to_owned()).collect())
}

/// The first thing that crates inherit which stands in the root manifest `new` otherwise than in `old`: a property
/// of all packages, or one of the dependencies `names`.
pub(crate) fn inherited(old: &str, new: &str, names: BTreeSet<&str>) -> Outcome<Option<String>> {
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
pub(crate) fn with_locked(text: &str, name: &str, version: &str) -> Outcome<String> {
    edit(text, |lock| {
        let packages = lock.get_mut("package").and_then(Item::as_array_of_tables_mut);
        let mut packages = packages.into_iter().flat_map(ArrayOfTables::iter_mut);
        let is_it = |package: &&mut Table| package.get("name").and_then(Item::as_str) == Some(name);
        let package = packages.find(is_it);
        let package = package.ok_or_else(|| format!("`{name}` is not locked"))?;
        package.insert("version", value(version));
        Ok(())
    })
}

/// A crate's manifest `text`, in which the package has another name than its library.
pub(crate) fn with_name(text: &str, package: &str, library: &str) -> Outcome<String> {
    edit(text, |manifest| {
        table(manifest.as_table_mut(), &["package"])?.insert("name", value(package));
        let lib = manifest.entry("lib").or_insert_with(toml_edit::table);
        let lib = lib.as_table_like_mut().ok_or("`lib` is no table")?;
        lib.insert("name", value(library));
        Ok(())
    })
}

/// Any manifest `text`, in which our crate `name` is found although its package is called `package`.
pub(crate) fn with_package_of(text: &str, name: &str, package: &str) -> Outcome<String> {
    edit(text, |manifest| {
        for path in [&["workspace", "dependencies"][..], &["dependencies"], &["dev-dependencies"]] {
            let Ok(table) = table(manifest.as_table_mut(), path) else {
                continue;
            };
            let entry = table.get_mut(name).and_then(Item::as_table_like_mut);
            // The others inherit theirs from the root manifest.
            if let Some(entry) = entry.filter(|entry| entry.contains_key("path")) {
                entry.insert("package", value(package));
            }
        }
        Ok(())
    })
}

/// The names under which crates are published that are not their own, from the root manifest.
pub(crate) fn names(root: &Path) -> Outcome<BTreeMap<String, String>> {
    names_in(&std::fs::read_to_string(root.join("Cargo.toml"))?)
}

fn names_in(text: &str) -> Outcome<BTreeMap<String, String>> {
    let manifest: DocumentMut = text.parse()?;
    let mut item: Option<&Item> = Some(manifest.as_item());
    for key in ["workspace", "metadata", "release", "names"] {
        item = item.and_then(|item| item.get(key));
    }
    let Some(names) = item.and_then(Item::as_table_like) else {
        return Ok(BTreeMap::new());
    };
    let name = |(own, other): (&str, &Item)| {
        let other = other.as_str().ok_or(format!("the name of `{own}` is no text"))?;
        Ok((own.to_owned(), other.to_owned()))
    };
    names.iter().map(name).collect()
}

fn edit(text: &str, change: impl FnOnce(&mut DocumentMut) -> Outcome) -> Outcome<String> {
    let mut manifest: DocumentMut = text.parse()?;
    change(&mut manifest)?;
    Ok(manifest.to_string())
}

fn table<'a>(from: &'a mut dyn TableLike, path: &[&str]) -> Outcome<&'a mut dyn TableLike> {
    let mut table = from;
    for key in path {
        let item = table.get_mut(key).and_then(Item::as_table_like_mut);
        table = item.ok_or_else(|| format!("the manifest has no table `{}`", path.join(".")))?;
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "# Ours.\n[workspace.dependencies]\nm = { path = \"m\", version = \"0.1.0\" } # why\n\n\
        [workspace.metadata.release.names]\nfacade = \"facade-client\"\n";

    #[test]
    fn a_requirement_moves_and_comments_stay() {
        let text = with_key_of(ROOT, "m", "version", "0.2.0").unwrap();
        assert_eq!(text, ROOT.replace("0.1.0", "0.2.0"));
        let reason = with_key_of(ROOT, "x", "version", "0.2.0").unwrap_err().to_string();
        assert!(reason.ends_with("`workspace.dependencies.x`"), "{reason}");
    }

    #[test]
    fn what_is_required_stands_in_one_table() {
        assert!(required(ROOT).unwrap().contains("m"));
        assert!(!required(ROOT).unwrap().contains("facade"));
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
    fn a_lock_file_moves_with_the_crate_and_nothing_else_in_it_does() {
        let text = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"0.1.0\"\ndependencies = [\n \"m\",\n]\n\n\
                    [[package]]\nname = \"m\"\nversion = \"0.1.0\"\n";
        let moved = with_locked(text, "a", "0.2.0").unwrap();
        assert_eq!(moved, text.replacen("0.1.0", "0.2.0", 1));
        assert!(with_locked(text, "b", "0.2.0").is_err());
    }

    #[test]
    fn a_version_is_replaced_and_its_comment_stays() {
        let text = "[package]\nname = \"m\"\nversion = \"0.1.0\"\n# End.\n";
        assert_eq!(with_version(text, "0.2.0").unwrap(), text.replace("0.1.0", "0.2.0"));
    }

    #[test]
    fn a_package_under_another_name_keeps_its_library() {
        let text = with_name("[package]\nname = \"m\"\n", "m-client", "m").unwrap();
        assert_eq!(text, "[package]\nname = \"m-client\"\n\n[lib]\nname = \"m\"\n");
    }

    #[test]
    fn whoever_names_the_path_of_a_renamed_package_finds_it() {
        let text =
            "[dependencies]\nm = { path = \"../m\" }\n\n[dev-dependencies]\nm.workspace = true\n";
        let renamed = with_package_of(text, "m", "m-client").unwrap();
        assert_eq!(renamed, text.replace("\"../m\" }", "\"../m\" , package = \"m-client\" }"));
    }

    #[test]
    fn names_of_published_crates_stand_in_one_place_or_nowhere() {
        assert_eq!(names_in(ROOT).unwrap()["facade"], "facade-client");
        assert!(names_in("[workspace]\n").unwrap().is_empty());
    }
}
