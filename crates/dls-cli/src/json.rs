//! Packages and tasks as the JSON documents have them. Field names are part of the command's contract.

use std::fmt::Display;

use dls::model::{Package, PackageDetail, ServiceError, Task, User};
use serde_json::{Value, json};

/// A package as an observation saw it.
pub(crate) fn package(package: &Package) -> Value {
    json!({
        "id": package.id,
        "name": package.name,
        "status": display(package.status),
        "status_code": package.status,
        "applied_by": user_name(package.applicant.as_ref()),
        "applied_at": display(package.applied_at),
        "applied_at_ms": package.applied_at,
        "released_by": user_name(package.deployer.as_ref()),
        "released_at": display(package.deployed_at),
        "released_at_ms": package.deployed_at,
        "reviewers": package.reviewers.iter().map(|user| &user.name).collect::<Vec<_>>(),
    })
}

pub(crate) fn package_with_tasks(detail: &PackageDetail) -> Value {
    with(package(&detail.package), json!({ "tasks": tasks(&detail.tasks) }))
}

pub(crate) fn tasks(tasks: &[Task]) -> Value {
    tasks.iter().map(task).collect()
}

fn task(task: &Task) -> Value {
    json!({
        "id": task.id,
        "name": task.name,
        "kind": display(task.kind),
        "change": display(task.change),
        "status": display(task.status),
        "status_code": task.status,
        "start_status": display(task.start_status),
        "deployed_version": task.deployed_version,
        "pending_version": task.pending_version,
    })
}

pub(crate) fn service_error(error: &ServiceError) -> Value {
    json!({
        "code": error.code().map(|code| code.as_str()),
        "message": error.message(),
        "request_id": error.request_id(),
    })
}

/// The members of both objects.
pub(crate) fn with(mut object: Value, more: Value) -> Value {
    if let (Value::Object(members), Value::Object(more)) = (&mut object, more) {
        members.extend(more);
    }
    object
}

/// A word or a time as it is displayed.
pub(crate) fn display(value: Option<impl Display>) -> Option<String> {
    value.map(|value| value.to_string())
}

/// The name of a user.
pub(crate) fn user_name(user: Option<&User>) -> Option<&str> {
    user?.name.as_deref()
}
