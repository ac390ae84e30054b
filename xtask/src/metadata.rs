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
    /// Has it a library, which others can call?
    pub(crate) library: bool,
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
    list(&metadata, "packages")?.iter().map(package).collect()
}

fn package(package: &Value) -> Outcome<Package> {
    let dependencies = list(package, "dependencies")?.iter().map(dependency);
    Ok(Package {
        name: text(package, "name")?,
        version: text(package, "version")?,
        // `null` stands for every registry, a list for the ones that it names.
        published: list(package, "publish").map_or(true, |registries| !registries.is_empty()),
        library: list(package, "targets")?.iter().any(is_library),
        features: serde_json::from_value(value(package, "features")?.clone())?,
        dependencies: dependencies.collect::<Outcome<_>>()?,
    })
}

fn dependency(dependency: &Value) -> Outcome<Dependency> {
    Ok(Dependency {
        name: text(dependency, "name")?,
        version: text(dependency, "req")?,
        dev: dependency.get("kind").and_then(Value::as_str) == Some("dev"),
        ours: dependency.get("path").is_some_and(Value::is_string),
    })
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

fn text(value: &Value, key: &str) -> Outcome<String> {
    let text = value.get(key).and_then(Value::as_str);
    Ok(text.ok_or_else(|| format!("cargo metadata has no text `{key}`"))?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cargo_prints_is_understood() {
        let text = r#"{"packages":[{"name":"a","version":"0.1.0",
            "targets":[{"kind":["lib"]},{"kind":["test"]}],"features":{"f":["dep:c"]},"dependencies":[
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
                library: true,
                features: BTreeMap::from([("f".into(), vec!["dep:c".into()])]),
                dependencies
            }]
        );
    }

    #[test]
    fn a_crate_that_names_no_registry_is_not_published() {
        for (publish, published) in [("null", true), ("[]", false), (r#"["own"]"#, true)] {
            let text = format!(
                r#"{{"packages":[{{"name":"a","version":"0.1.0","publish":{publish},"targets":[],"features":{{}},"dependencies":[]}}]}}"#
            );
            assert_eq!(parse(&text).unwrap()[0].published, published, "{publish}");
        }
    }

    #[test]
    fn a_missing_key_is_named() {
        assert!(parse("{}").unwrap_err().to_string().contains("`packages`"));
    }
}
