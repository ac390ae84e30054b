//! The truth: each request that arrived, and each release that was accepted.

use serde::Serialize;

/// What arrived and what came of it. `GET /__emulator/ledger` answers with it.
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct Ledger {
    /// Each request to the API, in the order of arrival.
    pub requests: Vec<LedgerRequest>,
    /// Each release that was accepted.
    pub releases: Vec<LedgerRelease>,
}

/// A request that arrived.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct LedgerRequest {
    /// Its place, counted from 1.
    pub seq: usize,
    /// When it arrived, RFC 3339.
    pub at: String,
    /// Its method.
    pub method: String,
    /// Its path, with the query.
    pub path: String,
    /// The id that its answer carries.
    pub request_id: String,
    /// Who asked, once that was verified.
    pub user: Option<String>,
    /// A short hash of all that was signed: copies of one signed request have the same.
    pub fingerprint: String,
    /// The request id of the first request with this fingerprint, if there was one before.
    pub copy_of: Option<String>,
    /// The status of the answer.
    pub status: u16,
    /// The code of the refusal, if it was refused.
    pub error_code: Option<String>,
}

/// A release that was accepted.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct LedgerRelease {
    /// The package.
    pub package_id: String,
    /// When it was accepted, RFC 3339.
    pub accepted_at: String,
    /// The request that it was accepted for.
    pub request_id: String,
    /// Who released it.
    pub user: String,
    /// The request of which that request was a copy, if it was one.
    pub copy_of: Option<String>,
    /// `succeeded`, `failed`, or nothing yet.
    pub outcome: Option<&'static str>,
    /// When it was over, RFC 3339.
    pub finished_at: Option<String>,
}
