//! HTTP responses: bodies, and the headers that every response has.

use dls_model::Timestamp;
use http::header::{CONTENT_TYPE, DATE, RETRY_AFTER};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};

use crate::refusal::Refusal;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const HTML: HeaderValue = HeaderValue::from_static("text/html");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// 200, with a body or with none.
pub(crate) fn ok(body: Option<&Value>, now: Timestamp, request_id: &str) -> Response<Vec<u8>> {
    match body {
        Some(body) => json(StatusCode::OK, body, now, request_id),
        None => response(StatusCode::OK, Vec::new(), now, request_id),
    }
}

/// The gateway writes the request id into the body, the service does not.
pub(crate) fn refused(
    refusal: &Refusal,
    now: Timestamp,
    request_id: &str,
    retry_after: bool,
) -> Response<Vec<u8>> {
    let mut body = json!({ "error_code": refusal.code, "error_msg": refusal.text });
    if refusal.is_from_gateway()
        && let Some(members) = body.as_object_mut()
    {
        members.insert("request_id".to_owned(), json!(request_id));
    }
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST);
    let mut response = json(status, &body, now, request_id);
    if retry_after && status == StatusCode::TOO_MANY_REQUESTS {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

pub(crate) fn json(
    status: StatusCode,
    body: &Value,
    now: Timestamp,
    request_id: &str,
) -> Response<Vec<u8>> {
    let mut response = response(status, body.to_string().into_bytes(), now, request_id);
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

/// A page of the emulator itself, indented for people.
pub(crate) fn emulator_page(
    status: StatusCode,
    body: &impl Serialize,
    now: Timestamp,
) -> Response<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(body).unwrap_or_default();
    text.push(b'\n');
    let mut response = response(status, text, now, "emulator");
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

/// A page of a proxy on the way, without codes or headers of the gateway.
pub(crate) fn proxy_page(status: StatusCode, now: Timestamp) -> Response<Vec<u8>> {
    let title = status.canonical_reason().unwrap_or("Unknown");
    let page = format!(
        "<html><head><title>{code} {title}</title></head><body><h1>{title}</h1></body></html>\n",
        code = status.as_u16()
    );
    let mut response = response(status, page.into_bytes(), now, "");
    response.headers_mut().insert(CONTENT_TYPE, HTML);
    response.headers_mut().remove(REQUEST_ID);
    response
}

fn response(
    status: StatusCode,
    body: Vec<u8>,
    now: Timestamp,
    request_id: &str,
) -> Response<Vec<u8>> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    // Both are always visible ASCII.
    for (name, value) in [(REQUEST_ID, request_id), (DATE, &httpdate::fmt_http_date(now.into()))] {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
