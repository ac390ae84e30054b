//! `cargo xtask api`: the public API of each library as text in `api/`, reviewed like code.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::Path,
};

use crate::{
    Outcome,
    surface::{self, Surface},
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

/// Compares with what was reviewed, or writes it with `--bless`.
pub(crate) fn run(root: &Path, options: &[String]) -> Outcome {
    let Some(surfaces) = surface::read(root)? else {
        return Ok(());
    };
    if options.is_empty() { compare(root, &surfaces) } else { bless(root, &surfaces) }
}

fn bless(root: &Path, surfaces: &[Surface]) -> Outcome {
    fs::create_dir_all(root.join("api"))?;
    for name in superfluous(root, surfaces)? {
        fs::remove_file(root.join("api").join(name))?;
    }
    for surface in surfaces {
        let text = text(surface).join("\n") + "\n";
        fs::write(root.join("api").join(file(surface)), text)?;
    }
    Ok(())
}

fn compare(root: &Path, surfaces: &[Surface]) -> Outcome {
    let mut wrong = Vec::new();
    for surface in surfaces {
        let file = format!("api/{}", file(surface));
        let reviewed = match fs::read_to_string(root.join(&file)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            read => read?,
        };
        let lines: Vec<&str> = reviewed.lines().collect();
        let text = text(surface);
        let text: Vec<&str> = text.iter().map(String::as_str).collect();
        let changes = changes(&lines, &text);
        if !changes.is_empty() {
            wrong.push(format!("{file}:"));
            wrong.extend(changes);
        }
    }
    for name in superfluous(root, surfaces)? {
        wrong.push(format!("api/{name}: there is no such library"));
    }
    for line in &wrong {
        println!("  {line}");
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err("the public API is not the one that was reviewed. If it should be, \
             `cargo xtask api --bless` writes it down, and the commit says why"
            .into())
    }
}

fn file(surface: &Surface) -> String {
    format!("{}.txt", surface.package.name)
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

/// Files in `api/` that belong to no library.
fn superfluous(root: &Path, surfaces: &[Surface]) -> Outcome<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    if let Ok(entries) = fs::read_dir(root.join("api")) {
        for entry in entries {
            names.insert(entry?.file_name().to_string_lossy().into_owned());
        }
    }
    for surface in surfaces {
        names.remove(&file(surface));
    }
    Ok(names)
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
fn changes(old: &[&str], new: &[&str]) -> Vec<String> {
    let mut count: BTreeMap<&str, i64> = BTreeMap::new();
    for line in new {
        *count.entry(line).or_default() += 1;
    }
    for line in old {
        *count.entry(line).or_default() -= 1;
    }
    let some = |sign: char, wanted: fn(i64) -> bool| {
        let lines = count.iter().filter(move |(_, times)| wanted(**times));
        lines.map(move |(line, _)| format!("{sign} {line}"))
    };
    some('-', |times| times < 0).chain(some('+', |times| times > 0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Package;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(|line| line.trim().to_owned()).collect()
    }

    #[test]
    fn features_and_the_origin_of_what_is_exported_again_are_told() {
        let mut surface = Surface {
            package: Package::default(),
            items: lines("pub mod a\npub use a::X"),
            reexports: vec![("b".into(), "pub use b::x::X".into())],
        };
        let off = BTreeMap::from([("default".into(), vec![]), ("c".into(), vec![])]);
        surface.package.features = off;
        let usual = ["feature c", "pub mod a", "pub use a::X", "pub use b::x::X"];
        assert_eq!(text(&surface), usual);
        surface.package.features = BTreeMap::from([("default".into(), vec!["c".into()])]);
        assert_eq!(text(&surface)[0], "feature default = c");
    }

    #[test]
    fn functions_of_a_trait_and_usual_traits_go_without_saying() {
        let items = lines(
            "pub struct a::X
             impl a::X
             pub fn a::X::new() -> Self
             impl core::convert::TryFrom<u8> for a::X
             pub type a::X::Error = a::E
             pub fn a::X::try_from(u8) -> core::result::Result<Self, a::E>
             impl core::marker::Freeze for a::X
             impl !core::marker::UnsafeUnpin for a::X
             impl core::marker::Send for a::X
             pub fn a::free()",
        );
        assert_eq!(
            told(&items),
            [
                "pub struct a::X",
                "impl a::X",
                "pub fn a::X::new() -> Self",
                "impl core::convert::TryFrom<u8> for a::X",
                "pub type a::X::Error = a::E",
                "pub fn a::free()",
            ]
        );
    }

    #[test]
    fn functions_of_a_generic_owner_are_known_by_its_path() {
        let items = lines(
            "impl<T> core::clone::Clone for a::P<T> where T: core::clone::Clone
             pub fn a::P<T>::clone(&self) -> Self
             pub fn a::Pair::new() -> Self",
        );
        assert_eq!(told(&items).len(), 2, "{:?}", told(&items));
    }

    #[test]
    fn an_auto_trait_that_is_denied_or_has_a_condition_is_told() {
        for item in [
            "impl !core::marker::Send for a::X",
            "impl<T> core::marker::Send for a::X<T> where T: core::marker::Send",
        ] {
            assert_eq!(told(&lines(item)), [item]);
        }
    }

    #[test]
    fn a_change_is_a_line_that_is_gone_and_one_that_is_new() {
        assert!(changes(&["a", "b"], &["b", "a"]).is_empty());
        assert_eq!(changes(&["a", "b"], &["c", "b"]), ["- a", "+ c"]);
        assert_eq!(changes(&["a", "a"], &["a"]), ["- a"]);
    }
}
