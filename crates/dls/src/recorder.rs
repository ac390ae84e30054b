//! Makes any store fail-stop: each call has a time timeout, and after one that did not succeed nothing more is
//! recorded, ever.

use std::time::Duration;

use dls_model::Timestamp;
use dls_rollout::{Event, Rollout, RunSpec};

use crate::store::{Position, RunId, RunStore, RunWriter, StoreError, TakenOver, durability};

/// How long a store may take for one call.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);

/// Records one run.
#[derive(Debug)]
pub(crate) struct RunRecorder {
    writer: Box<dyn RunWriter>,
    timeout: Duration,
    /// Why nothing more is recorded. A flush that failed is not tried again: what it should have written may be
    /// gone from memory, and the second one would succeed.
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
        let taken = in_time(timeout, store.take_over(run, must_contain)).await?;
        let TakenOver { writer, rollout } = taken;
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

    /// Records what happened, as durably as it has to be; or says why nothing is recorded any more.
    pub(crate) async fn append(&mut self, event: &Event) -> Result<(), String> {
        self.begin_call()?;
        let appended = self.writer.append(event, durability(&event.kind));
        let appended = in_time(self.timeout, appended).await.map(drop);
        self.end_call(appended)
    }

    /// Marks the run as over, once.
    pub(crate) async fn finish(&mut self) {
        if self.is_finished || self.begin_call().is_err() {
            return;
        }
        self.is_finished = true;
        let finished = in_time(self.timeout, self.writer.finish()).await;
        drop(self.end_call(finished));
    }

    /// Should the call be dropped before its end, this is what is left of it.
    fn begin_call(&mut self) -> Result<(), String> {
        match &self.failure {
            Some(failure) => Err(failure.clone()),
            None => {
                self.failure = Some("a call of the journal was given up before its end".to_owned());
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
    result.unwrap_or(Err(StoreError::TimedOut { limit: timeout }))
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use dls_model::JobStart;
    use dls_rollout::{Destination, EventKind, Options, Selection};

    use super::*;
    use crate::store::{Durability, MemoryStore, StoreFuture};

    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Trouble {
        Fails,
        Hangs,
        Passes,
    }

    /// Fails its second append as it is told, and counts them.
    #[derive(Debug)]
    struct Troubled {
        inner: Box<dyn RunWriter>,
        trouble: Trouble,
        appends: Arc<AtomicUsize>,
    }

    impl RunWriter for Troubled {
        fn run(&self) -> &RunId {
            self.inner.run()
        }

        fn position(&self) -> Position {
            self.inner.position()
        }

        fn append<'a>(
            &'a mut self,
            event: &'a Event,
            durability: Durability,
        ) -> StoreFuture<'a, Position> {
            let count = self.appends.fetch_add(1, Ordering::Relaxed) + 1;
            Box::pin(async move {
                match self.trouble {
                    Trouble::Fails if count == 2 => Err(StoreError::Unusable {
                        path: "runs".into(),
                        why: "no space left on device".to_owned(),
                    }),
                    Trouble::Hangs if count == 2 => pending().await,
                    _ => self.inner.append(event, durability).await,
                }
            })
        }

        fn finish(&mut self) -> StoreFuture<'_, ()> {
            self.inner.finish()
        }
    }

    async fn recorder(trouble: Trouble) -> (RunRecorder, Arc<AtomicUsize>) {
        let project = "b384b9e9ab9b4ee8994c8633aabc9505".parse().unwrap();
        let destination = Destination::new("https://h", project, "default".parse().unwrap());
        let packages = Selection::from(dls_model::PackageId::MAX);
        let spec = RunSpec::new(destination, packages, Options::new(JobStart::Later));
        let inner = MemoryStore::new().create(spec, at()).await.unwrap();
        let appends = Arc::new(AtomicUsize::new(0));
        let writer = Troubled { inner, trouble, appends: Arc::clone(&appends) };
        (RunRecorder::of(Box::new(writer), TIMEOUT), appends)
    }

    fn at() -> Timestamp {
        Timestamp::from_millis(1_747_106_000_000).unwrap()
    }

    fn waited() -> Event {
        Event::new(at(), EventKind::Waited)
    }

    #[tokio::test(start_paused = true)]
    async fn after_an_append_that_failed_or_took_too_long_nothing_is_recorded_any_more() {
        for (trouble, why) in [
            (Trouble::Fails, "no space left on device"),
            (Trouble::Hangs, "did not answer within 10 s"),
        ] {
            let (mut recorder, appends) = recorder(trouble).await;
            recorder.append(&waited()).await.unwrap();
            let before = recorder.position();
            let error = recorder.append(&waited()).await.unwrap_err();
            assert!(error.contains(why), "{error}");
            // The store would take it now, and is not asked.
            assert_eq!(recorder.append(&waited()).await, Err(error.clone()));
            recorder.finish().await;
            assert_eq!(recorder.failure(), Some(error.as_str()));
            assert_eq!(appends.load(Ordering::Relaxed), 2, "{trouble:?}");
            assert_eq!(recorder.position(), before);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn after_an_append_that_was_given_up_nothing_is_recorded_any_more() {
        let (mut recorder, appends) = recorder(Trouble::Hangs).await;
        recorder.append(&waited()).await.unwrap();
        let event = waited();
        let given_up = tokio::time::timeout(Duration::from_secs(1), recorder.append(&event));
        assert!(given_up.await.is_err());
        let error = recorder.append(&waited()).await.unwrap_err();
        assert!(error.contains("given up"), "{error}");
        assert_eq!(appends.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn what_was_recorded_moves_the_position() {
        let (mut recorder, _) = recorder(Trouble::Passes).await;
        recorder.append(&waited()).await.unwrap();
        assert_eq!((recorder.position().entry, recorder.failure()), (2, None));
    }
}
