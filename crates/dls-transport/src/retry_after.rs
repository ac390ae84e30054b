//! `Retry-After` and `Date`: what an answer says about time.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::{DATE, HeaderName, RETRY_AFTER};

/// How far our clock is from the server's. `Date` counts whole seconds and an answer takes its time,
/// so a second or two mean nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClockSkew {
    /// Our clock is ahead by this time.
    Ahead(Duration),
    /// Our clock is behind by this time.
    Behind(Duration),
}

/// How long the answer asks us to wait, as a number of seconds or as a date.
///
/// A date counts from the answer's own `Date`, so that a wrong clock of ours does not matter, else
/// from `now`; one that is past means zero. What is neither is ignored, and the longest wins.
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let since = date(headers).unwrap_or(now);
    texts(headers, RETRY_AFTER).filter_map(|text| wait(text, since)).max()
}

/// How far `now` is from the answer's `Date`, which counts whole seconds.
pub(crate) fn clock_skew(headers: &HeaderMap, now: SystemTime) -> Option<ClockSkew> {
    let server = date(headers)?;
    Some(match now.duration_since(server) {
        Ok(ahead) => ClockSkew::Ahead(ahead),
        Err(error) => ClockSkew::Behind(error.duration()),
    })
}

fn wait(text: &str, since: SystemTime) -> Option<Duration> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit mean: longer than we shall ever wait.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let until = httpdate::parse_http_date(text).ok()?;
    Some(until.duration_since(since).unwrap_or_default())
}

/// `None` if there are several: it is not known which is the server's.
fn date(headers: &HeaderMap) -> Option<SystemTime> {
    let mut dates = headers.get_all(DATE).into_iter();
    let (Some(only), None) = (dates.next(), dates.next()) else {
        return None;
    };
    httpdate::parse_http_date(only.to_str().ok()?.trim()).ok()
}

fn texts(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let values = headers.get_all(name).into_iter();
    values.filter_map(|value| value.to_str().ok()).map(str::trim)
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use http::HeaderValue;

    use super::*;

    /// Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110 §5.6.7.
    const NOW: u64 = 784_111_777;

    fn headers(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter().cloned();
        pairs.map(|(name, value)| (name, HeaderValue::from_static(value))).collect()
    }

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn a_wait_is_a_number_of_seconds_or_a_date() {
        for (text, seconds) in [
            ("0", Some(0)),
            ("120", Some(120)),
            ("1000000000000", Some(1_000_000_000_000)),
            ("99999999999999999999999", Some(u64::MAX)),
            ("Sun, 06 Nov 1994 08:49:39 GMT", Some(2)),
            ("Sunday, 06-Nov-94 08:49:39 GMT", Some(2)),
            ("Sun Nov  6 08:49:39 1994", Some(2)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(0)),
            ("Sat, 05 Nov 1994 08:49:37 GMT", Some(0)),
            ("", None),
            ("-1", None),
            ("+1", None),
            ("1.5", None),
            ("soon", None),
            ("Sun, 99 Nov 1994 08:49:37 GMT", None),
        ] {
            let found = retry_after(&headers(&[(RETRY_AFTER, text)]), at(NOW));
            assert_eq!(found, seconds.map(Duration::from_secs), "{text:?}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), at(NOW)), None);
    }

    #[test]
    fn of_several_waits_the_longest_valid_one_counts() {
        let mut several = headers(&[(RETRY_AFTER, "3")]);
        several.append(RETRY_AFTER, HeaderValue::from_static("9, 10"));
        several.append(RETRY_AFTER, HeaderValue::from_static("7"));
        several.append(RETRY_AFTER, HeaderValue::from_bytes(b"\xff").unwrap());
        assert_eq!(retry_after(&several, at(NOW)), Some(Duration::from_secs(7)));
    }

    #[test]
    fn the_skew_is_told_in_both_directions() {
        let answer = headers(&[(DATE, "Sun, 06 Nov 1994 08:49:37 GMT")]);
        let (ahead, behind) = (Duration::from_secs(5), Duration::from_secs(7));
        assert_eq!(clock_skew(&answer, at(NOW) + ahead), Some(ClockSkew::Ahead(ahead)));
        assert_eq!(clock_skew(&answer, at(NOW) - behind), Some(ClockSkew::Behind(behind)));
    }

    #[test]
    fn without_one_date_that_can_be_read_the_skew_is_not_known() {
        const RIGHT: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
        for dates in [
            &[][..],
            &["today"],
            &[""],
            &["Sun, 99 Nov 1994 08:49:37 GMT"],
            &["784111777"],
            &[RIGHT, "Sun, 06 Nov 1994 09:49:37 GMT"],
            &[RIGHT, RIGHT],
            &[RIGHT, "today"],
            &["today", RIGHT],
        ] {
            let mut answer = HeaderMap::new();
            for date in dates {
                answer.append(DATE, HeaderValue::from_static(date));
            }
            assert_eq!(clock_skew(&answer, at(NOW)), None, "{dates:?}");
        }
        let mut answer = HeaderMap::new();
        answer.append(DATE, HeaderValue::from_bytes(b"\xff").unwrap());
        assert_eq!(clock_skew(&answer, at(NOW)), None);
    }
}
