//! What a program is made of: the crates whose code is in it.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context, Result};
use cargo_metadata::{MetadataCommand, Package};

use crate::shell::{self, cmd};

/// Asks cargo what is in `package` when it is built for `host`, in the order of names.
///
/// Without what only builds it: macros, build scripts and what these need.
pub(super) fn read(root: &Path, package: &str, host: &str) -> Result<Vec<Package>> {
    let options =
        ["--locked", "--offline", "-e", "normal,no-proc-macro", "--prefix", "none", "-f", "{p}"];
    let tree =
        cmd!(shell::at(root)?, "cargo tree -p {package} --target {host} {options...}").read()?;
    let options = ["--locked", "--offline", "--filter-platform", host].map(str::to_owned);
    join(&tree, MetadataCommand::new().current_dir(root).other_options(options).exec()?.packages)
}

/// The packages of lines like `http v1.4.0 (path) (*)`.
fn join(tree: &str, packages: Vec<Package>) -> Result<Vec<Package>> {
    let key = |package: &Package| format!("{} v{}", package.name, package.version);
    let known: BTreeMap<String, Package> =
        packages.into_iter().map(|package| (key(&package), package)).collect();
    let mut parts = BTreeMap::new();
    for line in tree.lines().filter(|line| !line.is_empty()) {
        let key: Vec<&str> = line.split_whitespace().take(2).collect();
        let part = known.get(&key.join(" "));
        let part = part.with_context(|| format!("cargo metadata does not describe `{line}`"))?;
        parts.insert(&part.id, part);
    }
    let mut parts: Vec<Package> = parts.into_values().cloned().collect();
    parts.sort_by_key(key);
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::tests::package;

    #[test]
    fn each_crate_of_the_tree_is_one_part_and_no_other_is() {
        let packages = ["a", "b", "c"].map(|name| package(name, &[]));
        let parts =
            join("b v0.1.0 (/here/b)\na v0.1.0\n\na v0.1.0 (*)\n", packages.to_vec()).unwrap();
        let names: Vec<&str> = parts.iter().map(|part| part.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        let reason = join("c v0.2.0", packages.to_vec()).unwrap_err().to_string();
        assert!(reason.ends_with("`c v0.2.0`"), "{reason}");
    }
}
