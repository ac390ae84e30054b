//! Ids, lists of them and scopes, and what their constructors refuse.

use proptest::collection::{hash_set, vec};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::ids::{PackageId, PackageIds, ProjectId, SystemTaskId, WorkspaceId};
use crate::scope::Scope;

/// The id of a package, half of the time one up to 200, so that ids coincide.
pub fn package_id() -> impl Strategy<Value = PackageId> {
    prop_oneof![1..=200_u64, 1..=PackageId::MAX.as_u64()]
        .prop_filter_map("a package id", |number| number.try_into().ok())
}

/// 1 to 100 ids that differ.
pub fn package_ids() -> impl Strategy<Value = PackageIds> {
    hash_set(package_id(), 1..=PackageIds::MAX)
        .prop_filter_map("package ids", |ids| PackageIds::new(ids).ok())
}

/// The id of a project: 3 to 64 of `A-Z a-z 0-9 _ -`.
pub fn project_id() -> impl Strategy<Value = ProjectId> {
    prop_oneof!["[0-9a-f]{32}", "[A-Za-z0-9_-]{3,64}"]
        .prop_filter_map("a project id", |text| text.parse().ok())
}

/// The id of a workspace: 3 to 64 visible ASCII characters.
pub fn workspace_id() -> impl Strategy<Value = WorkspaceId> {
    prop_oneof!["default", "[0-9a-f]{32}", "[!-~]{3,64}"]
        .prop_filter_map("a workspace id", |text| text.parse().ok())
}

/// The id of a background task: 1 to 128 characters, most of which a path must escape.
pub fn system_task_id() -> impl Strategy<Value = SystemTaskId> {
    prop_oneof!["[0-9a-f]{32}", "\\PC{1,128}"]
        .prop_filter_map("neither `.` nor `..`", |text| text.parse().ok())
}

/// A project and a workspace, which is enough for every operation.
pub fn scope() -> impl Strategy<Value = Scope> {
    (project_id(), workspace_id())
        .prop_map(|(project, workspace)| Scope::new(project).with_workspace(workspace))
}

/// A project alone: reads take it, and a write refuses to be encoded.
pub fn scope_without_workspace() -> impl Strategy<Value = Scope> {
    project_id().prop_map(Scope::new)
}

/// Text that is not a [`PackageId`]: empty, with anything but digits in it, with a leading zero, out of range.
pub fn invalid_package_id() -> impl Strategy<Value = String> {
    let too_large = u128::from(PackageId::MAX.as_u64()) + 1;
    prop_oneof![
        "",
        "[0-9]{0,9}[^0-9][0-9]{0,9}",
        "0[0-9]{0,19}",
        (too_large..).prop_map(|number| number.to_string()),
    ]
}

/// Ids that are not valid [`PackageIds`]: none, too many, or one of them twice.
pub fn invalid_package_ids() -> impl Strategy<Value = Vec<PackageId>> {
    let twice = (vec(package_id(), 1..PackageIds::MAX), any::<Index>(), any::<Index>());
    prop_oneof![
        Just(Vec::new()),
        hash_set(package_id(), PackageIds::MAX + 1..=PackageIds::MAX + 20)
            .prop_map(|ids| ids.into_iter().collect()),
        twice.prop_map(|(mut ids, from, to)| {
            let again = *from.get(&ids);
            ids.insert(to.index(ids.len() + 1), again);
            ids
        }),
    ]
}

/// Text that is not a [`ProjectId`]: too short, too long, or with a character that is not allowed.
pub fn invalid_project_id() -> impl Strategy<Value = String> {
    prop_oneof![
        "[A-Za-z0-9_-]{0,2}",
        "[A-Za-z0-9_-]{65,200}",
        "[A-Za-z0-9_-]{1,31}[^A-Za-z0-9_-][A-Za-z0-9_-]{1,31}",
    ]
}

/// Text that is not a [`WorkspaceId`]: too short, too long, or with a character that a header may not contain.
pub fn invalid_workspace_id() -> impl Strategy<Value = String> {
    prop_oneof!["[!-~]{0,2}", "[!-~]{65,200}", "[!-~]{1,31}[^!-~][!-~]{1,31}"]
}

/// Text that is not a [`SystemTaskId`]: empty, too long, `.` or `..`, or with a control character.
pub fn invalid_system_task_id() -> impl Strategy<Value = String> {
    prop_oneof!["\\.{0,2}", "\\PC{129,200}", "\\PC{0,20}\\p{Cc}\\PC{0,20}"]
}
