//! What a program is made of: the crates whose code is in it, with their licences.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{Outcome, shell::Line};

/// A crate whose code is in the program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) version: String,
    /// As its manifest says, in the words of SPDX.
    pub(super) licence: String,
    /// Where its sources are.
    pub(super) folder: PathBuf,
    /// From the workspace, and not from a registry.
    pub(super) ours: bool,
}

/// Asks cargo what is in `package` when it is built for `host`, in the order of names.
///
/// Without what only builds it: macros, build scripts and what these need.
pub(super) fn read(root: &Path, package: &str, host: &str) -> Outcome<Vec<Part>> {
    let tree = format!(
        "cargo tree --locked --offline -p {package} --target {host} -e normal,no-proc-macro --prefix none -f {{p}}"
    );
    let tree = Line::new(&tree).show_and_read(root)?;
    let metadata =
        format!("cargo metadata --locked --offline --format-version 1 --filter-platform {host}");
    join(&tree, &Line::new(&metadata).show_and_read(root)?)
}

fn join(tree: &str, metadata: &str) -> Outcome<Vec<Part>> {
    let metadata: Value = serde_json::from_str(metadata)?;
    let packages = metadata.get("packages").and_then(Value::as_array);
    let packages = packages.ok_or("cargo metadata has no list `packages`")?;
    let wanted: BTreeSet<(&str, &str)> = tree.lines().filter_map(crate_in).collect();
    let part = |(name, version): (&str, &str)| {
        let package = packages
            .iter()
            .find(|package| package["name"] == name && package["version"] == version);
        let part = package.and_then(part);
        part.ok_or_else(|| format!("cargo metadata does not describe `{name} {version}`").into())
    };
    wanted.into_iter().map(part).collect()
}

/// The crate of a line like `http v1.4.0 (path) (*)`.
fn crate_in(line: &str) -> Option<(&str, &str)> {
    let mut words = line.split_whitespace();
    Some((words.next()?, words.next()?.strip_prefix('v')?))
}

fn part(package: &Value) -> Option<Part> {
    let text = |key: &str| Some(package.get(key)?.as_str()?.to_owned());
    let manifest = PathBuf::from(text("manifest_path")?);
    Some(Part {
        name: text("name")?,
        version: text("version")?,
        licence: text("license").unwrap_or_else(|| "not said".to_owned()),
        folder: manifest.parent()?.to_owned(),
        ours: package.get("source").is_none_or(Value::is_null),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const METADATA: &str = r#"{"packages": [
        {"name": "a", "version": "0.1.0", "license": "MIT", "manifest_path": "/here/a/Cargo.toml", "source": null},
        {"name": "b", "version": "1.0.0", "license": null, "manifest_path": "/there/b-1/Cargo.toml", "source": "registry"},
        {"name": "b", "version": "2.0.0", "license": "ISC", "manifest_path": "/there/b-2/Cargo.toml", "source": "registry"}
    ]}"#;

    #[test]
    fn each_crate_of_the_tree_is_one_part_and_no_other_is() {
        let parts = join("a v0.1.0 (/here/a)\nb v2.0.0\n\nb v2.0.0 (*)\n", METADATA).unwrap();
        let seen: Vec<_> = parts
            .iter()
            .map(|part| {
                (part.name.as_str(), part.version.as_str(), part.licence.as_str(), part.ours)
            })
            .collect();
        assert_eq!(seen, [("a", "0.1.0", "MIT", true), ("b", "2.0.0", "ISC", false)]);
        assert_eq!(parts[1].folder, Path::new("/there/b-2"));
    }

    #[test]
    fn a_licence_that_is_not_said_and_a_crate_that_is_not_described_are_not_passed_over() {
        assert_eq!(join("b v1.0.0", METADATA).unwrap()[0].licence, "not said");
        let reason = join("c v1.0.0", METADATA).unwrap_err().to_string();
        assert!(reason.ends_with("`c 1.0.0`"), "{reason}");
    }
}
