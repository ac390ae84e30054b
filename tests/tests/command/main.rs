//! The command as a user has it: a process of its own, against an emulator of its own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod basics;
mod bench;
mod crash;
mod deploys;
mod emulator;
mod evidence;
mod input;
mod interruptions;
mod journals;
mod outputs;
mod pairs;
mod plans;
mod resumes;
mod scarce;
mod transcripts;
