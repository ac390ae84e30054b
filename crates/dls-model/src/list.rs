//! List: the packages of a workspace, filtered, sorted and in pages (page `dataartsstudio_02_0195`).

use http::{HeaderMap, Method, Request, StatusCode};
use serde::{Deserialize, Serialize};

use crate::error::AnswerError;
use crate::lenient::members::wire_object;
use crate::operation::{Effect, HostFamily, InvalidRequest, Operation, json_request};
use crate::package::Package;
use crate::raw::Raw;
use crate::scope::Scope;
use crate::status::Status;
use crate::time::Timestamp;

/// Declares the request of the list with one row for each optional member: its wire name, its field, its setter, and
/// the value that the setter stores.
macro_rules! list_request {
    ($(#[$meta:meta])* pub struct $request:ident {
        $($(#[$doc:meta])* $name:literal, $field:ident: $type:ty,
            $with:ident($argument:ident: $from:ty) = $value:expr;)+
    }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(default)]
        pub struct $request {
            $(#[serde(rename = $name, skip_serializing_if = "Option::is_none")]
                pub(crate) $field: Option<$type>,)+
        }

        impl $request {
            $(
                $(#[$doc])*
                #[doc = concat!("\n\nWire: `", $name, "`.")]
                #[must_use]
                pub fn $with(mut self, $argument: $from) -> Self {
                    self.$field = Some($value);
                    self
                }
            )+
        }
    };
}

list_request! {
    /// Reads one page of the packages. By default nothing is filtered and the service's own defaults apply.
    /// [`Pages`](crate::Pages) reads all pages.
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
    pub struct ListPackages {
        /// Only packages with this text in their name.
        "key_word", name_part: String, with_name_part(part: impl Into<String>) = part.into();
        /// Only packages that this user submitted.
        "apply_user_name", applicant: String, with_applicant(name: impl Into<String>) = name.into();
        /// Only packages that this user released.
        "deploy_user_name", deployer: String, with_deployer(name: impl Into<String>) = name.into();
        /// Only packages submitted at this time or later.
        "apply_begin_time", applied_since: Timestamp, with_applied_since(time: Timestamp) = time;
        /// Only packages submitted at this time or earlier.
        "apply_end_time", applied_until: Timestamp, with_applied_until(time: Timestamp) = time;
        /// Only packages released at this time or later.
        "deploy_begin_time", deployed_since: Timestamp, with_deployed_since(time: Timestamp) = time;
        /// Only packages released at this time or earlier.
        "deploy_end_time", deployed_until: Timestamp, with_deployed_until(time: Timestamp) = time;
        /// Only packages that one of these users submitted. If [`with_applicant`](Self::with_applicant) is used too,
        /// that name must be among them.
        "apply_user_name_filter", applicants: Vec<String>,
            with_applicants(names: impl IntoIterator<Item: Into<String>>) = names.into_iter().map(Into::into).collect();
        /// Only packages that one of these users released. If [`with_deployer`](Self::with_deployer) is used too,
        /// that name must be among them.
        "deploy_user_name_filter", deployers: Vec<String>,
            with_deployers(names: impl IntoIterator<Item: Into<String>>) = names.into_iter().map(Into::into).collect();
        /// Only packages in one of these states.
        "deploy_status_filter", statuses: Vec<Status>,
            with_statuses(statuses: impl IntoIterator<Item = Status>) = statuses.into_iter().collect();
        /// The direction to sort in.
        "sorted_direction", direction: SortDirection, with_direction(direction: SortDirection) = direction;
        /// The column to sort by, by default `apply_timestamp`, which is the only one that the page names.
        "order_column", order_column: String, with_order_column(column: impl Into<String>) = column.into();
        /// The page size, `1..=i32::MAX`; by default [`Self::DEFAULT_LIMIT`]. The page names no maximum.
        "limit", limit: u32, with_limit(limit: u32) = limit;
        /// Where the page begins, `0..=i32::MAX`; by default 0. The documents do not say whether it counts pages or
        /// rows, see [`page`](crate::page).
        "offset", offset: u32, with_offset(offset: u32) = offset;
    }
}

impl ListPackages {
    /// The service's default page size.
    pub const DEFAULT_LIMIT: u32 = 10;

    /// All packages.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The page size, if it is set.
    #[must_use]
    pub fn limit(&self) -> Option<u32> {
        self.limit
    }

    /// The offset, if it is set.
    #[must_use]
    pub fn offset(&self) -> Option<u32> {
        self.offset
    }

    fn check(&self) -> Result<(), InvalidRequest> {
        const THIRTEEN_DIGITS: std::ops::RangeInclusive<i64> =
            1_000_000_000_000..=9_999_999_999_999;
        let max = i32::MAX.unsigned_abs();
        if let Some(limit) = self.limit.filter(|limit| !(1..=max).contains(limit)) {
            return Err(InvalidRequest::LimitOutOfRange(limit));
        }
        if let Some(offset) = self.offset.filter(|offset| *offset > max) {
            return Err(InvalidRequest::OffsetOutOfRange(offset));
        }
        let times =
            [self.applied_since, self.applied_until, self.deployed_since, self.deployed_until];
        for millis in times.into_iter().flatten().map(Timestamp::as_millis) {
            if !THIRTEEN_DIGITS.contains(&millis) {
                return Err(InvalidRequest::TimeNotThirteenDigits(millis));
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

/// The direction to sort in (wire: `sorted_direction`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SortDirection {
    /// `asc`, which is assumed: the page names only `desc`.
    #[serde(rename = "asc")]
    Ascending,
    /// `desc`, the service's default.
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
