//! Records a run in any store, fail-stop: each call has a timeout, and after one that failed nothing more is recorded.

use std::time::Duration;

use dls_model::Timestamp;
use dls_rollout::{Event, Rollout, RunSpec};

use crate::store::{Position, RunId, RunStore, RunWriter, StoreError, TakenOver};

/// How long a store may take for one call.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);

/// Records one run.
#[derive(Debug)]
pub(crate) struct RunRecorder {
    writer: Box<dyn RunWriter>,
    timeout: Duration,
    /// Why nothing more is recorded. A failed flush is not repeated: the kernel may have dropped the data, and the second
    /// flush would succeed.
    failure: Option<String>,
    is_finished: bool,
}

impl RunRecorder {
    pub(crate) async fn create(
        store: &dyn RunStore,
        spec: RunSpec,
        at: Timestamp,
        timeout: Duration,
    ) -> Result<Self, StoreError> {
        let writer = in_time(timeout, store.create(spec, at)).await?;
        Ok(Self::of(writer, timeout))
    }

    pub(crate) async fn take_over(
        store: &dyn RunStore,
        run: &RunId,
        must_contain: Option<&Position>,
        timeout: Duration,
    ) -> Result<(Self, Rollout), StoreError> {
        let taken = store.take_over(run, must_contain);
        let TakenOver { writer, rollout } = in_time(timeout, taken).await?;
        Ok((Self::of(writer, timeout), rollout))
    }

    fn of(writer: Box<dyn RunWriter>, timeout: Duration) -> Self {
        Self { writer, timeout, failure: None, is_finished: false }
    }

    pub(crate) fn run(&self) -> &RunId {
        self.writer.run()
    }

    /// The last entry that is known to be recorded.
    pub(crate) fn position(&self) -> Position {
        self.writer.position()
    }

    /// Why nothing more is recorded, in one line.
    pub(crate) fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// Records an event, as durably as necessary; or fails with the reason why nothing more is recorded.
    pub(crate) async fn append(&mut self, event: &Event) -> Result<(), String> {
        self.begin_call()?;
        let appended = in_time(self.timeout, self.writer.append(event)).await;
        self.end_call(appended.map(drop))
    }

    /// Marks the run as finished, once.
    pub(crate) async fn finish(&mut self) {
        if self.is_finished || self.begin_call().is_err() {
            return;
        }
        self.is_finished = true;
        let finished = in_time(self.timeout, self.writer.finish()).await;
        drop(self.end_call(finished));
    }

    /// The failure that remains if the call is dropped.
    fn begin_call(&mut self) -> Result<(), String> {
        match &self.failure {
            Some(failure) => Err(failure.clone()),
            None => {
                self.failure = Some("a call of the journal was cancelled".to_owned());
                Ok(())
            }
        }
    }

    fn end_call(&mut self, result: Result<(), StoreError>) -> Result<(), String> {
        self.failure = result.err().map(|error| error.to_string());
        self.failure.clone().map_or(Ok(()), Err)
    }
}

async fn in_time<T>(
    timeout: Duration,
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let result = tokio::time::timeout(timeout, call).await;
    result.unwrap_or(Err(StoreError::TimedOut(timeout)))
}
