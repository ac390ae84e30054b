//! System task: a task that runs in the background of the service (page `dataartsstudio_02_0096`).

use http::{HeaderMap, Method, Request, StatusCode};

use crate::decode::Raw;
use crate::error::{AnswerError, Problem};
use crate::ids::SystemTaskId;
use crate::lenient::members::members;
use crate::operation::{Effect, HostFamily, InvalidRequest, Operation, bare_request};
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
            return Err(raw.undecodable(Problem::Missing { member: "status" }));
        }
        Ok(SystemTask { request_id, ..task })
    }
}

/// A background task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SystemTask {
    /// `id`.
    pub id: Option<String>,
    /// `name`.
    pub name: Option<String>,
    /// `status`.
    pub status: Option<SystemTaskStatus>,
    /// `message`: why it failed; in older documents and the SDK only.
    pub message: Option<String>,
    /// `startTime`.
    pub started_at: Option<Timestamp>,
    /// `endTime`.
    pub ended_at: Option<Timestamp>,
    /// `lastUpdate`.
    pub updated_at: Option<Timestamp>,
    /// `projectId`.
    pub project_id: Option<String>,
    /// `subtasks`, elsewhere `subTasks`; empty if absent.
    pub subtasks: Vec<Subtask>,
    /// The request id.
    pub request_id: Option<String>,
}

members! { SystemTask {
    "id": Text => id;
    "name": Text => name;
    "status": Text => status;
    "message": Text => message;
    "startTime" | "starttime": Number => started_at;
    "endTime" | "endtime": Number => ended_at;
    "lastUpdate" | "lastupdate": Number => updated_at;
    "projectId": Text => project_id;
    "subtasks" | "subTasks": List => subtasks;
} }

/// A part of a background task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Subtask {
    /// `id`.
    pub id: Option<String>,
    /// `name`.
    pub name: Option<String>,
    /// `status`.
    pub status: Option<SystemTaskStatus>,
    /// `message`: why it failed; in older documents and the SDK only.
    pub message: Option<String>,
    /// `startTime`; in older documents only.
    pub started_at: Option<Timestamp>,
    /// `endTime`; in older documents only.
    pub ended_at: Option<Timestamp>,
    /// `lastUpdate`.
    pub updated_at: Option<Timestamp>,
    /// `taskId`: the task that it is part of.
    pub task_id: Option<String>,
}

members! { Subtask {
    "id": Text => id;
    "name": Text => name;
    "status": Text => status;
    "message": Text => message;
    "startTime" | "starttime": Number => started_at;
    "endTime" | "endtime": Number => ended_at;
    "lastUpdate" | "lastupdate": Number => updated_at;
    "taskId": Text => task_id;
} }
