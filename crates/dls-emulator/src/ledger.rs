//! The ledger: each request that arrived and each release that was accepted, whatever the client knows of it.

use std::collections::HashMap;
use std::time::SystemTime;

use dls_model::Timestamp;
use http::Request;
use http::header::AUTHORIZATION;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// Everything that happened so far. `GET /__emulator/ledger` returns it as JSON.
///
/// It contains no secret, signature or token. Each request adds a few kilobytes at most.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Ledger {
    /// How many connections were accepted.
    pub connections: u64,
    /// The requests, in the order of arrival, without those to `/__emulator/`.
    pub requests: Vec<LedgerRequest>,
    /// The releases, in the order of acceptance.
    pub releases: Vec<LedgerRelease>,
    /// The packages that are being released in the [initial state](crate::Seed); these releases are not in `releases`.
    pub running_before: Vec<String>,
}

/// One request that arrived.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LedgerRequest {
    /// Counted from 1.
    pub seq: u64,
    /// When it arrived; RFC 3339 in UTC.
    pub at: String,
    /// The same in milliseconds since 1970.
    pub at_ms: i64,
    /// The method, cut to 32 characters.
    pub method: String,
    /// The path, without query, cut to 1,024 characters.
    pub path: String,
    /// The name of the operation, such as `deploy` (`dls_model::Operation::NAME`), if it is one.
    pub operation: Option<&'static str>,
    /// The first hundred package ids that a deploy names; empty for other operations. For an unauthenticated request
    /// they are recorded only if the body has at most 16 KiB.
    pub packages: Vec<String>,
    /// Whether a client sent it, or a fault copied it.
    pub by: Initiator,
    /// The id that the response has, too.
    pub request_id: String,
    /// The user, if the signature or the token is valid.
    pub user: Option<String>,
    /// The access key id that the request names, cut to 64 characters.
    pub access_key: Option<String>,
    /// A short hash over credentials, target and body. Copies of one request have the same.
    pub fingerprint: String,
    /// For a signed request, the request id of the first one with the same signature, target and body.
    ///
    /// The date of a signature has seconds: two equal requests that a client signs in the same second have the same
    /// bytes, and cannot be distinguished from copies.
    pub copy_of: Option<String>,
    /// The names of the [faults](crate::FaultPlan) that affected it.
    pub faults: Vec<String>,
    /// Whether it reached the service. A fault can prevent that.
    pub seen: bool,
    /// Whether the client received the service's response unchanged. A fault can replace or drop it, and nobody receives
    /// the response to a copy.
    pub answered: bool,
    /// The status of the service's response, whether or not the client received it; absent if the service did not see
    /// the request.
    pub status: Option<u16>,
    /// The error code, if the request was refused.
    pub error_code: Option<&'static str>,
}

/// One release that was accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LedgerRelease {
    /// The package.
    pub package_id: String,
    /// When it was accepted; RFC 3339 in UTC.
    pub accepted_at: String,
    /// The same in milliseconds since 1970.
    pub accepted_ms: i64,
    /// What caused it.
    pub by: Initiator,
    /// The request that caused it; absent for another actor.
    pub request_id: Option<String>,
    /// The user who released it.
    pub user: String,
    /// If that request is a copy, the request id of the first one.
    pub copy_of: Option<String>,
    /// `succeeded` or `failed`; absent while it is running.
    pub outcome: Option<&'static str>,
    /// When it ended; RFC 3339 in UTC.
    pub finished_at: Option<String>,
    /// The same in milliseconds since 1970.
    pub finished_ms: Option<i64>,
}

/// What caused a request or a release.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Initiator {
    /// A client. [`LedgerRequest::copy_of`] tells whether it sent the same bytes before.
    #[default]
    Client,
    /// A copy of a client's request, made by a [fault](crate::FaultPlan).
    Copy,
    /// Another actor, without a request: a user of the console, for example.
    Other,
}

/// A request that has arrived, and its record.
pub(crate) struct Arrival<'r> {
    pub(crate) at: Timestamp,
    pub(crate) request: &'r Request<Vec<u8>>,
    pub(crate) record: LedgerRequest,
}

/// The records of requests.
#[derive(Default)]
pub(crate) struct RequestLog {
    pub(crate) requests: Vec<LedgerRequest>,
    /// Fingerprint of a signed request → its first request id.
    signed: HashMap<String, String>,
}

impl RequestLog {
    /// Begins the record of a request that arrives now, to be completed and added to `requests`.
    pub(crate) fn open<'r>(&mut self, at: Timestamp, request: &'r Request<Vec<u8>>) -> Arrival<'r> {
        let seq = u64::try_from(self.requests.len()).unwrap_or(u64::MAX).saturating_add(1);
        let request_id = format!("{seq:032x}");
        let fingerprint = fingerprint(request);
        let copy_of = if request.headers().contains_key(AUTHORIZATION) {
            let first = self.signed.entry(fingerprint.clone());
            let first = first.or_insert_with(|| request_id.clone());
            (*first != request_id).then(|| first.clone())
        } else {
            None
        };
        let record = LedgerRequest {
            seq,
            at: at.to_string(),
            at_ms: at.as_millis(),
            method: request.method().as_str().chars().take(32).collect(),
            path: request.uri().path().chars().take(1024).collect(),
            request_id,
            fingerprint,
            copy_of,
            ..LedgerRequest::default()
        };
        Arrival { at, request, record }
    }
}

/// The nearest time inside the years 1970 to 9999.
pub(crate) fn timestamp(time: SystemTime) -> Timestamp {
    let nearest = if time > SystemTime::UNIX_EPOCH {
        Some(Timestamp::MAX)
    } else {
        Timestamp::from_millis(1)
    };
    Timestamp::from_system_time(time).or(nearest).unwrap_or(Timestamp::MAX)
}

fn fingerprint(request: &Request<Vec<u8>>) -> String {
    let mut hash = Sha256::new();
    for name in [AUTHORIZATION.as_str(), "x-auth-token"] {
        for value in request.headers().get_all(name) {
            hash.update(value.as_bytes());
            hash.update("\n");
        }
    }
    hash.update(request.method().as_str());
    hash.update(request.uri().to_string());
    hash.update(Sha256::digest(request.body()));
    let digest = hash.finalize();
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
