//! Publishing through cargo: it packs, uploads and queries the registry, so that
//! registries of every kind, proxies and credentials are its business alone.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use toml_edit::Item;
use xshell::Shell;

use super::manifest::locked;
use crate::{
    shell::{self, cmd},
    workspace::empty,
};

/// Cargo in a clone.
pub(crate) struct Cargo {
    /// Where the crates are packed.
    pub(crate) clone: PathBuf,
    /// For what is built and asked.
    pub(crate) work: PathBuf,
    /// None is cargo's default.
    pub(crate) registry: Option<String>,
    /// Another `CARGO_HOME`.
    pub(crate) home: Option<PathBuf>,
}

impl Cargo {
    fn shell(&self, folder: &Path) -> Result<Shell> {
        let sh = shell::at(folder)?;
        self.home.iter().for_each(|home| sh.set_var("CARGO_HOME", home));
        Ok(sh)
    }

    /// Runs a command on one crate of the clone.
    pub(crate) fn run(&self, words: &[&str], name: &str) -> Result<()> {
        let target = self.work.join("target");
        // The clone's manifests name the registry, which is not committed.
        let registry = self.registry.as_ref().map(|name| ["--allow-dirty", "--registry", name]);
        let registry = registry.iter().flatten();
        let sh = self.shell(&self.clone)?;
        Ok(cmd!(sh, "cargo {words...} -p {name} {registry...} --target-dir {target}").run()?)
    }

    /// The checksum of a version on the registry: a crate that needs it is locked, and the lock file read.
    /// Whatever goes wrong and is not the plain absence of that version is an error.
    pub(crate) fn find(&self, name: &str, requirement: &str) -> Result<Option<String>> {
        let folder = self.work.join("query");
        empty(&folder)?;
        let registry = self.registry.as_ref().map(|name| format!(", registry = \"{name}\""));
        let registry = registry.unwrap_or_default();
        let manifest = format!(
            "[package]\nname = \"query\"\nedition = \"2024\"\n\n[lib]\npath = \"query.rs\"\n\n[workspace]\n\n\
             [dependencies]\n{name} = {{ version = \"{requirement}\"{registry} }}\n"
        );
        fs::write(folder.join("Cargo.toml"), manifest)?;
        fs::write(folder.join("query.rs"), "")?;
        let sh = self.shell(&folder)?;
        let output = cmd!(sh, "cargo generate-lockfile --quiet").ignore_status().output()?;
        if output.status.success() {
            let mut lock = fs::read_to_string(folder.join("Cargo.lock"))?.parse()?;
            let checksum = locked(&mut lock, name)?.get("checksum").and_then(Item::as_str);
            let checksum = checksum.with_context(|| format!("`{name}` is locked without one"))?;
            return Ok(Some(checksum.to_owned()));
        }
        let stderr = String::from_utf8_lossy(&output.stderr);
        if is_absent(&stderr, name, requirement) {
            return Ok(None);
        }
        bail!("cargo generate-lockfile in {}: {}", folder.display(), stderr.trim())
    }
}

pub(crate) fn checksum(package: &[u8]) -> String {
    Sha256::digest(package).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Is it this version that cargo misses, and not one of those that it needs?
///
/// A yanked version is there, a crate of which nothing can be selected has its name, and without a network cargo
/// knows nothing.
fn is_absent(output: &str, name: &str, version: &str) -> bool {
    let has = |words: String| output.contains(&words);
    let crate_is_absent = has(format!("no matching package named `{name}` found"));
    let version_is_absent = version.strip_prefix('=').is_some_and(|exact| {
        has(format!("failed to select a version for the requirement `{name} = \"{version}\"`"))
            && !has(format!("version {exact} is yanked"))
    });
    (crate_is_absent || version_is_absent) && !has("you're using offline mode".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_is_written_as_sha256sum_writes_it() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(checksum(b""), empty);
    }

    #[test]
    fn only_the_plain_absence_of_the_version_itself_is_one() {
        let missing = "no matching package named `a` found";
        let none = |version: &str, why: &str| {
            format!("failed to select a version for the requirement `a = \"{version}\"`\n{why}")
        };
        let yanked = "version 0.2.0 is yanked";
        let rc = "candidate versions found which didn't match: 0.1.0-rc.1";
        let offline = format!("{missing}\nAs a reminder, you're using offline mode (--offline)");
        for (output, name, version, expected) in [
            (missing, "a", "=0.2.0", true),
            (missing, "b", "=0.2.0", false),
            (&none("=0.2.0", ""), "a", "=0.2.0", true),
            ("failed to download", "a", "=0.2.0", false),
            // It is there, and cannot be selected.
            (&none("=0.2.0", yanked), "a", "=0.2.0", false),
            (&none("=0.3.0", yanked), "a", "=0.3.0", true),
            // A crate of which nothing can be selected has its name all the same.
            (&none(">=0.0.0", yanked), "a", ">=0.0.0", false),
            (&none(">=0.0.0", rc), "a", ">=0.0.0", false),
            // Without a network nothing is known.
            (&offline, "a", "=0.2.0", false),
        ] {
            assert_eq!(is_absent(output, name, version), expected, "{name} {version}: {output}");
        }
    }
}
