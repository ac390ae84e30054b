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
mod cut_points;
mod faults;
mod limits;
mod pool;
mod repeat;
mod start;
#[path = "../support/mod.rs"]
mod support;
mod tls;
mod two_steps;
mod unsolicited;
