//! One file a verb.

pub(crate) mod deploy;
pub(crate) mod emulator;
pub(crate) mod list;
pub(crate) mod revoke;
pub(crate) mod sign;
pub(crate) mod status;
pub(crate) mod verify;
pub(crate) mod view;

use dls::{PackageId, PackageIds};

use crate::exit::Failure;

fn package_id(text: &str) -> Result<PackageId, Failure> {
    text.parse()
        .map_err(|error| Failure::usage(format!("{error}")))
}

fn package_ids(texts: &[String]) -> Result<PackageIds, Failure> {
    let ids = texts
        .iter()
        .map(|text| package_id(text))
        .collect::<Result<Vec<_>, _>>()?;
    PackageIds::new(ids).map_err(|error| Failure::usage(format!("{error}")))
}
