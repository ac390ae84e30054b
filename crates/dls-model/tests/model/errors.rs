//! Every shape of an error, and what it means.
use std::error::Error;
use std::time::Duration;

use crate::support::service_error;
use dls_model::*;
use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderValue, StatusCode};

/// Asserts code, text and request id of a 400 with this body.
fn assert_reads(body: &str, code: Option<&str>, message: &str, request_id: Option<&str>) {
    let error = service_error(400, body);
    let read = (error.code().map(ErrorCode::as_str), error.message(), error.request_id());
    assert_eq!(read, (code, message, request_id), "{body}");
}

#[test]
fn the_pair_of_the_service_is_read() {
    assert_reads(
        r#"{"error_code":"DLF.0810","error_msg":"Task does not exist."}"#,
        Some("DLF.0810"),
        "Task does not exist.",
        None,
    );
}

#[test]
fn the_gateway_adds_a_request_id_to_the_body() {
    assert_reads(
        r#"{"error_msg":"throttled","error_code":"APIGW.0308","request_id":"r-1"}"#,
        Some("APIGW.0308"),
        "throttled",
        Some("r-1"),
    );
}

#[test]
fn iam_nests_a_code_that_is_a_number() {
    let body = r#"{"error":{"code":401,"message":"The username or password is wrong.","title":"Unauthorized"}}"#;
    assert_reads(body, Some("401"), "The username or password is wrong.", None);
    let code = ErrorCode::new("401");
    assert_eq!((code.issuer(), code.number()), (ErrorIssuer::Iam, Some("401")));
}

