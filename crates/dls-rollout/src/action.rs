//! What a rollout asks its caller to do next.

use std::time::Duration;

use dls_model::{Deploy, ListPackages, PackageId, Timestamp};

/// The next thing to do. The caller does it, nothing else, and [applies](crate::Rollout::apply) what happened as an
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
        /// The last moment at which its first byte may be written: after that, the observations are too old. To be
        /// checked again once the intention is recorded; a request that comes too late is recorded as
        /// [`SendError::NotSent`](crate::SendError::NotSent).
        fresh_until: Timestamp,
    },
    /// Wait for so long.
    Wait(Duration),
    /// Every package has its outcome.
    Done,
}
