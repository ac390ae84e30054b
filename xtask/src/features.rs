//! `cargo xtask features`: each published crate by itself, with each choice of its features. A
//! build of the whole workspace turns on what any crate asks for, and so hides what one forgot.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use crate::{Outcome, metadata, shell::Line};

/// Checks the crates without their tests, whose dependencies would bring features too.
pub(crate) fn run(root: &Path, _: &[String]) -> Outcome {
    let packages = metadata::read(root)?;
    for package in packages.iter().filter(|package| package.published) {
        for choice in choices(&package.features) {
            let features = if choice.is_empty() {
                String::new()
            } else {
                format!(" --features {}", choice.join(","))
            };
            // Clippy builds what `cargo check` does, and knows how to make our warnings errors
            // without building everybody else's crates anew.
            let line = format!(
                "cargo clippy --quiet -p {} --no-default-features{features} -- -D warnings",
                package.name
            );
            Line::new(&line).show_and_run(root)?;
        }
    }
    Ok(())
}

/// None, the default, each alone, all: each set of features once.
fn choices(features: &BTreeMap<String, Vec<String>>) -> BTreeSet<Vec<&str>> {
    let names = features.keys().map(String::as_str);
    let names: Vec<&str> = names.filter(|name| *name != "default").collect();
    let default = features.get("default").into_iter().flatten();
    let default: BTreeSet<&str> = default.map(String::as_str).collect();
    let alone = names.iter().map(|name| vec![*name]);
    [Vec::new(), default.into_iter().collect(), names.clone()].into_iter().chain(alone).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn features(table: &[(&str, &[&str])]) -> BTreeMap<String, Vec<String>> {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        table.iter().map(|(name, on)| ((*name).to_owned(), words(on))).collect()
    }

    #[test]
    fn each_set_of_features_is_chosen_once() {
        let features = features(&[("default", &["b", "a"]), ("a", &[]), ("b", &[]), ("c", &[])]);
        let choices: Vec<_> = choices(&features).into_iter().collect();
        let expected: [&[&str]; 6] = [&[], &["a"], &["a", "b"], &["a", "b", "c"], &["b"], &["c"]];
        assert_eq!(choices, expected);
    }

    #[test]
    fn a_crate_without_features_is_built_once() {
        assert_eq!(choices(&features(&[])).len(), 1);
        assert_eq!(choices(&features(&[("default", &[])])).len(), 1);
    }
}