#[test]
fn camel_case_and_plain_names_are_read() {
    assert_reads(r#"{"errorCode":"DLF.0137","errorMsg":"no"}"#, Some("DLF.0137"), "no", None);
    assert_reads(r#"{"code":"DLF.0137","message":"no"}"#, Some("DLF.0137"), "no", None);
    assert_reads(r#"{"errorCode":"DLF.0137","message":"no"}"#, Some("DLF.0137"), "no", None);
    assert_reads(
        r#"{"code":"c","message":"m","error_code":"DLF.0137","error_msg":"no"}"#,
        Some("DLF.0137"),
        "no",
        None,
    );
}

#[test]
fn half_a_pair_is_better_than_none() {
    let body = r#"{"error_code":"DLF.0810"}"#;
    assert_reads(body, Some("DLF.0810"), body, None);
    assert_reads(r#"{"error_msg":"no"}"#, None, "no", None);
    assert_reads(r#"{"error_code":null,"error_msg":"no"}"#, None, "no", None);
}

#[test]
fn a_list_of_errors_gives_its_first() {
    let first = r#"{"error_code":"DLF.0100","error_msg":"first"}"#;
    let second = r#"{"error_code":"DLF.0101","error_msg":"second"}"#;
    for body in [format!(r#"{{"errors":[{first},{second}]}}"#), format!("[{first},{second}]")] {
        assert_reads(&body, Some("DLF.0100"), "first", None);
    }
}

#[test]
fn the_first_outer_match_wins() {
    let pair = |code: &str| format!(r#"{{"error_code":"{code}","error_msg":"{code}!"}}"#);
    let (a, b) = (pair("DLF.1"), pair("DLF.2"));
    // In the order of the body, not of the alphabet.
    assert_reads(&format!(r#"{{"z":{a},"a":{b}}}"#), Some("DLF.1"), "DLF.1!", None);
    // Near the top before deep, wherever they stand.
    assert_reads(&format!(r#"{{"a":{{"a":{a}}},"z":{b}}}"#), Some("DLF.2"), "DLF.2!", None);
    let outer = format!(r#"{{"details":{a},"error_code":"DLF.3","error_msg":"DLF.3!"}}"#);
    assert_reads(&outer, Some("DLF.3"), "DLF.3!", None);
    let request_id = format!(r#"{{"error":{a},"request_id":"r-1"}}"#);
    assert_reads(&request_id, Some("DLF.1"), "DLF.1!", Some("r-1"));
}

#[test]
fn how_long_to_wait_is_a_number_of_seconds_or_not_known() {
    for (texts, seconds) in [
        (&[][..], None),
        (&["30"][..], Some(30)),
        (&[" 0 "], Some(0)),
        (&["2", "5", "3"], Some(5)),
        (&["99999999999999999999"], Some(u64::MAX)),
        (&["", "-1", "1.5", "soon", "Sun, 06 Nov 1994 08:49:37 GMT"], None),
        (&["soon", "7"], Some(7)),
    ] {
        let values = texts.iter().map(|text| HeaderValue::from_str(text).unwrap());
        let headers: HeaderMap = values.map(|value| (RETRY_AFTER, value)).collect();
        let body = br#"{"error_code":"APIGW.0308","error_msg":"over ratelimit"}"#;
        let answer = Deploy::decode(StatusCode::TOO_MANY_REQUESTS, &headers, body);
        let error = answer.unwrap_err().service().unwrap().clone();
        assert_eq!(error.retry_after(), seconds.map(Duration::from_secs), "{texts:?}");

        // A record of it says the same, and one without the wait can still be read.
        let record = serde_json::to_string(&error).unwrap();
        assert_eq!(record.contains("retry_after"), seconds.is_some(), "{record}");
        assert_eq!(serde_json::from_str::<ServiceError>(&record).unwrap(), error);
    }
}

#[test]
fn a_denial_of_iam_5_keeps_its_encoded_message() {
    let error = service_error(
        403,
        r#"{"error_code":"PAP5.0001","error_msg":"denied","encoded_authorization_message":"XaB"}"#,
    );
    assert_eq!(error.encoded_authorization_message(), Some("XaB"));
    assert_eq!(error.code().unwrap().issuer(), ErrorIssuer::Iam);
    assert_eq!(error.meaning(), Meaning::NotPermitted);
}

#[test]
fn a_body_without_an_error_is_repeated_in_short() {
    for nothing in ["{}", "null", "[]", "7", r#"{"error_code":null,"error_msg":null}"#, "no JSON"] {
        assert_reads(nothing, None, nothing, None);
    }
    assert_reads("", None, "", None);
    let html = format!("<html>\n{}", "é".repeat(10_000));
    let error = service_error(502, html);
    assert_eq!(error.code(), None);
    assert!(error.message().starts_with(r"<html>\né"));
    assert_eq!(error.message().chars().count(), 200);
    assert_eq!(error.meaning(), Meaning::Unavailable);
    assert_eq!(service_error(400, [b'a', 0xff, 0x07]).message(), "a\u{fffd}\\u{7}");
}

#[test]
fn a_text_in_another_encoding_does_not_cost_the_code() {
    let error = service_error(400, b"{\"error_code\":\"DLF.0810\",\"error_msg\":\"\xce\xde\"}");
    assert_eq!(error.code().unwrap().as_str(), "DLF.0810");
}

#[test]
fn a_message_stays_on_one_line_and_within_bounds() {
    let error = service_error(400, r#"{"error_code":"A\u001b[2J","error_msg":"a\nb\u202ec"}"#);
    assert_eq!(error.message(), r"a\nb\u{202e}c");
    assert_eq!(error.code().unwrap().as_str(), r"A\u{1b}[2J");
    assert_eq!(error.to_string(), r"HTTP 400 A\u{1b}[2J: a\nb\u{202e}c");
    let long = "x".repeat(20_000);
    let error = service_error(400, format!(r#"{{"error_code":"{long}","error_msg":"{long}"}}"#));
    assert_eq!(error.message().chars().count(), 10_240);
    assert_eq!(error.code().unwrap().as_str().chars().count(), 128);
}

#[test]
fn an_echoed_secret_is_blotted_out() {
    let echo = r"POST|/v2/|host:x|x-security-token:gQpjbi1ub3J0aC00|SignedHeaders=a;x-security-token, Signature=00ff";
    let as_pair = format!(r#"{{"error_code":"APIGW.0301","error_msg":"verify fail {echo}"}}"#);
    for body in [as_pair, format!("<html>{echo}"), format!(r#"{{"x":"{echo}"}}"#)] {
        for text in
            [format!("{:?}", service_error(401, &body)), service_error(401, &body).to_string()]
        {
            assert!(!text.contains("gQpj") && !text.contains("00ff"), "{text}");
            assert!(text.contains("x-security-token:[redacted]"), "{text}");
        }
    }
}

#[test]
fn the_display_of_an_error_does_not_hide_a_source() {
    let error: AnswerError = service_error(400, r#"{"error_code":"DLF.0810"}"#).into();
    assert!(error.source().is_none());
    assert!(error.service().unwrap().source().is_none());
}

#[test]
fn prefixes_tell_who_reports() {
    for (code, origin, number) in [
        ("APIGW.0101", ErrorIssuer::Gateway, Some("0101")),
        ("APIG.0101", ErrorIssuer::Gateway, Some("0101")),
        ("APIC.0101", ErrorIssuer::Gateway, Some("0101")),
        ("DLF.20990", ErrorIssuer::Service, Some("20990")),
        ("PAP5.0012", ErrorIssuer::Iam, Some("0012")),
        ("IAM.0011", ErrorIssuer::Iam, Some("0011")),
        ("DLS.1000", ErrorIssuer::Other, Some("1000")),
        ("Forbidden", ErrorIssuer::Other, None),
        ("DLF.", ErrorIssuer::Service, None),
    ] {
        let code = ErrorCode::new(code);
        assert_eq!((code.issuer(), code.number()), (origin, number), "{code}");
    }
}

#[test]
fn one_fact_under_several_codes_means_one_thing() {
    let meaning_of = |code: &str| meaning(&ErrorCode::new(code));
    assert_eq!(meaning_of("DLF.0810"), Meaning::NotFound);
    assert_eq!(meaning_of("DLF.20810"), Meaning::NotFound);
    assert_eq!(meaning_of("DLF.0819"), Meaning::WorkspaceNotFound);
    for prefix in ["APIGW", "APIG", "APIC"] {
        assert_eq!(meaning_of(&format!("{prefix}.0308")), Meaning::Throttled);
        assert_eq!(meaning_of(&format!("{prefix}.0101")), Meaning::NotFound);
    }
    // The number alone says nothing.
    assert_eq!(meaning_of("APIGW.0810"), Meaning::Other);
    assert_eq!(meaning_of("DLF.0308"), Meaning::Other);
    assert_eq!(meaning_of("810"), Meaning::Other);
}

#[test]
fn the_status_comes_before_the_code_and_the_text_never_counts() {
    let means = |status, code: &str, text: &str| {
        service_error(status, format!(r#"{{"error_code":"{code}","error_msg":"{text}"}}"#))
            .meaning()
    };
    assert_eq!(means(400, "DLF.20990", "Task does not exists"), Meaning::AlreadyReleased);
    assert_eq!(means(400, "DLF.9999", "Workspace does not exists"), Meaning::Other);
    assert_eq!(means(503, "DLF.0810", ""), Meaning::Unavailable);
    assert_eq!(means(429, "DLF.9999", ""), Meaning::Throttled);
    assert_eq!(means(429, "APIGW.0308", ""), Meaning::Throttled);
    assert_eq!(means(401, "APIGW.0301", ""), Meaning::NotAuthenticated);
    assert_eq!(means(401, "X.1", ""), Meaning::NotAuthenticated);
    assert_eq!(means(403, "X.1", ""), Meaning::NotPermitted);
    assert_eq!(means(413, "APIGW.0201", ""), Meaning::Other);
    assert_eq!(service_error(404, "<html>").meaning(), Meaning::NotFound);
    assert_eq!(service_error(302, "").meaning(), Meaning::Other);
    assert_eq!(service_error(500, "").status(), StatusCode::INTERNAL_SERVER_ERROR);
}

#[test]
fn the_table_holds_each_code_once() {
    let entries = error_codes::entries();
    for (at, entry) in entries.iter().enumerate() {
        let same = |other: &error_codes::Entry| {
            (other.issuer, other.number) == (entry.issuer, entry.number)
        };
        assert!(!entries[..at].iter().any(same), "{entry:?}");
        assert!(!entry.hint.contains('\n') && entry.hint.len() <= 200);
    }
    assert!(hint(&ErrorCode::new("DLF.0819")).is_some());
    assert_eq!(hint(&ErrorCode::new("DLF.9999")), None);
}

#[test]
fn only_an_object_of_error_members_alone_is_flat() {
    for flat in [
        r#"{"error_code":"DLF.0810","error_msg":"Task does not exist."}"#,
        r#" {"error_msg":"m","error_code":"APIGW.0301","request_id":"r-1"} "#,
        r#"{"errorCode":"DLF.0137","errorMsg":"no"}"#,
        r#"{"errorCode":"DLF.0137","error_msg":"no"}"#,
        r#"{"error_code":"PAP5.0001","error_msg":"m","encoded_authorization_message":"XaB"}"#,
        r#"{"error_code":401,"error_msg":null,"request_id":1.5}"#,
        r#"{"error_code":"DLF.0810"}"#,
    ] {
        assert!(service_error(400, flat).is_flat(), "{flat}");
    }
    for other in [
        // Partly done, and a code that is about a part.
        r#"{"status":"partly done","deployed":["23"],"failed":[{"package_id":"24","error_code":"APIG.0308"}]}"#,
        r#"{"error":{"error_code":"APIGW.0101","error_msg":"m"}}"#,
        r#"{"error":{"code":401,"message":"m","title":"Unauthorized"}}"#,
        r#"{"errors":[{"error_code":"APIGW.0308","error_msg":"m"}]}"#,
        r#"[{"error_code":"APIGW.0308","error_msg":"m"}]"#,
        r#"{"error_code":"APIGW.0308","error_msg":"m","failed":[]}"#,
        r#"{"error_code":"APIGW.0308","error_msg":"m","details":null}"#,
        r#"{"error_code":"APIGW.0308","error_msg":{"deployed":["23"]}}"#,
        r#"{"error_code":"APIGW.0308","error_msg":["m"]}"#,
        r#"{"error_code":"APIGW.0308","error_msg":true}"#,
        r#"{"error_code":{},"error_msg":"m"}"#,
        // A member twice.
        r#"{"error_code":"APIGW.0308","error_msg":"m","error_code":"APIGW.0308"}"#,
        r#"{"error_code":"DLF.0810","errorCode":"APIGW.0308","error_msg":"m"}"#,
        r#"{"error_code":"APIGW.0308","error_msg":"m","error_msg":null}"#,
        // No document of the service or its gateway has these.
        r#"{"code":"APIGW.0308","message":"m"}"#,
        r#"{"Error_Code":"APIGW.0308","error_msg":"m"}"#,
        // No object, or nothing in it.
        "{}",
        "[]",
        "",
        " ",
        "null",
        "7",
        r#""APIGW.0308""#,
        "<html>APIGW.0308</html>",
        r#"{"error_code":"APIGW.0308","error_msg":"m""#,
        r#"{"error_code":"APIGW.0308","error_msg":"m"} {}"#,
    ] {
        assert!(!service_error(400, other).is_flat(), "{other}");
    }
    let gbk = b"{\"error_code\":\"DLF.0810\",\"error_msg\":\"\xce\xde\"}";
    assert!(!service_error(400, gbk).is_flat());
}

#[test]
fn a_nested_code_is_told_but_not_flat() {
    let body = r#"{"status":"partly done","deployed":["23"],"failed":[{"package_id":"24","error_code":"APIG.0308"}]}"#;
    let error = service_error(429, body);
    assert_eq!(error.code().unwrap().as_str(), "APIG.0308");
    assert!(!error.is_flat());
}

#[test]
fn a_record_of_an_error_keeps_whether_it_was_flat() {
    let flat = service_error(400, r#"{"error_code":"DLF.0810","error_msg":"m"}"#);
    let nested = service_error(400, r#"{"error":{"error_code":"DLF.0810"}}"#);
    for error in [&flat, &nested] {
        let record = serde_json::to_string(error).unwrap();
        let read: ServiceError = serde_json::from_str(&record).unwrap();
        assert_eq!(&read, error, "{record}");
    }
    assert!(flat.is_flat() && !nested.is_flat());
    // One that does not say so proves nothing.
    let older = r#"{"status":400,"code":"DLF.0810","message":"m","request_id":null}"#;
    assert!(!serde_json::from_str::<ServiceError>(older).unwrap().is_flat());
}
