//! A release package and the tasks in it, as the list and the show operation report them.

use crate::ids::PackageId;
use crate::lenient::members::members;
use crate::status::{Change, StartStatus, Status, TaskKind};
use crate::time::Timestamp;

/// A release package (pages `dataartsstudio_02_0195` and `dataartsstudio_02_0196`).
///
/// The service promises none of these members, so each may be absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Package {
    /// `package_id`.
    pub id: Option<PackageId>,
    /// `package_name`.
    pub name: Option<String>,
    /// `deploy_status`.
    pub status: Option<Status>,
    /// `apply_timestamp`: when it was submitted.
    pub applied_at: Option<Timestamp>,
    /// `apply_user_id`, `apply_user_name`: who submitted it.
    pub applicant: Option<User>,
    /// `deploy_timestamp`: when it was released.
    pub deployed_at: Option<Timestamp>,
    /// `deploy_user_id`, `deploy_user_name`: who released it.
    pub deployer: Option<User>,
    /// `package_approvers`: who may release it.
    pub reviewers: Vec<User>,
    /// `delete_flag`: whether it is deleted.
    pub deleted: Option<bool>,
    /// `workspace_id`.
    pub workspace_id: Option<String>,
    /// `project_id`, which in answers is composite (`{project id}-workspace-{workspace id}`): to be shown,
    /// never to be put into a path.
    pub project_ref: Option<String>,
}

members! { Package {
    "package_id": Text => id;
    "package_name": Text => name;
    "deploy_status": Number => status;
    "apply_timestamp": Number => applied_at;
    "apply_user_id": Text => applicant?.id;
    "apply_user_name": Text => applicant?.name;
    "deploy_timestamp": Number => deployed_at;
    "deploy_user_id": Text => deployer?.id;
    "deploy_user_name": Text => deployer?.name;
    "package_approvers": List => reviewers;
    "delete_flag": Number => deleted;
    "workspace_id": Text => workspace_id;
    "project_id": Text => project_ref;
} }

/// A user, as far as an answer names one: by id, by name or by both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct User {
    /// `user_id`, or the member that ends so.
    pub id: Option<String>,
    /// `user_name`, or the member that ends so.
    pub name: Option<String>,
}

members! { User {
    "user_id": Text => id;
    "user_name": Text => name;
} }

impl User {
    /// A user of this id and name.
    pub fn new(id: impl Into<String>, name: impl Into<String>) -> Self {
        Self { id: Some(id.into()), name: Some(name.into()) }
    }
}

/// A task: one changed job, script or resource in a package (wire: a row of `task_details`, page
/// `dataartsstudio_02_0196`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Task {
    /// `pending_item_id`: the id of the task itself.
    pub id: Option<String>,
    /// `item_name`: the name of the job, script or resource.
    pub name: Option<String>,
    /// `task_type`.
    pub kind: Option<TaskKind>,
    /// `update_type`. The page prints a default of 1 (added); absent stays absent here.
    pub change: Option<Change>,
    /// `deploy_status`.
    pub status: Option<Status>,
    /// `start_job_status`; assumed to be absent where no start was asked for.
    pub start_status: Option<StartStatus>,
    /// `pending_version`: the version to be released.
    pub pending_version: Option<i64>,
    /// `deployed_version`: the version in production now.
    pub deployed_version: Option<i64>,
    /// `task_id`: the id of the job.
    pub job_id: Option<String>,
    /// `script_id`.
    pub script_id: Option<String>,
    /// `submit_timestamp`.
    pub submitted_at: Option<Timestamp>,
    /// `submit_user_id`, `submit_user_name`.
    pub submitter: Option<User>,
}

members! { Task {
    "pending_item_id": Text => id;
    "item_name": Text => name;
    "task_type": Number => kind;
    "update_type": Number => change;
    "deploy_status": Number => status;
    "start_job_status": Number => start_status;
    "pending_version": Number => pending_version;
    "deployed_version": Number => deployed_version;
    "task_id": Text => job_id;
    "script_id": Text => script_id;
    "submit_timestamp": Number => submitted_at;
    "submit_user_id": Text => submitter?.id;
    "submit_user_name": Text => submitter?.name;
} }
