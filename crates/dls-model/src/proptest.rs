//! Strategies of [proptest](https://docs.rs/proptest) for the values of this crate, valid and invalid, for tests of code that uses
//! it (feature `proptest`).
//!
//! | name | value |
//! | --- | --- |
//! | a plain name, such as [`deploy`] | a valid value, including limits and unknown numbers |
//! | `invalid_…`, such as [`invalid_package_id`] | a value that the constructor or `encode` always refuses |
//! | `…_body`, such as [`unreadable_body`] | the body of an answer; its doc says how it decodes |
//!
//! The values are more varied than a real service's: names are any text and numbers any number, because the documents
//! promise nothing else. No such value may make code panic.
//!
//! ```
//! use dls_model::{Deploy, Operation, proptest as model};
//! use http::HeaderMap;
//! use proptest::prelude::*;
//!
//! proptest! {
//!     // With `#[test]`, this is a test of yours.
//!     fn an_unreadable_answer_is_not_a_success(
//!         deploy in model::deploy(), scope in model::scope(),
//!         status in model::success_status(), body in model::unreadable_body(),
//!     ) {
//!         prop_assert!(deploy.encode(&scope).is_ok());
//!         prop_assert!(Deploy::decode(status, &HeaderMap::new(), &body).is_err());
//!     }
//! }
//! # an_unreadable_answer_is_not_a_success();
//! ```

mod answers;
mod bodies;
mod ids;
mod operations;

use proptest::prelude::*;

use crate::generate::Generate as _;
use crate::time::Timestamp;

pub use answers::{
    change, deploy_answer, package, package_detail, package_page, start_status, status,
    system_task, system_task_status, task, task_kind, user,
};
pub use bodies::{
    answer_body, answer_error, damaged_body, error_body, failure_status, service_error,
    success_status, unreadable_body,
};
pub use ids::{
    invalid_package_id, invalid_package_ids, invalid_project_id, invalid_system_task_id,
    invalid_workspace_id, package_id, package_ids, project_id, scope, scope_without_workspace,
    system_task_id, workspace_id,
};
pub use operations::{
    deploy, invalid_list_packages, invalid_timestamp, job_start, list_packages, revoke,
    show_package, show_system_task,
};

/// An instant from 1970 to 9999.
pub fn timestamp() -> impl Strategy<Value = Timestamp> {
    (1..=Timestamp::MAX.as_millis()).prop_filter_map("a time", Timestamp::from_millis)
}

fn text() -> impl Strategy<Value = String> {
    String::generate()
}
