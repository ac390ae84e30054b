//! Which crate may depend on which: the manifests compared with the tables in DESIGN.md.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use cargo_metadata::{Dependency, Package};

use crate::{
    graph::{self, Graph},
    workspace::{is_dev, is_ours},
};

/// Each way in which the manifests differ from the tables in `design`.
pub(crate) fn check(packages: &[Package], design: &str) -> Result<Vec<String>> {
    let table = |heading: &str| {
        table(design, heading)
            .with_context(|| format!("DESIGN.md has no table under the heading `{heading}`"))
    };
    let ours = between_ours(packages, &table("## Layering")?);
    let others = to_others(packages, &table("## Dependencies")?);
    Ok(ours.into_iter().chain(others).map(|problem| format!("DESIGN.md: {problem}")).collect())
}

/// Each way in which the dependencies between our crates differ from the rows of the layering table: the crate, what it
/// depends on, and what only its tests depend on.
fn between_ours(packages: &[Package], table: &[Vec<String>]) -> Vec<String> {
    let rows: Vec<(String, &[String])> = table.iter().filter_map(|cells| row(cells)).collect();
    let mut wrong = Vec::new();
    for package in packages {
        match rows.iter().find(|(name, _)| *package.name == *name) {
            Some((_, allowed)) => wrong.extend(differences(package, allowed)),
            None => wrong.push(format!("`{}` has no row in the layering table", package.name)),
        }
        wrong.extend(
            package.dependencies.iter().filter_map(|to| misdeclared(package, to, packages)),
        );
    }
    for (name, _) in rows.iter().filter(|(name, _)| packages.iter().all(|it| *it.name != *name)) {
        wrong.push(format!("the layering table has a row for `{name}`, which is no crate"));
    }
    let needs = |package: &Package| {
        let ours = package.dependencies.iter().filter(|to| is_ours(to));
        (package.name.to_string(), ours.map(|to| to.name.clone()).collect())
    };
    let needs: Graph = packages.iter().map(needs).collect();
    let circles = graph::circles(&needs);
    wrong.extend(circles.iter().map(|names| {
        let names: Vec<&str> = names.iter().copied().collect();
        format!("crates depend on each other in a circle: {}", names.join(", "))
    }));
    wrong
}

/// Each crate of others that is used without a reason in the table, or has a reason and is not used.
fn to_others(packages: &[Package], table: &[Vec<String>]) -> Vec<String> {
    let dependencies = packages.iter().flat_map(|package| &package.dependencies);
    let used: BTreeSet<String> =
        dependencies.filter(|to| !is_ours(to)).map(|to| to.name.clone()).collect();
    let argued = table.iter().filter_map(|cells| cells.first());
    let argued: BTreeSet<String> = argued.flat_map(|cell| names(cell)).collect();
    let unargued =
        used.difference(&argued).map(|name| format!("`{name}` is used without a reason"));
    let unused =
        argued.difference(&used).map(|name| format!("`{name}` has a reason and is not used"));
    unargued.chain(unused).collect()
}

fn row(cells: &[String]) -> Option<(String, &[String])> {
    let (name, allowed) = cells.split_first()?;
    Some((names(name).next()?, allowed))
}

fn differences(package: &Package, allowed: &[String]) -> Vec<String> {
    let name = &package.name;
    let mut wrong = Vec::new();
    for ((dev, words), allowed) in
        [(false, "depends on"), (true, "depends in its tests on")].iter().zip(allowed)
    {
        if allowed == "any" {
            continue;
        }
        let ours = package.dependencies.iter().filter(|to| is_ours(to) && is_dev(to) == *dev);
        let present: BTreeSet<String> = ours.map(|to| to.name.clone()).collect();
        let allowed: BTreeSet<String> = names(allowed).collect();
        let new = present.difference(&allowed);
        wrong.extend(
            new.map(|to| format!("`{name}` {words} `{to}`, which is not in the layering table")),
        );
        let gone = allowed.difference(&present);
        wrong.extend(gone.map(|to| format!("no longer so: `{name}` {words} `{to}`")));
    }
    wrong
}

