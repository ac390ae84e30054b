//! Deploy: releases packages (pages `dataartsstudio_02_0204`).

use http::{HeaderMap, Method, Request, StatusCode};
use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize, Serializer};

use crate::error::AnswerError;
use crate::ids::{PackageId, PackageIds};
use crate::lenient::members::wire_object;
use crate::operation::{Effect, HostFamily, InvalidRequest, Operation, json_request};
use crate::raw::Raw;
use crate::scope::Scope;

/// Releases packages, which goes on in the background after the answer. At most 100 of them, and 100 tasks at
/// a time.
///
/// It is not idempotent: sent twice it may release twice. Whether the service may refuse some ids of a request
/// and release the others is documented nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Deploy {
    #[serde(rename = "package_ids")]
    packages: PackageIds,
    #[serde(flatten)]
    options: DeployOptions,
}

impl Deploy {
    /// Releases `packages`, and starts their jobs or not.
    #[must_use]
    pub fn new(packages: PackageIds, options: impl Into<DeployOptions>) -> Self {
        Self { packages, options: options.into() }
    }

    /// The packages.
    #[must_use]
    pub fn packages(&self) -> &PackageIds {
        &self.packages
    }

    /// All other parameters of the request.
    #[must_use]
    pub fn options(&self) -> &DeployOptions {
        &self.options
    }
}

/// All parameters of a deploy request except its packages. Serialized as on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DeployOptions {
    /// Whether jobs are started (wire: `startup_mode`).
    #[serde(rename = "startup_mode")]
    pub start: JobStart,
    /// The `publish_type`, which is omitted if `None`. It occurs only in the documents' examples, and what the
    /// service does with it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publish_type: Option<PublishType>,
}

impl From<JobStart> for DeployOptions {
    fn from(start: JobStart) -> Self {
        Self { start, publish_type: None }
    }
}

/// Whether jobs start as soon as they are released (wire: `startup_mode`).
///
/// The service starts them by default. There is no default here: the caller must choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobStart {
    /// `0`: they are not started.
    Later,
    /// `1`: they are started at once.
    Immediately,
}

impl Serialize for JobStart {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(match self {
            Self::Later => 0,
            Self::Immediately => 1,
        })
    }
}

impl<'de> Deserialize<'de> for JobStart {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match i64::deserialize(deserializer)? {
            0 => Ok(Self::Later),
            1 => Ok(Self::Immediately),
            _ => Err(de::Error::custom("startup_mode must be 0 or 1")),
        }
    }
}

/// How packages are published (wire: `publish_type`); undocumented.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum PublishType {
    /// `asy`, assumed to mean asynchronously.
    #[serde(rename = "asy")]
    Asynchronous,
}

impl Operation for Deploy {
    type Answer = DeployAnswer;

    const NAME: &'static str = "deploy";
    const METHOD: Method = Method::POST;
    const ROUTE: &'static str = "/v2/{project_id}/factory/release-packages/deploy";
    const HOST: HostFamily = HostFamily::V2;
    const EFFECT: Effect = Effect::Write;

    fn encode(&self, scope: &Scope) -> Result<Request<Vec<u8>>, InvalidRequest> {
        json_request(self, scope)
    }

    /// An empty body in a success reads as an answer without details. Every member of the answer is optional
    /// in the documents, so the service has made no error; but the answer names no package, and the caller
    /// decides what that means.
    fn decode(
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<DeployAnswer, AnswerError> {
        let (answer, request_id) = Raw { status, headers, body }.decode::<DeployAnswer>()?;
        Ok(DeployAnswer { request_id, ..answer.unwrap_or_default() })
    }
}

wire_object! {
    /// The answer to a deploy request: the service accepted it, which is not the outcome of the release.
    pub struct DeployAnswer {
        /// `None` if it is absent, null or unreadable, which is different from an empty list.
        details: Option<Vec<DeployDetail>> = "deploy_package_details",
        /// The request id.
        request_id: Option<String>,
    }
}

impl DeployAnswer {
    /// The detail that names this package.
    #[must_use]
    pub fn detail(&self, package: PackageId) -> Option<&DeployDetail> {
        self.details.iter().flatten().find(|detail| detail.package_id == Some(package))
    }

    /// Whether the answer names this package. If not, the service may or may not have accepted it.
    #[must_use]
    pub fn names(&self, package: PackageId) -> bool {
        self.detail(package).is_some()
    }
}

wire_object! {
    /// What the answer to a deploy request says about one package.
    pub struct DeployDetail {
        /// A number here, unlike elsewhere.
        package_id: Option<PackageId> = "package_id" as PackageId::as_u64,
        /// The background task. It is assumed that [`ShowSystemTask`](crate::ShowSystemTask) can read it.
        task_id: Option<String> = "asy_task_id",
        /// How many subtasks run in the background.
        subtask_count: Option<i64> = "asy_subtask_num",
    }
}
