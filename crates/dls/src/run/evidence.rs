//! Evidence of a run outside of its store.

use std::fmt;

use crate::store::{BoxFuture, Position};

/// Records the intentions of a run outside of its store, so that a store that was lost, or restored from an older copy,
/// is detected with [`Resume::must_contain`](super::Resume::must_contain).
pub trait Evidence: fmt::Debug + Send + Sync {
    /// Records this entry, the intention to send, durably. No byte of the request is written before that.
    ///
    /// # Errors
    ///
    /// Why it could not be recorded, in one line. Then nothing is sent.
    fn record<'a>(&'a mut self, intention: &'a Position) -> BoxFuture<'a, Result<(), String>>;
}
