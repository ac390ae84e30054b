//! `cargo xtask api`: the public API of each library as text in `api/`, reviewed like code, and whose types it names.
//! Each of another crate's makes its breaking change a breaking change of ours.

mod surface;

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context, Result};
use cargo_metadata::Package;

use crate::{
    shell::{self, cmd, report},
    workspace,
};

/// Crates that may stand in any public signature. See *Why is `http` the waist?* in DESIGN.md.
/// `serde_core` is where serde has `Serialize` and `Deserialize` from.
const ALLOWED: [&str; 7] = ["alloc", "bytes", "core", "http", "serde", "serde_core", "std"];

/// A library whose feature exports proptest strategies to other crates.
const EXCEPTION: (&str, &str) = ("dls-model", "proptest");

/// Compares with what was reviewed, or writes it.
pub(crate) fn run(root: &Path, bless: bool) -> Result<()> {
    let Some(surfaces) = surface::read(root)? else {
        return Ok(());
    };
    let folder = if bless { "api" } else { "target/api/text" };
    workspace::empty(&root.join(folder))?;
    for (package, lines) in &surfaces {
        fs::write(root.join(format!("{folder}/{}.txt", package.name)), lines.join("\n") + "\n")?;
    }
    cmd!(shell::at(root)?, "git --no-pager diff --no-index --unified=0 api {folder}").run().context(
        "the public API is not the one that was reviewed. If it should be, `cargo xtask api --bless` writes it down, \
         and the commit says why",
    )?;
    let foreign: Vec<String> =
        surfaces.iter().flat_map(|(package, lines)| foreign(package, lines)).collect();
    report(&foreign, "foreign types are in public signatures: hide each behind a type of ours")
}

/// Each item of the public API that names a crate which may not stand there. The crate itself may, and those of ours
/// that it depends on.
fn foreign(package: &Package, api: &[String]) -> Vec<String> {
    let name = package.name.as_str();
    let below = workspace::needs(package).map(|name| name.replace('-', "_"));
    let ours: BTreeSet<String> =
        below.chain(workspace::library(package).map(str::to_owned)).collect();
    let is_allowed =
        |of: &str| ALLOWED.contains(&of) || ours.contains(of) || (name, of) == EXCEPTION;
    let foreign = |item: &String| {
        let crates = crates(item).into_iter().filter(|of| !is_allowed(of));
        crates.map(|of| format!("{name}: `{of}` in `{item}`")).collect::<Vec<_>>()
    };
    api.iter().flat_map(foreign).collect()
}

/// The crates that the paths in an item begin with.
fn crates(item: &str) -> BTreeSet<&str> {
    let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    // A crate that is exported as a whole is a path without an end.
    let whole = item.strip_prefix("pub use ").filter(|path| path.chars().all(is_path));
    item.split(|c| !is_path(c))
        .filter_map(|word| word.split_once("::").map(|(first, _)| first))
        .chain(whole.and_then(|path| path.split("::").next()))
        // Not `Self::Error`, `T::Item`, or the end of `<T as Trait>::Item`.
        .filter(|first| first.starts_with(|c: char| c.is_lowercase() || c == '_'))
        .collect()
}
