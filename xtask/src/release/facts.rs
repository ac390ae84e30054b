//! What the planner works on, asked of cargo, git, `changes/` and `api/`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use semver::Version;

use super::{
    fragment::{self, Fragment, Level},
    manifest,
    plan::{Change, Member, Need},
};
use crate::{
    Outcome,
    metadata::{self, Package},
    shell::Line,
};

/// Folders and files of a crate that may change without a word: they are not what its users build.
const QUIET: [&str; 3] = ["tests/", "benches/", "CHANGELOG.md"];

/// The published crates, and what changed in them since their tags.
pub(crate) struct Facts {
    pub(crate) members: Vec<Member>,
    pub(crate) fragments: Vec<Fragment>,
    /// Fragments that cannot be read, and crates that changed without one.
    pub(crate) wrong: Vec<String>,
}

impl Facts {
    pub(crate) fn read(root: &Path) -> Outcome<Self> {
        let tags = tags(root)?;
        let packages = metadata::read(root)?;
        let members = members(root, &packages, &tags)?;
        let names = members.iter().map(|member| member.name.as_str()).collect();
        let (fragments, mut wrong) = fragment::read(root, &names)?;
        for member in &members {
            let told = fragments.iter().any(|fragment| fragment.of == member.name);
            if let Some(path) = touched(root, member, &packages)?.filter(|_| !told) {
                wrong.push(format!(
                    "`{name}` changed since {} ({path}) and says nothing of it in `changes/{name}/`",
                    tag(&member.name, member.released.as_ref().unwrap_or(&member.version)),
                    name = member.name,
                ));
            }
        }
        Ok(Self { members, fragments, wrong })
    }

    pub(crate) fn changes(&self) -> Vec<Change> {
        let change = |fragment: &Fragment| Change {
            of: fragment.of.clone(),
            level: fragment.level,
            told_by: fragment.path.clone(),
        };
        self.fragments.iter().map(change).collect()
    }
}

/// What a tool found of each of `members`: `{"dls-model": "break"}`.
pub(crate) fn found(text: &str, told_by: &str, members: &[Member]) -> Outcome<Vec<Change>> {
    let map: BTreeMap<String, serde_json::Value> = match serde_json::from_str(text)? {
        serde_json::Value::Object(map) => map.into_iter().collect(),
        _ => return Err(format!("{told_by}: not a map from crates to levels").into()),
    };
    let change = |(of, level): (String, serde_json::Value)| {
        let level = level.as_str().and_then(Level::parse);
        let level = level.ok_or_else(|| format!("{told_by}: `{of}` has no level"))?;
        if members.iter().all(|member| member.name != of) {
            return Err(format!("{told_by}: `{of}` is no published crate").into());
        }
        Ok(Change { of, level, told_by: told_by.to_owned() })
    };
    map.into_iter().map(change).collect()
}

pub(crate) fn tag(name: &str, version: &Version) -> String {
    format!("{name}-v{version}")
}

/// The crate and the version of a tag of ours. `-v` may stand in a crate's name as well.
pub(crate) fn tagged(tag: &str) -> Option<(&str, Version)> {
    let (name, version) = tag.rsplit_once("-v")?;
    Some((name, Version::parse(version).ok()?))
}

/// The tag of the crate's last release, seen from what is checked out.
pub(crate) fn last_release(root: &Path, name: &str) -> Outcome<Option<String>> {
    let version = released(&tags(root)?, name);
    Ok(version.map(|version| tag(name, &version)))
}

fn released(tags: &[String], name: &str) -> Option<Version> {
    let versions = tags.iter().filter_map(|tag| tagged(tag));
    let versions = versions.filter(|(of, _)| *of == name);
    versions.map(|(_, version)| version).max()
}

/// The tags in the history of what is checked out. Where no history is, there are none.
fn tags(root: &Path) -> Outcome<Vec<String>> {
    if !root.join(".git").exists() {
        return Ok(Vec::new());
    }
    let text = Line::new("git tag --list --merged HEAD").read(root)?;
    Ok(text.lines().map(str::to_owned).collect())
}

/// Does the public API `text` of a crate name types of `library`?
fn shows(text: &str, library: &str) -> bool {
    let mut words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.any(|word| word == library)
}

