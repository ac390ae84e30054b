//! What a rollout asks its driver to do next.

use std::time::Duration;

use dls_model::{JobStart, ListPackages, PackageId, PackageIds};

/// The next thing to do. The driver does it, alone, and folds what happened back in as an
/// [`Event`](crate::Event).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// Read this package. A read may be repeated freely.
    Look(PackageId),
    /// Read all pages of this list.
    List(Box<ListPackages>),
    /// Write one deploy request that names these packages, once, on a fresh connection.
    Deploy(PackageIds, JobStart),
    /// Let this much time pass.
    Wait(Duration),
    /// Every package has its verdict.
    Done,
}
