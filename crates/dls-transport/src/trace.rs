//! Spans and events through the `tracing` crate, or nothing at all without the feature of that name.
//!
//! Only what is named here is recorded: method, host, path, status, attempt, delivery, kinds of
//! errors, times. Never a query, a header or a body.

#![cfg_attr(
    not(feature = "tracing"),
    allow(unused_variables, dead_code, reason = "nothing is recorded")
)]

use std::time::Duration;

use http::Response;
use tokio::time::Instant;

use crate::error::{Delivery, Error};
use crate::prepared_request::PreparedRequest;
use crate::retry::Retry;

/// Does the work of a call within a span of its own.
pub(crate) async fn call<F: Future>(
    prepared: &PreparedRequest,
    retry: Retry,
    work: F,
) -> F::Output {
    #[cfg(feature = "tracing")]
    let work = {
        let span = tracing::debug_span!(
            "call",
            method = %prepared.method,
            host = %prepared.origin,
            path = prepared.uri.path(),
            write = retry == Retry::Never,
        );
        tracing::Instrument::instrument(work, span)
    };
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
            Ok(answer) => {
                self.record("answered", Some(answer.status().as_u16()), Delivery::Answered)
            }
            Err(error) => {
                let status = error.status().map(|status| status.as_u16());
                self.record(&format!("{:?}", error.kind()), status, error.delivery());
            }
        }
    }

    fn record(&self, outcome: &str, status: Option<u16>, delivery: Delivery) {
        #[cfg(feature = "tracing")]
        tracing::debug!(
            attempt = self.number,
            outcome,
            status,
            %delivery,
            elapsed = ?self.begin.elapsed(),
            "attempt done",
        );
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if !self.is_done {
            // Whether the request was sent is not known any more.
            self.record("abandoned by the caller", None, Delivery::Unknown);
        }
    }
}

/// Another attempt will follow.
pub(crate) fn pause(attempts: u32, pause: Duration) {
    #[cfg(feature = "tracing")]
    tracing::debug!(attempts, ?pause, "pausing before the next attempt");
}

/// The connection that an attempt uses.
pub(crate) fn connection(kept: bool) {
    #[cfg(feature = "tracing")]
    tracing::trace!(kept, "connected");
}

/// [`fresh_connection`](crate::Transport::fresh_connection) ended.
pub(crate) fn ready(host: &str, failure: Option<&Error>) {
    #[cfg(feature = "tracing")]
    match failure {
        None => tracing::debug!(host, "ready to send"),
        Some(error) => tracing::debug!(host, outcome = ?error.kind(), "not ready to send"),
    }
}

/// A 401 ended this transport.
pub(crate) fn stopped(host: &str) {
    #[cfg(feature = "tracing")]
    tracing::warn!(host, "credentials refused with 401: this transport sends no more");
}
