//! A release package and its tasks, as reported by the list and the show operation.

use serde::de::MapAccess;
use serde::ser::SerializeMap;

use crate::ids::PackageId;
use crate::lenient::members::{Member, wire_object, write_present};
use crate::lenient::{FromScalar as _, Unread};
use crate::status::{Change, StartStatus, Status, TaskKind};
use crate::time::Timestamp;

wire_object! {
    /// A release package (pages `dataartsstudio_02_0195` and `dataartsstudio_02_0196`).
    ///
    /// The documents guarantee none of these members, so each may be absent.
    pub struct Package {
        id: Option<PackageId> = "package_id",
        name: Option<String> = "package_name",
        status: Option<Status> = "deploy_status",
        /// When it was submitted.
        applied_at: Option<Timestamp> = "apply_timestamp",
        /// Who submitted it.
        applicant: Option<User> = "apply_user_id" | "apply_user_name",
        /// When it was released.
        deployed_at: Option<Timestamp> = "deploy_timestamp",
        /// Who released it.
        deployer: Option<User> = "deploy_user_id" | "deploy_user_name",
        /// Who may release it.
        reviewers: Vec<User> = "package_approvers",
        /// Whether it is deleted.
        deleted: Option<bool> = "delete_flag" as u64::from,
        workspace_id: Option<String> = "workspace_id",
        /// In answers this is composite (`{project id}-workspace-{workspace id}`): show it, but never use it in a path.
        project_ref: Option<String> = "project_id",
    }
}

wire_object! {
    /// A user, by id, by name or by both.
    #[derive(Hash)]
    pub struct User {
        /// Inside a package or a task, a member whose name ends with `user_id`.
        id: Option<String> = "user_id",
        /// Inside a package or a task, a member whose name ends with `user_name`.
        name: Option<String> = "user_name",
    }
}

impl User {
    /// A user of this id and name.
    pub fn new(id: impl Into<String>, name: impl Into<String>) -> Self {
        Self { id: Some(id.into()), name: Some(name.into()) }
    }
}

/// A user as two members of the object around it. It is present if one of them is.
impl Member for Option<User> {
    fn read<'de, A: MapAccess<'de>>(&mut self, member: Unread<'_, A>) -> Result<(), A::Error> {
        let is_id = member.name.ends_with("_id");
        if let Some(part) = String::from_scalar(member.scalar()?) {
            let user = self.get_or_insert_default();
            *(if is_id { &mut user.id } else { &mut user.name }) = Some(part);
        }
        Ok(())
    }

    fn write<M: SerializeMap>(&self, names: &[&'static str], map: &mut M) -> Result<(), M::Error> {
        let Some(user) = self else { return Ok(()) };
        write_present(user.id.as_ref(), names, map)?;
        write_present(user.name.as_ref(), names.get(1..).unwrap_or_default(), map)
    }
}

wire_object! {
    /// A task: one changed job, script or resource in a package (wire: a row of `task_details`, page
    /// `dataartsstudio_02_0196`).
    pub struct Task {
        /// The id of the task itself.
        id: Option<String> = "pending_item_id",
        /// The name of the job, script or resource.
        name: Option<String> = "item_name",
        kind: Option<TaskKind> = "task_type",
        /// The page prints a default of 1 (added); an absent member stays absent here.
        change: Option<Change> = "update_type",
        status: Option<Status> = "deploy_status",
        /// Assumed to be absent if no start was requested.
        start_status: Option<StartStatus> = "start_job_status",
        /// The version to be released.
        pending_version: Option<i64> = "pending_version",
        /// The version that is in production now.
        deployed_version: Option<i64> = "deployed_version",
        /// The id of the job.
        job_id: Option<String> = "task_id",
        script_id: Option<String> = "script_id",
        submitted_at: Option<Timestamp> = "submit_timestamp",
        /// Who submitted it.
        submitter: Option<User> = "submit_user_id" | "submit_user_name",
    }
}
