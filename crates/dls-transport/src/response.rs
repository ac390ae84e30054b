//! What is known of an exchange when the head of its answer has arrived.

use std::time::{Duration, SystemTime};

use http::header::LOCATION;
use http::{HeaderMap, StatusCode};

use crate::retry_after::{ClockSkew, clock_skew, retry_after};

/// What a [`call`](crate::Transport::call) knows about its answer beside the answer itself.
///
/// It is among the answer's extensions:
///
/// ```
/// # use dls_transport::ResponseMeta;
/// fn print_meta(answer: &http::Response<Vec<u8>>) {
///     if let Some(meta) = answer.extensions().get::<ResponseMeta>() {
///         println!("{} attempts, clock: {:?}", meta.attempts(), meta.clock_skew());
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseMeta {
    attempts: u32,
    retry_after: Option<Duration>,
    clock_skew: Option<ClockSkew>,
}

impl ResponseMeta {
    /// How many attempts the call took, at least 1.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// How long the server asks us to wait before the next request (`Retry-After`).
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// How far our clock is from the server's (`Date`). Signatures are refused beyond 15 minutes.
    ///
    /// `None` means that it is not known, and not that the clocks agree: there is no `Date`, more than
    /// one, or one that cannot be read.
    #[must_use]
    pub fn clock_skew(&self) -> Option<ClockSkew> {
        self.clock_skew
    }

    pub(crate) fn set_attempts(&mut self, attempts: u32) {
        self.attempts = attempts;
    }
}

/// What the head of an answer says.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) status: StatusCode,
    pub(crate) request_id: Option<String>,
    pub(crate) meta: ResponseMeta,
}

impl Head {
    pub(crate) fn read(status: StatusCode, headers: &HeaderMap, now: SystemTime) -> Self {
        let (retry_after, clock_skew) = (retry_after(headers, now), clock_skew(headers, now));
        let meta = ResponseMeta { attempts: 1, retry_after, clock_skew };
        Self { status, request_id: request_id(headers), meta }
    }
}

/// Where a redirect points, without what may be secret: user, query and fragment.
pub(crate) fn location(headers: &HeaderMap) -> Option<String> {
    let text = String::from_utf8_lossy(headers.get(LOCATION)?.as_bytes());
    let target = text.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = target.split_once("//") else {
        return Some(excerpt(target));
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit('@').next().unwrap_or_default();
    Some(excerpt(&format!("{scheme}//{host}{path}")))
}

fn request_id(headers: &HeaderMap) -> Option<String> {
    let value = headers.get("x-request-id").or_else(|| headers.get("x-iam-trace-id"))?;
    Some(excerpt(&String::from_utf8_lossy(value.as_bytes())))
}

/// At most 200 characters on one line.
pub(crate) fn excerpt(text: &str) -> String {
    text.chars().take(200).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_location_is_shown_without_user_query_and_fragment() {
        for (given, shown) in [
            ("https://a.example/b?token=1#x", "https://a.example/b"),
            ("https://user:pass@a.example", "https://a.example"),
            ("https://u@v@a.example:1/b@c?d", "https://a.example:1/b@c"),
            ("//user@a.example/b", "//a.example/b"),
            ("/login?token=1", "/login"),
            ("/a#token", "/a"),
            ("?token", ""),
            ("", ""),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(LOCATION, HeaderValue::from_static(given));
            assert_eq!(location(&headers).as_deref(), Some(shown), "{given}");
        }
        assert_eq!(location(&HeaderMap::new()), None);
    }

    #[test]
    fn a_request_id_is_found_under_both_names_and_kept_short() {
        let head = |name: &'static str, value: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_bytes(value).unwrap());
            Head::read(StatusCode::OK, &headers, UNIX_EPOCH).request_id
        };
        assert_eq!(head("x-request-id", b"abc").as_deref(), Some("abc"));
        assert_eq!(head("x-iam-trace-id", b"def").as_deref(), Some("def"));
        assert_eq!(head("x-other", b"abc"), None);
        assert_eq!(head("x-request-id", b"a\xff").as_deref(), Some("a\u{fffd}"));
        assert_eq!(head("x-request-id", &[b'a'; 300]).unwrap().len(), 200);
    }
}
