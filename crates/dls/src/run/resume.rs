//! How a run is taken over.

use std::time::Duration;

use dls_rollout::{EventKind, PollInterval, Rollout};

use crate::recorder::{self, RunRecorder};
use crate::store::{Position, RunId, RunStore, StoreError};

/// How to take a run over: what changes, and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Resume {
    grace: Option<Duration>,
    poll_interval: Option<PollInterval>,
    pub(crate) same_service: bool,
    must_contain: Option<Position>,
    store_timeout: Duration,
}

impl Default for Resume {
    fn default() -> Self {
        Self {
            grace: None,
            poll_interval: None,
            same_service: false,
            must_contain: None,
            store_timeout: recorder::TIMEOUT,
        }
    }
}

impl Resume {
    /// Everything as before.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Another [grace](dls_rollout::Options::grace); as before if `None`.
    #[must_use]
    pub fn with_grace(self, grace: impl Into<Option<Duration>>) -> Self {
        Self { grace: grace.into(), ..self }
    }

    /// Another [interval between observations](dls_rollout::Options::poll_interval); as before if `None`.
    #[must_use]
    pub fn with_poll_interval(self, poll_interval: impl Into<Option<PollInterval>>) -> Self {
        Self { poll_interval: poll_interval.into(), ..self }
    }

    /// Whether the caller confirms that the client's address leads to the service that the run belongs to, if
    /// the address is another one. The run records that address.
    #[must_use]
    pub fn with_same_service(self, same_service: bool) -> Self {
        Self { same_service, ..self }
    }

    /// An entry that is known to have been recorded, from evidence. A record without it is an older copy, which
    /// may lack what was sent, and is refused.
    #[must_use]
    pub fn with_must_contain(self, position: impl Into<Option<Position>>) -> Self {
        Self { must_contain: position.into(), ..self }
    }

    /// How long the store may take for one call; 10 s by default.
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

    /// What happened, for the record.
    pub(crate) fn event(&self, rollout: &Rollout, other_endpoint: Option<String>) -> EventKind {
        let options = rollout.spec().options.clone();
        EventKind::Resumed {
            grace: self.grace.unwrap_or(options.grace),
            poll_interval: self.poll_interval.unwrap_or(options.poll_interval),
            other_endpoint,
        }
    }
}
