//! Runs against the emulator: their journal, plans, and what watching costs.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod bench;
mod journal;
mod old_files;
mod plans;
mod seams;
mod watching;
