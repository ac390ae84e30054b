//! Which crate may depend on which: the manifests compared with the tables in DESIGN.md.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    markdown,
    metadata::{Dependency, Package},
};

/// One row of the table of arrows: crate, what it depends on, what only its tests depend on.
struct Row {
    name: String,
    needs: Allowed,
    in_tests: Allowed,
}

enum Allowed {
    Any,
    These(Vec<String>),
}

/// Each way in which the crates' dependencies on each other differ from the table of arrows.
pub(crate) fn between_ours(packages: &[Package], table: &[Vec<String>]) -> Vec<String> {
    let rows: Vec<Row> = table.iter().filter_map(|cells| row(cells)).collect();
    let mut wrong = Vec::new();
    for package in packages {
        match rows.iter().find(|row| row.name == package.name) {
            Some(row) => wrong.extend(unlike(package, row)),
            None => wrong.push(format!("`{}` has no row in the table of arrows", package.name)),
        }
        wrong.extend(
            package.dependencies.iter().filter_map(|to| misdeclared(package, to, packages)),
        );
    }
    for row in rows.iter().filter(|row| packages.iter().all(|package| package.name != row.name)) {
        wrong.push(format!("the table of arrows has a row for `{}`, which is no crate", row.name));
    }
    wrong.extend(
        cycle(below(packages)).map(|names| format!("a cycle of crates: {}", names.join(" -> "))),
    );
    wrong
}

/// Each crate of others that is used without a reason in the table, or argued for and not used.
pub(crate) fn to_others(packages: &[Package], table: &[Vec<String>]) -> Vec<String> {
    let dependencies = packages.iter().flat_map(|package| &package.dependencies);
    let used: BTreeSet<String> =
        dependencies.filter(|to| !to.ours).map(|to| to.name.clone()).collect();
    let argued: BTreeSet<String> = table
        .iter()
        .filter_map(|cells| cells.first())
        .flat_map(|cell| markdown::names(cell))
        .collect();
    let unargued =
        used.difference(&argued).map(|name| format!("`{name}` is used without a reason there"));
    let unused =
        argued.difference(&used).map(|name| format!("`{name}` is argued for there, and not used"));
    unargued.chain(unused).collect()
}

fn row(cells: &[String]) -> Option<Row> {
    let [name, needs, in_tests, ..] = cells else {
        return None;
    };
    let name = markdown::names(name).into_iter().next()?;
    Some(Row { name, needs: allowed(needs), in_tests: allowed(in_tests) })
}

fn allowed(cell: &str) -> Allowed {
    if cell == "any" { Allowed::Any } else { Allowed::These(markdown::names(cell)) }
}

fn unlike(package: &Package, row: &Row) -> Vec<String> {
    let mut wrong = Vec::new();
    for (allowed, dev, words) in
        [(&row.needs, false, "depends on"), (&row.in_tests, true, "depends in its tests on")]
    {
        let Allowed::These(allowed) = allowed else {
            continue;
        };
        let ours = package.dependencies.iter().filter(|to| to.ours && to.dev == dev);
        let present: BTreeSet<&String> = ours.map(|to| &to.name).collect();
        let allowed: BTreeSet<&String> = allowed.iter().collect();
        for to in present.difference(&allowed) {
            wrong
                .push(format!("`{}` {words} `{to}`: this arrow is not in the table", package.name));
        }
        for to in allowed.difference(&present) {
            wrong.push(format!("no longer so: `{}` {words} `{to}`", package.name));
        }
    }
    wrong
}

