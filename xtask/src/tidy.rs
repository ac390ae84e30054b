//! `cargo xtask tidy`: the rules of the house that no other tool knows.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    Outcome, arrows, markdown,
    metadata::{self, Package},
    release,
    shell::Line,
};

/// Crates that hold no I/O, and crates that would bring some: not even their tests may need them.
const PURE: &[&str] = &["dls-model", "dls-rollout"];
const IMPURE: &[&str] = &["hyper", "mio", "rustls", "socket2", "tokio"];

/// Words that stand in no source file, and why. Written in halves, so that this file may hold them.
const FORBIDDEN: &[(&str, &str)] = &[
    (
        concat!("install_", "default"),
        "the crypto provider is passed in code, never installed for the process",
    ),
    (concat!("danger", "ous"), "certificates are always verified"),
    (concat!("SSLKEY", "LOGFILE"), "session keys are never written anywhere"),
    (
        concat!("doc(", "hidden)"),
        "it is public, and neither `api` nor `external-types` would see it",
    ),
    (
        concat!("macro_", "export"),
        "neither `api` nor `external-types` sees what a macro writes for its callers",
    ),
];

/// Words that stand in no file at all, and why.
const STRAY: &[(&str, &str)] = &[
    (concat!("TO", "DO"), "do it, or say as a fact what is not done"),
    (concat!("FIX", "ME"), "fix it, or say as a fact what is broken"),
    (concat!("XX", "X"), "say what is meant"),
    (concat!("<<", "<<<<<"), "a merge was left half done"),
    (concat!(">>", ">>>>>"), "a merge was left half done"),
    (concat!("/ho", "me/"), "a path of one machine"),
    (concat!("/ro", "ot/"), "a path of one machine"),
    (concat!("/wo", "rk/"), "a path of one machine"),
    (concat!("crates", ".io"), "which registry is used is the reader's choice"),
    (concat!("pypi", ".org"), "which registry is used is the reader's choice"),
];

/// How many lines a source file has at most: a longer one is a sign that something wants to be two.
const LINES: usize = 500;

/// Prints what breaks a rule, and fails if anything does.
pub(crate) fn run(root: &Path, _: &[String]) -> Outcome {
    let packages = metadata::read(root)?;
    let design = fs::read_to_string(root.join("DESIGN.md"))?;
    let mut wrong = in_design(&packages, &design)?;
    wrong.extend(impure(root)?);
    wrong.extend(release::untold(root)?);
    for path in texts(root)? {
        let text = fs::read_to_string(&path)?;
        let name = name(&path, root);
        let mut problems = stray(&text, STRAY);
        if name.ends_with(".rs") {
            problems.extend(in_source(&text));
        }
        wrong.extend(problems.into_iter().map(|problem| format!("{name}: {problem}")));
    }
    for problem in &wrong {
        println!("  {problem}");
    }
    match wrong.len() {
        0 => Ok(()),
        1 => Err("one rule of the house is broken: cargo xtask tidy".into()),
        many => {
            Err(format!("the rules of the house are broken {many} times: cargo xtask tidy").into())
        }
    }
}

fn in_design(packages: &[Package], design: &str) -> Outcome<Vec<String>> {
    let table = |heading: &str| {
        markdown::table(design, heading)
            .ok_or_else(|| format!("DESIGN.md has no table under the heading `{heading}`"))
    };
    let between = arrows::between_ours(packages, &table("## Arrows")?);
    let to_others = arrows::to_others(packages, &table("## Dependencies")?);
    Ok(between
        .into_iter()
        .chain(to_others)
        .map(|problem| format!("DESIGN.md: {problem}"))
        .collect())
}

/// Each impure crate in the tree of a pure one on any platform, the trees of its tests and build scripts included:
/// so `cargo test -p dls-model` builds none of them.
fn impure(root: &Path) -> Outcome<Vec<String>> {
    let mut wrong = Vec::new();
    for pure in PURE {
        let line = format!(
            "cargo tree -p {pure} --all-features --target all -e normal,build,dev --prefix none -f {{lib}}"
        );
        let tree = Line::new(&line).read(root)?;
        for impure in IMPURE.iter().filter(|name| tree.lines().any(|line| line.trim() == **name)) {
            wrong.push(format!("`{pure}` may hold no I/O, but needs `{impure}`: {line}"));
        }
    }
    Ok(wrong)
}

fn in_source(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if !begins_with_a_word(text) {
        wrong.push(
            "begins without `//!`: one or two lines that say what lives here, and why".to_owned(),
        );
    }
    let lines = text.lines().count();
    if lines > LINES {
        wrong.push(format!("has {lines} lines, which is more than {LINES}: make it two"));
    }
    wrong.extend(stray(text, FORBIDDEN));
    wrong
}

fn stray(text: &str, words: &[(&str, &str)]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        for (word, why) in words.iter().filter(|(word, _)| line.contains(word)) {
            wrong.push(format!("line {number}: `{word}` may not stand here: {why}"));
        }
    }
    wrong
}

/// Does the file begin with `//!`, or with a page that is included, leaving other attributes aside?
fn begins_with_a_word(text: &str) -> bool {
    let mut rest = text.trim_start();
    while rest.starts_with("#![") {
        if rest.starts_with("#![doc = include_str!(") {
            return true;
        }
        let Some((_, after)) = rest.split_once("]\n") else {
            return false;
        };
        rest = after.trim_start();
    }
    rest.starts_with("//!")
}

/// All Rust files, manifests and documents, in a fixed order: not what was built, nor what
/// was copied from others.
fn texts(root: &Path) -> Outcome<Vec<PathBuf>> {
    let mut folders = vec![root.to_owned()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if path.is_dir() {
                if !name.starts_with('.') && name != "target" && name != "data" {
                    folders.push(path);
                }
            } else if [".md", ".rs", ".toml"].iter().any(|end| name.ends_with(end)) {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// The path from the top folder, with slashes on every platform.
fn name(path: &Path, root: &Path) -> String {
    let parts = path.strip_prefix(root).unwrap_or(path).iter();
    let parts: Vec<_> = parts.map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_begins_with_a_word_on_itself() {
        assert!(in_source("//! What.\n").is_empty());
        assert!(in_source("#![doc = include_str!(\"../README.md\")]\n").is_empty());
        assert!(
            in_source("#![forbid(unsafe_code)]\n#![allow(\n    a,\n    b\n)]\n\n//! What.\n")
                .is_empty()
        );
        for text in ["", "use std::fs;\n//! Late.\n", "// Not it.\n", "#![unfinished\n//! x"] {
            assert_eq!(in_source(text).len(), 1, "{text:?}");
        }
    }

    #[test]
    fn a_forbidden_word_is_named_with_its_line() {
        for (word, why) in FORBIDDEN {
            let wrong = in_source(&format!("//! What.\nfn f() {{ {word}); }}\n"));
            assert_eq!(wrong, [format!("line 2: `{word}` may not stand here: {why}")]);
        }
    }

    #[test]
    fn a_design_document_without_its_tables_fails() {
        let reason = in_design(&[], "# Design\n").unwrap_err().to_string();
        assert!(reason.contains("## Arrows"), "{reason}");
    }
}
