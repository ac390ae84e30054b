//! System task: a task that runs in the background of the service (page `dataartsstudio_02_0096`).

use http::{HeaderMap, Method, Request, StatusCode};

use crate::error::{AnswerError, Problem};
use crate::ids::SystemTaskId;
use crate::lenient::members::wire_object;
use crate::operation::{Effect, HostFamily, InvalidRequest, Operation, bare_request};
use crate::raw::Raw;
use crate::scope::Scope;
use crate::status::SystemTaskStatus;
use crate::time::Timestamp;

/// Reads a background task. It is the one operation here that the other host serves
/// ([`HostFamily::V1`]).
///
/// That the `asy_task_id` of a deploy can be read so is assumed; the documents name it only for the import
/// of jobs. [`ShowPackage`](crate::ShowPackage) is the sure way to follow a release.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ShowSystemTask {
    task: SystemTaskId,
}

impl ShowSystemTask {
    /// Reads `task`.
    #[must_use]
    pub fn new(task: SystemTaskId) -> Self {
        Self { task }
    }

    /// The task.
    #[must_use]
    pub fn task(&self) -> &SystemTaskId {
        &self.task
    }
}

impl Operation for ShowSystemTask {
    type Answer = SystemTask;

    const NAME: &'static str = "system-task";
    const METHOD: Method = Method::GET;
    const ROUTE: &'static str = "/v1/{project_id}/system-tasks/{task_id}";
    const HOST: HostFamily = HostFamily::V1;
    const EFFECT: Effect = Effect::Read;

    fn encode(&self, scope: &Scope) -> Result<Request<Vec<u8>>, InvalidRequest> {
        bare_request::<Self>(scope, self.task.as_str())
    }

    /// A success with neither `id` nor `status` says nothing and is undecodable.
    fn decode(
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<SystemTask, AnswerError> {
        let raw = Raw { status, headers, body };
        let (task, request_id) = raw.decode_object::<SystemTask>()?;
        if task.id.is_none() && task.status.is_none() {
            return Err(raw.undecodable(Problem::Missing("status")));
        }
        Ok(SystemTask { request_id, ..task })
    }
}

wire_object! {
    /// A background task.
    pub struct SystemTask {
        id: Option<String> = "id",
        name: Option<String> = "name",
        status: Option<SystemTaskStatus> = "status",
        /// Why it failed; in older documents and the SDK only.
        message: Option<String> = "message",
        started_at: Option<Timestamp> = "startTime" | "starttime",
        ended_at: Option<Timestamp> = "endTime" | "endtime",
        updated_at: Option<Timestamp> = "lastUpdate" | "lastupdate",
        project_id: Option<String> = "projectId",
        /// Empty if absent.
        subtasks: Vec<Subtask> = "subtasks" | "subTasks",
        /// The request id.
        request_id: Option<String>,
    }
}

wire_object! {
    /// A part of a background task.
    pub struct Subtask {
        id: Option<String> = "id",
        name: Option<String> = "name",
        status: Option<SystemTaskStatus> = "status",
        /// Why it failed; in older documents and the SDK only.
        message: Option<String> = "message",
        /// In older documents only.
        started_at: Option<Timestamp> = "startTime" | "starttime",
        /// In older documents only.
        ended_at: Option<Timestamp> = "endTime" | "endtime",
        updated_at: Option<Timestamp> = "lastUpdate" | "lastupdate",
        /// The task that it is part of.
        task_id: Option<String> = "taskId",
    }
}
