//! Runs against the emulator: their journal, plans, and what watching costs.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod answers;
mod bench;
mod consent;
mod evidence;
mod fake_service;
mod format_versions;
mod journal;
mod plans;
mod recording;
mod times;
mod watching;
