//! How a run is taken over.

use std::time::Duration;

use dls_rollout::{EventKind, PollInterval, Rollout};

use crate::recorder::{self, RunRecorder};
use crate::store::{Position, RunId, RunStore, StoreError, TakenOver};

/// How to take a run over: what changes, and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Resume {
    /// Another [grace](dls_rollout::Options::grace); as before if `None`.
    pub grace: Option<Duration>,
    /// Another [interval between observations](dls_rollout::Options::poll_interval); as before if `None`.
    pub poll_interval: Option<PollInterval>,
    /// Whether the caller confirms that the client's address leads to the service that the run belongs to, if the
    /// address is another one. The run records that address.
    pub same_service: bool,
    /// An entry that is known to have been recorded, from evidence. A record without it is an older copy, which may
    /// lack what was sent, and is refused.
    pub must_contain: Option<Position>,
    /// How long the store may take for one call; 10 s by default.
    pub store_timeout: Duration,
}

/// Everything as before.
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
    pub(crate) async fn take_over(
        &self,
        store: &dyn RunStore,
        run: &RunId,
    ) -> Result<(RunRecorder, Rollout), StoreError> {
        let taken = store.take_over(run, self.must_contain.as_ref());
        let TakenOver { writer, rollout } = recorder::in_time(self.store_timeout, taken).await?;
        Ok((RunRecorder::new(writer, self.store_timeout), rollout))
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
