//! The public surface of each published library, read from rustdoc's JSON, which two guards judge.

use std::{env, fs, path::Path};

use serde_json::Value;

use crate::{
    Outcome,
    metadata::{self, Package},
    shell::Line,
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
    /// Each item that comes from another crate: that crate, and the item as `pub use` with its place there.
    pub(crate) reexports: Vec<(String, String)>,
}

/// Lets rustdoc describe the published libraries of the workspace in `root`, all features on.
///
/// None, with a word why, if this tool chain describes them in another way than the one that we
/// compare with. That is a failure under `CI`, where nobody would notice the word.
pub(crate) fn read(root: &Path) -> Outcome<Option<Vec<Surface>>> {
    let packages = metadata::read(root)?;
    let libraries =
        packages.into_iter().filter(|package| package.published && package.library.is_some());
    let libraries: Vec<Package> = libraries.collect();
    document(root, &libraries)?;
    let mut surfaces = Vec::new();
    for package in libraries {
        let library = package.library.as_deref().unwrap_or_default();
        let file = format!("{TARGET}/doc/{library}.json");
        let json: Value = serde_json::from_str(&fs::read_to_string(root.join(&file))?)?;
        let format = json.get("format_version").and_then(Value::as_u64);
        if format != Some(FORMAT) {
            let why =
                format!("rustdoc's JSON has the format {format:?} here, and api/ knows {FORMAT}");
            if env::var_os("CI").is_some() {
                return Err(why.into());
            }
            println!("  SKIPPED {why}");
            return Ok(None);
        }
        let api = public_api::Builder::from_rustdoc_json(root.join(&file))
            .omit_blanket_impls(true)
            .build()?;
        surfaces.push(Surface {
            package,
            items: api.items().map(ToString::to_string).collect(),
            reexports: reexports(&json),
        });
    }
    Ok(Some(surfaces))
}

fn document(root: &Path, libraries: &[Package]) -> Outcome {
    let names = libraries.iter().map(|package| format!(" -p {}", package.name));
    let line = format!(
        "RUSTC_BOOTSTRAP=1 cargo doc --quiet --no-deps --lib --all-features --target-dir {TARGET}{}",
        names.collect::<String>()
    );
    Line::new(&line)
        .set("RUSTDOCFLAGS", "-Z unstable-options --output-format=json --cap-lints=allow")
        .show_and_run(root)
}

/// The text of the items does not say where a re-exported one comes from, the JSON does.
fn reexports(json: &Value) -> Vec<(String, String)> {
    let items =
        json.get("index").and_then(Value::as_object).into_iter().flat_map(|index| index.values());
    let mut found: Vec<_> = items
        .filter(|item| item.get("visibility").is_some_and(|seen| seen == "public"))
        .filter_map(|item| reexport(json, item.get("inner")?))
        .collect();
    found.sort();
    found
}

fn reexport(json: &Value, inner: &Value) -> Option<(String, String)> {
    if let Some(name) = inner.pointer("/extern_crate/name") {
        let name = name.as_str()?.to_owned();
        let item = format!("pub use {name}");
        return Some((name, item));
    }
    let item = inner.get("use")?;
    let path = json.get("paths")?.get(item.get("id")?.to_string())?;
    let home = path.get("crate_id")?.as_u64().filter(|id| *id != 0)?;
    let home = json.get("external_crates")?.get(home.to_string())?;
    let path = path.get("path")?.as_array()?.iter();
    let path: Vec<&str> = path.filter_map(Value::as_str).collect();
    let name = item.get("name")?.as_str()?;
    let name = match path.last() {
        _ if item.get("is_glob")?.as_bool()? => "::*".to_owned(),
        Some(own) if *own == name => String::new(),
        _ => format!(" as {name}"),
    };
    Some((home.get("name")?.as_str()?.to_owned(), format!("pub use {}{name}", path.join("::"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_exported_from_another_crate_is_found_in_the_json() {
        let json = r#"{
            "index": {
                "1": {"visibility": "public", "inner": {"use": {"name": "Request", "id": 10, "is_glob": false}}},
                "2": {"visibility": "default", "inner": {"use": {"name": "Hidden", "id": 10, "is_glob": false}}},
                "3": {"visibility": "public", "inner": {"use": {"name": "Own", "id": 11, "is_glob": false}}},
                "6": {"visibility": "public", "inner": {"use": {"name": "Asked", "id": 10, "is_glob": false}}},
                "7": {"visibility": "public", "inner": {"use": {"name": "request", "id": 12, "is_glob": true}}},
                "4": {"visibility": "public", "inner": {"extern_crate": {"name": "rustls", "rename": null}}},
                "5": {"visibility": "public", "inner": {"module": {}}}
            },
            "paths": {
                "10": {"crate_id": 7, "path": ["http", "request", "Request"]},
                "11": {"crate_id": 0, "path": ["own", "Own"]},
                "12": {"crate_id": 7, "path": ["http", "request"]}
            },
            "external_crates": {"7": {"name": "http"}}
        }"#;
        let found = reexports(&serde_json::from_str(json).unwrap());
        let found: Vec<_> = found.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        assert_eq!(
            found,
            [
                ("http", "pub use http::request::*"),
                ("http", "pub use http::request::Request"),
                ("http", "pub use http::request::Request as Asked"),
                ("rustls", "pub use rustls"),
            ]
        );
    }
}
