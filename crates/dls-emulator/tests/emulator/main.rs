//! The emulator from outside: its core without sockets, and the core behind them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests may fail loudly"
)]

mod assumptions;
mod breaks;
mod examples;
mod faults;
mod laws;
mod listing;
mod net;
mod plans;
mod recording;
mod refusals;
mod releases;
mod seeds;
mod sockets;
mod support;
