//! Properties of all values: round trips, no panic on any bytes, no answer from half a body, validation
//! that accepts exactly what its documentation says, and generated values that are what their names say.
use std::fmt::Debug;

use crate::support::{all_fail, config, decode, errors, id, scope};
use ::proptest::prelude::*;
use dls_model::proptest as model;
use dls_model::*;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::{Serialize, de::DeserializeOwned};

fn body_round_trip<O: Operation + Serialize + DeserializeOwned + PartialEq + Debug>(operation: &O) {
    let request = operation.encode(&scope()).unwrap();
    assert_eq!(&serde_json::from_slice::<O>(request.body()).unwrap(), operation);
}

fn answer_round_trip<O: Operation<Answer: Serialize + PartialEq + Debug>>(answer: &O::Answer) {
    assert_eq!(&decode::<O>(200, serde_json::to_vec(answer).unwrap()).unwrap(), answer);
}

/// The last segment of a request's path, with its escapes resolved.
fn last_segment<O: Operation>(operation: &O) -> String {
    let request = operation.encode(&scope()).unwrap();
    let segment = request.uri().path().rsplit('/').next().unwrap().to_owned();
    let mut bytes = Vec::new();
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let hex = [rest.next().unwrap(), rest.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap()
            }
            other => other,
        });
    }
    String::from_utf8(bytes).unwrap()
}

fn is_undecodable(error: &AnswerError) -> bool {
    matches!(error, AnswerError::Undecodable(_))
}

fn any_status() -> impl Strategy<Value = StatusCode> {
    prop_oneof![model::success_status(), model::failure_status()]
}

fn headers() -> impl Strategy<Value = HeaderMap> {
    let value = ::proptest::collection::vec(any::<u8>(), 0..20)
        .prop_filter_map("no header value", |bytes| HeaderValue::from_bytes(&bytes).ok());
    ::proptest::option::of(value).prop_map(|value| {
        value.into_iter().map(|value| ("x-request-id".parse().unwrap(), value)).collect()
    })
}

/// Any small JSON value.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|flag| flag.to_string()),
        any::<i128>().prop_map(|number| number.to_string()),
        any::<f64>().prop_filter_map("finite", |number| {
            number.is_finite().then(|| format!("{number:e}"))
        }),
        "-?[1-9][0-9]{0,400}",
        "[1-9]e[1-9][0-9]{0,5}",
        any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            ::proptest::collection::vec(inner.clone(), 0..3)
                .prop_map(|list| format!("[{}]", list.join(","))),
            ::proptest::collection::vec(("[a-z_]{0,5}", inner), 0..3).prop_map(|members| {
                let members = members.iter().map(|(name, value)| format!("\"{name}\":{value}"));
                format!("{{{}}}", members.collect::<Vec<_>>().join(","))
            }),
        ]
    })
}

