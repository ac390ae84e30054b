//! The truth: each request that arrived and each release that was accepted, whatever the client
//! came to know of it.

use std::collections::HashMap;
use std::time::SystemTime;

use dls_model::Timestamp;
use http::Request;
use http::header::AUTHORIZATION;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// All that happened so far. `GET /__emulator/ledger` answers with it as JSON.
///
/// It holds no secret, signature or token. It grows with each request, by some kilobytes at most.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Ledger {
    /// How many connections were accepted. Without sockets it is how often
    /// [`Engine::connect`](crate::Engine::connect) said so.
    pub connections: u64,
    /// The requests, in the order in which they arrived. Those to `/__emulator/` are not among them.
    pub requests: Vec<LedgerRequest>,
    /// The releases, in the order in which they were accepted.
    pub releases: Vec<LedgerRelease>,
    /// The packages whose release was under way before anything arrived, as the
    /// [state](crate::Seed) has it; they are not among `releases`.
    pub running_before: Vec<String>,
}

/// One request that arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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
    /// The operation's name, such as `deploy` (`dls_model::Operation::NAME`), if it was one.
    pub operation: Option<&'static str>,
    /// The package ids that a deploy names, the first hundred; of anything else, none. Of a request whose sender is
    /// not known they are noted only if its body has at most 16 KiB.
    pub packages: Vec<String>,
    /// How it came: with a client, or as a copy that a fault made.
    pub by: Initiator,
    /// The id that the answer carries, too.
    pub request_id: String,
    /// Who asked, once the signature or the token was found right.
    pub user: Option<String>,
    /// The access key id that the request names, cut to 64 characters.
    pub access_key: Option<String>,
    /// A short hash over credentials, target and body: the same for copies of one request.
    pub fingerprint: String,
    /// Of a signed request: the request id of the first one with the same signature, target and body.
    ///
    /// A signature's time is in seconds: two equal requests that one client signs within the same
    /// second are the same bytes, and cannot be told from a copy.
    pub copy_of: Option<String>,
    /// The [faults](crate::FaultPlan) that it met, by their words.
    pub faults: Vec<String>,
    /// Whether it reached the service. A fault can swallow it on the way.
    pub seen: bool,
    /// Whether the service's answer went back as it was. A fault can put another in its place, or none, and
    /// nobody reads that to a copy.
    pub answered: bool,
    /// The status of the service's answer, whether or not the client got it; absent if the service did not
    /// see the request.
    pub status: Option<u16>,
    /// The code of the refusal, if it was refused.
    pub error_code: Option<&'static str>,
}

/// One release that was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LedgerRelease {
    /// The package.
    pub package_id: String,
    /// When it was accepted; RFC 3339 in UTC.
    pub accepted_at: String,
    /// The same in milliseconds since 1970.
    pub accepted_ms: i64,
    /// What brought it about.
    pub by: Initiator,
    /// The request that asked for it, unless another actor did.
    pub request_id: Option<String>,
    /// Who asked for it.
    pub user: String,
    /// The first of the requests that the asking one is a copy of, if it is one.
    pub copy_of: Option<String>,
    /// `succeeded` or `failed`; absent while it is under way.
    pub outcome: Option<&'static str>,
    /// When it ended; RFC 3339 in UTC.
    pub finished_at: Option<String>,
    /// The same in milliseconds since 1970.
    pub finished_ms: Option<i64>,
}

/// What brought a request or a release about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Initiator {
    /// A client, as far as one can tell: [`LedgerRequest::copy_of`] tells the same bytes sent twice.
    Client,
    /// A copy of a client's request, made by a [fault](crate::FaultPlan).
    Copy,
    /// Another actor, who came by no request: somebody at the console, say.
    Other,
}

/// The records of requests, as they are written.
#[derive(Default)]
pub(crate) struct RequestLog {
    requests: Vec<LedgerRequest>,
    /// Fingerprint of a signed request → its first request id.
    signed: HashMap<String, String>,
}

impl RequestLog {
    /// A record of a request that arrives now, to be completed and given to [`RequestLog::write`].
    pub(crate) fn open(&mut self, at: Timestamp, request: &Request<Vec<u8>>) -> LedgerRequest {
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
        LedgerRequest {
            seq,
            at: at.to_string(),
            at_ms: at.as_millis(),
            method: request.method().as_str().chars().take(32).collect(),
            path: request.uri().path().chars().take(1024).collect(),
            operation: None,
            packages: Vec::new(),
            by: Initiator::Client,
            request_id,
            user: None,
            access_key: None,
            fingerprint,
            copy_of,
            faults: Vec::new(),
            seen: false,
            answered: false,
            status: None,
            error_code: None,
        }
    }

    pub(crate) fn write(&mut self, record: LedgerRequest) {
        self.requests.push(record);
    }

    pub(crate) fn requests(&self) -> &[LedgerRequest] {
        &self.requests
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
