//! The public surface of each published library, read from rustdoc's JSON, which two guards judge.

use std::{env, fs, path::Path};

use anyhow::{Result, ensure};
use cargo_metadata::Package;
use rustdoc_types::{Crate, ItemEnum, Visibility};
use serde_json::Value;

use crate::{
    shell::{self, cmd},
    workspace::{is_published, library, packages},
};

/// The version of rustdoc's JSON for which `api/*.txt` was written. Another compiler's surface may
/// differ without a change of ours: whoever moves to one sets this and blesses `api/` anew.
const FORMAT: u64 = 57;

/// A folder of its own, because build scripts see `RUSTC_BOOTSTRAP` and would be run again and again.
const TARGET: &str = "target/api";

/// What one library shows to its callers.
#[derive(Debug)]
pub(crate) struct Surface {
    pub(crate) package: Package,
    /// One line an item, the implementations for a type below it.
    pub(crate) items: Vec<String>,
    /// Each item that comes from another crate: that crate, and the item as `pub use` with its path there.
    pub(crate) reexports: Vec<(String, String)>,
}

/// Lets rustdoc describe the published libraries of the workspace in `root`, all features on.
///
/// None, after a message, if this toolchain writes another format than the one that we compare with. That is a
/// failure under `CI`, where nobody would read the message.
pub(crate) fn read(root: &Path) -> Result<Option<Vec<Surface>>> {
    let mut libraries = packages(root)?;
    libraries.retain(|package| is_published(package) && library(package).is_some());
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
        let api = public_api::Builder::from_rustdoc_json(file).omit_blanket_impls(true).build()?;
        surfaces.push(Surface {
            package,
            items: api.items().map(ToString::to_string).collect(),
            reexports: reexports(&serde_json::from_value(json)?),
        });
    }
    Ok(Some(surfaces))
}

/// The text of the items does not say where a re-exported one comes from, the JSON does.
fn reexports(json: &Crate) -> Vec<(String, String)> {
    let items = json.index.values().filter(|item| matches!(item.visibility, Visibility::Public));
    let mut found: Vec<_> = items.filter_map(|item| reexport(json, &item.inner)).collect();
    found.sort();
    found
}

fn reexport(json: &Crate, item: &ItemEnum) -> Option<(String, String)> {
    match item {
        ItemEnum::ExternCrate { name, .. } => Some((name.clone(), format!("pub use {name}"))),
        ItemEnum::Use(import) => {
            let item = json.paths.get(import.id.as_ref()?)?;
            // The crate itself is no other one.
            let home = json.external_crates.get(&item.crate_id)?.name.clone();
            let suffix = if import.is_glob {
                "::*".to_owned()
            } else if item.path.last() == Some(&import.name) {
                String::new()
            } else {
                format!(" as {}", import.name)
            };
            Some((home, format!("pub use {}{suffix}", item.path.join("::"))))
        }
        _ => None,
    }
}
