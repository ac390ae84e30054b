//! Evidence of a run outside of its store.

use std::fmt;

use crate::store::{BoxFuture, Position};

/// Keeps evidence of a run outside of its store, so that a store that was lost, or put back from an older copy, is
/// noticed: [`Resume::must_contain`](super::Resume::must_contain) holds a store against it.
pub trait Evidence: fmt::Debug + Send + Sync {
    /// Keeps this entry, the intention to send, durably. Not a byte of the request is written before that.
    ///
    /// # Errors
    ///
    /// Why it could not be kept, in one line. Then nothing is sent.
    fn record<'a>(&'a mut self, intention: &'a Position) -> BoxFuture<'a, Result<(), String>>;
}
