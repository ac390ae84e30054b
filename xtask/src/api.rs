//! `cargo xtask api`: the public API of each library as text in `api/`, reviewed like code, and whose types it names.

mod foreign;
mod surface;

use std::{collections::BTreeMap, fs, io, path::Path};

use anyhow::Result;

use crate::{shell::report, workspace};

/// Compares with what was reviewed, or writes it.
pub(crate) fn run(root: &Path, bless: bool) -> Result<()> {
    let folder = root.join("api");
    let Some(surfaces) = surface::read(root)? else {
        return Ok(());
    };
    let file = |name: &str| format!("{name}.txt");
    let texts = surfaces.iter().map(|it| (file(&it.package.name), &it.lines));
    let texts: BTreeMap<String, &Vec<String>> = texts.collect();
    let mut wrong = Vec::new();
    if bless {
        workspace::empty(&folder)?;
        for (file, text) in &texts {
            fs::write(folder.join(file), text.join("\n") + "\n")?;
        }
    }
    for (file, text) in &texts {
        let reviewed = match fs::read_to_string(folder.join(file)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            read => read?,
        };
        let changes = changes(reviewed.lines(), text.iter().map(String::as_str));
        wrong.extend(changes.into_iter().map(|change| format!("api/{file}: {change}")));
    }
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let file = entry?.file_name().to_string_lossy().into_owned();
        if !texts.contains_key(&file) {
            wrong.push(format!("api/{file}: there is no such library"));
        }
    }
    report(
        &wrong,
        "the public API is not the one that was reviewed. If it should be, `cargo xtask api --bless` writes it down, \
         and the commit says why",
    )?;
    let foreign: Vec<String> =
        surfaces.iter().flat_map(|it| foreign::types(&it.package, &it.lines)).collect();
    report(&foreign, "foreign types are in public signatures: hide each behind a type of ours")
}

/// Lines that are gone (`-`), then lines that are new (`+`). Their order says nothing.
fn changes<'a>(
    old: impl Iterator<Item = &'a str>,
    new: impl Iterator<Item = &'a str>,
) -> Vec<String> {
    let mut count: BTreeMap<&str, i32> = BTreeMap::new();
    for (line, by) in old.map(|line| (line, -1)).chain(new.map(|line| (line, 1))) {
        *count.entry(line).or_default() += by;
    }
    let gone = count.iter().filter(|(_, times)| **times < 0).map(|(line, _)| format!("- {line}"));
    let new = count.iter().filter(|(_, times)| **times > 0).map(|(line, _)| format!("+ {line}"));
    gone.chain(new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_a_line_that_is_gone_and_one_that_is_new() {
        for (old, new, expected) in
            [("a b", "b a", &[][..]), ("a b", "c b", &["- a", "+ c"]), ("a a", "a", &["- a"])]
        {
            assert_eq!(changes(old.split(' '), new.split(' ')), expected);
        }
    }
}
