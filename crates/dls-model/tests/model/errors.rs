//! Every shape of an error, and its meaning.
use std::error::Error;
use std::time::Duration;

use crate::support::service_error;
use dls_model::*;
use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderValue, StatusCode};

#[test]
fn an_error_is_read_in_each_shape_that_the_service_its_gateway_and_iam_write() {
    for (body, code, message, request_id) in [
        // The service, and its gateway.
        (r#"{"error_code":"DLF.0810","error_msg":"no task"}"#, Some("DLF.0810"), "no task", None),
        (
            r#"{"error_msg":"throttled","error_code":"APIGW.0308","request_id":"r-1"}"#,
            Some("APIGW.0308"),
            "throttled",
            Some("r-1"),
        ),
        // IAM nests a code that is a number.
        (
            r#"{"error":{"code":401,"message":"wrong password","title":"Unauthorized"}}"#,
            Some("401"),
            "wrong password",
            None,
        ),
        // Other spellings.
        (r#"{"errorCode":"DLF.0137","errorMsg":"no"}"#, Some("DLF.0137"), "no", None),
        (r#"{"code":"DLF.0137","message":"no"}"#, Some("DLF.0137"), "no", None),
        (r#"{"errorCode":"DLF.0137","message":"no"}"#, Some("DLF.0137"), "no", None),
        (
            r#"{"code":"c","message":"m","error_code":"DLF.0137","error_msg":"no"}"#,
            Some("DLF.0137"),
            "no",
            None,
        ),
        // A code or a message alone.
        (r#"{"error_code":"DLF.0810"}"#, Some("DLF.0810"), r#"{"error_code":"DLF.0810"}"#, None),
        (r#"{"error_msg":"no"}"#, None, "no", None),
        (r#"{"error_code":null,"error_msg":"no"}"#, None, "no", None),
        // The first one of a list.
        (r#"{"errors":[{"code":"A.1","message":"a"},{"code":"B.1"}]}"#, Some("A.1"), "a", None),
        (r#"[{"code":"A.1","message":"a"},{"code":"B.1"}]"#, Some("A.1"), "a", None),
        // The first one in the order of the body.
        (r#"{"z":{"code":"A.1","message":"a"},"a":{"code":"B.1"}}"#, Some("A.1"), "a", None),
        // The outermost one, wherever it is.
        (r#"{"a":{"a":{"code":"B.1"}},"z":{"code":"A.1","message":"a"}}"#, Some("A.1"), "a", None),
        (r#"{"x":{"code":"B.1"},"error_code":"A.1","error_msg":"a"}"#, Some("A.1"), "a", None),
        (
            r#"{"error":{"code":"A.1","message":"a"},"request_id":"r-1"}"#,
            Some("A.1"),
            "a",
            Some("r-1"),
        ),
    ] {
        let error = service_error(400, body);
        let read = (error.code().map(ErrorCode::as_str), error.message(), error.request_id());
        assert_eq!(read, (code, message, request_id), "{body}");
    }
}

#[test]
fn retry_after_is_read_as_a_number_of_seconds() {
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

        // A recorded error has it, too.
        let record = serde_json::to_string(&error).unwrap();
        assert_eq!(record.contains("retry_after"), seconds.is_some(), "{record}");
        assert_eq!(serde_json::from_str::<ServiceError>(&record).unwrap(), error);
    }
}

#[test]
fn a_denial_of_iam_5_keeps_its_encoded_message() {
    let body =
        r#"{"error_code":"PAP5.0001","error_msg":"denied","encoded_authorization_message":"XaB"}"#;
    assert_eq!(service_error(403, body).encoded_authorization_message(), Some("XaB"));
}

#[test]
fn a_body_without_an_error_is_repeated_in_short() {
    for body in ["{}", "null", "[]", "7", r#"{"error_code":null,"error_msg":null}"#, "no JSON", ""]
    {
        let error = service_error(400, body);
        assert_eq!((error.code(), error.message()), (None, body));
    }
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
fn an_echoed_secret_is_redacted() {
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
fn an_error_has_no_source_that_display_omits() {
    let error = service_error(400, r#"{"error_code":"DLF.0810"}"#);
    assert!(error.source().is_none());
    assert!(AnswerError::Service(error).source().is_none());
}

#[test]
fn the_prefix_of_a_code_is_its_issuer() {
    for (code, issuer, number) in [
        ("APIGW.0101", ErrorIssuer::Gateway, Some("0101")),
        ("APIG.0101", ErrorIssuer::Gateway, Some("0101")),
        ("APIC.0101", ErrorIssuer::Gateway, Some("0101")),
        ("DLF.20990", ErrorIssuer::Service, Some("20990")),
        ("PAP5.0012", ErrorIssuer::Iam, Some("0012")),
        ("IAM.0011", ErrorIssuer::Iam, Some("0011")),
        ("401", ErrorIssuer::Iam, Some("401")),
        ("DLS.1000", ErrorIssuer::Other, Some("1000")),
        ("Forbidden", ErrorIssuer::Other, None),
        ("DLF.", ErrorIssuer::Service, None),
    ] {
        let code = ErrorCode::new(code);
        assert_eq!((code.issuer(), code.number()), (issuer, number), "{code}");
    }
}

#[test]
fn codes_of_the_same_error_have_the_same_meaning() {
    for (codes, expected) in [
        (&["DLF.0810", "DLF.20810", "APIGW.0101", "APIG.0101", "APIC.0101"][..], Meaning::NotFound),
        (&["DLF.0819"], Meaning::WorkspaceNotFound),
        (&["APIGW.0308", "APIG.0308", "APIC.0308"], Meaning::Throttled),
        // The number alone is not enough.
        (&["APIGW.0810", "DLF.0308", "810"], Meaning::Other),
    ] {
        for code in codes {
            assert_eq!(meaning(&ErrorCode::new(code)), expected, "{code}");
        }
    }
}

#[test]
fn the_meaning_follows_from_the_status_then_the_code_and_never_from_the_text() {
    for (status, code, text, expected) in [
        (400, "DLF.20990", "Task does not exists", Meaning::AlreadyReleased),
        (400, "DLF.9999", "Workspace does not exists", Meaning::Other),
        (503, "DLF.0810", "", Meaning::Unavailable),
        (429, "DLF.9999", "", Meaning::Throttled),
        (429, "APIGW.0308", "", Meaning::Throttled),
        (401, "APIGW.0301", "", Meaning::NotAuthenticated),
        (401, "X.1", "", Meaning::NotAuthenticated),
        (403, "X.1", "", Meaning::NotPermitted),
        (403, "PAP5.0001", "", Meaning::NotPermitted),
        (413, "APIGW.0201", "", Meaning::Other),
        (404, "", "", Meaning::NotFound),
        (302, "", "", Meaning::Other),
    ] {
        let body = format!(r#"{{"error_code":"{code}","error_msg":"{text}"}}"#);
        let error = service_error(status, body);
        assert_eq!((error.status().as_u16(), error.meaning()), (status, expected), "{code}");
    }
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
        // Partly done, with a code for one part.
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
    // The code is shown all the same.
    let nested = service_error(429, r#"{"failed":[{"package_id":"24","error_code":"APIG.0308"}]}"#);
    assert_eq!(nested.code().unwrap().as_str(), "APIG.0308");
    let gbk = b"{\"error_code\":\"DLF.0810\",\"error_msg\":\"\xce\xde\"}";
    assert!(!service_error(400, gbk).is_flat());
}

#[test]
fn a_recorded_error_without_the_member_flat_is_not_flat() {
    let record = r#"{"status":400,"code":"DLF.0810","message":"m","request_id":null}"#;
    assert!(!serde_json::from_str::<ServiceError>(record).unwrap().is_flat());
}
