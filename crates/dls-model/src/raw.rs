//! The parts of an HTTP response, not decoded yet.

use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};

use crate::error_codes::MAX_CODE;
use crate::text::printable;

/// A response that is not decoded yet.
#[derive(Clone, Copy)]
pub(crate) struct Raw<'a> {
    pub(crate) status: StatusCode,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
}

impl Raw<'_> {
    /// The request id in the headers.
    pub(crate) fn request_id(self) -> Option<String> {
        ["x-request-id", "x-iam-trace-id"]
            .iter()
            .flat_map(|name| self.headers.get_all(*name))
            .find_map(|value| id_text(&String::from_utf8_lossy(value.as_bytes())))
    }

    /// The seconds to wait, as the headers say. A number with too many digits becomes the largest one.
    pub(crate) fn retry_after(self) -> Option<u64> {
        let values = self.headers.get_all(RETRY_AFTER).into_iter();
        values
            .filter_map(|value| value.to_str().ok())
            .map(str::trim)
            .filter(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
            .map(|text| text.parse().unwrap_or(u64::MAX))
            .max()
    }

    pub(crate) fn has_empty_body(self) -> bool {
        self.body.trim_ascii().is_empty()
    }
}

/// A request id that is safe to print; `None` if it is empty.
pub(crate) fn id_text(text: &str) -> Option<String> {
    Some(printable(text.trim(), MAX_CODE)).filter(|id| !id.is_empty())
}
