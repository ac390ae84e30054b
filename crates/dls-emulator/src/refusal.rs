//! What is refused, with the status, the code and a text of the gateway or the service. The texts follow the documents;
//! clients must not match on them.

use std::borrow::Cow;
use std::fmt::Display;

/// The code of [`Refusal::throttled`].
pub(crate) const THROTTLED: &str = "APIGW.0308";

/// An error response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) text: Cow<'static, str>,
}

/// The gateway: page `devg-apisign`, error codes.
impl Refusal {
    pub(crate) const UNKNOWN_API: Self = Self::new(
        404,
        "APIGW.0101",
        "The API does not exist or has not been published in the environment.",
    );
    pub(crate) const CONTENT_TYPE: Self = Self::new(
        400,
        "APIGW.0106",
        "Orchestration error: Invalid header parameter: Content-Type, required.",
    );
    pub(crate) const BODY_TOO_LARGE: Self =
        Self::new(413, "APIGW.0201", "The request body is larger than 12 MB.");
    pub(crate) const URI_TOO_LONG: Self =
        Self::new(414, "APIGW.0201", "The request URI is longer than 32 KB.");
    pub(crate) const HEADERS_TOO_LARGE: Self =
        Self::new(494, "APIGW.0201", "A header is larger than 32 KB, or all of them than 128 KB.");
    pub(crate) const FORBIDDEN: Self =
        Self::new(403, "APIGW.0302", "The IAM user is not authorized to access the API.");
    pub(crate) const DATE_OUTSIDE_WINDOW: Self = Self::new(
        401,
        "APIGW.0303",
        "Incorrect app authentication information: x-sdk-date is more than 15 minutes off",
    );
    pub(crate) const TOKEN_EXPIRED: Self =
        Self::new(401, "APIGW.0307", "The token must be updated.");
    pub(crate) const PROJECT_UNAVAILABLE: Self =
        Self::new(403, "APIGW.0310", "The project is unavailable.");

    /// Each error in a signature or a token, except the date and the expiry.
    pub(crate) fn authentication(why: impl Display) -> Self {
        let text = format!("Incorrect IAM authentication information: {why}");
        Self { status: 401, code: "APIGW.0301", text: text.into() }
    }

    pub(crate) fn throttled(limit: usize, whose: &str) -> Self {
        let text = format!(
            "The throttling threshold has been reached: policy {whose} over ratelimit,limit:{limit},time:1 second"
        );
        Self { status: 429, code: THROTTLED, text: text.into() }
    }

    pub(crate) fn is_from_gateway(&self) -> bool {
        self.code.starts_with("APIGW.")
    }
}

/// The service: pages `dataartsstudio_02_0313`, `_0204`, `_0205` and `_0096`.
impl Refusal {
    pub(crate) const INVALID_PARAMETER: Self =
        Self::new(400, "DLF.3051", "The request parameter is invalid.");
    /// An unknown package, which the documents call a task.
    pub(crate) const UNKNOWN_PACKAGE: Self = Self::new(400, "DLF.0810", "Task does not exist.");
    pub(crate) const UNKNOWN_WORKSPACE: Self =
        Self::new(400, "DLF.0819", "Workspace does not exists.");
    pub(crate) const NOT_PERMITTED: Self =
        Self::new(400, "DLF.6888", "The account permissions are invalid.");
    pub(crate) const ALREADY_RELEASED: Self = Self::new(
        400,
        "DLF.20990",
        "Cannot perform the operation because the release package has been released.",
    );

    /// The newer code for an unknown package, and the only one for a background task.
    pub(crate) fn unknown_task(id: &str) -> Self {
        let text = format!("Task[{id}] does not exist.");
        Self { status: 400, code: "DLF.20810", text: text.into() }
    }

    const fn new(status: u16, code: &'static str, text: &'static str) -> Self {
        Self { status, code, text: Cow::Borrowed(text) }
    }
}
