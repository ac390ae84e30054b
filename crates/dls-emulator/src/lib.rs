#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod assume;
mod core;
mod ledger;
mod operations;
mod reply;
mod seed;
mod server;
mod state;
mod throttle;
mod tls;
mod verify;

pub use crate::assume::{Assumption, InvalidAssumption, assumptions};
pub use crate::core::RateLimit;
pub use crate::ledger::{Ledger, LedgerRelease, LedgerRequest};
pub use crate::seed::{InvalidSeed, Seed};
pub use crate::server::{Builder, Emulator, Running};
