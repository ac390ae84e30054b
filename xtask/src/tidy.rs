//! `cargo xtask tidy`: the rules of this repository that no other tool knows.

use std::{fs, path::Path};

use anyhow::Result;
use cargo_metadata::{Package, Target, TargetKind};
use syn::File;

use crate::{
    circles, layering, release,
    shell::report,
    workspace::{self, relative},
};

/// Words that stand in no source file, and why. Written in halves, so that this file may hold them.
const FORBIDDEN: &[(&str, &str)] = &[
    (
        concat!("install_", "default"),
        "the crypto provider is passed in code, never installed for the process",
    ),
    (concat!("danger", "ous"), "certificates are always verified"),
    (concat!("SSLKEY", "LOGFILE"), "session keys are never written anywhere"),
    (concat!("doc(", "hidden)"), "it is public, and `api` would not see it"),
    (concat!("macro_", "export"), "`api` does not see what a macro writes for its callers"),
];

/// Words that stand in no file at all, and why.
const STRAY: &[(&str, &str)] = &[
    (concat!("TO", "DO"), "do it, or state what is missing"),
    (concat!("FIX", "ME"), "fix it, or state what is broken"),
    (concat!("XX", "X"), "say what is meant"),
    (concat!("<<", "<<<<<"), "a merge conflict was not resolved"),
    (concat!(">>", ">>>>>"), "a merge conflict was not resolved"),
    (concat!("/ho", "me/"), "a path of one machine"),
    (concat!("/ro", "ot/"), "a path of one machine"),
    (concat!("/wo", "rk/"), "a path of one machine"),
    (concat!("crates", ".io"), "the reader chooses the registry"),
    (concat!("pypi", ".org"), "the reader chooses the registry"),
];

/// How many lines a source file has at most: a longer one is a sign that something wants to be two.
const LINES: usize = 500;

/// Prints what breaks a rule, and fails if anything does.
pub(crate) fn run(root: &Path) -> Result<()> {
    let packages = workspace::packages(root)?;
    let design = fs::read_to_string(root.join("DESIGN.md"))?;
    let mut wrong = layering::check(&packages, &design)?;
    wrong.extend(release::PendingChanges::read(root)?.wrong);
    wrong.extend(in_circles(&packages, root)?);
    let is_text = |name: &String| [".md", ".rs", ".toml"].iter().any(|end| name.ends_with(end));
    for name in workspace::files(root)?.into_iter().filter(is_text) {
        let text = fs::read_to_string(root.join(&name))?;
        let mut problems = named(&text, STRAY);
        if name.ends_with(".rs") {
            problems.extend(in_source(&text));
        }
        wrong.extend(problems.into_iter().map(|problem| format!("{name}: {problem}")));
    }
    report(&wrong, &format!("{} rules are broken: cargo xtask tidy", wrong.len()))
}

fn in_circles(packages: &[Package], root: &Path) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    let is_code = |it: &&Target| it.is_kind(TargetKind::Lib) || it.is_kind(TargetKind::Bin);
    for target in packages.iter().flat_map(|package| &package.targets).filter(is_code) {
        let file = target.src_path.as_std_path();
        for circle in circles::between_files(file)? {
            wrong.push(format!("{}: a circle of files: {circle}", relative(file, root)));
        }
    }
    Ok(wrong)
}

fn in_source(text: &str) -> Vec<String> {
    let mut wrong = named(text, FORBIDDEN);
    // Also a page that is included.
    let has_header =
        |file: File| file.attrs.iter().any(|attribute| attribute.path().is_ident("doc"));
    if !syn::parse_file(text).is_ok_and(has_header) {
        let why = "begins without `//!`: one or two lines that say what is in the file, and why";
        wrong.push(why.to_owned());
    }
    let lines = text.lines().count();
    if lines > LINES {
        wrong.push(format!("has {lines} lines, which is more than {LINES}: split it"));
    }
    wrong
}

fn named(text: &str, words: &[(&str, &str)]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        for (word, why) in words.iter().filter(|(word, _)| line.contains(word)) {
            wrong.push(format!("line {number}: `{word}` is not allowed here: {why}"));
        }
    }
    wrong
}