::proptest::proptest! {
    #![proptest_config(config())]

    #[test]
    fn requests_are_read_back(deploy in model::deploy(), list in model::list_packages(), revoke in model::revoke()) {
        body_round_trip(&deploy);
        body_round_trip(&list);
        body_round_trip(&revoke);
    }

    #[test]
    fn a_path_parameter_is_read_back(show in model::show_package(), task in model::show_system_task()) {
        prop_assert_eq!(last_segment(&show), show.package().to_string());
        prop_assert_eq!(last_segment(&task), task.task().as_str());
    }

    #[test]
    fn answers_are_read_back(
        deployed in model::deploy_answer(), page in model::package_page(),
        detail in model::package_detail(), task in model::system_task(),
    ) {
        answer_round_trip::<Deploy>(&deployed);
        answer_round_trip::<ListPackages>(&page);
        answer_round_trip::<ShowPackage>(&detail);
        answer_round_trip::<ShowSystemTask>(&task);
    }

    #[test]
    fn single_values_are_read_back(
        time in model::timestamp(), number in any::<i64>(), package in model::package_id(),
        project in model::project_id(), workspace in model::workspace_id(), task in model::system_task_id(),
        ids in model::package_ids(), error in model::service_error(),
    ) {
        fn again<T: Serialize + DeserializeOwned>(value: &T) -> T {
            serde_json::from_str(&serde_json::to_string(value).unwrap()).unwrap()
        }
        prop_assert_eq!(package.to_string().parse(), Ok(package));
        prop_assert_eq!(project.to_string().parse(), Ok(project));
        prop_assert_eq!(workspace.to_string().parse(), Ok(workspace));
        prop_assert_eq!(task.to_string().parse(), Ok(task));
        prop_assert_eq!(again(&ids), ids);
        prop_assert_eq!(again(&package), package);
        prop_assert_eq!(again(&time), time);
        prop_assert!(!error.status().is_success());
        prop_assert_eq!(again(&error), error);
        prop_assert_eq!(Status::from_code(number).code(), number);
        let status = Status::from_code(number);
        prop_assert_eq!(again(&status), status);
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

    /// The error messages are short and on one line.
    #[test]
    fn no_bytes_make_decoding_panic(
        status in any_status(), headers in headers(),
        body in prop_oneof![model::damaged_body(), ::proptest::collection::vec(any::<u8>(), 0..200)],
    ) {
        for error in errors(status, &headers, &body) {
            let text = error.to_string();
            prop_assert!(!text.chars().any(char::is_control), "{text:?}");
            prop_assert!(text.chars().count() <= 11_000);
            if let AnswerError::Undecodable(error) = &error {
                prop_assert!(status.is_success());
                prop_assert!(error.excerpt.chars().count() <= 200);
            }
            error.service().map(ServiceError::meaning);
        }
    }

    #[test]
    fn no_error_contains_a_secret(
        status in any_status(), before in "\\PC{0,250}", after in "([|,; ].{0,20})?",
        name in prop::sample::select(vec![
            "X-Auth-Token", "x-security-token", "X-Subject-Token", "Signature", "securitytoken", "secret_key", "password",
        ]),
        between in prop::sample::select(vec![":", "=", ": ", " = ", "\":\"", "\\\":\\\""]),
        secret in "[A-Za-z0-9+/][A-Za-z0-9+/=_-]{9,60}",
    ) {
        let text = format!("{before}{name}{between}{secret}{after}");
        let quoted = serde_json::to_string(&text).unwrap();
        let bodies = [text, format!(r#"{{"error_code":"APIGW.0301","error_msg":{quoted}}}"#), format!("[{quoted}]")];
        for body in bodies {
            if let Err(error) = decode::<ListPackages>(status.as_u16(), body) {
                let said = format!("{error} {error:?}");
                let is_shown = said.contains(&secret);
                prop_assert!(!is_shown || before.contains(&secret), "{said}");
            }
        }
    }

    #[test]
    fn half_a_body_is_no_answer(
        body in prop_oneof![model::answer_body(), model::error_body()], cut in any::<prop::sample::Index>(),
    ) {
        prop_assert!(all_fail(StatusCode::OK, &body[..1 + cut.index(body.len() - 1)], |_| true));
    }

    #[test]
    fn junk_in_one_member_leaves_the_others_alone(
        before in model::package(), after in model::package(), junk in json(),
        member in prop::sample::select(vec![
            "package_id", "package_name", "deploy_status", "apply_timestamp", "apply_user_id", "deploy_timestamp",
            "package_approvers", "delete_flag", "project_id", "unheard_of",
        ]),
    ) {
        let [first, last] = [&before, &after].map(|package| serde_json::to_string(package).unwrap());
        let body = format!(r#"{{"data":[{first},{{"{member}":{junk}}},{last}],"total":3,"{member}":{junk}}}"#);
        let page = decode::<ListPackages>(200, &body).unwrap();
        prop_assert_eq!(page.packages.len(), 3);
        prop_assert_eq!(&page.packages[0], &before);
        prop_assert_eq!(&page.packages[2], &after);
        prop_assert_eq!(page.total, Some(3));
    }
}

/// Texts near the limits of an id.
fn id_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[0-9]{0,21}",
        "[A-Za-z0-9_-]{0,70}",
        "[!-~]{0,70}",
        "[a-f0-9]{2,4}[ \n\u{e9}/%\u{7f}.-]?[a-f0-9]{0,3}",
        "\\.{0,3}",
        any::<String>(),
        any::<String>().prop_map(|text| text.repeat(20)),
        (1..u64::MAX).prop_map(|number| number.to_string()),
    ]
}

fn is_short_line(error: &impl ToString) -> bool {
    let text = error.to_string();
    text.chars().count() <= 200 && !text.chars().any(char::is_control)
}

::proptest::proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_text_is_an_id_exactly_if_its_documentation_says_so(text in id_text()) {
        let length = text.chars().count();

        // Digits alone, no leading zero, 1..=i64::MAX.
        let number = text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<i128>().ok()).flatten();
        let expected = number.filter(|n| (1..=i128::from(i64::MAX)).contains(n) && n.to_string() == text);
        let package = text.parse::<PackageId>();
        prop_assert_eq!(package.ok().map(|id| i128::from(id.as_u64())), expected);
        prop_assert!(package.err().is_none_or(|error| is_short_line(&error)));

        let fits = (3..=64).contains(&length);
        let project = fits && text.chars().all(|c| c == '_' || c == '-' || c.is_ascii_alphanumeric());
        let workspace = fits && text.bytes().all(|b| (0x21..=0x7e).contains(&b));
        let task = (1..=128).contains(&length) && text != "." && text != ".." && !text.chars().any(char::is_control);
        let parsed_project = text.parse::<ProjectId>();
        let parsed_workspace = text.parse::<WorkspaceId>();
        let parsed_task = text.parse::<SystemTaskId>();
        prop_assert_eq!(parsed_project.is_ok(), project);
        prop_assert_eq!(parsed_workspace.is_ok(), workspace);
        prop_assert_eq!(parsed_task.is_ok(), task);
        for error in [parsed_project.err(), parsed_workspace.err(), parsed_task.err()].iter().flatten() {
            prop_assert!(is_short_line(error));
        }
        if workspace {
            prop_assert!(HeaderValue::from_str(&text).is_ok());
        }
    }

    #[test]
    fn a_number_is_an_id_exactly_in_its_range(number in prop_oneof![0..3_u64, any::<u64>(), Just(1 << 63)]) {
        let expected = number >= 1 && i64::try_from(number).is_ok();
        prop_assert_eq!(PackageId::try_from(number).is_ok(), expected);
    }

    #[test]
    fn ids_stand_together_exactly_if_they_are_1_to_100_and_differ(
        numbers in ::proptest::collection::vec(prop_oneof![1..2000_u64, 1..=u64::from(u32::MAX)], 0..120),
    ) {
        let given = numbers.iter().map(|number| id(*number));
        let twice = numbers.iter().enumerate().find(|(at, number)| numbers[..*at].contains(number));
        let expected = match (numbers.len(), twice) {
            (0, _) => Err(InvalidPackageIds::Empty),
            (count @ 101.., _) => Err(InvalidPackageIds::TooMany(count)),
            (_, Some((_, number))) => Err(InvalidPackageIds::Duplicate(id(*number))),
            _ => Ok(numbers.clone()),
        };
        let ids = PackageIds::new(given);
        prop_assert_eq!(ids.map(|ids| ids.iter().map(|id| id.as_u64()).collect::<Vec<_>>()), expected);
    }

    #[test]
    fn a_number_is_a_time_exactly_from_1970_to_9999(millis in prop_oneof![any::<i64>(), -2..3_i64, 253_402_300_799_998..253_402_300_800_002_i64]) {
        let expected = millis > 0 && millis < 253_402_300_800_000;
        prop_assert_eq!(Timestamp::from_millis(millis).map(Timestamp::as_millis), expected.then_some(millis));
    }

    #[test]
    fn a_time_is_written_as_its_calendar_date(time in model::timestamp()) {
        let calendar = jiff::Timestamp::from_millisecond(time.as_millis()).unwrap();
        let digits = if time.as_millis() % 1000 == 0 { 0 } else { 3 };
        prop_assert_eq!(time.to_string(), format!("{calendar:.digits$}"));
        prop_assert_eq!(Timestamp::from_system_time(time.to_system_time()), Some(time));
    }
}

#[test]
fn an_invalid_id_says_what_and_where() {
    for (text, expected) in [
        ("23 ", "character 3 is ' ', but only digits are allowed"),
        ("é1", "character 1 is 'é', but only digits are allowed"),
        ("1\n", r"character 2 is '\n', but only digits are allowed"),
        ("+1", "character 1 is '+', but only digits are allowed"),
        ("", "it is empty"),
        ("007", "leading zeros are not allowed"),
        ("0", "it must lie between 1 and 9223372036854775807"),
        (&"9".repeat(99), "it must lie between 1 and 9223372036854775807"),
    ] {
        let error = text.parse::<PackageId>().unwrap_err();
        assert_eq!(error.to_string(), format!("package id: {expected}"));
    }
    assert_eq!(
        "default\u{1b}".parse::<WorkspaceId>().unwrap_err().to_string(),
        r"workspace id: character 8 is '\u{1b}', but only visible ASCII characters are allowed"
    );
    assert_eq!(
        "ab".parse::<ProjectId>().unwrap_err().to_string(),
        "project id: it has 2 characters, but must have 3 to 64"
    );
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
