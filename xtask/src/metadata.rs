//! What `cargo metadata` says of the workspace, as far as the checks need it.

use std::{collections::BTreeMap, path::Path};

use serde_json::Value;

use crate::{Outcome, shell::Line};

/// A crate of the workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// May it go to a registry?
    pub(crate) published: bool,
    /// Its folder, seen from the workspace's.
    pub(crate) folder: String,
    /// The name of its library, which others can call.
    pub(crate) library: Option<String>,
    /// What each feature turns on.
    pub(crate) features: BTreeMap<String, Vec<String>>,
    pub(crate) dependencies: Vec<Dependency>,
}

/// One entry of a manifest's dependency tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// The version requirement, `*` if there is none.
    pub(crate) version: String,
    /// From a dependency table that only tests, examples and benches see.
    pub(crate) dev: bool,
    /// A crate of this workspace.
    pub(crate) ours: bool,
}

/// Asks cargo about the workspace in `root`.
pub(crate) fn read(root: &Path) -> Outcome<Vec<Package>> {
    let text = Line::new("cargo metadata --format-version 1 --no-deps").read(root)?;
    parse(&text)
}

fn parse(text: &str) -> Outcome<Vec<Package>> {
    let metadata: Value = serde_json::from_str(text)?;
    let root = text_of(&metadata, "workspace_root")?;
    list(&metadata, "packages")?.iter().map(|each| package(each, &root)).collect()
}

fn package(package: &Value, root: &str) -> Outcome<Package> {
    let dependencies = list(package, "dependencies")?.iter().map(dependency);
    Ok(Package {
        name: text_of(package, "name")?,
        version: text_of(package, "version")?,
        // `null` stands for every registry, a list for the ones that it names.
        published: list(package, "publish").map_or(true, |registries| !registries.is_empty()),
        folder: folder(&text_of(package, "manifest_path")?, root),
        library: match list(package, "targets")?.iter().find(|target| is_library(target)) {
            Some(target) => Some(text_of(target, "name")?),
            None => None,
        },
        features: serde_json::from_value(value(package, "features")?.clone())?,
        dependencies: dependencies.collect::<Outcome<_>>()?,
    })
}

fn dependency(dependency: &Value) -> Outcome<Dependency> {
    Ok(Dependency {
        name: text_of(dependency, "name")?,
        version: text_of(dependency, "req")?,
        dev: dependency.get("kind").and_then(Value::as_str) == Some("dev"),
        ours: dependency.get("path").is_some_and(Value::is_string),
    })
}

fn folder(manifest: &str, root: &str) -> String {
    let inside = manifest.strip_prefix(root).unwrap_or(manifest);
    let parts: Vec<&str> = inside.split(['/', '\\']).filter(|part| !part.is_empty()).collect();
    parts.split_last().map(|(_, folder)| folder.join("/")).unwrap_or_default()
}

fn is_library(target: &Value) -> bool {
    list(target, "kind").is_ok_and(|kinds| kinds.iter().any(|kind| kind == "lib"))
}

fn value<'a>(value: &'a Value, key: &str) -> Outcome<&'a Value> {
    Ok(value.get(key).ok_or_else(|| format!("cargo metadata has no `{key}`"))?)
}

fn list<'a>(value: &'a Value, key: &str) -> Outcome<&'a [Value]> {
    let list = value.get(key).and_then(Value::as_array);
    Ok(list.ok_or_else(|| format!("cargo metadata has no list `{key}`"))?)
}

fn text_of(value: &Value, key: &str) -> Outcome<String> {
    let text = value.get(key).and_then(Value::as_str);
    Ok(text.ok_or_else(|| format!("cargo metadata has no text `{key}`"))?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cargo_prints_is_understood() {
        let text = r#"{"workspace_root":"/w","packages":[{"name":"a","version":"0.1.0",
            "manifest_path":"/w/crates/a/Cargo.toml",
            "targets":[{"kind":["lib"],"name":"b"},{"kind":["test"]}],"features":{"f":["dep:c"]},"dependencies":[
            {"name":"b","source":null,"req":"^0.1.0","kind":null,"path":"/x/b"},
            {"name":"c","source":null,"req":"*","kind":"dev","path":"/x/c"},
            {"name":"http","source":"registry+x","req":"^1.4.0","kind":null}]}]}"#;
        let dependency = |name: &str, version: &str, dev, ours| Dependency {
            name: name.into(),
            version: version.into(),
            dev,
            ours,
        };
        let dependencies = vec![
            dependency("b", "^0.1.0", false, true),
            dependency("c", "*", true, true),
            dependency("http", "^1.4.0", false, false),
        ];
        assert_eq!(
            parse(text).unwrap(),
            [Package {
                name: "a".into(),
                version: "0.1.0".into(),
                published: true,
                folder: "crates/a".into(),
                library: Some("b".into()),
                features: BTreeMap::from([("f".into(), vec!["dep:c".into()])]),
                dependencies
            }]
        );
    }

    #[test]
    fn a_crate_that_names_no_registry_is_not_published() {
        for (publish, published) in [("null", true), ("[]", false), (r#"["own"]"#, true)] {
            let text = format!(
                r#"{{"workspace_root":"/w","packages":[{{"name":"a","version":"0.1.0","manifest_path":"/w/Cargo.toml","publish":{publish},"targets":[],"features":{{}},"dependencies":[]}}]}}"#
            );
            assert_eq!(parse(&text).unwrap()[0].published, published, "{publish}");
        }
    }

    #[test]
    fn a_missing_key_is_named() {
        assert!(parse("{}").unwrap_err().to_string().contains("`workspace_root`"));
    }
}
