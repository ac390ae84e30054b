//! Records a run in any store, fail-stop: each call has a timeout, and after one that failed nothing more is recorded.

use std::time::Duration;

use dls_rollout::Event;

use crate::store::{RunWriter, StoreError};

/// How long a store may take for one call.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);

/// Records one run.
#[derive(Debug)]
pub(crate) struct RunRecorder {
    pub(crate) writer: Box<dyn RunWriter>,
    timeout: Duration,
    /// Why nothing more is recorded, in one line. A failed flush is not repeated: the kernel may have dropped the data,
    /// and the second flush would succeed.
    pub(crate) failure: Option<String>,
    is_finished: bool,
}

impl RunRecorder {
    /// Each call of the store may take so long.
    pub(crate) fn new(writer: Box<dyn RunWriter>, timeout: Duration) -> Self {
        Self { writer, timeout, failure: None, is_finished: false }
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

/// The result of a call of a store, which may take so long.
pub(crate) async fn in_time<T>(
    timeout: Duration,
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let result = tokio::time::timeout(timeout, call).await;
    result.unwrap_or(Err(StoreError::TimedOut(timeout)))
}
