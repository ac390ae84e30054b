#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod client;
mod endpoint;
mod error;
mod pager;
pub mod plan;
mod recorder;
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
pub use pager::Pager;
pub use run::{ResendRefused, Resume, Run};
pub use store::{FileStore, InvalidRunId, MemoryStore, RunId, RunStore, StoreError, StoredRun};
