//! The texts of licences, which must go along with a program that holds other people's code.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::Result;
use cargo_metadata::Package;

/// How the names of such files begin, in capitals.
const NAMES: [&str; 6] = ["COPYING", "COPYRIGHT", "LICENCE", "LICENSE", "NOTICE", "UNLICENSE"];

/// What the manifest says, in the words of SPDX.
pub(super) fn licence(package: &Package) -> &str {
    package.license.as_deref().unwrap_or("not said")
}

/// Each text that the crates bring along, once, below the names of all who use it. Who brings none is named at the end.
pub(super) fn page(parts: &[Package]) -> Result<String> {
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
        if path.is_file() && NAMES.iter().any(|start| name.starts_with(start)) {
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
    fn a_text_that_many_use_is_there_once_and_who_brings_none_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let part = |name: &str, files: &[(&str, &str)]| {
            let folder = folder.path().join(name);
            fs::create_dir(&folder).unwrap();
            for (file, text) in files {
                fs::write(folder.join(file), text).unwrap();
            }
            let mut part = package(name);
            part.manifest_path = folder.join("Cargo.toml").try_into().unwrap();
            part.license = Some("MIT".into());
            part
        };
        let page = page(&[
            part(
                "a",
                &[("LICENSE-MIT", "Permission\r\n"), ("Notice", "Noted"), ("README.md", "Read me")],
            ),
            part("b", &[("license.txt", "Permission"), ("COPYING", "Copy")]),
            part("c", &[]),
        ]);
        let rule = "=".repeat(80);
        assert_eq!(
            page.unwrap(),
            format!(
                "{rule}\na 0.1.0 (MIT)\n\nNoted\n\n{rule}\na 0.1.0 (MIT)\nb 0.1.0 (MIT)\n\nPermission\n\n\
                 {rule}\nb 0.1.0 (MIT)\n\nCopy\n\n\
                 {rule}\nThese bring no text of the licence that stands beside their names:\nc 0.1.0 (MIT)\n"
            )
        );
    }
}
