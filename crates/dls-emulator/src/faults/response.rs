//! Faults in responses: another status (such as 503), a false or broken response, or none.

use std::time::Duration;

use dls_model::Timestamp;
use http::header::{CONTENT_LENGTH, LOCATION};
use http::{HeaderValue, Response, StatusCode};
use serde_json::{Value, json};

use crate::faults::effect::{ConnectionEnd, GARBAGE, ResponseEffect};
use crate::ledger::LedgerRequest;
use crate::refusal::Refusal;
use crate::reply;

/// What the client receives instead of the true response.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ResponseFault {
    /// Nothing: the connection ends.
    End(ConnectionEnd),
    /// An HTML page with this status, as a proxy on the way would send it.
    Status(StatusCode),
    /// The gateway's documented 429.
    Throttle,
    /// Some packages are released, and the body has a code of the gateway for the others.
    PartlyDone(StatusCode),
    /// A code of the gateway inside another object.
    NestedCode(StatusCode),
    Html,
    Redirect(HeaderValue),
    Garbage,
    Empty,
    Truncated,
    Overlong,
    Padded(usize),
    Drip(Duration),
}

/// What follows a response of the right length.
const SURPLUS: &[u8] = b"\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";

impl ResponseFault {
    /// Turns the true response to the request of `record`, which released the packages `released`, into what the client
    /// receives.
    pub(crate) fn apply(
        &self,
        mut truth: Response<Vec<u8>>,
        now: Timestamp,
        record: &LedgerRequest,
        released: &[String],
    ) -> ResponseEffect {
        let id = &record.request_id;
        let raw = |bytes, pause, end| ResponseEffect::Raw { bytes, pause, end };
        let closed = |bytes| raw(bytes, Duration::ZERO, ConnectionEnd::Close);
        ResponseEffect::Answer(match self {
            Self::End(end) => return raw(Vec::new(), Duration::ZERO, *end),
            Self::Status(status) => reply::proxy_page(*status, now),
            Self::Throttle => reply::refused(&throttled(), now, id, false),
            Self::PartlyDone(status) => {
                reply::json(*status, &partly_done(&record.packages, released), now, id)
            }
            Self::NestedCode(status) => {
                let refusal = match *status {
                    StatusCode::TOO_MANY_REQUESTS => throttled(),
                    _ => Refusal::UNKNOWN_API,
                };
                let error = json!({ "error_code": refusal.code, "error_msg": refusal.text });
                reply::json(*status, &json!({ "error": error }), now, id)
            }
            Self::Html => reply::proxy_page(StatusCode::OK, now),
            Self::Redirect(target) => {
                let mut response = reply::proxy_page(StatusCode::TEMPORARY_REDIRECT, now);
                response.headers_mut().insert(LOCATION, target.clone());
                response
            }
            Self::Garbage => return closed(GARBAGE.to_vec()),
            Self::Empty => {
                truth.body_mut().clear();
                truth
            }
            Self::Truncated => {
                // At least one byte is missing, also of an empty body.
                let length = truth.body().len().max(1);
                truth.body_mut().truncate(length / 2);
                return closed(to_bytes(&truth, length));
            }
            Self::Overlong => {
                let length = truth.body().len();
                truth.body_mut().extend(SURPLUS);
                return closed(to_bytes(&truth, length));
            }
            Self::Padded(length) => {
                let length = truth.body().len().max(*length);
                truth.body_mut().resize(length, b' ');
                truth
            }
            Self::Drip(pause) => {
                let bytes = to_bytes(&truth, truth.body().len());
                return raw(bytes, *pause, ConnectionEnd::Close);
            }
        })
    }
}

fn throttled() -> Refusal {
    Refusal::throttled(10, "user")
}

/// A body that reports each package by itself, and so neither accepts nor refuses the request. It always has a code.
fn partly_done(named: &[String], released: &[String]) -> Value {
    let code = "APIG.0308";
    let others = named.iter().filter(|id| !released.contains(id));
    let mut failed: Vec<Value> =
        others.map(|id| json!({ "package_id": id, "error_code": code })).collect();
    if failed.is_empty() {
        failed.push(json!({ "error_code": code }));
    }
    json!({ "status": "partly done", "deployed": released, "failed": failed })
}

/// A response as HTTP/1.1, with `length` as its `Content-Length`.
fn to_bytes(response: &Response<Vec<u8>>, length: usize) -> Vec<u8> {
    let status = response.status();
    let reason = status.canonical_reason().unwrap_or_default();
    let mut bytes = format!("HTTP/1.1 {} {reason}\r\n", status.as_u16()).into_bytes();
    for (name, value) in response.headers() {
        bytes.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    bytes.extend(format!("{CONTENT_LENGTH}: {length}\r\nconnection: close\r\n\r\n").bytes());
    bytes.extend(response.body());
    bytes
}
