//! Show: one package and its tasks (page `dataartsstudio_02_0196`).

use http::{HeaderMap, Method, Request, StatusCode};

use crate::error::{AnswerError, Problem};
use crate::ids::PackageId;
use crate::lenient::members::wire_object;
use crate::operation::{Effect, HostFamily, InvalidRequest, Operation, bare_request};
use crate::package::{Package, Task};
use crate::raw::Raw;
use crate::scope::Scope;

/// Reads one package with its tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ShowPackage {
    package: PackageId,
}

impl ShowPackage {
    /// Reads `package`.
    #[must_use]
    pub fn new(package: PackageId) -> Self {
        Self { package }
    }

    /// The package.
    #[must_use]
    pub fn package(&self) -> PackageId {
        self.package
    }
}

impl Operation for ShowPackage {
    type Answer = PackageDetail;

    const NAME: &'static str = "show";
    const METHOD: Method = Method::GET;
    const ROUTE: &'static str = "/v2/{project_id}/factory/release-packages/{package_id}";
    const HOST: HostFamily = HostFamily::V2;
    const EFFECT: Effect = Effect::Read;

    fn encode(&self, scope: &Scope) -> Result<Request<Vec<u8>>, InvalidRequest> {
        bare_request::<Self>(scope, &self.package.to_string())
    }

    /// A success without a readable `release_package` says nothing and is undecodable.
    fn decode(
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<PackageDetail, AnswerError> {
        let raw = Raw { status, headers, body };
        let (detail, request_id) = raw.decode_object::<PackageDetail>()?;
        if detail.package == Package::default() {
            return Err(raw.undecodable(Problem::Missing("release_package")));
        }
        Ok(PackageDetail { request_id, ..detail })
    }
}

wire_object! {
    /// A package and its tasks.
    pub struct PackageDetail {
        package: Package = "release_package",
        /// Empty if absent.
        tasks: Vec<Task> = "task_details",
        /// The request id.
        request_id: Option<String>,
    }
}
