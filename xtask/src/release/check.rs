//! `release check`: in a fresh clone, whether what would be published is whole, and holds nothing else.

use std::path::Path;

use super::{
    Options,
    cargo::look,
    copy,
    facts::Facts,
    manifest,
    plan::{self, Member},
    publish::Release,
};
use crate::{Outcome, shell::Line};

/// What a package may hold: files by their names, folders by the slash at their ends.
const WANTED: [&str; 11] = [
    ".cargo_vcs_info.json",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "Cargo.toml.orig",
    "README.md",
    "benches/",
    "examples/",
    "src/",
    "tests/",
    "LICENSE",
];

pub(crate) fn run(root: &Path, options: &Options) -> Outcome {
    let work = copy::work(root, "check");
    std::fs::create_dir_all(&work)?;
    let clone = work.join("clone");
    copy::fresh(root, &clone, "HEAD")?;
    let facts = Facts::read(&clone)?;
    let names = manifest::names(&clone)?;
    for (own, other) in &names {
        println!("`{own}` is published as `{other}`: its own name is another crate's");
    }
    let rewritten = copy::rewrite(&clone, &facts.members, None)?;
    let mut wrong = facts.wrong.clone();
    let releases: Vec<Release> = plan::order(&facts.members)?
        .into_iter()
        .map(|member| Release {
            name: names.get(&member.name).unwrap_or(&member.name).clone(),
            version: member.version.to_string(),
        })
        .collect();
    let dirty = if rewritten { " --allow-dirty" } else { "" };
    for Release { name, .. } in &releases {
        let list = Line::new(&format!(
            "cargo package --list --no-metadata --offline{dirty} -p {name}"
        ));
        println!("$ {list}");
        let list = list.read(&clone)?;
        wrong.extend(
            strays(&list)
                .iter()
                .map(|file| format!("`{name}` would be published with {file}")),
        );
    }
    // Packed together, each is built against the packages of the others, not against the repository.
    let each: String = releases
        .iter()
        .map(|release| format!(" -p {}", release.name))
        .collect();
    let target = work.join("target");
    for words in [
        format!("cargo package --quiet --no-metadata --offline{dirty}{each} --target-dir"),
        format!(
            "RUSTDOCFLAGS=-Dwarnings cargo doc --quiet --offline --no-deps --all-features{each} --target-dir"
        ),
    ] {
        Line::new(&words).with(&target).show_and_run(&clone)?;
    }
    if options.has("--offline") {
        println!("SKIPPED versions and names on the registry: --offline");
    } else {
        for (member, release) in plan::order(&facts.members)?.into_iter().zip(&releases) {
            wrong.extend(taken(&work, member, release, options.value("--registry"))?);
        }
    }
    for problem in &wrong {
        println!("  {problem}");
    }
    match wrong.len() {
        0 => Ok(()),
        1 => Err("one thing stands in the way of a release".into()),
        many => Err(format!("{many} things stand in the way of a release").into()),
    }
}

/// The files of a package that nobody expects in it.
fn strays(list: &str) -> Vec<&str> {
    let wanted = |file: &&str| {
        WANTED.iter().any(|wanted| match wanted.strip_suffix('/') {
            Some(_) => file.starts_with(wanted),
            None => file == wanted || (*wanted == "LICENSE" && file.starts_with("LICENSE-")),
        })
    };
    list.lines().filter(|file| !wanted(file)).collect()
}

/// Why this version, which has no tag, could not be published: it is there, or its name is another's.
fn taken(
    work: &Path,
    member: &Member,
    release: &Release,
    registry: Option<&str>,
) -> Outcome<Option<String>> {
    if member.released.as_ref() == Some(&member.version) {
        return Ok(None);
    }
    println!("looking for `{}` on the registry", release.name);
    let (version, why) = match member.released {
        Some(_) => (
            format!("={}", release.version),
            "this version has no tag of ours and is on the registry".to_owned(),
        ),
        None => (
            ">=0.0.0".to_owned(),
            format!(
                "the name is taken by another crate; `{} = \"…\"` under `[workspace.metadata.release.names]` in \
                 Cargo.toml publishes ours under another one, and its library keeps the name",
                member.name
            ),
        ),
    };
    let there = look(work, &release.name, &version, registry)?;
    Ok(there.map(|_| format!("`{}`: {why}", release.name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_holds_what_is_known_and_nothing_else() {
        let list = "Cargo.toml\nLICENSE-MIT\nsrc/lib.rs\ntests/data/a.json\n.env\nnotes.md\nsrc.zip\nLICENSEX";
        assert_eq!(strays(list), [".env", "notes.md", "src.zip", "LICENSEX"]);
    }
}
