//! `cargo xtask features`: each published crate by itself, with each choice of its features. A
//! build of the whole workspace turns on what any crate asks for, and so hides what one forgot.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use anyhow::Result;

use crate::{
    shell::{self, cmd},
    workspace,
};

/// Checks the crates without their tests, whose dependencies would bring features too.
pub(crate) fn run(root: &Path) -> Result<()> {
    let sh = shell::at(root)?;
    for package in workspace::published(root)? {
        let name = package.name.as_str();
        for choice in choices(&package.features) {
            let features = choice.join(",");
            let features = (!features.is_empty()).then_some(["--features", &features]);
            let features = features.iter().flatten();
            // Clippy builds what `cargo check` does, and can deny our warnings without rebuilding the dependencies.
            cmd!(
                sh,
                "cargo clippy --quiet -p {name} --no-default-features {features...} -- -D warnings"
            )
            .run()?;
        }
    }
    Ok(())
}

/// None, the default, each alone, all: each set of features once.
fn choices(features: &BTreeMap<String, Vec<String>>) -> BTreeSet<Vec<&str>> {
    let names = features.keys().map(String::as_str).filter(|name| *name != "default");
    let alone = names.clone().map(|name| vec![name]);
    let default: BTreeSet<&str> =
        features.get("default").into_iter().flatten().map(String::as_str).collect();
    [Vec::new(), default.into_iter().collect(), names.collect()].into_iter().chain(alone).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_set_of_features_is_chosen_once() {
        for (features, expected) in [
            (
                r#"{ "default": ["b", "a"], "a": [], "b": [], "c": [] }"#,
                ["", "a", "a b", "a b c", "b", "c"].as_slice(),
            ),
            (r#"{ "default": [] }"#, &[""]),
            ("{}", &[""]),
        ] {
            let features = serde_json::from_str(features).unwrap();
            let choices: Vec<String> =
                choices(&features).iter().map(|choice| choice.join(" ")).collect();
            assert_eq!(choices, expected);
        }
    }
}
