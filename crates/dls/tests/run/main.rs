//! The client and its runs: plans, the journal, consents, what watching costs, and what may cross threads.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod answers;
mod bench;
mod consent;
mod fake_service;
mod format_versions;
mod journal;
mod plans;
mod recording;
mod threads;
mod times;
mod watching;
