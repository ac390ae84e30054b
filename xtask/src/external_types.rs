//! `cargo xtask external-types`: whose types stand in our public signatures. Each of them makes
//! another crate's breaking change a breaking change of ours.

use std::{collections::BTreeSet, path::Path};

use crate::{
    Outcome,
    metadata::Package,
    surface::{self, Surface},
};

/// Crates that may stand in any public signature. See *Why is `http` the waist?* in DESIGN.md.
const ALLOWED: &[&str] = &[
    "alloc",
    "bytes",
    "core",
    "http",
    // Serialize and Deserialize, which serde takes from `serde_core`.
    "serde",
    "serde_core",
    "std",
];

/// Crates that may stand in the signatures of one library, and why.
const EXCEPTIONS: &[(&str, &str, &str)] = &[(
    "dls-model",
    "proptest",
    "its feature of that name exports strategies to the tests of others",
)];

/// Prints each item that names a foreign crate, and fails if there is one.
pub(crate) fn run(root: &Path, _: &[String]) -> Outcome {
    let surfaces = surface::read(root)?.unwrap_or_default();
    let wrong: Vec<String> = surfaces.iter().flat_map(strangers).collect();
    for problem in &wrong {
        println!("  {problem}");
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err("types of others stand in public signatures: hide each behind a type of ours".into())
    }
}

fn strangers(surface: &Surface) -> Vec<String> {
    let allowed = allowed(&surface.package);
    let name = &surface.package.name;
    let items = surface.items.iter().flat_map(|item| {
        let strangers = crates(item).into_iter();
        strangers.map(move |stranger| (stranger.to_owned(), item.clone()))
    });
    items
        .chain(surface.reexports.iter().cloned())
        .filter(|(stranger, _)| !allowed.contains(stranger))
        .map(|(stranger, item)| format!("{name}: `{stranger}` in `{item}`"))
        .collect()
}

/// The crate itself, those of ours that it stands on, and what the tables above say.
fn allowed(package: &Package) -> BTreeSet<String> {
    let below = package.dependencies.iter().filter(|to| to.ours && !to.dev).map(|to| &to.name);
    let ours = below.map(|name| name.replace('-', "_")).chain(package.library.clone());
    let excepted =
        EXCEPTIONS.iter().filter(|(name, _, _)| *name == package.name).map(|(_, other, _)| other);
    ALLOWED.iter().chain(excepted).map(|name| (*name).to_owned()).chain(ours).collect()
}

/// The crates that the paths in an item begin with.
fn crates(item: &str) -> BTreeSet<&str> {
    let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    item.split(|c| !is_path(c))
        .filter_map(|word| word.split_once("::"))
        .map(|(first, _)| first)
        // Not `Self::Error`, `T::Item`, or the end of `<T as Trait>::Item`.
        .filter(|first| first.starts_with(|c: char| c.is_lowercase() || c == '_'))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::metadata::Dependency;

    fn surface(items: &[&str], reexports: &[(&str, &str)]) -> Surface {
        let to = |name: &str, dev| Dependency {
            name: name.into(),
            version: "*".into(),
            dev,
            ours: true,
        };
        Surface {
            package: Package {
                name: "dls-x".into(),
                library: Some("dls_x".into()),
                features: BTreeMap::new(),
                dependencies: vec![to("dls-model", false), to("dls-emulator", true)],
                ..Package::default()
            },
            items: items.iter().map(|item| (*item).into()).collect(),
            reexports: reexports
                .iter()
                .map(|(home, item)| ((*home).into(), (*item).into()))
                .collect(),
        }
    }

    #[test]
    fn a_path_names_the_crate_that_it_begins_with() {
        let item = "pub fn a::X::f<D: serde_core::de::Deserializer<'de>>(&self, D) -> \
                    core::result::Result<Self::Ok, <D as http::x::T>::Error>";
        let found: Vec<_> = crates(item).into_iter().collect();
        assert_eq!(found, ["a", "core", "http", "serde_core"]);
    }

    #[test]
    fn what_everybody_may_use_and_what_lies_below_is_allowed() {
        let items = [
            "pub fn dls_x::f(http::uri::Uri) -> alloc::vec::Vec<dls_model::ids::PackageId>",
            "impl serde_core::ser::Serialize for dls_x::X",
        ];
        assert!(strangers(&surface(&items, &[("dls_model", "pub use dls_model::ids")])).is_empty());
    }

    #[test]
    fn a_stranger_in_a_signature_or_behind_a_re_export_is_named() {
        let items = ["pub fn dls_x::f(&dls_emulator::Core, serde_json::value::Value)"];
        let wrong = strangers(&surface(&items, &[("hyper", "pub use hyper::Body")]));
        assert_eq!(wrong.len(), 3, "{wrong:?}");
        assert!(wrong[0].starts_with("dls-x: `dls_emulator` in"), "{wrong:?}");
        assert_eq!(wrong[2], "dls-x: `hyper` in `pub use hyper::Body`");
    }

    #[test]
    fn an_exception_holds_for_one_crate() {
        let mut other = surface(&["pub fn dls_x::f() -> proptest::strategy::Just"], &[]);
        assert_eq!(strangers(&other).len(), 1);
        other.package.name = "dls-model".into();
        other.package.library = Some("dls_model".into());
        other.items = vec!["pub fn dls_model::f() -> proptest::strategy::Just".into()];
        assert!(strangers(&other).is_empty());
    }
}
