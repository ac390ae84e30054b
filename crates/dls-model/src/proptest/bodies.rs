//! Answers as bytes: successes, errors, what is neither, and what is nearly one of them.

use std::fmt::Debug;

use http::{HeaderMap, StatusCode};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde::Serialize;

use super::answers::{deploy_answer, package_detail, package_page, system_task};
use super::text;
use crate::error::{AnswerError, ServiceError};
use crate::operation::Operation;
use crate::raw::Raw;
use crate::show::ShowPackage;

/// A status that says success: 200 to 299.
pub fn success_status() -> impl Strategy<Value = StatusCode> {
    prop_oneof![Just(200), 200..300_u16].prop_filter_map("a status", as_status)
}

/// A status that does not: 100 to 199 and 300 to 999, with those more often that the service is known to use.
pub fn failure_status() -> impl Strategy<Value = StatusCode> {
    let known = select(vec![400, 401, 403, 404, 429, 500, 502, 503, 504]);
    prop_oneof![known, 100..200_u16, 300..1000_u16].prop_filter_map("a status", as_status)
}

fn as_status(number: u16) -> Option<StatusCode> {
    StatusCode::from_u16(number).ok()
}

/// The body of a success of one of the operations, never empty.
pub fn answer_body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        bytes(deploy_answer()),
        bytes(package_page()),
        bytes(package_detail()),
        bytes(system_task()),
    ]
}

/// The body of an error in one of the shapes in which the service, its gateway or IAM write it. Every operation
/// decodes it to an [`AnswerError::Service`], with a status of success, too.
pub fn error_body() -> impl Strategy<Value = Vec<u8>> {
    let known = select(vec!["DLF.0810", "DLF.20990", "APIGW.0301", "APIGW.0308"]);
    let code = prop_oneof![known.prop_map(str::to_owned), "[A-Z]{2,6}\\.[0-9]{3,5}"];
    (code, text(), 0..6).prop_map(|(code, text, shape)| {
        let (code, text) = (serde_json::json!(code), serde_json::json!(text));
        let object = match shape {
            0 => serde_json::json!({"error_code": code, "error_msg": text}),
            1 => serde_json::json!({"error_msg": text, "error_code": code, "request_id": "r-1"}),
            2 => serde_json::json!({"errorCode": code, "errorMsg": text}),
            3 => serde_json::json!({"error": {"code": 401, "message": text, "title": code}}),
            4 => serde_json::json!({"errors": [{"error_code": code, "error_msg": text}, 7, null]}),
            _ => serde_json::json!({"code": code, "message": "m", "detail": text}),
        };
        object.to_string().into_bytes()
    })
}

fn whole_body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![answer_body(), error_body()]
}

/// What no operation can read: an answer or an error that is truncated or not UTF-8, a JSON value that is not an
/// object, an HTML page. With a status of success it decodes to [`AnswerError::Undecodable`], always.
pub fn unreadable_body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        (whole_body(), any::<Index>()).prop_map(|(mut body, end)| {
            // At least one byte, since no body at all is an answer to a deploy.
            body.truncate(1 + end.index(body.len() - 1));
            body
        }),
        (whole_body(), any::<Index>()).prop_map(|(mut body, at)| {
            body.insert(at.index(body.len()), 0xff);
            body
        }),
        bytes(vec(text(), 0..3)),
        bytes(text()),
        bytes(any::<i64>()),
        text().prop_map(|text| format!("<html><body>{text}</body></html>").into_bytes()),
    ]
}

/// An answer or an error in which a few bytes are others, are missing, or are too many. It may decode to
/// anything that an answer can be, but must do no harm.
pub fn damaged_body() -> impl Strategy<Value = Vec<u8>> {
    let edits = vec((any::<Index>(), 0..4, any::<u8>()), 1..6);
    (whole_body(), edits).prop_map(|(mut body, edits)| {
        for (at, edit, byte) in edits {
            let at = at.index(body.len() + 1);
            match (edit, body.get_mut(at)) {
                (0, Some(there)) => *there = byte,
                (1, Some(_)) => drop(body.remove(at)),
                (2, _) => body.truncate(at),
                _ => body.insert(at, structural(byte)),
            }
        }
        body
    })
}

/// One of the bytes that JSON's structure and numbers consist of.
fn structural(byte: u8) -> u8 {
    const BYTES: &[u8] = b"{}[]\",:0-e\\";
    BYTES.iter().cycle().nth(byte.into()).copied().unwrap_or(byte)
}

/// An error with a status other than success, with and without a code.
pub fn service_error() -> impl Strategy<Value = ServiceError> {
    let body = prop_oneof![Just(Vec::new()), error_body(), unreadable_body()];
    (failure_status(), body).prop_map(|(status, body)| {
        ServiceError::read(Raw { status, headers: &HeaderMap::new(), body: &body })
    })
}

/// Either kind of answer error.
pub fn answer_error() -> impl Strategy<Value = AnswerError> {
    let undecodable = (success_status(), unreadable_body())
        .prop_filter_map("unreadable", |(status, body)| {
            ShowPackage::decode(status, &HeaderMap::new(), &body).err()
        });
    prop_oneof![service_error().prop_map(AnswerError::Service), undecodable]
}

fn bytes<T: Serialize + Debug + 'static>(
    values: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = Vec<u8>> {
    values.prop_filter_map("JSON", |value| serde_json::to_vec(&value).ok()).boxed()
}
