#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod action;
pub mod event;
mod guard;
#[cfg(test)]
mod model_check;
pub mod options;
pub mod outcome;
mod package_state;
pub mod plan;
mod poll_interval;
mod preflight;
pub mod rollout;
mod selection;

pub use action::Action;
pub use event::{Event, EventKind, ObserveError, RunSpec, SendError};
pub use options::{IfReleased, OnLostAnswer, Options};
pub use outcome::{
    Claim, Forgotten, NotSent, PackageOutcome, PackageReport, Report, RunOutcome, is_refusal,
};
pub use plan::{Destination, Plan, PlannedPackage};
pub use poll_interval::PollInterval;
pub use rollout::{InvalidEvents, Rollout};
pub use selection::Selection;
