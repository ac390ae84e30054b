//! The public API of each published library as lines of text, read from rustdoc's JSON.

use std::{env, fs, path::Path};

use anyhow::{Result, ensure};
use cargo_metadata::Package;
use public_api::PublicItem;
use rustdoc_types::{Crate, Id, Impl, ItemEnum, Visibility};
use serde_json::Value;

use crate::{
    shell::{self, cmd},
    workspace::{library, published},
};

/// The version of rustdoc's JSON for which `api/*.txt` was written. Another compiler's surface may
/// differ without a change of ours: whoever moves to one sets this and blesses `api/` anew.
const FORMAT: u64 = 57;

/// A folder of its own, because build scripts see `RUSTC_BOOTSTRAP` and would be run again and again.
const TARGET: &str = "target/api";

/// Traits that the compiler implements and no caller can name on a stable toolchain.
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

/// A published library, and what it shows to its callers, line by line.
pub(super) type Surface = (Package, Vec<String>);

/// Lets rustdoc describe the published libraries of the workspace in `root`, all features on. The lines of each tell
/// its features, its items, and whose items the re-exported ones are, whose own crate may break them.
///
/// None, after a message, if this toolchain writes another format than the one that we compare with. That is a
/// failure under `CI`, where nobody would read the message.
pub(super) fn read(root: &Path) -> Result<Option<Vec<Surface>>> {
    let mut libraries = published(root)?;
    libraries.retain(|package| library(package).is_some());
    let each = libraries.iter().flat_map(|package| ["-p", package.name.as_str()]);
    let sh = shell::at(root)?;
    cmd!(sh, "cargo doc --quiet --no-deps --lib --all-features --target-dir {TARGET} {each...}")
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTDOCFLAGS", "-Z unstable-options --output-format=json --cap-lints=allow")
        .run()?;
    let mut surfaces = Vec::new();
    for package in libraries {
        let library = library(&package).unwrap_or_default();
        let file = root.join(format!("{TARGET}/doc/{library}.json"));
        let json: Value = serde_json::from_str(&fs::read_to_string(&file)?)?;
        let format = json.get("format_version").and_then(Value::as_u64);
        if format != Some(FORMAT) {
            let why = format!(
                "rustdoc writes JSON of the format {format:?}, and api/*.txt was written with {FORMAT}"
            );
            ensure!(env::var_os("CI").is_none(), why);
            println!("  SKIPPED {why}");
            return Ok(None);
        }
        let json = serde_json::from_value(json)?;
        let api = public_api::Builder::from_rustdoc_json(file).omit_blanket_impls(true).build()?;
        let mut lines = features(&package);
        lines.extend(api.items().filter(|it| is_telling(&json, it)).map(ToString::to_string));
        lines.extend(reexports(&json));
        surfaces.push((package, lines));
    }
    Ok(Some(surfaces))
}

fn features(package: &Package) -> Vec<String> {
    let line = |(name, on): (&String, &Vec<String>)| match (name.as_str(), on.as_slice()) {
        ("default", []) => None,
        ("default", on) => Some(format!("feature default = {}", on.join(", "))),
        (name, _) => Some(format!("feature {name}")),
    };
    package.features.iter().filter_map(line).collect()
}

/// Must a reviewer read this item? Not the functions of an implemented trait, which the trait tells already, and not the
/// auto traits that go without saying.
fn is_telling(json: &Crate, item: &PublicItem) -> bool {
    let inner = |id: Id| json.index.get(&id).map(|item| &item.inner);
    match inner(item.id()) {
        Some(ItemEnum::Function(_)) => {
            let parent = item.parent_id().and_then(inner);
            !matches!(parent, Some(ItemEnum::Impl(Impl { trait_: Some(_), .. })))
        }
        Some(ItemEnum::Impl(_)) => {
            let text = item.to_string();
            let name = text.split(' ').nth(1).unwrap_or_default();
            // A condition (`impl<T>`) and a denial (`!`) of a usual trait are not usual.
            let is_usual = text.starts_with("impl ") && USUAL.contains(&name);
            !is_usual && !UNSTABLE.contains(&name.trim_start_matches('!'))
        }
        _ => true,
    }
}

/// The text of the items does not say where a re-exported one comes from, the JSON does.
fn reexports(json: &Crate) -> Vec<String> {
    let items = json.index.values().filter(|item| matches!(item.visibility, Visibility::Public));
    let mut found: Vec<_> = items.filter_map(|item| reexport(json, &item.inner)).collect();
    found.sort();
    found
}

fn reexport(json: &Crate, item: &ItemEnum) -> Option<String> {
    match item {
        ItemEnum::ExternCrate { name, .. } => Some(format!("pub use {name}")),
        ItemEnum::Use(import) => {
            // The crate itself is no external one.
            let item = json.paths.get(import.id.as_ref()?)?;
            json.external_crates.get(&item.crate_id)?;
            let path = item.path.join("::");
            Some(match &import.name {
                _ if import.is_glob => format!("pub use {path}::*"),
                name if item.path.last() == Some(name) => format!("pub use {path}"),
                name => format!("pub use {path} as {name}"),
            })
        }
        _ => None,
    }
}
