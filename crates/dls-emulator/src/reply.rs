//! From an outcome to the bytes of an answer: bodies, and the headers that every answer carries.

use dls_model::Timestamp;
use http::header::{CONTENT_TYPE, DATE, RETRY_AFTER};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};

use crate::refusal::Refusal;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const HTML: HeaderValue = HeaderValue::from_static("text/html");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What is answered with 200.
#[derive(Debug)]
pub(crate) enum Answer {
    Json(Vec<u8>),
    Empty,
}

impl Answer {
    pub(crate) fn json(body: &impl Serialize) -> Result<Self, Refusal> {
        serde_json::to_vec(body).map(Self::Json).map_err(|_| Refusal::internal())
    }
}

pub(crate) fn answered(answer: Answer, now: Timestamp, request_id: &str) -> Response<Vec<u8>> {
    match answer {
        Answer::Json(body) => response(StatusCode::OK, Some(body), now, request_id),
        Answer::Empty => response(StatusCode::OK, None, now, request_id),
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
    if refusal.is_of_the_gateway()
        && let Some(members) = body.as_object_mut()
    {
        members.insert("request_id".to_owned(), json!(request_id));
    }
    let body = body.to_string().into_bytes();
    let mut response = response(refusal.status, Some(body), now, request_id);
    if retry_after && refusal.status == StatusCode::TOO_MANY_REQUESTS {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// An error in another shape than the documented ones.
pub(crate) fn other_error(
    status: StatusCode,
    body: &Value,
    now: Timestamp,
    request_id: &str,
) -> Response<Vec<u8>> {
    response(status, Some(body.to_string().into_bytes()), now, request_id)
}

/// A page of the emulator's own, made to be read by people, too.
pub(crate) fn own_page(
    status: StatusCode,
    body: &impl Serialize,
    now: Timestamp,
) -> Response<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(body).unwrap_or_default();
    text.push(b'\n');
    response(status, Some(text), now, "emulator")
}

/// A page of something else on the way, which knows neither the gateway's codes nor its headers.
pub(crate) fn intermediary_page(status: StatusCode, now: Timestamp) -> Response<Vec<u8>> {
    let title = status.canonical_reason().unwrap_or("Unknown");
    let page = format!(
        "<html><head><title>{code} {title}</title></head><body><h1>{title}</h1></body></html>\n",
        code = status.as_u16()
    );
    let mut response = response(status, Some(page.into_bytes()), now, "");
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HTML);
    headers.remove(REQUEST_ID);
    response
}

fn response(
    status: StatusCode,
    body: Option<Vec<u8>>,
    now: Timestamp,
    request_id: &str,
) -> Response<Vec<u8>> {
    let has_body = body.is_some();
    let mut response = Response::new(body.unwrap_or_default());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if has_body {
        headers.insert(CONTENT_TYPE, JSON);
    }
    // Both are visible ASCII, always.
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID, id);
    }
    if let Ok(date) = HeaderValue::from_str(&httpdate::fmt_http_date(now.into())) {
        headers.insert(DATE, date);
    }
    response
}
