//! Answers and refusals, in the shapes that the service and its gateway use.

use http::{HeaderValue, Response, StatusCode};
use serde_json::{Value, json};

/// What an operation comes to: a JSON document, or nothing; or a refusal.
pub(crate) type Outcome = Result<Option<Value>, Refusal>;

/// A no, with a documented code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }

    /// The service's own refusals are all HTTP 400.
    pub(crate) fn service(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(400, code, message)
    }
}

pub(crate) fn response(outcome: &Outcome, request_id: &str) -> Response<Vec<u8>> {
    let (status, body) = match outcome {
        Ok(None) => (200, Vec::new()),
        Ok(Some(document)) => (200, document.to_string().into_bytes()),
        Err(refusal) => {
            let mut body = json!({"error_code": refusal.code, "error_msg": refusal.message});
            // Only the gateway repeats the request id in the body.
            if let (true, Some(body)) = (refusal.code.starts_with("APIGW."), body.as_object_mut()) {
                body.insert("request_id".to_owned(), json!(request_id));
            }
            (refusal.status, body.to_string().into_bytes())
        }
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    let headers = response.headers_mut();
    headers.insert(
        "content-type",
        HeaderValue::from_static("application/json;charset=UTF-8"),
    );
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert("x-request-id", id);
    }
    response
}
