//! The workspace as cargo describes it, and copies of it.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Result, bail};
use cargo_metadata::{Dependency, DependencyKind, MetadataCommand, Package, TargetKind};

use crate::shell::{self, cmd};

/// The repository's top folder.
#[must_use]
pub fn root() -> PathBuf {
    let here = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    here.parent().map_or_else(|| here.clone(), Path::to_path_buf)
}

/// The packages of the workspace in `root`.
pub(crate) fn packages(root: &Path) -> Result<Vec<Package>> {
    Ok(MetadataCommand::new().current_dir(root).no_deps().exec()?.packages)
}

/// Those of them that may go to a registry.
pub(crate) fn published(root: &Path) -> Result<Vec<Package>> {
    let mut packages = packages(root)?;
    packages.retain(|it| it.publish.as_ref().is_none_or(|registries| !registries.is_empty()));
    Ok(packages)
}

/// The name by which Rust code knows the package's library.
pub(crate) fn library(package: &Package) -> Option<&str> {
    let library = package.targets.iter().find(|target| target.is_kind(TargetKind::Lib));
    library.map(|target| target.name.as_str())
}

/// The package's folder, seen from `root`.
pub(crate) fn folder(package: &Package, root: &Path) -> String {
    let folder = package.manifest_path.parent();
    folder.map_or_else(String::new, |folder| relative(folder.as_std_path(), root))
}

/// `path` seen from `root`.
pub(crate) fn relative(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}

/// A dependency on another package of this workspace.
pub(crate) fn is_ours(dependency: &Dependency) -> bool {
    dependency.path.is_some()
}

/// A dependency that only tests, examples and benches see.
pub(crate) fn is_dev(dependency: &Dependency) -> bool {
    dependency.kind == DependencyKind::Development
}

/// The packages of ours without which `package` does not build.
pub(crate) fn needs(package: &Package) -> impl Iterator<Item = &str> {
    let needs = package.dependencies.iter().filter(|to| is_ours(to) && !is_dev(to));
    needs.map(|to| to.name.as_str())
}

/// What git tracks or would track in `folder`, and is there, seen from it.
pub(crate) fn files(folder: &Path) -> Result<Vec<String>> {
    let sh = shell::at(folder)?;
    let files = cmd!(sh, "git ls-files --cached --others --exclude-standard").read()?;
    Ok(files.lines().filter(|file| folder.join(file).is_file()).map(str::to_owned).collect())
}

/// Copies what git tracks or would track in `from`, as it is there, into `to`, which is emptied first.
///
/// # Errors
///
/// When `from` is in no repository, or a file cannot be read or written.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    empty(to)?;
    for file in files(from)? {
        let copy = to.join(&file);
        fs::create_dir_all(copy.parent().unwrap_or(to))?;
        fs::copy(from.join(file), copy)?;
    }
    Ok(())
}

/// A clone of `root` in `folder`, which is emptied first, at a commit or tag.
pub(crate) fn fresh(root: &Path, folder: &Path, at: &str) -> Result<()> {
    empty(folder)?;
    cmd!(shell::at(root)?, "git clone --quiet --no-checkout {root} {folder}").run()?;
    Ok(cmd!(shell::at(folder)?, "git checkout --quiet --detach {at}").run()?)
}

/// The folder for the work of one step, under `target/` so that it is ignored and swept with it.
pub(crate) fn work(root: &Path, step: &str) -> PathBuf {
    root.join("target").join("release-steps").join(step)
}

/// Fails if a commit or a clone would not be what stands here.
pub(crate) fn clean(root: &Path) -> Result<()> {
    let changed = cmd!(shell::at(root)?, "git status --porcelain").read()?;
    match changed.lines().next() {
        None => Ok(()),
        Some(first) => bail!("not everything is committed: {}", first.trim()),
    }
}

/// Makes `folder`, or empties it.
pub(crate) fn empty(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    Ok(fs::create_dir_all(folder)?)
}
