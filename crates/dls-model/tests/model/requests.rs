//! Requests beyond the documents' examples: the header, the body, the refusals.
use crate::support::{PROJECT, id, ids, scope};
use dls_model::*;

fn without_workspace() -> Scope {
    Scope::new(PROJECT.parse().unwrap())
}

fn time(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis).unwrap()
}

#[test]
fn a_write_without_a_workspace_is_refused() {
    let deploy = Deploy::new(ids([23]), JobStart::Later);
    assert_eq!(deploy.encode(&without_workspace()).unwrap_err(), InvalidRequest::MissingWorkspace);
    let revoke = Revoke::new(ids([23]));
    assert_eq!(revoke.encode(&without_workspace()).unwrap_err(), InvalidRequest::MissingWorkspace);
}

#[test]
fn a_read_without_a_workspace_sends_no_header() {
    let request = ShowPackage::new(id(23)).encode(&without_workspace()).unwrap();
    assert!(request.headers().is_empty());
}

#[test]
fn a_list_without_filters_sends_an_empty_object() {
    let request = ListPackages::new().encode(&scope()).unwrap();
    assert_eq!(request.body(), b"{}");
    assert_eq!(request.headers()["content-type"], "application/json;charset=UTF-8");
}

#[test]
fn a_deploy_has_a_startup_mode_and_by_default_no_publish_type() {
    for (start, body) in [
        (JobStart::Later, r#"{"package_ids":["24","23"],"startup_mode":0}"#),
        (JobStart::Immediately, r#"{"package_ids":["24","23"],"startup_mode":1}"#),
    ] {
        let request = Deploy::new(ids([24, 23]), start).encode(&scope()).unwrap();
        assert_eq!(request.body(), body.as_bytes());
    }
}

#[test]
fn the_uri_is_only_a_path_with_escaped_parameters() {
    let task = ShowSystemTask::new("a/b ?#é".parse().unwrap());
    let uri = task.encode(&scope()).unwrap().uri().to_string();
    assert_eq!(uri, format!("/v1/{PROJECT}/system-tasks/a%2Fb%20%3F%23%C3%A9"));
}

#[test]
fn a_post_may_be_a_read() {
    assert_eq!((ListPackages::METHOD, ListPackages::EFFECT), (http::Method::POST, Effect::Read));
    assert_eq!((Deploy::METHOD, Deploy::EFFECT), (http::Method::POST, Effect::Write));
    assert_eq!((Revoke::METHOD, Revoke::EFFECT), (http::Method::POST, Effect::Write));
    assert_eq!((ShowPackage::METHOD, ShowPackage::EFFECT), (http::Method::GET, Effect::Read));
}

#[test]
fn only_the_system_task_uses_the_other_host() {
    let hosts = [Deploy::HOST, ListPackages::HOST, ShowPackage::HOST, Revoke::HOST];
    assert_eq!(hosts.map(HostFamily::prefix), ["dayu"; 4]);
    assert_eq!(ShowSystemTask::HOST.prefix(), "dayu-dlf");
}

#[test]
fn a_list_outside_the_documented_limits_is_refused() {
    use InvalidRequest::*;

    let list = ListPackages::new;
    let limit = i32::MAX.unsigned_abs() + 1;
    let (early, late) = (999_999_999_999, 10_000_000_000_000);
    for (list, error) in [
        (list().with_limit(0), LimitOutOfRange(0)),
        (list().with_limit(limit), LimitOutOfRange(limit)),
        (list().with_offset(limit), OffsetOutOfRange(limit)),
        (list().with_applied_since(time(early)), TimeNotThirteenDigits(early)),
        (list().with_deployed_until(time(late)), TimeNotThirteenDigits(late)),
        (list().with_applicant("ann").with_applicants(["bob"]), ApplicantNotInFilter),
        (list().with_deployer("ann").with_deployers(["bob"]), DeployerNotInFilter),
    ] {
        assert_eq!(list.encode(&scope()).unwrap_err(), error);
    }
}

#[test]
fn a_list_at_the_documented_limits_is_encoded() {
    let list = ListPackages::new()
        .with_limit(1)
        .with_offset(i32::MAX.unsigned_abs())
        .with_applied_since(time(1_000_000_000_000))
        .with_applied_until(time(9_999_999_999_999))
        .with_direction(SortDirection::Ascending)
        .with_applicant("ann")
        .with_applicants(["bob", "ann"]);
    let body: serde_json::Value =
        serde_json::from_slice(list.encode(&scope()).unwrap().body()).unwrap();
    let expected = serde_json::json!({
        "limit": 1, "offset": 2_147_483_647, "sorted_direction": "asc",
        "apply_begin_time": 1_000_000_000_000_i64, "apply_end_time": 9_999_999_999_999_i64,
        "apply_user_name": "ann", "apply_user_name_filter": ["bob", "ann"],
    });
    assert_eq!(body, expected);
}
