//! Strategies of [proptest](https://docs.rs/proptest) for the values of this crate, valid and not, for tests of code that stands on
//! it (feature `proptest`).
//!
//! | what | holds |
//! | --- | --- |
//! | a name alone, such as [`deploy`] | a value that is valid, the borders and unknown numbers included |
//! | `invalid_…`, such as [`invalid_package_id`] | what the constructor, or `encode`, refuses, always |
//! | `…_body`, such as [`unreadable_body`] | the bytes of an answer; each says what decoding makes of it |
//!
//! Values are not as a busy service's would be: names are any text, numbers any number, because a document
//! promises nothing else. Whatever comes in as such a value must not make code panic.
//!
//! ```
//! use dls_model::{Deploy, Operation, strategies};
//! use http::HeaderMap;
//! use proptest::prelude::*;
//!
//! proptest! {
//!     // With `#[test]`, this is a test of yours.
//!     fn a_release_that_nobody_can_read_about_is_no_success(
//!         deploy in strategies::deploy(), scope in strategies::scope(),
//!         status in strategies::success_status(), body in strategies::unreadable_body(),
//!     ) {
//!         prop_assert!(deploy.encode(&scope).is_ok());
//!         prop_assert!(Deploy::decode(status, &HeaderMap::new(), &body).is_err());
//!     }
//! }
//! # a_release_that_nobody_can_read_about_is_no_success();
//! ```

mod answers;
mod bodies;
mod ids;
mod operations;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

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
    show_package, show_system_task, timestamp,
};

/// Any text, with those more often that may be taken for numbers or words of the wire.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[0-9]{1,20}", "[a-z_]{0,12}"]
}

fn texts() -> impl Strategy<Value = Vec<String>> {
    vec(text(), 0..3)
}

fn maybe_text() -> impl Strategy<Value = Option<String>> {
    option::of(text())
}
