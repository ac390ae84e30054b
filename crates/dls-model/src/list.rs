//! List: the packages of a workspace, filtered, sorted and in pages (page `dataartsstudio_02_0195`).

use http::{HeaderMap, Method, Request, StatusCode};
use serde::{Deserialize, Serialize};

use crate::decode::Raw;
use crate::error::AnswerError;
use crate::lenient::members::wire_object;
use crate::operation::{Effect, HostFamily, InvalidRequest, Operation, json_request};
use crate::package::Package;
use crate::scope::Scope;
use crate::status::Status;
use crate::time::Timestamp;

/// Reads one page of the packages. Nothing is filtered, and the service's own defaults hold, unless said
/// here. [`Pages`](crate::Pages) reads them all.
///
/// The times of the filters have 13 digits: 2001-09-09 to 2286-11-20.
///
/// ```
/// use dls_model::{ListPackages, Operation, Scope, Status};
///
/// let scope = Scope::new("b384b9e9ab9b4ee8994c8633aabc9505".parse()?);
/// let request = ListPackages::new().with_statuses([Status::ToBeReviewed]).encode(&scope)?;
/// assert_eq!(request.body(), br#"{"deploy_status_filter":[1]}"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct ListPackages {
    #[serde(rename = "key_word", skip_serializing_if = "Option::is_none")]
    name_part: Option<String>,
    #[serde(rename = "apply_user_name", skip_serializing_if = "Option::is_none")]
    applicant: Option<String>,
    #[serde(rename = "deploy_user_name", skip_serializing_if = "Option::is_none")]
    deployer: Option<String>,
    #[serde(rename = "apply_begin_time", skip_serializing_if = "Option::is_none")]
    applied_since: Option<Timestamp>,
    #[serde(rename = "apply_end_time", skip_serializing_if = "Option::is_none")]
    applied_until: Option<Timestamp>,
    #[serde(rename = "deploy_begin_time", skip_serializing_if = "Option::is_none")]
    deployed_since: Option<Timestamp>,
    #[serde(rename = "deploy_end_time", skip_serializing_if = "Option::is_none")]
    deployed_until: Option<Timestamp>,
    #[serde(rename = "apply_user_name_filter", skip_serializing_if = "Option::is_none")]
    applicants: Option<Vec<String>>,
    #[serde(rename = "deploy_user_name_filter", skip_serializing_if = "Option::is_none")]
    deployers: Option<Vec<String>>,
    #[serde(rename = "deploy_status_filter", skip_serializing_if = "Option::is_none")]
    statuses: Option<Vec<Status>>,
    #[serde(rename = "sorted_direction", skip_serializing_if = "Option::is_none")]
    direction: Option<SortDirection>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_column: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u32>,
}

impl ListPackages {
    /// How many packages a page has if nothing is said.
    pub const DEFAULT_LIMIT: u32 = 10;

    /// All packages.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Only packages with this text in their name (wire: `key_word`).
    #[must_use]
    pub fn with_name_part(mut self, part: impl Into<String>) -> Self {
        self.name_part = Some(part.into());
        self
    }

    /// Only packages that this user submitted (wire: `apply_user_name`).
    #[must_use]
    pub fn with_applicant(mut self, name: impl Into<String>) -> Self {
        self.applicant = Some(name.into());
        self
    }

