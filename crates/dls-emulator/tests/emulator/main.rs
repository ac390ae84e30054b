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
mod examples;
mod faults;
mod ledger;
mod listing;
mod net;
mod properties;
mod refusals;
mod releases;
mod seeds;
mod socket_faults;
mod sockets;
mod support;
