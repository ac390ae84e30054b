#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod action;
pub mod event;
mod pace;
pub mod rollout;
pub mod verdict;

pub use action::Action;
pub use event::{Event, LookFailure, SendFailure};
pub use rollout::{Options, Rollout, is_refusal};
pub use verdict::{NotSent, Outcome, PackageReport, Report, Verdict, refusal_exit_code};
