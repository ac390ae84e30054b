#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod assume;
mod checker;
mod core;
mod door;
mod emulator;
mod fate;
mod fault;
mod ledger;
mod list;
mod meet;
mod mistake;
mod named;
mod refusal;
mod release;
mod reply;
mod route;
mod seed;
mod server;
mod service;
mod state;
mod throttle;
mod tls;
mod turn;
mod verify;
mod wire;
mod word;
mod write_limit;

pub use crate::assume::{Assumption, InvalidAssumption, assumptions};
pub use crate::checker::{Claim, Consent, ConsentKind, History, Sent, Violation, check};
pub use crate::core::Core;
pub use crate::emulator::{Emulator, EmulatorBuilder, Running};
pub use crate::fate::{End, Fate, TlsFault, Welcome};
pub use crate::fault::{FaultPlan, InvalidFaultPlan};
pub use crate::ledger::{By, Ledger, LedgerRelease, LedgerRequest};
pub use crate::seed::{InvalidSeed, Seed};
pub use crate::throttle::{InvalidRateLimit, RateLimit};
