//! How far a run is recorded.

use serde::{Deserialize, Serialize};

use super::run_id::RunId;

/// An entry of a run and, by its hash, all entries before it. Evidence contains it, to detect an older copy of the store.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Position {
    /// The run.
    pub run: RunId,
    /// The number of the entry, counted from 1.
    pub entry: u64,
    /// A SHA-256 hash of the entry and of the hash before it, in 64 lower-case hexadecimal digits.
    pub hash: String,
}
