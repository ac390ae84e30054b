#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod client;
mod endpoint;
mod error;
mod journal;
mod pager;
pub mod plan;
pub mod run;
pub mod store;

pub use client::{Client, ClientBuilder, Release};
pub use dls_model as model;
pub use dls_model::{JobStart, PackageId, PackageIds, ProjectId, WorkspaceId};
pub use dls_rollout as rollout;
pub use dls_rollout::Selection;
pub use dls_transport as transport;
pub use endpoint::{Endpoint, Endpoints, InvalidEndpoint};
pub use error::{Error, ErrorKind};
pub use journal::{InvalidRunId, Journal, JournalError, RunId, StoredRun};
pub use pager::Pager;
pub use run::{ResendRefused, Resume, Run};
