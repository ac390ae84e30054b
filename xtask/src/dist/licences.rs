//! The texts of licences, which must go along with a program that holds other people's code.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::Result;

use super::parts::Part;
use crate::shell::{self, cmd};

/// How the names of such files begin, in capitals.
const NAMES: [&str; 6] = ["COPYING", "COPYRIGHT", "LICENCE", "LICENSE", "NOTICE", "UNLICENSE"];

/// Whose code, and a text that came with it. Nobody's text is None: then the page says so.
pub(super) type Text = (String, Option<String>);

/// The texts that the crates bring along.
pub(super) fn of(parts: &[Part]) -> Result<Vec<Text>> {
    let mut texts = Vec::new();
    for part in parts {
        let owner = format!("{} {} ({})", part.name, part.version, part.licence);
        texts.extend(in_folder(&owner, &part.folder)?);
    }
    Ok(texts)
}

/// The page about the standard library that the tool chain brings along. That library is in each program, and in no
/// tree of crates.
pub(super) fn of_the_standard_library(root: &Path) -> Result<PathBuf> {
    let sysroot = cmd!(shell::at(root)?, "rustc --print sysroot").read()?;
    Ok(Path::new(&sysroot).join("share/doc/rust/COPYRIGHT-library.html"))
}

fn in_folder(owner: &str, folder: &Path) -> Result<Vec<Text>> {
    let mut files = Vec::new();
    if folder.is_dir() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
            if path.is_file() && NAMES.iter().any(|start| name.starts_with(start)) {
                files.push(path);
            }
        }
    }
    files.sort();
    let mut texts = Vec::new();
    for path in &files {
        let text = String::from_utf8_lossy(&fs::read(path)?).into_owned();
        texts.push((owner.to_owned(), Some(text)));
    }
    if texts.is_empty() {
        texts.push((owner.to_owned(), None));
    }
    Ok(texts)
}

/// Each text once, below the names of all who use it, and who has none at the end.
pub(super) fn page(texts: Vec<Text>) -> String {
    let mut users: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut without = Vec::new();
    for (owner, text) in texts {
        match text {
            Some(text) => users.entry(text.trim().replace('\r', "")).or_default().push(owner),
            None => without.push(owner),
        }
    }
    let mut sections: Vec<(Vec<String>, String)> =
        users.into_iter().map(|(text, owners)| (owners, text)).collect();
    sections.sort();
    let rule = "=".repeat(80);
    let mut page: String = sections
        .iter()
        .map(|(owners, text)| format!("{rule}\n{}\n\n{text}\n\n", owners.join("\n")))
        .collect();
    if !without.is_empty() {
        page.push_str(&format!(
            "{rule}\nWhat these say of their licence stands beside their names, and they bring no text of it:\n{}\n",
            without.join("\n")
        ));
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_many_use_is_there_once_and_who_brings_none_is_named() {
        let text = |owner: &str, text: Option<&str>| (owner.to_owned(), text.map(str::to_owned));
        let page = page(vec![
            text("b 1 (MIT)", Some("Permission\r\n")),
            text("a 1 (MIT)", Some("Permission")),
            text("c 1 (ISC)", None),
        ]);
        assert_eq!(page.matches("Permission").count(), 1, "{page}");
        assert!(page.contains("b 1 (MIT)\na 1 (MIT)\n\nPermission\n"), "{page}");
        assert!(page.ends_with("no text of it:\nc 1 (ISC)\n"), "{page}");
    }

    #[test]
    fn only_files_about_the_licence_are_taken_and_none_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["LICENSE-MIT", "license-apache.txt", "Notice", "README.md", "COPYING"] {
            fs::write(folder.path().join(name), name).unwrap();
        }
        let texts = in_folder("a", folder.path()).unwrap();
        let mut found: Vec<_> = texts.into_iter().filter_map(|(_, text)| text).collect();
        found.sort();
        assert_eq!(found, ["COPYING", "LICENSE-MIT", "Notice", "license-apache.txt"]);
        let nowhere = in_folder("a", &folder.path().join("gone")).unwrap();
        assert_eq!(nowhere, [("a".to_owned(), None)]);
    }
}
