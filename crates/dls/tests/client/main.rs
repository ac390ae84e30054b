//! The client, its runs, and the stores of runs.
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
mod fault;
mod format_versions;
mod journal;
mod plans;
mod recording;
mod store {
    mod bench;
    mod damage;
    mod files;
    mod flushing;
    mod locks;
    mod os_disk;
}
mod threads;
mod times;
mod watching;
