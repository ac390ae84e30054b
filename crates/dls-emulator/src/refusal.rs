//! What is refused, with the status, the code and a text as the gateway or the service gives them.
//! Texts are written after the documents; clients must not match on them.

use std::borrow::Cow;

use http::StatusCode;

/// The code of [`Refusal::throttled`].
pub(crate) const THROTTLED: &str = "APIGW.0308";

/// An error answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) text: Cow<'static, str>,
}

/// Status 494 has no name in `http`: a header is too large.
fn header_too_large() -> StatusCode {
    StatusCode::from_u16(494).unwrap_or(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE)
}

impl Refusal {
    fn new(status: StatusCode, code: &'static str, text: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code, text: text.into() }
    }

    /// Whether the gateway says so, and not the service behind it.
    pub(crate) fn is_from_gateway(&self) -> bool {
        self.code.starts_with("APIGW.")
    }
}

/// The gateway: page `devg-apisign`, error codes.
impl Refusal {
    pub(crate) fn unknown_api() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "APIGW.0101",
            "The API does not exist or has not been published in the environment.",
        )
    }

    pub(crate) fn content_type() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "APIGW.0106",
            "Orchestration error: Invalid header parameter: Content-Type, required.",
        )
    }

    pub(crate) fn body_too_large() -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "APIGW.0201",
            "The request body is larger than 12 MB.",
        )
    }

    pub(crate) fn uri_too_long() -> Self {
        Self::new(StatusCode::URI_TOO_LONG, "APIGW.0201", "The request URI is longer than 32 KB.")
    }

    pub(crate) fn headers_too_large() -> Self {
        Self::new(
            header_too_large(),
            "APIGW.0201",
            "A header is larger than 32 KB, or all of them than 128 KB.",
        )
    }

    /// Everything that is wrong with a signature or a token, but the date and the token's end.
    pub(crate) fn authentication(why: impl std::fmt::Display) -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "APIGW.0301",
            format!("Incorrect IAM authentication information: {why}"),
        )
    }

    pub(crate) fn date_outside_window() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "APIGW.0303",
            "Incorrect app authentication information: x-sdk-date is more than 15 minutes off",
        )
    }

    pub(crate) fn token_expired() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "APIGW.0307", "The token must be updated.")
    }

    pub(crate) fn throttled(limit: usize, whose: &str) -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            THROTTLED,
            format!(
                "The throttling threshold has been reached: policy {whose} over ratelimit,limit:{limit},time:1 second"
            ),
        )
    }

    pub(crate) fn project_unavailable() -> Self {
        Self::new(StatusCode::FORBIDDEN, "APIGW.0310", "The project is unavailable.")
    }

    pub(crate) fn user_not_authorised() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "APIGW.0302",
            "The IAM user is not authorized to access the API.",
        )
    }
}

/// The service: pages `dataartsstudio_02_0313`, `_0204`, `_0205` and `_0096`.
impl Refusal {
    fn service(code: &'static str, text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, text)
    }

    pub(crate) fn invalid_parameter() -> Self {
        Self::service("DLF.3051", "The request parameter is invalid.")
    }

    /// A package (the documents say task) that is not there.
    pub(crate) fn unknown_package() -> Self {
        Self::service("DLF.0810", "Task does not exist.")
    }

    /// The same fact under its younger code, and the only one for background tasks.
    pub(crate) fn unknown_task(id: &str) -> Self {
        Self::service("DLF.20810", format!("Task[{id}] does not exist."))
    }

    pub(crate) fn unknown_workspace() -> Self {
        Self::service("DLF.0819", "Workspace does not exists.")
    }

    pub(crate) fn not_permitted() -> Self {
        Self::service("DLF.6888", "The account permissions are invalid.")
    }

    pub(crate) fn already_released() -> Self {
        Self::service(
            "DLF.20990",
            "Cannot perform the operation because the release package has been released.",
        )
    }
}
