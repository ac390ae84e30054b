//! What becomes of connections and requests, as values: the server makes bytes of them, a simulator
//! whatever it likes.

use std::time::Duration;

use dls_model::Timestamp;
use http::header::{CONTENT_LENGTH, LOCATION, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use serde_json::{Value, json};

use crate::ledger::LedgerRequest;
use crate::refusal::Refusal;
use crate::reply;

/// What becomes of a connection. See [`Engine::connect`](crate::Engine::connect).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConnectionEffect {
    /// It is accepted, and its requests are served.
    Serve,
    /// Nobody listens, for so long. It does not count as accepted.
    Refuse {
        /// How long.
        lasts: Duration,
    },
    /// It ends once so many bytes were read of what the client wrote, and nothing on it is served.
    Cut {
        /// How many bytes. With TLS, 0 is before the handshake and more is after it, in plain bytes.
        after: usize,
        /// How it ends.
        end: ConnectionEnd,
    },
    /// The TLS handshake goes wrong.
    Tls(TlsFault),
}

/// How a TLS handshake goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TlsFault {
    /// It is closed after the client's first words.
    Close,
    /// It is answered with what is no TLS.
    Garbage,
    /// It is not answered.
    Silence,
    /// The certificate is for another name.
    WrongName,
    /// The certificate has expired.
    Expired,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConnectionEnd {
    /// In order: FIN.
    Close,
    /// At once: RST.
    Reset,
    /// Not at all: nothing more comes, until the client gives up.
    Silence,
}

/// What the client of a request gets to see. See [`Engine::answer_with_faults`](crate::Engine::answer_with_faults).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ResponseEffect {
    /// An answer that is right as HTTP, whether or not it is the truth.
    Answer(Response<Vec<u8>>),
    /// The connection ends before the whole request was read.
    Cut {
        /// So many bytes of the request were read.
        after: usize,
        /// How it ends.
        end: ConnectionEnd,
    },
    /// These bytes, which may be none and may be no HTTP; then the connection ends.
    Raw {
        /// The bytes.
        bytes: Vec<u8>,
        /// A pause before each byte; zero for all of them at once.
        pause: Duration,
        /// How it ends.
        end: ConnectionEnd,
    },
}

/// What a client is told instead of the truth.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ResponseFault {
    End(ConnectionEnd),
    Status(StatusCode),
    /// By the gateway, as it documents it.
    Throttle,
    /// That some packages are released, and the gateway's code for the others.
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

/// What is neither HTTP nor TLS.
pub(crate) const GARBAGE: &[u8] = b"SSH-2.0-OpenSSH_9.6\r\n";
/// What stands where an answer of the right length would have ended.
const SURPLUS: &[u8] = b"\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";

/// Makes of the true answer what the client gets to see.
pub(crate) fn fake_response(
    fault: &ResponseFault,
    retry_after: Option<&HeaderValue>,
    mut truth: Response<Vec<u8>>,
    now: Timestamp,
    record: &LedgerRequest,
    released: &[String],
) -> ResponseEffect {
    let raw =
        |bytes| ResponseEffect::Raw { bytes, pause: Duration::ZERO, end: ConnectionEnd::Close };
    let retry = |mut response: Response<Vec<u8>>| {
        if let Some(value) = retry_after {
            response.headers_mut().insert(RETRY_AFTER, value.clone());
        }
        ResponseEffect::Answer(response)
    };
    match fault {
        ResponseFault::End(end) => {
            ResponseEffect::Raw { bytes: Vec::new(), pause: Duration::ZERO, end: *end }
        }
        ResponseFault::Status(status) => retry(reply::intermediary_page(*status, now)),
        ResponseFault::Throttle => {
            let refusal = Refusal::throttled(10, "user");
            retry(reply::refused(&refusal, now, &record.request_id, false))
        }
        ResponseFault::PartlyDone(status) => ResponseEffect::Answer(reply::other_error(
            *status,
            &partly_done(&record.packages, released),
            now,
            &record.request_id,
        )),
        ResponseFault::NestedCode(status) => {
            let refusal = match *status {
                StatusCode::TOO_MANY_REQUESTS => Refusal::throttled(10, "user"),
                _ => Refusal::unknown_api(),
            };
            let nested =
                json!({ "error": { "error_code": refusal.code, "error_msg": refusal.text } });
            ResponseEffect::Answer(reply::other_error(*status, &nested, now, &record.request_id))
        }
        ResponseFault::Html => {
            ResponseEffect::Answer(reply::intermediary_page(StatusCode::OK, now))
        }
        ResponseFault::Redirect(target) => {
            let mut response = reply::intermediary_page(StatusCode::TEMPORARY_REDIRECT, now);
            response.headers_mut().insert(LOCATION, target.clone());
            ResponseEffect::Answer(response)
        }
        ResponseFault::Garbage => raw(GARBAGE.to_vec()),
        ResponseFault::Empty => {
            truth.body_mut().clear();
            ResponseEffect::Answer(truth)
        }
        ResponseFault::Truncated => {
            // At least one byte is missing, also of an empty body.
            let length = truth.body().len().max(1);
            truth.body_mut().truncate(length / 2);
            raw(wire_bytes(&truth, length))
        }
        ResponseFault::Overlong => {
            let length = truth.body().len();
            truth.body_mut().extend(SURPLUS);
            raw(wire_bytes(&truth, length))
        }
        ResponseFault::Padded(length) => {
            let length = truth.body().len().max(*length);
            truth.body_mut().resize(length, b' ');
            ResponseEffect::Answer(truth)
        }
        ResponseFault::Drip(pause) => ResponseEffect::Raw {
            bytes: wire_bytes(&truth, truth.body().len()),
            pause: *pause,
            end: ConnectionEnd::Close,
        },
    }
}

/// An answer that is about each package by itself, and so neither a yes nor a no. It holds a code always.
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

/// An answer as HTTP/1.1 carries it, with whatever length it claims to have.
fn wire_bytes(response: &Response<Vec<u8>>, length: usize) -> Vec<u8> {
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
