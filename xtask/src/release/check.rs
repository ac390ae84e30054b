//! `release check`: in a fresh clone, whether what would be published is whole, and holds nothing else. What
//! takes too long for each change is done here, too.

use std::{fs, path::Path};

use anyhow::Result;

use super::{cargo::Cargo, pending::PendingChanges, plan::Member};
use crate::{
    min_versions, semver,
    shell::{self, cmd, report},
    workspace::{clean, fresh, work},
};

/// What a package must hold.
const NEEDED: [&str; 5] =
    ["CHANGELOG.md", "Cargo.toml", "LICENSE-APACHE", "LICENSE-MIT", "README.md"];

/// What a package may hold besides: files by their names, folders by the slash at their ends.
const WANTED: [&str; 7] = [
    ".cargo_vcs_info.json",
    "Cargo.lock",
    "Cargo.toml.orig",
    "benches/",
    "examples/",
    "src/",
    "tests/",
];

pub(crate) fn run(root: &Path, registry: Option<&str>, offline: bool) -> Result<()> {
    clean(root)?;
    let work = work(root, "check");
    fs::create_dir_all(&work)?;
    let clone = work.join("clone");
    fresh(root, &clone, "HEAD")?;
    let PendingChanges { members, mut wrong, .. } = PendingChanges::read(&clone)?;
    let sh = shell::at(&clone)?;
    for Member { name, .. } in &members {
        let list = cmd!(sh, "cargo package --list --no-metadata --offline -p {name}").read()?;
        wrong.extend(unexpected(&list).map(|problem| format!("the package of `{name}` {problem}")));
    }
    if offline {
        println!("SKIPPED versions and names on the registry: --offline");
    } else {
        let registry = registry.map(str::to_owned);
        let cargo = Cargo { clone, work: work.clone(), registry, home: None };
        for member in &members {
            wrong.extend(taken(&cargo, member)?);
        }
    }
    report(&wrong, &format!("{} problems prevent a release", wrong.len()))?;
    // Packed together, each is built against the packages of the others, not against the repository.
    let each: Vec<&str> = members.iter().flat_map(|member| ["-p", &member.name]).collect();
    let (each, target) = (each.as_slice(), work.join("target"));
    cmd!(sh, "cargo package --quiet --no-metadata --offline {each...} --target-dir {target}")
        .run()?;
    cmd!(
        sh,
        "cargo doc --quiet --offline --no-deps --all-features {each...} --target-dir {target}"
    )
    .env("RUSTDOCFLAGS", "-Dwarnings")
    .run()?;
    min_versions::run(root)?;
    semver::run(root)
}

/// The files that a package lacks, and those that nobody expects in it.
fn unexpected(list: &str) -> impl Iterator<Item = String> {
    let is_wanted = |file: &str| {
        let mut wanted = NEEDED.iter().chain(&WANTED);
        wanted.any(|it| file == *it || (it.ends_with('/') && file.starts_with(it)))
    };
    let needed = NEEDED.iter().filter(|needed| list.lines().all(|file| file != **needed));
    let strays = list.lines().filter(move |file| !is_wanted(file));
    let strays = strays.map(|file| format!("would contain {file}"));
    needed.map(|file| format!("has no {file}")).chain(strays)
}

/// Why this version, if it has no tag, could not be published: it is there, or its name is another's.
fn taken(cargo: &Cargo, member: &Member) -> Result<Option<String>> {
    let (name, version) = (&member.name, &member.version);
    let (requirement, why) = match &member.released {
        Some(released) if released == version => return Ok(None),
        Some(_) => {
            (format!("={version}"), "this version has no tag of ours and is on the registry")
        }
        None => (
            ">=0.0.0".to_owned(),
            "another crate has this name: give the package another one, and its library this name",
        ),
    };
    println!("looking for `{name}` on the registry");
    let there = cargo.find(name, &requirement)?;
    Ok(there.map(|_| format!("`{name}`: {why}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_holds_what_is_known_and_nothing_else() {
        let whole = "CHANGELOG.md\nCargo.toml\nLICENSE-APACHE\nLICENSE-MIT\nREADME.md\nsrc/lib.rs\ntests/a.json";
        for (list, expected) in [
            (whole.to_owned(), &[][..]),
            (whole.replace("LICENSE-MIT\n", ""), &["has no LICENSE-MIT"]),
            (format!("{whole}\nsrc.zip\n.env"), &["would contain src.zip", "would contain .env"]),
        ] {
            assert_eq!(unexpected(&list).collect::<Vec<_>>(), expected);
        }
    }
}
