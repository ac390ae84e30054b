//! `release check`: in a fresh clone, whether what would be published is whole, and holds nothing else. What
//! takes too long for each change is done here, too.

use std::path::Path;

use super::{
    Options,
    bump::clean,
    cargo::look,
    copy,
    facts::Facts,
    plan::{self, Member},
    publish::Release,
};
use crate::{Outcome, min_versions, semver, shell::Line};

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

pub(crate) fn run(root: &Path, options: &Options) -> Outcome {
    clean(root)?;
    let work = copy::work(root, "check");
    std::fs::create_dir_all(&work)?;
    let clone = work.join("clone");
    copy::fresh(root, &clone, "HEAD")?;
    let facts = Facts::read(&clone)?;
    let members = plan::order(&facts.members)?;
    let release = |member: &Member| Release {
        name: member.name.clone(),
        version: member.version.to_string(),
    };
    let releases: Vec<Release> = members.iter().map(|member| release(member)).collect();

    let mut wrong = facts.wrong.clone();
    for Release { name, .. } in &releases {
        let list = format!("cargo package --list --no-metadata --offline -p {name}");
        let list = Line::new(&list).show_and_read(&clone)?;
        wrong.extend(odd(&list).map(|problem| format!("the package of `{name}` {problem}")));
    }
    if options.has("--offline") {
        println!("SKIPPED versions and names on the registry: --offline");
    } else {
        for (member, release) in members.iter().zip(&releases) {
            wrong.extend(taken(&work, member, release, options.value("--registry"))?);
        }
    }
    for problem in &wrong {
        println!("  {problem}");
    }
    match wrong.len() {
        0 => build(&clone, &releases, &work.join("target"))?,
        1 => return Err("one thing stands in the way of a release".into()),
        many => return Err(format!("{many} things stand in the way of a release").into()),
    }
    min_versions::run(root, &[])?;
    semver::run(root, &[])
}

/// Packed together, each is built against the packages of the others, not against the repository.
fn build(clone: &Path, releases: &[Release], target: &Path) -> Outcome {
    let each: String = releases.iter().map(|release| format!(" -p {}", release.name)).collect();
    for words in [
        format!("cargo package --quiet --no-metadata --offline{each} --target-dir"),
        format!(
            "RUSTDOCFLAGS=-Dwarnings cargo doc --quiet --offline --no-deps --all-features{each} --target-dir"
        ),
    ] {
        Line::new(&words).with(target).show_and_run(clone)?;
    }
    Ok(())
}

/// The files that a package lacks, and those that nobody expects in it.
fn odd(list: &str) -> impl Iterator<Item = String> {
    let needed = NEEDED.iter().filter(|needed| list.lines().all(|file| file != **needed));
    let strays = list.lines().filter(|file| {
        let wanted =
            |wanted: &&str| file == wanted || (wanted.ends_with('/') && file.starts_with(wanted));
        !NEEDED.iter().chain(&WANTED).any(wanted)
    });
    needed
        .map(|file| format!("has no {file}"))
        .chain(strays.map(|file| format!("would hold {file}")))
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
            "the name is taken by another crate; give the package another one, and its library this name".to_owned(),
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
        let whole = "CHANGELOG.md\nCargo.toml\nLICENSE-APACHE\nLICENSE-MIT\nREADME.md\nsrc/lib.rs";
        assert_eq!(odd(whole).count(), 0);
        let more = format!("{whole}\ntests/data/a.json\n.env\nnotes.md\nsrc.zip\nLICENSEX");
        let strays: Vec<String> = odd(&more).collect();
        assert_eq!(
            strays,
            [".env", "notes.md", "src.zip", "LICENSEX"].map(|file| format!("would hold {file}"))
        );
        let less: Vec<String> = odd(&whole.replace("LICENSE-MIT\n", "")).collect();
        assert_eq!(less, ["has no LICENSE-MIT"]);
    }
}