/// A crate is published with the version of what it needs, but must not wait for what only its
/// tests need: cargo would ask for that on the registry first, and cycles could never be published.
fn misdeclared(from: &Package, to: &Dependency, packages: &[Package]) -> Option<String> {
    let (from, name) = (&from.name, &to.name);
    if !to.ours {
        let named_like_ours = packages.iter().any(|package| package.name == *name);
        return named_like_ours.then(|| format!("`{from}` needs a path for `{name}`"));
    }
    match (to.dev, to.version.as_str()) {
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

/// What each crate needs of ours, its tests included.
fn below(packages: &[Package]) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut below = BTreeMap::new();
    for package in packages {
        let ours = package.dependencies.iter().filter(|to| to.ours);
        below.insert(package.name.as_str(), ours.map(|to| to.name.as_str()).collect());
    }
    below
}

/// The crates of one cycle, the first one named again at the end.
pub(crate) fn cycle<'a>(mut below: BTreeMap<&'a str, BTreeSet<&'a str>>) -> Option<Vec<&'a str>> {
    // Take away what nothing below is left of, until that is everything or only cycles remain.
    loop {
        let left: BTreeSet<&str> = below.keys().copied().collect();
        below.retain(|_, to| !to.is_disjoint(&left));
        if below.len() == left.len() {
            break;
        }
    }
    let mut path = vec![*below.keys().next()?];
    loop {
        let next = *below.get(path.last()?)?.iter().find(|name| below.contains_key(*name))?;
        if let Some(start) = path.iter().position(|name| *name == next) {
            path.push(next);
            return Some(path.split_off(start));
        }
        path.push(next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(name: &str, version: &str, dev: bool) -> Dependency {
        Dependency { name: name.into(), version: version.into(), dev, ours: true }
    }

    fn package(name: &str, dependencies: Vec<Dependency>) -> Package {
        Package {
            name: name.into(),
            version: "0.1.0".into(),
            published: true,
            dependencies,
            ..Package::default()
        }
    }

    fn rows(text: &str) -> Vec<Vec<String>> {
        markdown::table(&format!("# T\n| a | b | c |\n|---|---|---|\n{text}"), "# T").unwrap()
    }

    fn facade() -> Vec<Package> {
        vec![
            package("model", vec![]),
            package("facade", vec![to("model", "^0.1.0", false), to("double", "*", true)]),
            package("double", vec![to("model", "^0.1.0", false)]),
        ]
    }

    const TABLE: &str =
        "| `model` | – | – |\n| `facade` | `model` | `double` |\n| `double` | `model` | – |\n";

    #[test]
    fn manifests_that_are_as_the_table_says_pass() {
        assert_eq!(between_ours(&facade(), &rows(TABLE)), Vec::<String>::new());
        let table = TABLE.replace("| `model` | `double` |", "| any | any |");
        assert_eq!(between_ours(&facade(), &rows(&table)), Vec::<String>::new());
    }

    #[test]
    fn an_arrow_that_is_not_in_the_table_is_named() {
        let mut packages = facade();
        packages[0].dependencies.push(to("transport", "^0.1.0", false));
        let wrong = between_ours(&packages, &rows(TABLE));
        assert_eq!(wrong, ["`model` depends on `transport`: this arrow is not in the table"]);
    }

    #[test]
    fn an_arrow_of_tests_does_not_allow_the_same_arrow_for_the_crate() {
        let mut packages = facade();
        packages[1].dependencies[1] = to("double", "^0.1.0", false);
        let wrong = between_ours(&packages, &rows(TABLE));
        assert_eq!(wrong.len(), 2, "{wrong:?}");
        assert!(wrong[0].starts_with("`facade` depends on `double`"), "{wrong:?}");
    }

    #[test]
    fn a_row_or_an_arrow_that_is_gone_is_named() {
        let mut packages = facade();
        packages.pop();
        packages[1].dependencies.pop();
        let wrong = between_ours(&packages, &rows(TABLE));
        assert_eq!(
            wrong,
            [
                "no longer so: `facade` depends in its tests on `double`",
                "the table of arrows has a row for `double`, which is no crate",
            ]
        );
    }

    #[test]
    fn a_new_crate_needs_a_row() {
        let mut packages = facade();
        packages.push(package("new", vec![]));
        let wrong = between_ours(&packages, &rows(TABLE));
        assert_eq!(wrong, ["`new` has no row in the table of arrows"]);
    }

    #[test]
    fn a_dependency_has_a_version_and_a_dependency_of_tests_has_none() {
        let mut packages = facade();
        packages[1].dependencies = vec![to("model", "*", false), to("double", "^0.1.0", true)];
        let wrong = between_ours(&packages, &rows(TABLE));
        assert_eq!(
            wrong,
            [
                "`facade` needs a version for `model`",
                "`facade` must depend on `double` by path alone, as only its tests need it",
            ]
        );
    }

    #[test]
    fn a_dependency_has_a_path_and_leaves_room_for_the_next_patch() {
        let mut packages = facade();
        packages[1].dependencies = vec![to("model", "=0.1.0", false), to("double", "*", true)];
        let elsewhere = Dependency { ours: false, ..to("model", "^0.1.0", false) };
        packages[2].dependencies = vec![elsewhere];
        let wrong = between_ours(&packages, &rows(TABLE));
        assert_eq!(
            wrong,
            [
                "`facade` needs a caret version for `model`, and not `=0.1.0`",
                "no longer so: `double` depends on `model`",
                "`double` needs a path for `model`",
            ]
        );
    }

    #[test]
    fn a_cycle_is_named_without_the_crates_that_lead_to_it() {
        let packages = [
            package("a", vec![to("b", "^1", false)]),
            package("b", vec![to("c", "^1", false), to("d", "^1", false)]),
            package("c", vec![to("b", "*", true)]),
            package("d", vec![]),
        ];
        assert_eq!(cycle(below(&packages)), Some(vec!["b", "c", "b"]));
        assert_eq!(cycle(below(&facade())), None);
    }

    #[test]
    fn a_crate_of_others_needs_a_reason_and_a_reason_a_use() {
        let other = Dependency { ours: false, ..to("http", "^1.4.0", false) };
        let packages = [package("model", vec![other, to("double", "*", true)])];
        assert!(to_others(&packages, &rows("| `http` | words | |")).is_empty());
        assert_eq!(
            to_others(&packages, &rows("| `hyper`, `serde` | words | |")),
            [
                "`http` is used without a reason there",
                "`hyper` is argued for there, and not used",
                "`serde` is argued for there, and not used",
            ]
        );
    }
}