    /// Only packages that one of these users submitted (wire: `apply_user_name_filter`). If
    /// [`with_applicant`](Self::with_applicant) is used too, that name must be among them.
    #[must_use]
    pub fn with_applicants(mut self, names: impl IntoIterator<Item: Into<String>>) -> Self {
        self.applicants = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Only packages that this user released (wire: `deploy_user_name`).
    #[must_use]
    pub fn with_deployer(mut self, name: impl Into<String>) -> Self {
        self.deployer = Some(name.into());
        self
    }

    /// Only packages that one of these users released (wire: `deploy_user_name_filter`). If
    /// [`with_deployer`](Self::with_deployer) is used too, that name must be among them.
    #[must_use]
    pub fn with_deployers(mut self, names: impl IntoIterator<Item: Into<String>>) -> Self {
        self.deployers = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Only packages in one of these states (wire: `deploy_status_filter`).
    #[must_use]
    pub fn with_statuses(mut self, statuses: impl IntoIterator<Item = Status>) -> Self {
        self.statuses = Some(statuses.into_iter().collect());
        self
    }

    /// Only packages submitted then or later (wire: `apply_begin_time`).
    #[must_use]
    pub fn with_applied_since(mut self, time: Timestamp) -> Self {
        self.applied_since = Some(time);
        self
    }

    /// Only packages submitted then or earlier (wire: `apply_end_time`).
    #[must_use]
    pub fn with_applied_until(mut self, time: Timestamp) -> Self {
        self.applied_until = Some(time);
        self
    }

    /// Only packages released then or later (wire: `deploy_begin_time`).
    #[must_use]
    pub fn with_deployed_since(mut self, time: Timestamp) -> Self {
        self.deployed_since = Some(time);
        self
    }

    /// Only packages released then or earlier (wire: `deploy_end_time`).
    #[must_use]
    pub fn with_deployed_until(mut self, time: Timestamp) -> Self {
        self.deployed_until = Some(time);
        self
    }

    /// The column to sort by (wire: `order_column`); `apply_timestamp` if nothing is said, and the only one
    /// that the page names.
    #[must_use]
    pub fn with_order_column(mut self, column: impl Into<String>) -> Self {
        self.order_column = Some(column.into());
        self
    }

    /// The direction to sort in (wire: `sorted_direction`).
    #[must_use]
    pub fn with_direction(mut self, direction: SortDirection) -> Self {
        self.direction = Some(direction);
        self
    }

    /// How many packages a page has, `1..=i32::MAX`; [`Self::DEFAULT_LIMIT`] if nothing is said. The page
    /// names no maximum.
    #[must_use]
    pub fn with_limit(mut self, limit: u32) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Where the page begins, `0..=i32::MAX`; 0 if nothing is said. Whether this counts pages or rows is
    /// documented nowhere, see [`page`](crate::page).
    #[must_use]
    pub fn with_offset(mut self, offset: u32) -> Self {
        self.offset = Some(offset);
        self
    }

    /// The page size that was asked for.
    #[must_use]
    pub fn limit(&self) -> Option<u32> {
        self.limit
    }

    /// The offset that was asked for.
    #[must_use]
    pub fn offset(&self) -> Option<u32> {
        self.offset
    }

    fn check(&self) -> Result<(), InvalidRequest> {
        const THIRTEEN_DIGITS: std::ops::RangeInclusive<i64> =
            1_000_000_000_000..=9_999_999_999_999;
        let max = i32::MAX.unsigned_abs();
        if let Some(limit) = self.limit.filter(|limit| !(1..=max).contains(limit)) {
            return Err(InvalidRequest::LimitOutOfRange { limit });
        }
        if let Some(offset) = self.offset.filter(|offset| *offset > max) {
            return Err(InvalidRequest::OffsetOutOfRange { offset });
        }
        let times =
            [self.applied_since, self.applied_until, self.deployed_since, self.deployed_until];
        for millis in times.into_iter().flatten().map(Timestamp::as_millis) {
            if !THIRTEEN_DIGITS.contains(&millis) {
                return Err(InvalidRequest::TimeNotThirteenDigits { millis });
            }
        }
        if is_missing(self.applicant.as_ref(), self.applicants.as_ref()) {
            return Err(InvalidRequest::ApplicantNotInFilter);
        }
        if is_missing(self.deployer.as_ref(), self.deployers.as_ref()) {
            return Err(InvalidRequest::DeployerNotInFilter);
        }
        Ok(())
    }
}

fn is_missing(name: Option<&String>, set: Option<&Vec<String>>) -> bool {
    name.zip(set).is_some_and(|(name, set)| !set.contains(name))
}

/// The direction of sorting (wire: `sorted_direction`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SortDirection {
    /// `asc`, which is assumed: the page names only the other one.
    #[serde(rename = "asc")]
    Ascending,
    /// `desc`, what holds if nothing is said.
    #[serde(rename = "desc")]
    Descending,
}

impl Operation for ListPackages {
    type Answer = PackagePage;

    const NAME: &'static str = "list";
    const METHOD: Method = Method::POST;
    const ROUTE: &'static str = "/v2/{project_id}/factory/release-packages";
    const HOST: HostFamily = HostFamily::V2;
    const EFFECT: Effect = Effect::Read;

    /// Without any filter the body is `{}`.
    fn encode(&self, scope: &Scope) -> Result<Request<Vec<u8>>, InvalidRequest> {
        self.check()?;
        json_request(self, scope)
    }

    fn decode(
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<PackagePage, AnswerError> {
        let (page, request_id) = Raw { status, headers, body }.decode_object::<PackagePage>()?;
        Ok(PackagePage { request_id, ..page })
    }
}

wire_object! {
    /// One page of packages.
    pub struct PackagePage {
        /// Empty if absent.
        packages: Vec<Package> = "data",
        /// How many packages match, on all pages.
        total: Option<u64> = "total",
        /// The request id.
        request_id: Option<String>,
    }
}
