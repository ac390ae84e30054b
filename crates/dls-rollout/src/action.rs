//! What a rollout asks its driver to do next.

use std::time::Duration;

use dls_model::{Deploy, ListPackages, PackageId, Timestamp};

/// The next thing to do. The driver does it, alone, and folds what happened back in as an
/// [`Event`](crate::Event).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// Read this package. A read may be repeated freely.
    Observe(PackageId),
    /// Read all pages of this list.
    List(Box<ListPackages>),
    /// Write one deploy request, once, on a fresh connection.
    Deploy {
        /// The request, as it goes to the wire.
        request: Deploy,
        /// The last moment at which its first byte may be written: later than that, the state that was
        /// read before is too old to be acted on. Checked again once the intention is recorded; a
        /// request that comes too late is recorded as
        /// [`SendError::NotSent`](crate::SendError::NotSent).
        fresh_until: Timestamp,
    },
    /// Let this much time pass.
    Wait(Duration),
    /// Every package has its verdict.
    Done,
}
