//! The canonical request: one text that client and service both derive from the same request.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use super::text::{decode, encode_into, hex, strip};

/// One query parameter, not percent-encoded: key and value.
pub type QueryPair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// The path as it is signed: decoded, encoded again piece by piece, with a `/` at the end.
///
/// Only `A-Za-z0-9-_.~` are left alone. `%2F` becomes a separator; double slashes and dot segments
/// stay; a broken escape (`%zz`) counts as text; escapes that are not UTF-8 become U+FFFD.
///
/// ```
/// use dls_transport::sign::canonical_uri;
///
/// assert_eq!(canonical_uri("/v2/a%2fb/x:y"), "/v2/a/b/x%3Ay/");
/// ```
#[must_use]
pub fn canonical_uri(path: &str) -> String {
    let path = decode(path);
    let mut out = String::with_capacity(path.len() + 1);
    encode_into(&mut out, &path, Some(b'/'));
    if !path.ends_with('/') {
        out.push('/');
    }
    out
}

/// The query as it is signed *and sent*: sorted by raw key, then raw value, encoded, without the `?`.
///
/// ```
/// use dls_transport::sign::{canonical_query, parse_query};
///
/// assert_eq!(canonical_query(&parse_query("b=2&a=x%20y&b=1")), "a=x%20y&b=1&b=2");
/// ```
#[must_use]
pub fn canonical_query(pairs: &[QueryPair<'_>]) -> String {
    let mut sorted: Vec<&QueryPair<'_>> = pairs.iter().collect();
    sorted.sort_unstable();

    let mut out = String::new();
    for (index, (key, value)) in sorted.into_iter().enumerate() {
        if index > 0 {
            out.push('&');
        }
        encode_into(&mut out, key, None);
        out.push('=');
        encode_into(&mut out, value, None);
    }
    out
}

/// The pairs of a query as it stands in a URL (without the `?`), in their order.
///
/// Percent-escapes are decoded; `+` stays `+`. A piece without `=` has an empty value, and an empty
/// piece (`a=1&&b=2`) is no pair.
#[must_use]
pub fn parse_query(raw: &str) -> Vec<QueryPair<'_>> {
    raw.split('&')
        .filter(|piece| !piece.is_empty())
        .map(|piece| {
            let (key, value) = piece.split_once('=').unwrap_or((piece, ""));
            (decode(key), decode(value))
        })
        .collect()
}

/// The payload hash in lower-case hex.
///
/// `content_sha256` is the value of the request's `X-Sdk-Content-Sha256` header. It stands for the
/// hash, unless it is empty or the body is: an empty body always counts as the hash of nothing.
#[must_use]
pub fn payload_hash(content_sha256: Option<&str>, body: &[u8]) -> String {
    match content_sha256.map(strip) {
        Some(given) if !given.is_empty() && !body.is_empty() => given.to_owned(),
        _ => hex(&Sha256::digest(body)),
    }
}

/// The canonical request.
///
/// `signed_headers` are name and value of the headers to sign, in the order of the `SignedHeaders`
/// list: names in lower case and sorted. White space around a value is trimmed. The text holds
/// the values as they are; if a security token is among them, the caller should wipe the text.
#[must_use]
pub fn canonical_request(
    method: &str,
    path: &str,
    query: &[QueryPair<'_>],
    signed_headers: &[(impl AsRef<str>, impl AsRef<str>)],
    payload_hash: &str,
) -> String {
    let (method, path, query) =
        (method.to_uppercase(), canonical_uri(path), canonical_query(query));
    // A name stands twice, each time with one more character; the values once, with a line end.
    let headers: usize = signed_headers
        .iter()
        .map(|(name, value)| 2 * name.as_ref().len() + value.as_ref().len() + 3)
        .sum();
    let fixed = method.len() + path.len() + query.len() + payload_hash.len() + 6;
    // It may hold a security token, and a text that grows leaves copies of itself behind.
    let mut out = String::with_capacity(fixed + headers);

    for line in [&method, &path, &query] {
        out.push_str(line);
        out.push('\n');
    }
    for (name, value) in signed_headers {
        out.push_str(name.as_ref());
        out.push(':');
        out.push_str(strip(value.as_ref()));
        out.push('\n');
    }
    out.push('\n');
    for (index, (name, _)) in signed_headers.iter().enumerate() {
        if index > 0 {
            out.push(';');
        }
        out.push_str(name.as_ref());
    }
    out.push('\n');
    out.push_str(payload_hash);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canonical_request_is_written_into_the_memory_that_was_asked_for_first() {
        let headers = [("host", "a.example"), ("x-security-token", "t".repeat(5000).as_str())]
            .map(|(name, value)| (name, value.to_owned()));
        for (method, path, query) in [("get", "/", ""), ("post", "/作 *()/:@&=+$,", "a=%20&b=c")] {
            let text = canonical_request(method, path, &parse_query(query), &headers, "hash");
            // It doubles when it has to grow.
            let spare = text.capacity() - text.len();
            assert!(spare < 100, "{method}: {spare} bytes");
        }
    }
}
