//! The generated values: valid ones are accepted, invalid ones refused, and a body decodes to what its name says.
use std::fmt::Debug;
use std::str::FromStr;

use crate::support::{all_fail, config};
use ::proptest::prelude::*;
use dls_model::proptest as model;
use dls_model::*;

fn is_read_back<T: FromStr<Err: Debug> + ToString + PartialEq>(id: &T) -> bool {
    id.to_string().parse::<T>().unwrap() == *id
}

fn is_undecodable(error: &AnswerError) -> bool {
    matches!(error, AnswerError::Undecodable(_))
}

::proptest::proptest! {
    #![proptest_config(config())]

    #[test]
    fn valid_ids_are_accepted(
        package in model::package_id(), project in model::project_id(),
        workspace in model::workspace_id(), task in model::system_task_id(), ids in model::package_ids(),
    ) {
        prop_assert!(is_read_back(&package));
        prop_assert!(is_read_back(&project));
        prop_assert!(is_read_back(&workspace));
        prop_assert!(is_read_back(&task));
        prop_assert_eq!(PackageIds::new(ids.iter().copied()).unwrap(), ids);
    }

    #[test]
    fn invalid_ids_are_refused(
        package in model::invalid_package_id(), project in model::invalid_project_id(),
        workspace in model::invalid_workspace_id(), task in model::invalid_system_task_id(),
        ids in model::invalid_package_ids(), millis in model::invalid_timestamp(),
    ) {
        prop_assert!(package.parse::<PackageId>().is_err());
        prop_assert!(project.parse::<ProjectId>().is_err());
        prop_assert!(workspace.parse::<WorkspaceId>().is_err());
        prop_assert!(task.parse::<SystemTaskId>().is_err());
        prop_assert!(PackageIds::new(ids).is_err());
        prop_assert!(Timestamp::from_millis(millis).is_none());
    }

    #[test]
    fn valid_operations_are_encoded(
        scope in model::scope(), deploy in model::deploy(), list in model::list_packages(),
        show in model::show_package(), revoke in model::revoke(), task in model::show_system_task(),
    ) {
        prop_assert!(deploy.encode(&scope).is_ok());
        prop_assert!(list.encode(&scope).is_ok());
        prop_assert!(show.encode(&scope).is_ok());
        prop_assert!(revoke.encode(&scope).is_ok());
        prop_assert!(task.encode(&scope).is_ok());
    }

    #[test]
    fn without_a_workspace_reads_are_encoded_and_writes_refused(
        scope in model::scope_without_workspace(), deploy in model::deploy(),
        list in model::list_packages(), revoke in model::revoke(),
    ) {
        prop_assert!(list.encode(&scope).is_ok());
        prop_assert_eq!(deploy.encode(&scope).unwrap_err(), InvalidRequest::MissingWorkspace);
        prop_assert_eq!(revoke.encode(&scope).unwrap_err(), InvalidRequest::MissingWorkspace);
    }

    #[test]
    fn a_list_that_breaks_a_rule_is_refused(scope in model::scope(), list in model::invalid_list_packages()) {
        prop_assert!(list.encode(&scope).is_err());
    }

    #[test]
    fn an_error_body_is_an_error_with_any_status(
        success in model::success_status(), failure in model::failure_status(), body in model::error_body(),
    ) {
        for status in [success, failure] {
            prop_assert!(all_fail(status, &body, |error| error.service().is_some_and(|error| error.code().is_some())));
        }
    }

    #[test]
    fn an_unreadable_body_is_undecodable(
        success in model::success_status(), body in model::unreadable_body(),
    ) {
        prop_assert!(all_fail(success, &body, is_undecodable));
    }

    #[test]
    fn an_answer_body_is_a_success_of_some_operation_and_never_with_a_failure_status(
        success in model::success_status(), failure in model::failure_status(), body in model::answer_body(),
    ) {
        prop_assert!(!all_fail(success, &body, |_| true));
        prop_assert!(all_fail(failure, &body, |error| error.service().is_some()));
    }

    #[test]
    fn service_errors_survive_json(error in model::service_error()) {
        prop_assert!(!error.status().is_success());
        let again: ServiceError = serde_json::from_str(&serde_json::to_string(&error).unwrap()).unwrap();
        prop_assert_eq!(again, error);
    }
}

/// A strategy that no longer generates one kind of value would not fail any property.
#[test]
fn both_kinds_of_answer_error_unknown_statuses_and_each_invalid_list_of_ids_are_generated() {
    use ::proptest::strategy::ValueTree;
    use ::proptest::test_runner::TestRunner;

    fn some<T: Debug>(strategy: impl Strategy<Value = T>) -> Vec<T> {
        let mut runner = TestRunner::deterministic();
        (0..200).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
    }
    let errors = some(model::answer_error());
    assert!(errors.iter().any(is_undecodable));
    assert!(errors.iter().any(|error| error.service().is_some()));

    let statuses = some(model::status());
    assert!(statuses.contains(&Status::Unknown(4)));
    assert!(statuses.contains(&Status::Successful));

    let reasons: Vec<_> = some(model::invalid_package_ids())
        .into_iter()
        .map(|ids| PackageIds::new(ids).unwrap_err())
        .collect();
    assert!(reasons.contains(&InvalidPackageIds::Empty));
    assert!(reasons.iter().any(|reason| matches!(reason, InvalidPackageIds::TooMany(_))));
    assert!(reasons.iter().any(|reason| matches!(reason, InvalidPackageIds::Duplicate(_))));
}
