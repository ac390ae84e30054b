//! Revoke: takes packages back before they are released (wire: unpack, page `dataartsstudio_02_0205`).

use http::{HeaderMap, Method, Request, StatusCode};
use serde::{Deserialize, Serialize};

use crate::error::AnswerError;
use crate::ids::PackageIds;
use crate::lenient::Skipped;
use crate::operation::{Effect, HostFamily, InvalidRequest, Operation, json_request};
use crate::raw::Raw;
use crate::scope::Scope;

/// Takes packages back. One that is released already is refused with `DLF.20990`.
///
/// At most 100 ids, which is assumed: the page gives no limit.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Revoke {
    #[serde(rename = "package_ids")]
    packages: PackageIds,
}

impl Revoke {
    /// Takes `packages` back.
    #[must_use]
    pub fn new(packages: PackageIds) -> Self {
        Self { packages }
    }

    /// The packages.
    #[must_use]
    pub fn packages(&self) -> &PackageIds {
        &self.packages
    }
}

impl Operation for Revoke {
    type Answer = Revoked;

    const NAME: &'static str = "revoke";
    const METHOD: Method = Method::POST;
    const ROUTE: &'static str = "/v2/{project_id}/factory/release-packages/unpack";
    const HOST: HostFamily = HostFamily::V2;
    const EFFECT: Effect = Effect::Write;

    fn encode(&self, scope: &Scope) -> Result<Request<Vec<u8>>, InvalidRequest> {
        json_request(self, scope)
    }

    /// The documented success has no body. A JSON object that reports no error, however deep, is taken for
    /// one too.
    fn decode(
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Revoked, AnswerError> {
        let raw = Raw { status, headers, body };
        let (_, request_id) = raw.decode::<Skipped>()?;
        raw.refuse_nested_error()?;
        Ok(Revoked { request_id })
    }
}

/// The packages were taken back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Revoked {
    /// The request id.
    pub request_id: Option<String>,
}
