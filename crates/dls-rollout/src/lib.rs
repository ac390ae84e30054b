#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod action;
mod admit;
mod entry;
pub mod event;
mod guard;
#[cfg(test)]
mod model_check;
pub mod options;
mod pace;
pub mod plan;
pub mod rollout;
mod selection;
pub mod verdict;

pub use action::Action;
pub use event::{Began, Event, LookFailure, SendFailure, What};
pub use options::{IfReleased, OnLostAnswer, Options};
pub use pace::Pace;
pub use plan::{Place, Plan, PlannedPackage};
pub use rollout::{InvalidEvents, Rollout};
pub use selection::Selection;
pub use verdict::{
    Claim, Forgotten, NotSent, Outcome, PackageReport, Report, Verdict, is_refusal,
    refusal_exit_code,
};
