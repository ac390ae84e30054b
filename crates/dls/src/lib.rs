#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod client;
mod driver;
mod endpoint;
mod error;
mod pager;

pub use client::{Client, ClientBuilder};
pub use dls_model as model;
pub use dls_model::{JobStart, PackageId, PackageIds, ProjectId, WorkspaceId};
pub use dls_rollout as rollout;
pub use dls_transport as transport;
pub use driver::Run;
pub use endpoint::{Endpoint, Endpoints, InvalidEndpoint};
pub use error::{Error, ErrorKind};
pub use pager::Pager;
