//! `cargo xtask external-types`: whose types stand in our public signatures. Each of them makes
//! another crate's breaking change a breaking change of ours.

use std::{collections::BTreeSet, path::Path};

use anyhow::Result;
use cargo_metadata::Package;

use crate::{
    shell::report,
    surface::{self, Surface},
    workspace,
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
pub(crate) fn run(root: &Path) -> Result<()> {
    let surfaces = surface::read(root)?.unwrap_or_default();
    let wrong: Vec<String> = surfaces.iter().flat_map(foreign).collect();
    report(&wrong, "types of others stand in public signatures: hide each behind a type of ours")
}

fn foreign(surface: &Surface) -> Vec<String> {
    let allowed = allowed(&surface.package);
    let name = &surface.package.name;
    let named =
        surface.items.iter().flat_map(|item| crates(item).into_iter().map(move |of| (of, item)));
    let exported = surface.reexports.iter().map(|(of, item)| (of.as_str(), item));
    named
        .chain(exported)
        .filter(|(of, _)| !allowed.contains(*of))
        .map(|(of, item)| format!("{name}: `{of}` in `{item}`"))
        .collect()
}

/// The crate itself, those of ours that it depends on, and what the tables above say.
fn allowed(package: &Package) -> BTreeSet<String> {
    let below = workspace::needs(package).map(|name| name.replace('-', "_"));
    let own = workspace::library(package).map(str::to_owned);
    let excepted =
        EXCEPTIONS.iter().filter(|(name, ..)| *package.name == *name).map(|(_, other, _)| other);
    ALLOWED.iter().chain(excepted).map(|name| (*name).to_owned()).chain(below).chain(own).collect()
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
    use super::*;
    use crate::workspace::tests::{ours, package};

    #[test]
    fn a_path_names_the_crate_that_it_begins_with() {
        let item = "pub fn a::X::f<D: serde_core::de::Deserializer<'de>>(&self, D) -> \
                    core::result::Result<Self::Ok, <D as http::x::T>::Error>";
        let found: Vec<_> = crates(item).into_iter().collect();
        assert_eq!(found, ["a", "core", "http", "serde_core"]);
    }

    #[test]
    fn foreign_crates_in_signatures_and_re_exports_are_named_and_exceptions_hold_for_one_crate() {
        let needs = [ours("dls-model", "*", None), ours("dls-emulator", "*", Some("dev"))];
        let found = |crate_: &str, item: &str, reexports: &[(&str, &str)]| {
            let reexports = reexports.iter().map(|(home, item)| ((*home).into(), (*item).into()));
            let package = package(crate_, &needs);
            foreign(&Surface { package, items: vec![item.into()], reexports: reexports.collect() })
        };
        for (item, reexports) in [
            (
                "pub fn dls_x::f(http::uri::Uri) -> alloc::vec::Vec<dls_model::ids::PackageId>",
                &[][..],
            ),
            (
                "impl serde_core::ser::Serialize for dls_x::X",
                &[("dls_model", "pub use dls_model::ids")],
            ),
        ] {
            assert_eq!(found("dls-x", item, reexports), [""; 0]);
        }
        let item = "pub fn dls_x::f(&dls_emulator::Core, serde_json::value::Value)";
        let wrong = found("dls-x", item, &[("hyper", "pub use hyper::Body")]);
        assert_eq!(wrong[0], format!("dls-x: `dls_emulator` in `{item}`"));
        assert_eq!(wrong[1], format!("dls-x: `serde_json` in `{item}`"));
        assert_eq!(wrong[2..], ["dls-x: `hyper` in `pub use hyper::Body`"]);

        let item = "pub fn dls_model::f() -> proptest::strategy::Just";
        assert_eq!(found("dls-model", item, &[]), [""; 0]);
        assert_eq!(found("dls-x", item, &[]).len(), 1);
    }
}
