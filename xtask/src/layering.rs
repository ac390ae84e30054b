//! Which crate may depend on which: the manifests compared with the tables in DESIGN.md.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use cargo_metadata::{Dependency, Package};

use crate::{
    circles::circles,
    workspace::{is_dev, is_ours},
};

/// Each way in which the manifests differ from the tables in `design`, or are against the rules for both.
pub(crate) fn check(packages: &[Package], design: &str) -> Result<Vec<String>> {
    let (written, free) = written(design)?;
    let mut present = present(packages);
    present.retain(|fact| free.iter().all(|free| !fact.starts_with(free)));
    let new =
        present.difference(&written).map(|fact| format!("DESIGN.md does not say that {fact}"));
    let gone = written
        .difference(&present)
        .map(|fact| format!("DESIGN.md says that {fact}: no longer so"));
    let mut wrong: Vec<String> = new.chain(gone).collect();
    for package in packages {
        let dependencies = package.dependencies.iter();
        wrong.extend(dependencies.filter_map(|to| misdeclared(package, to, packages)));
    }
    let needs = packages.iter().flat_map(|package| {
        let ours = package.dependencies.iter().filter(|to| is_ours(to));
        ours.map(|to| (package.name.as_str(), to.name.as_str()))
    });
    let needs = needs.collect();
    for circle in circles(&needs) {
        let names = Vec::from_iter(circle).join(", ");
        wrong.push(format!("crates depend on each other in a circle: {names}"));
    }
    Ok(wrong)
}

/// What the manifests say, a sentence each.
fn present(packages: &[Package]) -> BTreeSet<String> {
    let mut statements = BTreeSet::new();
    for Package { name, dependencies, .. } in packages {
        statements.insert(format!("there is a crate `{name}`"));
        for to in dependencies {
            statements.insert(match (is_ours(to), is_dev(to)) {
                (true, false) => format!("`{name}` depends on `{}`", to.name),
                (true, true) => format!("`{name}` depends in its tests on `{}`", to.name),
                (false, _) => format!("`{}` is needed", to.name),
            });
        }
    }
    statements
}

/// What the tables say, in the same sentences, and how the sentences begin that may be anything.
fn written(design: &str) -> Result<(BTreeSet<String>, Vec<String>)> {
    let rows = |heading: &str| {
        table(design, heading)
            .with_context(|| format!("DESIGN.md has no table under the heading `{heading}`"))
    };
    let (mut statements, mut free) = (BTreeSet::new(), Vec::new());
    for row in rows("## Layering")? {
        let [name, needs, in_tests, ..] = row.as_slice() else { continue };
        statements.insert(format!("there is a crate {name}"));
        for (cell, words) in [(needs, "depends on"), (in_tests, "depends in its tests on")] {
            statements.extend(names(cell).map(|to| format!("{name} {words} `{to}`")));
            free.extend((cell == "any").then(|| format!("{name} {words}")));
        }
    }
    for row in rows("## Dependencies")? {
        let needed = row.first().into_iter().flat_map(|cell| names(cell));
        statements.extend(needed.map(|to| format!("`{to}` is needed")));
    }
    Ok((statements, free))
}

/// A crate is published with the version of what it needs, but must not wait for what only its tests need: cargo would
/// ask for that on the registry first, and circles could never be published.
fn misdeclared(from: &Package, to: &Dependency, packages: &[Package]) -> Option<String> {
    let (from, name, version) = (&from.name, &to.name, to.req.to_string());
    if !is_ours(to) {
        let is_named_like_ours = packages.iter().any(|package| *package.name == *name);
        return is_named_like_ours.then(|| format!("`{from}` needs a path for `{name}`"));
    }
    if is_dev(to) {
        return (version != "*").then(|| {
            format!("`{from}` must depend on `{name}` by path alone, as only its tests need it")
        });
    }
    // An exact version would force both to be released together, always.
    (!version.starts_with('^'))
        .then(|| format!("`{from}` needs a caret version for `{name}`, and not `{version}`"))
}

/// The body rows of the first table under the heading `heading`, cells trimmed.
/// None when there is no such heading, or no table before the next one.
fn table(text: &str, heading: &str) -> Option<Vec<Vec<String>>> {
    let section = text.lines().skip_while(|line| line.trim_end() != heading).skip(1);
    let section = section.take_while(|line| !line.starts_with('#'));
    let rows =
        section.skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let cells = |row: &str| {
        row.trim().trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let rows: Vec<Vec<String>> = rows.map(cells).collect();
    // The head and the rule below it.
    (rows.len() >= 2).then(|| rows.into_iter().skip(2).collect())
}

/// The words in backticks of one cell.
fn names(cell: &str) -> impl Iterator<Item = String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned)
}
