//! `cargo xtask api`: the public API of each library as text in `api/`, reviewed like code.

use std::{collections::BTreeMap, fs, io, path::Path};

use anyhow::Result;

use crate::{
    shell::report,
    surface::{self, Surface},
    workspace,
};

/// Traits that the compiler implements and no caller can name on a stable tool chain.
const UNSTABLE: &[&str] =
    &["core::marker::Freeze", "core::marker::StructuralPartialEq", "core::marker::UnsafeUnpin"];

/// Traits that nearly every type has of itself: only a type that lacks one is worth a line.
const USUAL: &[&str] = &[
    "core::marker::Send",
    "core::marker::Sync",
    "core::marker::Unpin",
    "core::panic::unwind_safe::RefUnwindSafe",
    "core::panic::unwind_safe::UnwindSafe",
];

/// Compares with what was reviewed, or writes it.
pub(crate) fn run(root: &Path, bless: bool) -> Result<()> {
    let folder = root.join("api");
    let Some(surfaces) = surface::read(root)? else {
        return Ok(());
    };
    let texts =
        surfaces.iter().map(|surface| (format!("{}.txt", surface.package.name), text(surface)));
    let texts: BTreeMap<String, Vec<String>> = texts.collect();
    if bless {
        workspace::empty(&folder)?;
        for (file, text) in &texts {
            fs::write(folder.join(file), text.join("\n") + "\n")?;
        }
        return Ok(());
    }
    let mut wrong = Vec::new();
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
    )
}

/// What callers rely on, a line each: features, items, and whose items the re-exported ones are, whose own crate
/// may break them.
fn text(surface: &Surface) -> Vec<String> {
    let features = surface.package.features.iter();
    let features = features.filter_map(|(name, on)| match (name.as_str(), on.as_slice()) {
        ("default", []) => None,
        ("default", on) => Some(format!("feature default = {}", on.join(", "))),
        (name, _) => Some(format!("feature {name}")),
    });
    let items = told(&surface.items).into_iter().map(str::to_owned);
    let reexports = surface.reexports.iter().map(|(_, item)| item.clone());
    features.chain(items).chain(reexports).collect()
}

/// The items that a reviewer must read: without the functions of an implemented trait, which the
/// trait tells already, and without the auto traits that go without saying.
fn told(items: &[String]) -> Vec<&str> {
    let mut told = Vec::new();
    let mut implemented_for = None;
    for item in items.iter().map(String::as_str) {
        if item.starts_with("impl") {
            implemented_for = item.split(" for ").last().filter(|last| *last != item);
            if !goes_without_saying(item) {
                told.push(item);
            }
        } else if !implemented_for.is_some_and(|owner| is_function_of(item, owner)) {
            told.push(item);
        }
    }
    told
}

fn goes_without_saying(implementation: &str) -> bool {
    let Some((_, rest)) = implementation.split_once(' ') else {
        return false;
    };
    let name = rest.split(' ').next().unwrap_or_default();
    // A condition (`impl<T>`) and a denial (`!`) of a usual trait are not usual.
    UNSTABLE.contains(&name.trim_start_matches('!'))
        || (implementation.starts_with("impl ") && USUAL.contains(&name))
}

fn is_function_of(item: &str, owner: &str) -> bool {
    let owner = owner.trim_start_matches('&');
    let owner = owner.split(['<', ' ']).next().unwrap_or_default();
    let Some((_, path)) = item.split_once("fn ") else {
        return false;
    };
    path.strip_prefix(owner).is_some_and(|rest| rest.starts_with("::") || rest.starts_with('<'))
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
    use crate::workspace::tests::package;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(|line| line.trim().to_owned()).collect()
    }

    #[test]
    fn features_and_the_origin_of_what_is_exported_again_are_told() {
        let mut surface = Surface {
            package: package("a", &[]),
            items: lines("pub mod a\npub use a::X"),
            reexports: vec![("b".into(), "pub use b::x::X".into())],
        };
        surface.package.features =
            BTreeMap::from([("default".into(), vec![]), ("c".into(), vec![])]);
        assert_eq!(text(&surface), ["feature c", "pub mod a", "pub use a::X", "pub use b::x::X"]);
        surface.package.features = BTreeMap::from([("default".into(), vec!["c".into()])]);
        assert_eq!(text(&surface)[0], "feature default = c");
    }

    #[test]
    fn functions_of_a_trait_and_usual_auto_traits_go_without_saying() {
        let all = lines(
            "pub struct a::X
             impl a::X
             pub fn a::X::new() -> Self
             impl core::convert::TryFrom<u8> for a::X
             pub type a::X::Error = a::E
             pub fn a::X::try_from(u8) -> core::result::Result<Self, a::E>
             impl core::marker::Freeze for a::X
             impl !core::marker::UnsafeUnpin for a::X
             impl core::marker::Send for a::X
             impl !core::marker::Sync for a::X
             pub fn a::free()
             impl<T> core::marker::Send for a::P<T> where T: core::marker::Send
             impl<T> core::clone::Clone for a::P<T> where T: core::clone::Clone
             pub fn a::P<T>::clone(&self) -> Self
             pub fn a::Pair::new() -> Self",
        );
        let unsaid =
            ["try_from(u8)", "Freeze", "UnsafeUnpin", "impl core::marker::Send", "::clone("];
        let expected: Vec<&String> =
            all.iter().filter(|line| !unsaid.iter().any(|part| line.contains(part))).collect();
        assert_eq!(told(&all), expected);
        assert_eq!(expected.len(), 10);
    }

    #[test]
    fn a_change_is_a_line_that_is_gone_and_one_that_is_new() {
        let changes = |old: &[&'static str], new: &[&'static str]| {
            changes(old.iter().copied(), new.iter().copied())
        };
        assert!(changes(&["a", "b"], &["b", "a"]).is_empty());
        assert_eq!(changes(&["a", "b"], &["c", "b"]), ["- a", "+ c"]);
        assert_eq!(changes(&["a", "a"], &["a"]), ["- a"]);
    }
}
