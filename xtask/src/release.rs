//! `cargo xtask release`: from changes to published crates, one step after the other. Each crate has a version
//! and a tag of its own. What is to be decided is decided by pure functions; the rest asks git and cargo.

mod bump;
mod cargo;
mod changes;
mod check;
mod manifest;
mod pending;
mod plan;
mod publish;
mod registry;
mod rehearse;

use std::path::Path;

use anyhow::Result;
use clap::Subcommand;

pub(crate) use {
    cargo::checksum,
    changes::{Level, read as changes},
    manifest::{DOWNSTREAM, required},
    pending::{PendingChanges, last_release, tag},
    rehearse::run as rehearse,
};

/// The steps of a release, in their order.
#[derive(Debug, Subcommand)]
pub(crate) enum Step {
    /// Show which crates go out with which versions, in order, and why
    Plan,
    /// Make one commit of the plan: versions, requirements and changelogs
    Bump,
    /// Check in a fresh clone: packages, their contents and docs, free versions and names
    Check {
        /// The registry to query, instead of cargo's default
        #[arg(long, value_name = "NAME")]
        registry: Option<String>,
        /// Do not query the registry
        #[arg(long)]
        offline: bool,
    },
    /// Tag each crate whose version has no tag
    Tag,
    /// Upload what was tagged last, crate by crate; can be repeated after any failure
    Publish(publish::Options),
    /// Do all of it on a copy, against a local registry that fails on purpose
    Rehearse,
}

pub(crate) fn run(root: &Path, step: Step) -> Result<()> {
    match step {
        Step::Plan => {
            print!("{}", plan::table(&PendingChanges::read(root)?.plan()?));
            Ok(())
        }
        Step::Bump => bump::run(root),
        Step::Check { registry, offline } => check::run(root, registry.as_deref(), offline),
        Step::Tag => bump::tag(root),
        Step::Publish(options) => publish::run(root, options),
        Step::Rehearse => rehearse(root),
    }
}
