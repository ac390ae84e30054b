//! What a program is made of: the crates whose code is in it, with their licences.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use cargo_metadata::{Metadata, MetadataCommand, Package};

use crate::shell::{self, cmd};

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
pub(super) fn read(root: &Path, package: &str, host: &str) -> Result<Vec<Part>> {
    let options =
        ["--locked", "--offline", "-e", "normal,no-proc-macro", "--prefix", "none", "-f", "{p}"];
    let tree =
        cmd!(shell::at(root)?, "cargo tree -p {package} --target {host} {options...}").read()?;
    let options = ["--locked", "--offline", "--filter-platform", host].map(str::to_owned);
    join(&tree, &MetadataCommand::new().current_dir(root).other_options(options).exec()?)
}

fn join(tree: &str, metadata: &Metadata) -> Result<Vec<Part>> {
    let wanted: BTreeSet<(&str, &str)> = tree.lines().filter_map(crate_in).collect();
    let part = |(name, version): (&str, &str)| {
        let is_it = |it: &&Package| *it.name == name && it.version.to_string() == version;
        let package = metadata.packages.iter().find(is_it);
        package
            .map(part)
            .with_context(|| format!("cargo metadata does not describe `{name} {version}`"))
    };
    wanted.into_iter().map(part).collect()
}

/// The crate of a line like `http v1.4.0 (path) (*)`.
fn crate_in(line: &str) -> Option<(&str, &str)> {
    let mut words = line.split_whitespace();
    Some((words.next()?, words.next()?.strip_prefix('v')?))
}

fn part(package: &Package) -> Part {
    Part {
        name: package.name.to_string(),
        version: package.version.to_string(),
        licence: package.license.clone().unwrap_or_else(|| "not said".to_owned()),
        folder: package.manifest_path.parent().map(Into::into).unwrap_or_default(),
        ours: package.source.is_none(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_crate_of_the_tree_is_one_part_and_no_other_is() {
        let package = |name: &str, version: &str, license: Option<&str>, source: Option<&str>| {
            json!({
                "name": name, "version": version, "id": format!("{name} {version}"), "license": license,
                "manifest_path": format!("/there/{name}-{version}/Cargo.toml"), "source": source,
                "dependencies": [], "targets": [], "features": {},
            })
        };
        let registry = Some("registry+https://localhost");
        let metadata = serde_json::from_value(json!({
            "packages": [
                package("a", "0.1.0", Some("MIT"), None),
                package("b", "1.0.0", None, registry),
                package("b", "2.0.0", Some("ISC"), registry),
            ],
            "workspace_members": [], "workspace_root": "/", "target_directory": "/", "version": 1,
            "resolve": null,
        }));
        let metadata = metadata.unwrap();
        let seen = |tree: &str| {
            let parts = join(tree, &metadata).unwrap();
            let seen = parts
                .iter()
                .map(|it| (it.name.clone(), it.version.clone(), it.licence.clone(), it.ours));
            seen.map(|(name, version, licence, ours)| format!("{name} {version} {licence} {ours}"))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            seen("a v0.1.0 (/here/a)\nb v2.0.0\n\nb v2.0.0 (*)\n"),
            ["a 0.1.0 MIT true", "b 2.0.0 ISC false"]
        );
        assert_eq!(seen("b v1.0.0"), ["b 1.0.0 not said false"]);
        assert_eq!(join("b v2.0.0", &metadata).unwrap()[0].folder, Path::new("/there/b-2.0.0"));
        let reason = join("c v1.0.0", &metadata).unwrap_err().to_string();
        assert!(reason.ends_with("`c 1.0.0`"), "{reason}");
    }
}