fn members(root: &Path, packages: &[Package], tags: &[String]) -> Outcome<Vec<Member>> {
    let member = |package: &Package| {
        let name = &package.name;
        let api = root.join("api").join(format!("{name}.txt"));
        // Nobody calls a crate without a library.
        let api = if package.library.is_some() {
            fs::read_to_string(&api)
                .map_err(|error| format!("{}: {error}: cargo xtask api --bless", api.display()))?
        } else {
            String::new()
        };
        let ours = package.dependencies.iter().filter(|to| to.ours && !to.dev);
        let needs: BTreeSet<&String> = ours.map(|to| &to.name).collect();
        let library = |of: &String| {
            let package = packages.iter().find(|package| package.name == *of);
            package.and_then(|package| package.library.as_deref()).unwrap_or_default()
        };
        Ok(Member {
            name: name.clone(),
            folder: package.folder.clone(),
            version: Version::parse(&package.version)?,
            released: released(tags, name),
            needs: needs
                .into_iter()
                .map(|on| Need { on: on.clone(), shows: shows(&api, library(on)) })
                .collect(),
        })
    };
    packages.iter().filter(|package| package.published).map(member).collect()
}

/// A file of the crate, or what it inherits, that is not as it was at its tag. None also while a bumped version
/// waits for its tag: then `changes/` has been told already.
fn touched(root: &Path, member: &Member, packages: &[Package]) -> Outcome<Option<String>> {
    let Some(released) = member.released.as_ref().filter(|tag| **tag == member.version) else {
        return Ok(None);
    };
    let folder = &member.folder;
    let tag = tag(&member.name, released);
    // A file that went from `src/` to `tests/` is named at both places.
    let differ = format!("git diff --name-only --no-renames {tag} -- {folder}");
    let differ = Line::new(&differ).read(root)?;
    let new = format!("git ls-files --others --exclude-standard -- {folder}");
    let new = Line::new(&new).read(root)?;
    let loud = |path: &&str| {
        let inside = path.strip_prefix(&format!("{folder}/")).unwrap_or(path);
        !QUIET.iter().any(|quiet| inside.starts_with(quiet))
    };
    let touched = differ.lines().chain(new.lines()).find(loud);
    if let Some(path) = touched {
        return Ok(Some(path.to_owned()));
    }
    // What our own crates need of each other is moved by a bump, and planned.
    let package = packages.iter().filter(|package| package.name == member.name);
    let needs = package.flat_map(|package| &package.dependencies);
    let needs = needs.filter(|to| !to.ours && !to.dev);
    let old = Line::new(&format!("git show {tag}:Cargo.toml")).read(root)?;
    let new = fs::read_to_string(root.join("Cargo.toml"))?;
    let key = manifest::inherited(&old, &new, needs.map(|to| to.name.as_str()).collect())?;
    Ok(key.map(|key| format!("`{key}` in Cargo.toml")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_a_crate_and_a_version() {
        let version = Version::new(0, 2, 0);
        assert_eq!(tag("dls-model", &version), "dls-model-v0.2.0");
        assert_eq!(tagged("dls-model-v0.2.0"), Some(("dls-model", version.clone())));
        assert_eq!(tagged("dls-v0.2.0"), Some(("dls", version)));
        assert_eq!(tagged("v0.2.0"), None);
        assert_eq!(tagged("dls-vote"), None);
    }

    #[test]
    fn the_newest_tag_of_the_crate_itself_counts() {
        let tags =
            ["dls-model-v0.9.0", "dls-model-v0.10.0", "dls-v0.2.0-rc.1", "dls-v0.2.0", "dls-vnext"];
        let tags = tags.map(str::to_owned);
        let last = |name| released(&tags, name).map(|version| version.to_string());
        assert_eq!(last("dls-model").as_deref(), Some("0.10.0"));
        assert_eq!(last("dls").as_deref(), Some("0.2.0"));
        assert_eq!(last("dls-rollout"), None);
    }

    #[test]
    fn a_crate_shows_the_types_that_its_public_api_names() {
        let api = "pub fn dls::client::Client::deploy(&self, dls_model::ids::PackageIds)\n";
        assert!(shows(api, "dls_model"));
        assert!(shows(api, "dls"));
        assert!(!shows(api, "dls_rollout"));
        assert!(!shows("pub fn dls_model::wide()", "dls"));
        // The facade's own name for it would not tell.
        assert!(shows("pub use dls::model\npub use dls_model as model\n", "dls_model"));
    }

    #[test]
    fn what_a_tool_found_is_a_level_for_each_crate() {
        let member = |name: &str| Member {
            name: name.into(),
            folder: String::new(),
            version: Version::new(0, 1, 0),
            released: None,
            needs: Vec::new(),
        };
        let members = ["a", "b"].map(member);
        let found = |text: &str| found(text, "semver.json", &members);
        let changes = found(r#"{"a": "break", "b": "fix"}"#).unwrap();
        assert_eq!(changes[0].level, Level::Break);
        assert_eq!(changes[1].of, "b");
        for odd in ["[]", r#"{"a": "major"}"#, r#"{"a": 1}"#, r#"{"c": "fix"}"#] {
            let reason = found(odd).unwrap_err().to_string();
            assert!(reason.starts_with("semver.json"), "{reason}");
        }
    }
}
