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
mod closing;
mod evidence;
mod freshness;
mod reconciling;
mod resuming;
mod sending;
mod watching;
