//! What the planner works on, asked of cargo, git, `changes/` and `api/`.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail};
use cargo_metadata::Package;
use semver::Version;

use super::{
    changes::{self, Change},
    manifest,
    plan::{self, Bump, Member},
};
use crate::{
    shell::{self, cmd},
    workspace::{self, is_dev, is_ours, library},
};

/// Folders and files of a crate that may change without an entry in `changes/`: they are not what its users build.
const QUIET: [&str; 3] = ["tests/", "benches/", "CHANGELOG.md"];

/// The published crates in the order of publishing, and what changed in them since their tags.
pub(crate) struct PendingChanges {
    pub(crate) members: Vec<Member>,
    pub(crate) changes: Vec<Change>,
    /// Changes that cannot be read, and crates that changed without one.
    pub(crate) wrong: Vec<String>,
}

impl PendingChanges {
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let packages = workspace::published(root)?;
        let names = packages.iter().map(|package| package.name.as_str()).collect();
        let (changes, mut wrong) = changes::read(root, &names)?;
        let mut members = Vec::new();
        for package in &packages {
            let member = member(root, package, &packages)?;
            let Member { name, version, .. } = &member;
            let has_entry = changes.iter().any(|change| change.of == *name);
            // A bumped version that waits for its tag was described before.
            if member.released.as_ref() == Some(version) && !has_entry {
                let tag = tag(name, version);
                if let Some(path) = changed(root, package, &tag)? {
                    let why = "and says nothing of it in";
                    wrong.push(format!(
                        "`{name}` changed since {tag} ({path}) {why} `changes/{name}/`"
                    ));
                }
            }
            members.push(member);
        }
        Ok(Self { members: plan::ordered(members)?, changes, wrong })
    }

    pub(crate) fn plan(&self) -> Result<Vec<Bump<'_>>> {
        if let Some((first, more)) = self.wrong.split_first() {
            bail!("no release: {first} (and {} more)", more.len());
        }
        Ok(plan::plan(&self.members, &self.changes))
    }
}

pub(crate) fn tag(name: &str, version: &Version) -> String {
    format!("{name}-v{version}")
}

/// The version that a tag of the crate names. `vnext` is none.
pub(crate) fn tagged(tag: &str, name: &str) -> Option<Version> {
    tag.strip_prefix(name)?.strip_prefix("-v")?.parse().ok()
}

/// The version of the crate's last release, seen from what is checked out.
pub(crate) fn last_release(root: &Path, name: &str) -> Result<Option<Version>> {
    let tags = cmd!(shell::at(root)?, "git tag --list --merged HEAD").quiet().read()?;
    Ok(tags.lines().filter_map(|tag| tagged(tag, name)).max())
}

fn member(root: &Path, package: &Package, packages: &[Package]) -> Result<Member> {
    let name = package.name.to_string();
    let file = format!("api/{name}.txt");
    // Nobody calls a crate without a library.
    let api = match library(package) {
        Some(_) => fs::read_to_string(root.join(&file))
            .with_context(|| format!("{file}: cargo xtask api --bless"))?,
        None => String::new(),
    };
    let is_shown = |on: &str| {
        let package = packages.iter().find(|package| *package.name == on);
        package.and_then(library).is_some_and(|library| shows(&api, library))
    };
    Ok(Member {
        folder: workspace::folder(package, root),
        version: package.version.clone(),
        released: last_release(root, &name)?,
        needs: workspace::needs(package).map(|on| (on.to_owned(), is_shown(on))).collect(),
        name,
    })
}

/// Does the public API `text` of a crate name types of `library`?
fn shows(text: &str, library: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == library)
}

/// A file of the crate, or what it inherits, that is not as it was at its tag.
fn changed(root: &Path, package: &Package, tag: &str) -> Result<Option<String>> {
    let sh = shell::at(root)?;
    let folder = workspace::folder(package, root);
    // A file that went from `src/` to `tests/` is named at both places.
    let differ = cmd!(sh, "git diff --name-only --no-renames {tag} -- {folder}").read()?;
    let new = cmd!(sh, "git ls-files --others --exclude-standard -- {folder}").read()?;
    let is_quiet = |path: &str| {
        let inside = path.strip_prefix(&folder).unwrap_or(path).trim_start_matches('/');
        QUIET.iter().any(|quiet| inside.starts_with(quiet))
    };
    if let Some(path) = differ.lines().chain(new.lines()).find(|path| !is_quiet(path)) {
        return Ok(Some(path.to_owned()));
    }
    // What our own crates need of each other is moved by a bump, and planned.
    let needs = package.dependencies.iter().filter(|to| !is_ours(to) && !is_dev(to));
    let old = cmd!(sh, "git show {tag}:Cargo.toml").read()?;
    let new = fs::read_to_string(root.join("Cargo.toml"))?;
    let key = manifest::inherited(&old, &new, needs.map(|to| to.name.as_str()))?;
    Ok(key.map(|key| format!("Cargo.toml{key}")))
}
