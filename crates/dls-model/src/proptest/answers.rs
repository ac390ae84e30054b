//! Answers and what they consist of. Whatever the service may leave out is left out now and then.
//!
//! What has many members is boxed: in one piece, an answer's strategy would fill the stack of a test's thread.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::ids::package_id;
use super::{maybe_text, text, timestamp};
use crate::deploy::{DeployAnswer, DeployDetail};
use crate::list::PackagePage;
use crate::package::{Package, Task, User};
use crate::show::PackageDetail;
use crate::status::{Change, StartStatus, Status, SystemTaskStatus, TaskKind};
use crate::system_task::{Subtask, SystemTask};

/// A number of the wire, every other time one that documents may name.
fn code() -> impl Strategy<Value = i64> {
    prop_oneof![-1..=9_i64, any::<i64>()]
}

/// A state, often one of a number that no document names.
pub fn status() -> impl Strategy<Value = Status> {
    code().prop_map(Status::from_code)
}

/// A kind of object, often one of a number that no document names.
pub fn task_kind() -> impl Strategy<Value = TaskKind> {
    code().prop_map(TaskKind::from_code)
}

/// A change, often one of a number that no document names.
pub fn change() -> impl Strategy<Value = Change> {
    code().prop_map(Change::from_code)
}

/// Whether a job was started, often by a number that no document names.
pub fn start_status() -> impl Strategy<Value = StartStatus> {
    code().prop_map(StartStatus::from_code)
}

/// The state of a background task, every other time a word that no document names.
pub fn system_task_status() -> impl Strategy<Value = SystemTaskStatus> {
    prop_oneof!["RUNNING|SUCCESSFUL|FAILED|WARNING", text()]
        .prop_map(|word| SystemTaskStatus::from_word(&word))
}

/// A user by id, by name or by both.
pub fn user() -> impl Strategy<Value = User> {
    (text(), text(), 0..3)
        .prop_map(|(id, name, known)| User {
            id: (known != 0).then_some(id),
            name: (known != 1).then_some(name),
        })
        .boxed()
}

/// A package of which anything may be unknown, even its id.
pub fn package() -> impl Strategy<Value = Package> {
    let what = (option::of(package_id()), maybe_text(), option::of(status()));
    let who = (option::of(user()), option::of(user()), vec(option::of(user()), 0..3));
    let when = (option::of(timestamp()), option::of(timestamp()));
    let place = (maybe_text(), maybe_text());
    (what, who, when, option::of(any::<bool>()), place)
        .prop_map(|(what, who, when, deleted, place)| Package {
            id: what.0,
            name: what.1,
            status: what.2,
            applied_at: when.0,
            applicant: who.0,
            deployed_at: when.1,
            deployer: who.1,
            reviewers: who.2.into_iter().map(Option::unwrap_or_default).collect(),
            deleted,
            workspace_id: place.0,
            project_ref: place.1,
        })
        .boxed()
}

/// A task in a package, of which anything may be unknown.
pub fn task() -> impl Strategy<Value = Task> {
    let what = (option::of(task_kind()), option::of(change()));
    let states = (option::of(status()), option::of(start_status()));
    let versions = (option::of(any::<i64>()), option::of(any::<i64>()));
    let texts = (maybe_text(), maybe_text(), maybe_text(), maybe_text());
    let submitted = (option::of(timestamp()), option::of(user()));
    (what, states, versions, texts, submitted)
        .prop_map(|(what, states, versions, texts, submitted)| Task {
            id: texts.0,
            name: texts.1,
            kind: what.0,
            change: what.1,
            status: states.0,
            start_status: states.1,
            pending_version: versions.0,
            deployed_version: versions.1,
            job_id: texts.2,
            script_id: texts.3,
            submitted_at: submitted.0,
            submitter: submitted.1,
        })
        .boxed()
}

fn deploy_detail() -> impl Strategy<Value = DeployDetail> {
    (option::of(package_id()), maybe_text(), option::of(any::<i64>())).prop_map(
        |(package_id, task_id, subtask_count)| DeployDetail { package_id, task_id, subtask_count },
    )
}

/// The answer to a deploy, which may name no package, the wrong ones, or one twice. Without a request id, as all
/// answers here, since that comes with the headers.
pub fn deploy_answer() -> impl Strategy<Value = DeployAnswer> {
    option::of(vec(deploy_detail(), 0..5))
        .prop_map(|details| DeployAnswer { details, request_id: None })
}

/// A page of a list, whose total need not fit the number of packages on it.
pub fn package_page() -> impl Strategy<Value = PackagePage> {
    let total = option::of(0..=u64::from(u32::MAX));
    (vec(package(), 0..5), total).prop_map(|(packages, total)| PackagePage {
        packages,
        total,
        request_id: None,
    })
}

/// A package with its tasks. It always has its id: one of which nothing is known would be no answer.
pub fn package_detail() -> impl Strategy<Value = PackageDetail> {
    (package(), package_id(), vec(task(), 0..5)).prop_map(|(package, id, tasks)| PackageDetail {
        package: Package { id: Some(id), ..package },
        tasks,
        request_id: None,
    })
}

fn subtask() -> impl Strategy<Value = Subtask> {
    let texts = (maybe_text(), maybe_text(), maybe_text(), maybe_text());
    let times = (option::of(timestamp()), option::of(timestamp()), option::of(timestamp()));
    (texts, times, option::of(system_task_status()))
        .prop_map(|(texts, times, status)| Subtask {
            id: texts.0,
            name: texts.1,
            status,
            message: texts.2,
            started_at: times.0,
            ended_at: times.1,
            updated_at: times.2,
            task_id: texts.3,
        })
        .boxed()
}

/// A background task, always with its id as a [`package_detail`] is.
pub fn system_task() -> impl Strategy<Value = SystemTask> {
    // The whole has the members of a part, but for one id.
    (subtask(), text(), vec(subtask(), 0..4)).prop_map(|(whole, id, subtasks)| SystemTask {
        id: Some(id),
        name: whole.name,
        status: whole.status,
        message: whole.message,
        started_at: whole.started_at,
        ended_at: whole.ended_at,
        updated_at: whole.updated_at,
        project_id: whole.task_id,
        subtasks,
        request_id: None,
    })
}
