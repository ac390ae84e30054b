//! Which packages a rollout is about.

use std::collections::HashSet;

use dls_model::{InvalidPackageIds, PackageId, PackageIds};
use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize};

/// The packages of a rollout, in their order: at least one, each once, and as many as you like. A
/// request carries at most [`PackageIds::MAX`]; the rollout sends as many requests as it takes.
///
/// ```
/// use dls_model::PackageId;
/// use dls_rollout::Selection;
///
/// let ids = (1..=250).map(PackageId::try_from).collect::<Result<Vec<_>, _>>()?;
/// assert_eq!(Selection::new(ids)?.len(), 250);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Selection(Vec<PackageId>);

impl Selection {
    /// Takes the ids in their order.
    ///
    /// # Errors
    ///
    /// No id, or one of them twice.
    pub fn new(ids: impl IntoIterator<Item = PackageId>) -> Result<Self, InvalidPackageIds> {
        let ids: Vec<_> = ids.into_iter().collect();
        let mut seen = HashSet::with_capacity(ids.len());
        match ids.iter().find(|id| !seen.insert(**id)) {
            Some(&id) => Err(InvalidPackageIds::Duplicate(id)),
            None if ids.is_empty() => Err(InvalidPackageIds::Empty),
            None => Ok(Self(ids)),
        }
    }

    /// The ids in their order.
    pub fn iter(&self) -> std::slice::Iter<'_, PackageId> {
        self.0.iter()
    }

    /// How many there are, never 0.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "there is always an id")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether `id` is one of them.
    #[must_use]
    pub fn contains(&self, id: PackageId) -> bool {
        self.0.contains(&id)
    }
}

impl<'a> IntoIterator for &'a Selection {
    type Item = &'a PackageId;
    type IntoIter = std::slice::Iter<'a, PackageId>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl From<PackageId> for Selection {
    fn from(id: PackageId) -> Self {
        Self(vec![id])
    }
}

impl From<PackageIds> for Selection {
    fn from(ids: PackageIds) -> Self {
        Self(ids.iter().copied().collect())
    }
}

impl<'de> Deserialize<'de> for Selection {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(Vec::<PackageId>::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}
