//! The generated values: valid ones are accepted, invalid ones refused, and a body decodes to what its name says.
use std::fmt::Debug;
use std::str::FromStr;

use crate::support::config;
use ::proptest::prelude::*;
use dls_model::proptest as model;
use dls_model::*;
use http::{HeaderMap, StatusCode};

/// Whether all operations decode it to an error of this kind.
fn all_fail(status: StatusCode, body: &[u8], kind: impl Fn(&AnswerError) -> bool) -> bool {
    fn fails<O: Operation>(
        status: StatusCode,
        body: &[u8],
        kind: impl Fn(&AnswerError) -> bool,
    ) -> bool {
        let answer = O::decode(status, &HeaderMap::new(), body);
        answer.err().is_some_and(|error| kind(&error))
    }
    fails::<Deploy>(status, body, &kind)
        && fails::<ListPackages>(status, body, &kind)
        && fails::<ShowPackage>(status, body, &kind)
        && fails::<Revoke>(status, body, &kind)
        && fails::<ShowSystemTask>(status, body, &kind)
}

/// Text in, the same text out.
fn is_read_back<T: FromStr<Err: Debug> + ToString + PartialEq>(id: &T) -> bool {
    id.to_string().parse::<T>().unwrap() == *id
}

fn is_undecodable(error: &AnswerError) -> bool {
    matches!(error, AnswerError::Undecodable(_))
}

::proptest::proptest! {
    #![proptest_config(config())]

    #[test]
    fn valid_ids_are_taken(
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
    fn an_error_is_one_under_any_status(
        success in model::success_status(), failure in model::failure_status(), body in model::error_body(),
    ) {
        for status in [success, failure] {
            prop_assert!(all_fail(status, &body, |error| error.service().is_some_and(|error| error.code().is_some())));
        }
    }

    #[test]
    fn what_is_unreadable_is_neither_success_nor_failure(
        success in model::success_status(), body in model::unreadable_body(),
    ) {
        prop_assert!(all_fail(success, &body, is_undecodable));
    }

    #[test]
    fn an_answer_is_a_success_to_somebody_and_never_in_a_failure(
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

/// The values that a strategy gives are counted, because one that no longer gives a kind fails no law.
#[test]
fn both_kinds_of_answer_error_unknown_statuses_and_each_wrong_list_of_ids_come_up() {
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
    assert!(reasons.iter().any(|reason| matches!(reason, InvalidPackageIds::TooMany { .. })));
    assert!(reasons.iter().any(|reason| matches!(reason, InvalidPackageIds::Duplicate { .. })));
}
