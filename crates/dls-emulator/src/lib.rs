#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod assumptions;
mod auth;
mod checker;
mod emulator;
mod engine;
mod faults;
mod gateway;
mod ledger;
mod list;
mod listener;
mod package;
mod refusal;
mod release;
mod reply;
mod route;
mod seed;
mod server;
mod service;
mod shared;
mod state;
mod system_task;
mod throttle;
mod tls;
mod toml_error;
mod wire;
mod write_limit;

pub use crate::assumptions::{Assumption, InvalidAssumption, assumptions};
pub use crate::checker::{
    Claim, Consent, ConsentKind, History, Sent, Violation, ViolationKind, check,
};
pub use crate::emulator::{Emulator, EmulatorBuilder};
pub use crate::engine::Engine;
pub use crate::faults::FaultPlan;
pub use crate::faults::effect::{ConnectionEnd, ResponseEffect};
pub use crate::ledger::{Initiator, Ledger, LedgerRelease, LedgerRequest};
pub use crate::seed::Seed;
pub use crate::throttle::RateLimit;
pub use crate::toml_error::InvalidToml;
