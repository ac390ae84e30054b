//! How a run is taken over.

use std::time::Duration;

use dls_rollout::{PollInterval, Rollout};

use crate::recorder::{self, RunRecorder};
use crate::store::{Position, RunId, RunStore, StoreError};

/// What is to be otherwise when a run is taken over, and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Resume {
    /// How long a status may lag behind; as before if absent.
    pub grace: Option<Duration>,
    /// How long to rest between looks; as before if absent.
    pub poll_interval: Option<PollInterval>,
    /// Whether the caller vouches that the client's address leads to the service that the run belongs to, should
    /// it be another one. The run records that address.
    pub same_service: bool,
    /// An entry that is known to have been recorded, from evidence. A record without it is an older copy, which
    /// may not know what was sent, and is refused.
    pub must_contain: Option<Position>,
    /// How long the store may take for one call; 10 s unless told otherwise.
    pub store_timeout: Duration,
}

impl Default for Resume {
    fn default() -> Self {
        Self {
            grace: None,
            poll_interval: None,
            same_service: false,
            must_contain: None,
            store_timeout: recorder::LIMIT,
        }
    }
}

impl Resume {
    /// Everything as before.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Another [grace](dls_rollout::Options::grace).
    #[must_use]
    pub fn with_grace(self, grace: Duration) -> Self {
        Self { grace: Some(grace), ..self }
    }

    /// Sets [`same_service`](Self::same_service).
    #[must_use]
    pub fn with_same_service(self, same_service: bool) -> Self {
        Self { same_service, ..self }
    }

    /// Another [pace](dls_rollout::Options::pace).
    #[must_use]
    pub fn with_poll_interval(self, poll_interval: PollInterval) -> Self {
        Self { poll_interval: Some(poll_interval), ..self }
    }

    /// An entry that is [known to have been recorded](Self::must_contain).
    #[must_use]
    pub fn with_must_contain(self, position: Position) -> Self {
        Self { must_contain: Some(position), ..self }
    }

    /// Another [limit for one call of the store](Self::store_timeout).
    #[must_use]
    pub fn with_store_timeout(self, timeout: Duration) -> Self {
        Self { store_timeout: timeout, ..self }
    }

    pub(crate) async fn take_over(
        &self,
        store: &dyn RunStore,
        run: &RunId,
    ) -> Result<(RunRecorder, Rollout), StoreError> {
        RunRecorder::take_over(store, run, self.must_contain.as_ref(), self.store_timeout).await
    }
}
