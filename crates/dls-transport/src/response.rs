//! What is known of one exchange once the head of its answer is in.

use std::time::{Duration, SystemTime};

use http::header::LOCATION;
use http::{HeaderMap, StatusCode};

use crate::retry_after::{ClockSkew, clock_skew, retry_after};

/// What a [`call`](crate::Transport::call) noted about its answer, beside the answer itself.
///
/// It is among the answer's extensions:
///
/// ```
/// # use dls_transport::ResponseMeta;
/// fn print_facts(answer: &http::Response<Vec<u8>>) {
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

/// The facts in the head of an answer.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) status: StatusCode,
    pub(crate) request_id: Option<String>,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) clock_skew: Option<ClockSkew>,
}

impl Head {
    pub(crate) fn read(status: StatusCode, headers: &HeaderMap, now: SystemTime) -> Self {
        Self {
            status,
            request_id: request_id(headers),
            retry_after: retry_after(headers, now),
            clock_skew: clock_skew(headers, now),
        }
    }

    pub(crate) fn meta(&self) -> ResponseMeta {
        ResponseMeta { attempts: 1, retry_after: self.retry_after, clock_skew: self.clock_skew }
    }
}

/// What a status means to the transport, which knows no service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResponseClass {
    /// An answer, be it good or bad.
    Answer,
    Redirect,
    /// No answer that a request of ours can have: 101 and everything from 600 on.
    Invalid,
}

impl ResponseClass {
    pub(crate) fn of(status: StatusCode) -> Self {
        match status.as_u16() {
            200..=299 | 400..=599 => Self::Answer,
            300..=399 => Self::Redirect,
            _ => Self::Invalid,
        }
    }
}

/// Where a redirect points, without what may be secret: user, query and fragment.
pub(crate) fn location(headers: &HeaderMap) -> Option<String> {
    let text = String::from_utf8_lossy(headers.get(LOCATION)?.as_bytes());
    let end = text.find(['?', '#']).unwrap_or(text.len());
    let (target, _) = text.split_at_checked(end)?;
    let target = match target.split_once("//") {
        Some((scheme, rest)) => {
            let (authority, path) = match rest.split_once('/') {
                Some((authority, path)) => (authority, Some(path)),
                None => (rest, None),
            };
            let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
            match path {
                Some(path) => format!("{scheme}//{host}/{path}"),
                None => format!("{scheme}//{host}"),
            }
        }
        None => target.to_owned(),
    };
    Some(excerpt(&target))
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
    fn only_2xx_4xx_and_5xx_are_answers() {
        for status in 100..=999 {
            let class = ResponseClass::of(StatusCode::from_u16(status).unwrap());
            let expected = match status / 100 {
                2 | 4 | 5 => ResponseClass::Answer,
                3 => ResponseClass::Redirect,
                _ => ResponseClass::Invalid,
            };
            assert_eq!(class, expected, "{status}");
        }
    }

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
