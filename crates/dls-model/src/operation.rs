//! What all operations share: a name, a route, a host, an effect, and the two directions of the wire.

use std::fmt;

use http::header::{CONTENT_TYPE, HeaderMap};
use http::{Method, Request, StatusCode};
use serde::Serialize;

use crate::error::AnswerError;
use crate::path;
use crate::scope::Scope;

/// One call of the service: it encodes itself to a request, and decodes what comes back.
///
/// The request's URI is a path without an origin, because the model does not know where the service runs:
/// put `https://{host}` before it, where [`Operation::HOST`] says which of the two hosts it is.
///
/// ```
/// use dls_model::{HostFamily, Operation, Scope, ShowPackage};
///
/// let scope = Scope::new("b384b9e9ab9b4ee8994c8633aabc9505".parse()?);
/// let request = ShowPackage::new("23".parse()?).encode(&scope)?;
/// assert_eq!(request.uri(), "/v2/b384b9e9ab9b4ee8994c8633aabc9505/factory/release-packages/23");
/// assert_eq!(ShowPackage::HOST, HostFamily::V2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Operation {
    /// What the service answers.
    type Answer;

    /// A short name for messages and logs, such as `deploy`.
    const NAME: &'static str;
    /// The HTTP method.
    const METHOD: Method;
    /// The path, with its parameters in braces: one label for all calls of this operation.
    const ROUTE: &'static str;
    /// Which of the service's two hosts serves it.
    const HOST: HostFamily;
    /// Whether it changes anything. The method does not tell: the list is a POST.
    const EFFECT: Effect;

    /// Makes the request: method, path, the header `workspace` if the scope names one, and the body with
    /// its `content-type`.
    ///
    /// # Errors
    ///
    /// The request breaks a documented limit, or is a write without a workspace.
    fn encode(&self, scope: &Scope) -> Result<Request<Vec<u8>>, InvalidRequest>;

    /// Reads an answer. Success is a status of 200 to 299 with a body that can be read and holds no error.
    ///
    /// Whatever the body is, this takes memory of a few times its length, and time that grows with the length alone.
    ///
    /// # Errors
    ///
    /// [`AnswerError::Service`] for any other status, and for an error object in a success;
    /// [`AnswerError::Undecodable`] for a success that cannot be read.
    fn decode(
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Self::Answer, AnswerError>;
}

/// Whether an operation changes anything, and so whether it may be sent again without reading the state first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// It only reads.
    Read,
    /// It changes something, and is not idempotent: the service has no idempotency token.
    Write,
}

/// Which of the service's two hosts serves an operation (page `dataartsstudio_02_0004`). The other one
/// answers 404 `APIGW.0101`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HostFamily {
    /// Paths that begin with `/v1`, at `dayu-dlf.{region}.…`.
    V1,
    /// Paths that begin with `/v2`, at `dayu.{region}.…`.
    V2,
}

impl HostFamily {
    /// The first label of the host name: `dayu-dlf` or `dayu`.
    #[must_use]
    pub fn prefix(self) -> &'static str {
        match self {
            Self::V1 => "dayu-dlf",
            Self::V2 => "dayu",
        }
    }
}

/// Why a request was not made. Nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidRequest {
    /// The list filters by one applicant and by a set that does not contain this applicant, as the service requires.
    ApplicantNotInFilter,
    /// The same for the user who released a package.
    DeployerNotInFilter,
    /// This page size of the list is not in `1..=i32::MAX`.
    LimitOutOfRange(u32),
    /// A write needs a [workspace](Scope::with_workspace): the service would take the one called `default`.
    MissingWorkspace,
    /// The `http` crate rejected a request that was made of valid parts; not possible with today's types.
    NotHttp,
    /// This offset of the list is not in `0..=i32::MAX`.
    OffsetOutOfRange(u32),
    /// This time in a filter of the list, in milliseconds, does not have 13 digits: it lies before 2001-09-09 or
    /// after 2286-11-20.
    TimeNotThirteenDigits(i64),
}

impl fmt::Display for InvalidRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ApplicantNotInFilter => {
                f.write_str("the set of applicants must contain the applicant that is asked for")
            }
            Self::DeployerNotInFilter => {
                f.write_str("the set of releasers must contain the releaser that is asked for")
            }
            Self::LimitOutOfRange(limit) => {
                write!(f, "limit {limit}: it must be 1 to {}", i32::MAX)
            }
            Self::MissingWorkspace => {
                f.write_str("this request changes something, so it must name a workspace")
            }
            Self::NotHttp => f.write_str("the request cannot be written as HTTP"),
            Self::OffsetOutOfRange(offset) => {
                write!(f, "offset {offset}: it must be 0 to {}", i32::MAX)
            }
            Self::TimeNotThirteenDigits(millis) => {
                write!(f, "time {millis}: the service only takes milliseconds of 13 digits")
            }
        }
    }
}

impl std::error::Error for InvalidRequest {}

/// The request of operation `O` without a body. `parameter` fills the place in its route.
pub(crate) fn bare_request<O: Operation>(
    scope: &Scope,
    parameter: &str,
) -> Result<Request<Vec<u8>>, InvalidRequest> {
    if O::EFFECT == Effect::Write && scope.workspace().is_none() {
        return Err(InvalidRequest::MissingWorkspace);
    }
    let mut request =
        Request::builder().method(O::METHOD).uri(path::fill(O::ROUTE, scope.project(), parameter));
    if let Some(workspace) = scope.workspace() {
        request = request.header("workspace", workspace.as_str());
    }
    request.body(Vec::new()).map_err(|_| InvalidRequest::NotHttp)
}

/// The request of operation `O` with itself as its JSON body, serialised here and nowhere else.
pub(crate) fn json_request<O: Operation + Serialize>(
    operation: &O,
    scope: &Scope,
) -> Result<Request<Vec<u8>>, InvalidRequest> {
    let mut request = bare_request::<O>(scope, "")?;
    let content_type = http::HeaderValue::from_static("application/json;charset=UTF-8");
    request.headers_mut().insert(CONTENT_TYPE, content_type);
    *request.body_mut() = serde_json::to_vec(operation).map_err(|_| InvalidRequest::NotHttp)?;
    Ok(request)
}
