//! Which headers are sent, which are signed, and which cannot be.

use std::borrow::Cow;

use super::text::strip;
use super::{Parts, SdkDate, Unsignable};
use crate::credentials::AccessKey;

pub(super) const AUTHORIZATION: &str = "Authorization";
const CONTENT_SHA256: &str = "X-Sdk-Content-Sha256";
const CONTENT_TYPE: &str = "Content-Type";
const DATE: &str = "X-Sdk-Date";
const HOST: &str = "Host";
const SECURITY_TOKEN: &str = "X-Security-Token";

/// Names and values to send, in their order.
pub(super) type Headers<'a> = Vec<(&'a str, Cow<'a, str>)>;

/// The caller's headers and those that the signer adds, trimmed, and the date that they name.
pub(super) fn complete<'a>(
    parts: &Parts<'a>,
    key: &'a AccessKey,
    date: SdkDate,
) -> Result<(Headers<'a>, SdkDate), Unsignable> {
    let mut headers = Vec::with_capacity(parts.headers.len() + 5);
    headers.extend(parts.headers.iter().map(|(name, value)| (*name, Cow::Borrowed(strip(value)))));

    if let Some(token) = key.security_token() {
        set(&mut headers, SECURITY_TOKEN, Cow::Borrowed(token.expose()));
    }
    if is_sent_unsigned(parts.headers) {
        set(&mut headers, CONTENT_SHA256, Cow::Borrowed("UNSIGNED-PAYLOAD"));
    }
    let date = match find(&headers, DATE) {
        Some(given) => given.parse().map_err(Unsignable::Date)?,
        None => {
            headers.push((DATE, Cow::Owned(date.to_string())));
            date
        }
    };
    if find(&headers, HOST).is_none() {
        headers.push((HOST, Cow::Borrowed(strip(parts.host))));
    }
    Ok((headers, date))
}

/// The headers to sign: names in lower case, sorted. Refuses what no request can carry.
pub(super) fn to_sign<'h>(headers: &'h Headers<'_>) -> Result<Vec<(String, &'h str)>, Unsignable> {
    for (name, value) in headers {
        if !is_token(name) {
            return Err(Unsignable::HeaderName { name: (*name).to_owned() });
        }
        if value.contains(['\r', '\n', '\0']) {
            return Err(Unsignable::HeaderValue { name: (*name).to_owned() });
        }
    }
    if find(headers, AUTHORIZATION).is_some() {
        return Err(Unsignable::AlreadySigned);
    }

    let mut signed: Vec<(String, &str)> =
        headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.as_ref())).collect();
    signed.sort_unstable();
    for pair in signed.windows(2) {
        if let [(first, _), (second, _)] = pair
            && first == second
        {
            return Err(Unsignable::DuplicateHeader { name: first.clone() });
        }
    }
    // Gateways drop or rename such headers on the way, so the official signer leaves them out.
    signed.retain(|(name, _)| !name.contains('_'));
    Ok(signed)
}

/// Whether the official signer would leave this body unsigned. It knows `Content-Type` in this
/// spelling only, and reads the value as it was given.
fn is_sent_unsigned(headers: &[(&str, &str)]) -> bool {
    headers.iter().any(|(name, value)| {
        *name == CONTENT_TYPE
            && !value.is_empty()
            && !value.starts_with("application/json")
            && !value.starts_with("application/bson")
    })
}

/// Replaces the value of the header spelled exactly so, or adds it.
fn set<'a>(headers: &mut Headers<'a>, name: &'a str, value: Cow<'a, str>) {
    match headers.iter_mut().find(|(given, _)| *given == name) {
        Some((_, old)) => *old = value,
        None => headers.push((name, value)),
    }
}

fn find<'h>(headers: &'h Headers<'_>, name: &str) -> Option<&'h str> {
    headers
        .iter()
        .find(|(given, _)| given.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_ref())
}

/// A token of RFC 9110 §5.6.2: what a method or the name of a header may be.
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}
