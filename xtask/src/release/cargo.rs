//! Cargo as the hands of publishing: it packs and uploads, and it looks into the registry for us, so that
//! registries of every kind, proxies and credentials are its business alone.

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use sha2::{Digest, Sha256};
use toml_edit::DocumentMut;

use super::publish::{Release, World};
use crate::{Outcome, shell::Line};

const PAUSE: Duration = Duration::from_secs(2);

pub(crate) struct Cargo {
    /// Where the crates are packed.
    pub(crate) clone: PathBuf,
    /// For what is built and asked.
    pub(crate) work: PathBuf,
    /// None is cargo's default.
    pub(crate) registry: Option<String>,
    /// Build each crate from its package before it is uploaded.
    pub(crate) verify: bool,
}

impl World for Cargo {
    fn pack(&mut self, release: &Release) -> Outcome<String> {
        let line = self.line("cargo package --quiet --no-verify", release);
        line.show_and_run(&self.clone)?;
        let file = format!("{}-{}.crate", release.name, release.version);
        let package = fs::read(self.target().join("package").join(file))?;
        Ok(checksum(&package))
    }

    fn look(&mut self, release: &Release) -> Outcome<Option<String>> {
        let version = format!("={}", release.version);
        look(&self.work, &release.name, &version, self.registry.as_deref())
    }

    fn upload(&mut self, release: &Release) -> Outcome {
        let verify = if self.verify { "" } else { "--no-verify" };
        let line = self.line(&format!("cargo publish {verify}"), release);
        line.show_and_run(&self.clone)
    }

    #[expect(clippy::disallowed_methods, reason = "another machine tells us nothing by itself")]
    fn pause(&mut self) {
        thread::sleep(PAUSE);
    }
}

impl Cargo {
    fn target(&self) -> PathBuf {
        self.work.join("target")
    }

    fn line(&self, words: &str, release: &Release) -> Line {
        let mut words = format!("{words} -p {}", release.name);
        if let Some(registry) = &self.registry {
            // The clone's manifests name it, which is not committed.
            words.push_str(&format!(" --allow-dirty --registry {registry}"));
        }
        Line::new(&format!("{words} --target-dir")).with(self.target())
    }
}

pub(crate) fn checksum(package: &[u8]) -> String {
    Sha256::digest(package).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The checksum of a version on the registry: a crate that needs it is locked, and the lock file read.
/// Whatever goes wrong and is not the plain absence of that version is an error.
pub(crate) fn look(
    work: &Path,
    name: &str,
    version: &str,
    registry: Option<&str>,
) -> Outcome<Option<String>> {
    let folder = work.join("look");
    fs::create_dir_all(&folder)?;
    let registry =
        registry.map_or(String::new(), |registry| format!(", registry = \"{registry}\""));
    let manifest = format!(
        "[package]\nname = \"look\"\nedition = \"2024\"\n\n[lib]\npath = \"look.rs\"\n\n[workspace]\n\n\
         [dependencies]\n{name} = {{ version = \"{version}\"{registry} }}\n"
    );
    fs::write(folder.join("Cargo.toml"), manifest)?;
    fs::write(folder.join("look.rs"), "")?;
    let lock = folder.join("Cargo.lock");
    if lock.exists() {
        fs::remove_file(&lock)?;
    }
    let line = Line::new("cargo generate-lockfile --quiet");
    match line.ask(&folder)? {
        Ok(_) => locked(&fs::read_to_string(lock)?, name).map(Some),
        Err(told) if is_absent(&told, name, version) => Ok(None),
        Err(told) => Err(format!("{line} in {}: {}", folder.display(), told.trim()).into()),
    }
}

/// Is it this version that cargo misses, and not one of those that it needs?
///
/// A yanked version is there, a crate of which nothing can be selected has its name, and without a network cargo
/// knows nothing.
fn is_absent(told: &str, name: &str, version: &str) -> bool {
    let has = |words: String| told.contains(&words);
    let crate_is_absent = has(format!("no matching package named `{name}` found"));
    let version_is_absent = version.strip_prefix('=').is_some_and(|exact| {
        has(format!("failed to select a version for the requirement `{name} = \"{version}\"`"))
            && !has(format!("version {exact} is yanked"))
    });
    (crate_is_absent || version_is_absent) && !has("you're using offline mode".into())
}

fn locked(lock: &str, name: &str) -> Outcome<String> {
    let lock: DocumentMut = lock.parse()?;
    let packages = lock.get("package").and_then(|item| item.as_array_of_tables());
    let mut packages = packages.into_iter().flatten();
    let text = |table: &toml_edit::Table, key| Some(table.get(key)?.as_str()?.to_owned());
    let package = packages.find(|table| text(table, "name").as_deref() == Some(name));
    let checksum = package.and_then(|table| text(table, "checksum"));
    Ok(checksum.ok_or_else(|| format!("cargo locked `{name}` without a checksum"))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_is_that_of_the_whole_package() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(checksum(b""), empty);
    }

    #[test]
    fn only_the_version_itself_counts_as_absent() {
        let told = "error: no matching package named `a` found\nlocation searched: x\n";
        assert!(is_absent(told, "a", "=0.2.0"));
        assert!(!is_absent(told, "b", "=0.2.0"));
        let told = "error: failed to select a version for the requirement `a = \"=0.2.0\"`\n";
        assert!(is_absent(told, "a", "=0.2.0"));
        assert!(!is_absent("error: failed to download", "a", "=0.2.0"));
    }

    #[test]
    fn what_is_yanked_or_cannot_be_selected_is_there_and_without_a_network_nothing_is_known() {
        let told = |requirement: &str, why: &str| {
            let requirement = format!("for the requirement `a = \"{requirement}\"`");
            format!("error: failed to select a version {requirement}\n{why}\n")
        };
        let yanked = "  version 0.2.0 is yanked";
        assert!(!is_absent(&told("=0.2.0", yanked), "a", "=0.2.0"));
        assert!(is_absent(&told("=0.3.0", yanked), "a", "=0.3.0"));
        for why in [yanked, "candidate versions found which didn't match: 0.1.0-rc.1"] {
            assert!(!is_absent(&told(">=0.0.0", why), "a", ">=0.0.0"), "{why}");
        }
        let told = "error: no matching package named `a` found\n\
                    As a reminder, you're using offline mode (--offline) which can\n";
        assert!(!is_absent(told, "a", "=0.2.0"));
    }

    #[test]
    fn a_lock_file_tells_the_checksum() {
        let lock = "[[package]]\nname = \"a\"\nversion = \"0.2.0\"\nchecksum = \"12\"\n\n[[package]]\nname = \"look\"\n";
        assert_eq!(locked(lock, "a").unwrap(), "12");
        assert!(locked(lock, "look").unwrap_err().to_string().contains("`look`"));
    }
}
