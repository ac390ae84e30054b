//! Answers and their parts. Whatever the service may omit is omitted now and then.

use proptest::prelude::*;

use super::ids::package_id;
use super::{text, timestamp};
use crate::deploy::DeployAnswer;
use crate::generate::Generate;
use crate::ids::PackageId;
use crate::list::PackagePage;
use crate::package::{Package, Task, User};
use crate::show::PackageDetail;
use crate::status::{Change, StartStatus, Status, SystemTaskStatus, TaskKind};
use crate::system_task::SystemTask;
use crate::time::Timestamp;

/// Declares a strategy for each type of the members.
macro_rules! generated {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $strategy:expr;)+) => {$(
        $(#[$doc])*
        pub fn $name() -> impl Strategy<Value = $type> {
            $strategy
        }

        impl Generate for $type {
            fn generate() -> BoxedStrategy<Self> {
                $name().boxed()
            }
        }
    )+};
}

generated! {
    /// A state, often of a number that no document names.
    status: Status = code().prop_map(Status::from_code);
    /// A kind of object, often of a number that no document names.
    task_kind: TaskKind = code().prop_map(TaskKind::from_code);
    /// A change, often of a number that no document names.
    change: Change = code().prop_map(Change::from_code);
    /// Whether a job was started, often by a number that no document names.
    start_status: StartStatus = code().prop_map(StartStatus::from_code);
    /// The state of a background task, half of the time a word that no document names.
    system_task_status: SystemTaskStatus = prop_oneof!["RUNNING|SUCCESSFUL|FAILED|WARNING", text()]
        .prop_map(|word| SystemTaskStatus::from_word(&word));
}

impl Generate for PackageId {
    fn generate() -> BoxedStrategy<Self> {
        package_id().boxed()
    }
}

impl Generate for Timestamp {
    fn generate() -> BoxedStrategy<Self> {
        timestamp().boxed()
    }
}

/// A number of the wire, half of the time one that documents may name.
fn code() -> impl Strategy<Value = i64> {
    prop_oneof![-1..=9_i64, any::<i64>()]
}

/// A user by id, by name or by both.
pub fn user() -> impl Strategy<Value = User> {
    User::generate().prop_filter("a user has an id or a name", |user| *user != User::default())
}

/// A package. Any member may be absent, even its id.
pub fn package() -> impl Strategy<Value = Package> {
    Package::generate()
}

/// A task in a package. Any member may be absent.
pub fn task() -> impl Strategy<Value = Task> {
    Task::generate()
}

/// The answer to a deploy, which may name no package, the wrong ones, or one twice. No answer here has a request id,
/// since that comes with the headers.
pub fn deploy_answer() -> impl Strategy<Value = DeployAnswer> {
    DeployAnswer::generate().prop_map(|answer| DeployAnswer { request_id: None, ..answer })
}

/// A page of a list, whose total need not fit the number of packages on it.
pub fn package_page() -> impl Strategy<Value = PackagePage> {
    PackagePage::generate().prop_map(|page| PackagePage { request_id: None, ..page })
}

/// A package with its tasks. It always has its id, because an empty package is not an answer.
pub fn package_detail() -> impl Strategy<Value = PackageDetail> {
    (PackageDetail::generate(), package_id()).prop_map(|(detail, id)| PackageDetail {
        package: Package { id: Some(id), ..detail.package },
        request_id: None,
        ..detail
    })
}

/// A background task. It always has its id, because an empty task is not an answer.
pub fn system_task() -> impl Strategy<Value = SystemTask> {
    (SystemTask::generate(), text()).prop_map(|(task, id)| SystemTask {
        id: Some(id),
        request_id: None,
        ..task
    })
}
