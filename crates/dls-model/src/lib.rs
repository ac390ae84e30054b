#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod decode;
pub mod deploy;
pub mod error;
mod error_body;
pub mod error_codes;
#[cfg(feature = "proptest")]
mod generate;
pub mod ids;
mod lenient;
pub mod list;
pub mod operation;
pub mod package;
pub mod page;
mod path;
#[cfg(feature = "proptest")]
pub mod proptest;
mod raw;
pub mod revoke;
pub mod scope;
pub mod show;
pub mod status;
pub mod system_task;
mod text;
pub mod time;

pub use crate::deploy::{Deploy, DeployAnswer, DeployDetail, DeployOptions, JobStart, PublishType};
pub use crate::error::{AnswerError, Problem, ServiceError, Undecodable};
pub use crate::error_codes::{ErrorCode, ErrorIssuer, Meaning, hint, meaning};
pub use crate::ids::{
    IdKind, InvalidId, InvalidPackageIds, PackageId, PackageIds, ProjectId, SystemTaskId,
    WorkspaceId,
};
pub use crate::list::{ListPackages, PackagePage, SortDirection};
pub use crate::operation::{Effect, HostFamily, InvalidRequest, Operation};
pub use crate::package::{Package, Task, User};
pub use crate::page::{PageError, Pages};
pub use crate::revoke::{Revoke, Revoked};
pub use crate::scope::Scope;
pub use crate::show::{PackageDetail, ShowPackage};
pub use crate::status::{Change, StartStatus, Status, SystemTaskStatus, TaskKind};
pub use crate::system_task::{ShowSystemTask, Subtask, SystemTask};
pub use crate::text::printable;
pub use crate::time::Timestamp;
