//! Spans and events through the `tracing` crate, or nothing at all without the feature of that name.
//!
//! Only what is named here is recorded: method, host, path, status, attempt, delivery, kinds of
//! errors, times. Never a query, a header or a body.

use std::time::Duration;

use http::Response;
use tokio::time::Instant;

use crate::error::{Delivery, Error};
use crate::prepared_request::PreparedRequest;
use crate::retry::Retry;

/// Does the work of a call within a span of its own.
#[cfg(feature = "tracing")]
pub(crate) async fn call<F: Future>(
    prepared: &PreparedRequest,
    retry: Retry,
    work: F,
) -> F::Output {
    use tracing::Instrument;

    let span = tracing::debug_span!(
        "call",
        method = %prepared.method,
        host = %prepared.origin,
        path = prepared.uri.path(),
        write = retry == Retry::Never,
    );
    work.instrument(span).await
}

#[cfg(not(feature = "tracing"))]
pub(crate) async fn call<F: Future>(_: &PreparedRequest, _: Retry, work: F) -> F::Output {
    work.await
}

/// One attempt. If it is dropped before it is done, that is recorded, too.
pub(crate) struct Attempt {
    number: u32,
    begin: Instant,
    is_done: bool,
}

impl Attempt {
    pub(crate) fn begin(number: u32) -> Self {
        Self { number, begin: Instant::now(), is_done: false }
    }

    pub(crate) fn done(mut self, outcome: &Result<Response<Vec<u8>>, Error>) {
        self.is_done = true;
        match outcome {
            Ok(answer) => self.tell("answered", Some(answer.status().as_u16()), Delivery::Answered),
            Err(error) => {
                let status = error.status().map(|status| status.as_u16());
                self.tell(&format!("{:?}", error.kind()), status, error.delivery());
            }
        }
    }

    #[cfg(feature = "tracing")]
    fn tell(&self, outcome: &str, status: Option<u16>, delivery: Delivery) {
        tracing::debug!(
            attempt = self.number,
            outcome,
            status,
            %delivery,
            elapsed = ?self.begin.elapsed(),
            "attempt done",
        );
    }

    #[cfg(not(feature = "tracing"))]
    fn tell(&self, _: &str, _: Option<u16>, _: Delivery) {
        let _ = (self.number, self.begin);
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if !self.is_done {
            // Nobody learns any more whether the request was sent.
            self.tell("abandoned by the caller", None, Delivery::Unknown);
        }
    }
}

/// Another attempt will follow.
#[cfg(feature = "tracing")]
pub(crate) fn pause(attempts: u32, pause: Duration) {
    tracing::debug!(attempts, ?pause, "pausing before the next attempt");
}

#[cfg(not(feature = "tracing"))]
pub(crate) fn pause(_: u32, _: Duration) {}

/// The connection that an attempt uses.
#[cfg(feature = "tracing")]
pub(crate) fn connection(kept: bool) {
    tracing::trace!(kept, "connected");
}

#[cfg(not(feature = "tracing"))]
pub(crate) fn connection(_: bool) {}

/// The first half of a write came to its end.
#[cfg(feature = "tracing")]
pub(crate) fn ready(host: &str, failure: Option<&Error>) {
    match failure {
        None => tracing::debug!(host, "ready to send"),
        Some(error) => tracing::debug!(host, outcome = ?error.kind(), "not ready to send"),
    }
}

#[cfg(not(feature = "tracing"))]
pub(crate) fn ready(_: &str, _: Option<&Error>) {}

/// A 401 ended this transport.
#[cfg(feature = "tracing")]
pub(crate) fn stopped(host: &str) {
    tracing::warn!(host, "credentials refused with 401: this transport sends no more");
}

#[cfg(not(feature = "tracing"))]
pub(crate) fn stopped(_: &str) {}
