//! Exchanges over real sockets with servers that do what no server should.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests may fail loudly"
)]

mod answers;
mod connections;
mod faults;
mod halves;
mod limits;
mod pool;
mod repeat;
mod start;
#[path = "../support/mod.rs"]
mod support;
mod tls;
mod unasked;