/// A crate is published with the version of what it needs, but must not wait for what only its tests need: cargo would
/// ask for that on the registry first, and circles could never be published.
fn misdeclared(from: &Package, to: &Dependency, packages: &[Package]) -> Option<String> {
    let (from, name, version) = (&from.name, &to.name, to.req.to_string());
    if !is_ours(to) {
        let is_named_like_ours = packages.iter().any(|package| *package.name == *name);
        return is_named_like_ours.then(|| format!("`{from}` needs a path for `{name}`"));
    }
    match (is_dev(to), version.as_str()) {
        (false, "*") => Some(format!("`{from}` needs a version for `{name}`")),
        // An exact version would force both to be released together, always.
        (false, version) if !version.starts_with('^') => {
            Some(format!("`{from}` needs a caret version for `{name}`, and not `{version}`"))
        }
        (true, version) if version != "*" => Some(format!(
            "`{from}` must depend on `{name}` by path alone, as only its tests need it"
        )),
        _ => None,
    }
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

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::workspace::tests::{other, ours, package};

    fn rows(table: &[[&str; 3]]) -> Vec<Vec<String>> {
        table.iter().map(|row| row.map(str::to_owned).to_vec()).collect()
    }

    #[test]
    fn each_difference_between_manifests_and_table_is_named() {
        let table = rows(&[
            ["`model`", "–", "–"],
            ["`facade`", "`model`", "`double`"],
            ["`double`", "`model`", "–"],
        ]);
        let family = |model: &[Value], facade: &[Value], double: &[Value]| {
            vec![package("model", model), package("facade", facade), package("double", double)]
        };
        let model = |version| ours("model", version, None);
        let double = ours("double", "*", Some("dev"));
        let (facade, below) = ([model("^0.1.0"), double.clone()], [model("^0.1.0")]);
        let same = family(&[], &facade, &below);
        let any = rows(&[
            ["`model`", "–", "–"],
            ["`facade`", "any", "any"],
            ["`double`", "`model`", "–"],
        ]);
        assert_eq!(between_ours(&same, &any), [""; 0]);
        let cases: [(Vec<Package>, &[&str]); 7] = [
            (same.clone(), &[]),
            (
                family(&[ours("transport", "^0.1.0", None)], &facade, &below),
                &["`model` depends on `transport`, which is not in the layering table"],
            ),
            (
                // What its tests may need, the crate itself may not.
                family(&[], &[model("^0.1.0"), ours("double", "^0.1.0", None)], &below),
                &[
                    "`facade` depends on `double`, which is not in the layering table",
                    "no longer so: `facade` depends in its tests on `double`",
                ],
            ),
            (
                vec![package("model", &[]), package("facade", &below)],
                &[
                    "no longer so: `facade` depends in its tests on `double`",
                    "the layering table has a row for `double`, which is no crate",
                ],
            ),
            (
                [same, vec![package("new", &[])]].concat(),
                &["`new` has no row in the layering table"],
            ),
            (
                family(&[], &[model("*"), ours("double", "^0.1.0", Some("dev"))], &below),
                &[
                    "`facade` needs a version for `model`",
                    "`facade` must depend on `double` by path alone, as only its tests need it",
                ],
            ),
            (
                family(&[], &[model("=0.1.0"), double], &[other("model", "^0.1.0", None)]),
                &[
                    "`facade` needs a caret version for `model`, and not `=0.1.0`",
                    "no longer so: `double` depends on `model`",
                    "`double` needs a path for `model`",
                ],
            ),
        ];
        for (packages, expected) in cases {
            assert_eq!(between_ours(&packages, &table), expected);
        }
    }

    #[test]
    fn a_circle_of_crates_is_named() {
        let packages =
            [package("a", &[ours("b", "^1", None)]), package("b", &[ours("a", "*", Some("dev"))])];
        let wrong = between_ours(&packages, &rows(&[["`a`", "`b`", "–"], ["`b`", "–", "`a`"]]));
        assert_eq!(wrong, ["crates depend on each other in a circle: a, b"]);
    }

    #[test]
    fn a_crate_of_others_needs_a_reason_and_a_reason_a_use() {
        let packages =
            [package("model", &[other("http", "^1.4.0", None), ours("double", "*", Some("dev"))])];
        assert_eq!(to_others(&packages, &rows(&[["`http`", "words", ""]])), [""; 0]);
        assert_eq!(
            to_others(&packages, &rows(&[["`hyper`, `serde`", "words", ""]])),
            [
                "`http` is used without a reason",
                "`hyper` has a reason and is not used",
                "`serde` has a reason and is not used",
            ]
        );
    }

    #[test]
    fn the_first_table_under_the_heading_is_read_and_an_empty_one_is_no_missing_one() {
        let text = "# Title\n\n| not | this |\n|---|---|\n| x | y |\n\n## Crates\n\nWords.\n\n\
            | crate | below |\n| --- | --- |\n| `a` | `b`, `c` and no d |\n| `b` | – |\n\nMore.\n\n| no | more |\n";
        let rows = table(text, "## Crates").unwrap();
        assert_eq!(rows, [["`a`", "`b`, `c` and no d"], ["`b`", "–"]]);
        assert_eq!(names(&rows[0][1]).collect::<Vec<_>>(), ["b", "c"]);
        assert_eq!(names(&rows[1][1]).count(), 0);
        assert_eq!(table(text, "## Elsewhere"), None);
        assert_eq!(table("## A\nnone here\n## Next\n| a |\n|---|\n", "## A"), None);
        assert_eq!(table("## A\n| a |\n|---|\n", "## A"), Some(vec![]));
    }

    #[test]
    fn a_design_document_without_its_tables_fails() {
        let reason = check(&[], "# Design\n").unwrap_err().to_string();
        assert!(reason.contains("## Layering"), "{reason}");
    }
}
