//! What a lenient reader of this service's answers must tolerate, one test each.
use crate::support::{all_fail, decode, id, service_error};
use dls_model::*;
use http::{HeaderMap, HeaderValue, StatusCode};

fn shown(body: &str) -> PackageDetail {
    decode::<ShowPackage>(200, body).unwrap()
}

fn listed(body: &str) -> PackagePage {
    decode::<ListPackages>(200, body).unwrap()
}

fn problem<O: Operation<Answer: std::fmt::Debug>>(status: u16, body: &[u8]) -> Problem {
    match decode::<O>(status, body) {
        Err(AnswerError::Undecodable(error)) => error.problem,
        other => panic!("not undecodable: {other:?}"),
    }
}

#[test]
fn ids_are_read_from_numbers_and_text() {
    for package in ["23", r#""23""#] {
        assert_eq!(
            listed(&format!(r#"{{"data":[{{"package_id":{package}}}]}}"#)).packages[0].id,
            Some(id(23))
        );
        // An id of a task is text, and may be larger than our numbers.
        for task in ["17", "18446744073709551615"] {
            let detail = format!(r#"{{"package_id":{package},"asy_task_id":{task}}}"#);
            let answer =
                decode::<Deploy>(200, format!(r#"{{"deploy_package_details":[{detail}]}}"#))
                    .unwrap();
            assert_eq!(answer.detail(id(23)).unwrap().task_id.as_deref(), Some(task));
        }
    }
    let body = r#"{"release_package":{"package_id":1},"task_details":[{"task_id":868641}]}"#;
    assert_eq!(shown(body).tasks[0].job_id.as_deref(), Some("868641"));
}

#[test]
fn times_are_read_from_numbers_and_text_and_may_be_none() {
    let at = |time: &str| {
        listed(&format!(r#"{{"data":[{{"apply_timestamp":{time}}}]}}"#)).packages[0].applied_at
    };
    let expected = Timestamp::from_millis(1_747_106_000_000);
    assert_eq!(at("1747106000000"), expected);
    assert_eq!(at(r#""1747106000000""#), expected);
    for none in ["0", "null", r#""0""#, r#""""#, "-1", "0.3", "[]", "true", "17471060000000000000"]
    {
        assert_eq!(at(none), None, "{none}");
    }
    assert_eq!(listed(r#"{"data":[{}]}"#).packages[0].applied_at, None);
}

#[test]
fn junk_in_a_member_costs_that_member_only() {
    let digits = "9".repeat(400);
    for junk in [
        r#""868641,""#,
        "0.3",
        "-0.0",
        "1e400",
        "-1E+999",
        &digits,
        "9223372036854775808",
        "[1]",
        "{}",
        "true",
        "[[[]]]",
        r#"{"a":[{"b":null}]}"#,
        r#""\"9e999\\""#,
    ] {
        let body = format!(
            r#"{{"data":[{{"deploy_status":{junk},"package_id":{junk},"delete_flag":{junk},
                "package_name":"n \" 1e999 \\","deploy_timestamp":{junk}}},{{"package_id":"24"}}],"total":2,"x":{junk}}}"#
        );
        let page = listed(&body);
        assert_eq!(page.packages[0].name.as_deref(), Some("n \" 1e999 \\"), "{junk}");
        assert_eq!((page.packages[0].id, page.packages[0].status), (None, None), "{junk}");
        assert_eq!(page.packages[0].deployed_at, None, "{junk}");
        assert_eq!((page.packages[1].id, page.total), (Some(id(24)), Some(2)), "{junk}");
    }
    let body = r#"{"deploy_package_details":[{"package_id":23,"asy_subtask_num":"868641,"}]}"#;
    assert!(decode::<Deploy>(200, body).unwrap().names(id(23)));
}

#[test]
fn missing_and_null_lists_are_empty() {
    for lists in ["", r#","task_details":null"#, r#","task_details":[]"#, r#","task_details":7"#] {
        let body = format!(
            r#"{{"release_package":{{"package_id":"1","package_approvers":null}}{lists}}}"#
        );
        let detail = shown(&body);
        assert!(detail.tasks.is_empty() && detail.package.reviewers.is_empty(), "{lists}");
    }
    for body in ["{}", r#"{"data":null,"total":null}"#, r#"{"data":[]}"#] {
        assert_eq!(listed(body), PackagePage::default());
    }
    let task = decode::<ShowSystemTask>(200, r#"{"id":"1","subtasks":null}"#).unwrap();
    assert!(task.subtasks.is_empty());
}

#[test]
fn absent_and_empty_details_of_a_deploy_are_different() {
    for body in ["", " \r\n", "{}", r#"{"deploy_package_details":null}"#, r#"{"x":1}"#] {
        assert_eq!(decode::<Deploy>(200, body).unwrap().details, None, "{body}");
        assert_eq!(decode::<Deploy>(204, body).unwrap().details, None, "{body}");
    }
    let answer = decode::<Deploy>(200, r#"{"deploy_package_details":[]}"#).unwrap();
    assert_eq!(answer.details, Some(vec![]));
    assert!(!answer.names(id(23)));
}

#[test]
fn an_object_instead_of_a_list_is_read_as_its_only_element() {
    let answer = decode::<Deploy>(200, r#"{"deploy_package_details":{"package_id":23}}"#).unwrap();
    assert!(answer.names(id(23)));
    assert_eq!(listed(r#"{"data":{"package_id":23}}"#).packages.len(), 1);
}

#[test]
fn an_element_that_is_not_an_object_still_counts() {
    let page = listed(r#"{"data":[null,{"package_id":1},7,[{"package_id":2}]]}"#);
    let read: Vec<_> = page.packages.iter().map(|package| package.id).collect();
    assert_eq!(read, [None, Some(id(1)), None, None]);
}

#[test]
fn unknown_numbers_and_words_are_kept() {
    let detail = shown(
        r#"{"release_package":{"package_id":"1","deploy_status":4},
            "task_details":[{"deploy_status":"9","task_type":4,"update_type":0,"start_job_status":1}]}"#,
    );
    let status = detail.package.status.unwrap();
    assert_eq!((status, status.to_string()), (Status::Unknown(4), "unknown(4)".to_owned()));
    assert!(!status.is_final());
    let task = &detail.tasks[0];
    assert_eq!(task.status, Some(Status::Unknown(9)));
    assert_eq!(task.kind, Some(TaskKind::Unknown(4)));
    assert_eq!(task.change, Some(Change::Unknown(0)));
    assert_eq!(task.start_status, Some(StartStatus::Unknown(1)));

    for (word, status) in [
        ("WARNING", SystemTaskStatus::Warning),
        ("STARTTING", SystemTaskStatus::Unknown("STARTTING".to_owned())),
    ] {
        let task = decode::<ShowSystemTask>(200, format!(r#"{{"status":"{word}"}}"#)).unwrap();
        assert_eq!(task.status, Some(status));
    }
}

#[test]
fn undocumented_members_are_ignored() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let page = listed(&format!(r#"{{"new":{deep},"data":[{{"package_id":1,"new":{deep}}}]}}"#));
    assert_eq!(page.packages[0].id, Some(id(1)));
    // Too deep for a member that is read, where it costs that member.
    let page = listed(&format!(r#"{{"data":[{{"package_name":{deep},"package_id":1}}]}}"#));
    assert_eq!(page.packages[0].id, Some(id(1)));
}

#[test]
fn of_a_member_that_stands_twice_the_last_readable_one_counts() {
    let page = listed(r#"{"total":1,"total":2,"total":null,"data":[{"package_id":1}],"data":[]}"#);
    assert_eq!((page.total, page.packages.len()), (Some(2), 0));
}

#[test]
fn a_body_that_is_nested_without_end_overflows_nothing() {
    let nested =
        |open: &str, close| format!("{}1{}", open.repeat(20_000), str::repeat(close, 20_000));
    let (lists, objects) = (nested("[", "]"), nested(r#"{"error":"#, "}"));
    for body in [&lists, &objects, &format!(r#"{{"data":{objects}}}"#)] {
        assert!(decode::<Revoke>(200, body).is_err());
        assert!(decode::<ListPackages>(400, body).is_err());
    }
    for body in [&lists, &objects] {
        assert!(decode::<ListPackages>(200, body).is_err());
    }
    // In a member that is not read, it does no harm.
    let page = listed(&format!(r#"{{"other":{lists},"total":1}}"#));
    assert_eq!(page.total, Some(1));
}

#[test]
fn an_empty_success_is_an_answer_where_nothing_is_promised() {
    for (status, body) in [(200, ""), (200, "{}"), (204, ""), (204, "{}")] {
        assert_eq!(decode::<Revoke>(status, body).unwrap(), Revoked::default());
        assert_eq!(decode::<Deploy>(status, body).unwrap(), DeployAnswer::default());
    }
}

#[test]
fn an_error_in_a_success_is_an_error() {
    for body in [
        r#"{"error_code":"DLF.0810","error_msg":"Task does not exist."}"#,
        r#"{"error_code":"DLF.0810"}"#,
        r#"{"error_msg":"Task does not exist."}"#,
        r#"{"errorCode":"DLF.0810","errorMsg":"x"}"#,
        r#"{"code":"DLF.0810","message":"x"}"#,
        r#"{"error":{"code":401,"message":"x"}}"#,
        r#"{"error":"x"}"#,
        r#"{"errors":[{"error_code":"DLF.0810"}]}"#,
        r#"{"errors":["x"]}"#,
        r#"{"data":[],"release_package":{"package_id":1},"id":"1","error_code":"DLF.0810"}"#,
    ] {
        let error = service_error(200, body);
        assert_eq!(error.status(), StatusCode::OK, "{body}");
        for status in [StatusCode::OK, StatusCode::NO_CONTENT] {
            assert!(all_fail(status, body.as_bytes(), |it| it.service().is_some()), "{body}");
        }
    }
    let nested = r#"{"result":[{"error_code":"DLF.0810","error_msg":"x"}]}"#;
    let error = decode::<Revoke>(200, nested).unwrap_err();
    assert_eq!(error.service().unwrap().code().unwrap().as_str(), "DLF.0810");
}

#[test]
fn a_null_or_empty_error_is_not_an_error() {
    let body = r#"{"error_code":null,"error_msg":"","error":{},"errors":[],"code":1,"data":[{"package_id":1}]}"#;
    assert_eq!(listed(body).packages.len(), 1);
}

#[test]
fn the_message_of_a_failed_system_task_is_not_an_error() {
    let body = r#"{"id":"1","status":"FAILED","message":"disk full","subtasks":[]}"#;
    let task = decode::<ShowSystemTask>(200, body).unwrap();
    assert_eq!(task.status, Some(SystemTaskStatus::Failed));
    assert_eq!(task.message.as_deref(), Some("disk full"));
}

#[test]
fn only_200_to_299_is_a_success() {
    let body = r#"{"deploy_package_details":[{"package_id":23}]}"#;
    for status in [100, 101, 103, 199, 300, 302, 304, 307, 400, 499, 500, 599, 600, 999] {
        assert_eq!(service_error(status, body).status().as_u16(), status);
        assert_eq!(service_error(status, "").status().as_u16(), status);
    }
    for status in [200, 201, 202, 299] {
        assert!(decode::<Deploy>(status, body).unwrap().names(id(23)));
    }
}

#[test]
fn a_success_that_cannot_be_read_is_undecodable() {
    for (body, expected) in [
        (&b"<html><title>Log in</title>"[..], Problem::NotJson),
        (br#"{"data":[{"package_id":1}"#, Problem::NotJson),
        (br#"{"data":[]} trailing"#, Problem::NotJson),
        (b"\xff\xfe{}", Problem::NotUtf8),
        (b"[]", Problem::NotAnObject),
        (b"null", Problem::NotAnObject),
        (b"\"ok\"", Problem::NotAnObject),
    ] {
        assert_eq!(problem::<ListPackages>(200, body), expected);
        assert_eq!(problem::<Deploy>(200, body), expected);
        assert_eq!(problem::<Revoke>(200, body), expected);
    }
    for body in ["{}", r#"{"release_package":null}"#, r#"{"release_package":{"x":1}}"#] {
        let expected = Problem::Missing("release_package");
        assert_eq!(problem::<ShowPackage>(200, body.as_bytes()), expected);
    }
    assert_eq!(problem::<ShowSystemTask>(200, b"{}"), Problem::Missing("status"));
    for body in [&b""[..], b" \n"] {
        assert_eq!(problem::<ListPackages>(204, body), Problem::Empty);
        assert_eq!(problem::<ShowPackage>(200, body), Problem::Empty);
        assert_eq!(problem::<ShowSystemTask>(200, body), Problem::Empty);
    }

    let mut headers = HeaderMap::new();
    headers.insert("X-Request-Id", HeaderValue::from_static("r-1"));
    let error = ShowPackage::decode(StatusCode::OK, &headers, b"<html>\n\x1b[2J").unwrap_err();
    assert_eq!((error.status(), error.request_id()), (StatusCode::OK, Some("r-1")));
    assert_eq!(error.to_string(), r"HTTP 200, but the body is not JSON: <html>\n\u{1b}[2J");
}

#[test]
fn other_spellings_of_a_system_task_are_read() {
    let body = r#"{"id":"1","starttime":"1544777081000","endTime":"1544777083000",
        "subTasks":[{"id":"2","starttime":1544777081000}],"subtasks":null}"#;
    let task = decode::<ShowSystemTask>(200, body).unwrap();
    assert_eq!(task.started_at, Timestamp::from_millis(1_544_777_081_000));
    assert_eq!(task.ended_at, Timestamp::from_millis(1_544_777_083_000));
    assert_eq!(task.subtasks[0].started_at, task.started_at);
}

#[test]
fn the_composite_project_of_an_answer_is_not_a_project_id() {
    let composite = "b384b9e9ab9b4ee8994c8633aabc9505-workspace-d1cd7861478748a6925bc02f47c69279";
    let body = format!(r#"{{"data":[{{"project_id":"{composite}"}}]}}"#);
    let project = listed(&body).packages[0].project_ref.clone().unwrap();
    assert_eq!(project, composite);
    let length = composite.len();
    let error = InvalidId::Length { kind: IdKind::Project, length };
    assert_eq!(project.parse::<ProjectId>(), Err(error));
}

#[test]
fn the_request_id_is_read_from_the_headers_then_the_body() {
    let with = |headers: &[(&'static str, &'static str)], body: &str| {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
            .collect();
        let ok = Deploy::decode(StatusCode::OK, &headers, body.as_bytes()).unwrap().request_id;
        let error = Deploy::decode(StatusCode::BAD_REQUEST, &headers, body.as_bytes()).unwrap_err();
        assert_eq!(ok.as_deref(), error.request_id());
        ok
    };
    let all = [("X-REQUEST-ID", "a"), ("x-iam-trace-id", "b")];
    let body = r#"{"request_id":"c"}"#;
    assert_eq!(with(&all, body).as_deref(), Some("a"));
    assert_eq!(with(&all[1..], body).as_deref(), Some("b"));
    assert_eq!(with(&[("X-Request-Id", " "), ("x-request-id", "d")], body).as_deref(), Some("d"));
    assert_eq!(with(&[], body).as_deref(), Some("c"));
    assert_eq!(with(&[], "{}"), None);
}

#[test]
fn half_a_surrogate_pair_costs_one_character_of_one_name() {
    let body = r#"{"data":[{"package_name":"a\ud800b","package_id":"23"},{"package_name":"\ud83d\ude00"}],"total":2}"#;
    let page = listed(body);
    let names: Vec<_> = page.packages.iter().map(|it| it.name.as_deref()).collect();
    assert_eq!(names, [Some("a\u{fffd}b"), Some("\u{1f600}")]);
    assert_eq!((page.packages[0].id, page.total), (Some(id(23)), Some(2)));
    // In the name of a member it makes another name; in an error the rest can be read.
    assert_eq!(listed(r#"{"\udc00total":7,"total":2}"#).total, Some(2));
    let error = service_error(400, r#"{"error_code":"DLF.0810","error_msg":"no \udfff"}"#);
    assert_eq!(error.code().unwrap().as_str(), "DLF.0810");
    assert_eq!((error.message(), error.is_flat()), ("no \u{fffd}", true));
}

#[test]
fn the_number_of_list_elements_in_an_answer_is_bounded() {
    const MOST: usize = 65_536;
    let list = |element: &str, count| format!(r#"{{"data":[{}]}}"#, vec![element; count].join(","));
    for element in ["0", "{}", "[]", r#""x""#] {
        assert_eq!(listed(&list(element, MOST)).packages.len(), MOST);
        let more = list(element, MOST + 1);
        assert_eq!(problem::<ListPackages>(200, more.as_bytes()), Problem::TooMany(MOST));
    }
    // Together, whichever lists they are in.
    let rows = list(r#"{"package_approvers":[0,0,0]}"#, MOST / 4 + 1);
    assert_eq!(problem::<ListPackages>(200, rows.as_bytes()), Problem::TooMany(MOST));
    let twice = list("0", MOST / 2 + 1);
    let twice = format!("{},{}", twice.trim_end_matches('}'), twice.trim_start_matches('{'));
    assert_eq!(problem::<ListPackages>(200, twice.as_bytes()), Problem::TooMany(MOST));
    // Lists that are not read do not count.
    let unread = list("0", MOST + 1).replace("data", "rows");
    assert_eq!(listed(&unread).packages.len(), 0);
    // An error stays an error, though without a code; a success that may contain one is undecodable.
    let errors = list(r#"{"code":1}"#, MOST + 1);
    assert_eq!(service_error(400, &errors).code(), None);
    assert_eq!(problem::<Revoke>(200, errors.as_bytes()), Problem::TooMany(MOST));
}
