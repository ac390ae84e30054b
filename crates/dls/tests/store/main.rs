//! Stores of runs: what each of them holds, and what becomes of files that break.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod bench;
mod conformance;
mod damage;
mod files;
mod flushing;
mod locks;
mod os_disk;
