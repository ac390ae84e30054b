//! The rollout and its promises.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod batches;
mod bench;
mod closing;
mod evidence;
mod freshness;
mod preflight;
mod reconciling;
mod resuming;
mod sending;
mod watching;
