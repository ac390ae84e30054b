//! The fold, held against the promises.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod admitting;
mod batches;
mod bench;
mod reconciling;
mod resuming;
mod sending;
mod watching;
