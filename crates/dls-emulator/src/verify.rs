//! Who asks: the signature is computed again from the bytes that arrived.

use std::collections::HashMap;
use std::time::{Duration, UNIX_EPOCH};

use dls_transport::credentials::SecretKey;
use dls_transport::sign::{
    self, SdkDate, canonical_request, parse_authorization, parse_query, string_to_sign,
};
use http::Request;

use crate::reply::Refusal;
use crate::seed::SeedUser;

/// How far `X-Sdk-Date` may be from our clock.
const WINDOW_MS: i64 = 15 * 60 * 1000;
const LOCK_MS: i64 = 5 * 60 * 1000;

#[derive(Debug, Default)]
pub(crate) struct Gate {
    failures: HashMap<String, Failures>,
}

#[derive(Debug, Default)]
struct Failures {
    in_a_row: u32,
    locked_until: i64,
}

impl Gate {
    /// The user whose key signed this request, or whose token it bears.
    pub(crate) fn identify<'a>(
        &mut self,
        users: &'a [SeedUser],
        request: &Request<Vec<u8>>,
        now: i64,
        lock_after: u32,
    ) -> Result<&'a SeedUser, Refusal> {
        let Some(authorization) = header(request, "authorization") else {
            return bearer(users, request);
        };
        let parsed = parse_authorization(authorization)
            .ok_or_else(|| denied("Incorrect IAM authentication information: malformed"))?;
        let failures = self.failures.entry(parsed.access.to_owned()).or_default();
        if now < failures.locked_until {
            return Err(denied("AK access failed to reach the limit,forbidden"));
        }
        let user = users
            .iter()
            .find(|user| user.access_key.as_deref() == Some(parsed.access));
        let user = user.ok_or_else(|| denied(format!("ak {} not exist", parsed.access)))?;
        in_time(request, now)?;
        let verified = user
            .secret_key
            .as_deref()
            .is_some_and(|secret| is_signed_with(secret, request, &parsed).unwrap_or_default());
        if verified {
            failures.in_a_row = 0;
            return Ok(user);
        }
        failures.in_a_row += 1;
        if failures.in_a_row >= lock_after {
            failures.in_a_row = 0;
            failures.locked_until = now + LOCK_MS;
        }
        Err(denied(
            "Incorrect IAM authentication information: verify aksk signature fail",
        ))
    }
}

fn bearer<'a>(users: &'a [SeedUser], request: &Request<Vec<u8>>) -> Result<&'a SeedUser, Refusal> {
    let token = header(request, "x-auth-token")
        .ok_or_else(|| denied("Incorrect IAM authentication information: no authorization"))?;
    let user = users
        .iter()
        .find(|user| user.token.as_deref() == Some(token));
    match user {
        Some(user) if user.token_expired => Err(Refusal::new(
            401,
            "APIGW.0307",
            "The token must be updated.",
        )),
        Some(user) => Ok(user),
        None => Err(denied(
            "Incorrect IAM authentication information: decrypt token fail",
        )),
    }
}

fn in_time(request: &Request<Vec<u8>>, now: i64) -> Result<(), Refusal> {
    let date = header(request, "x-sdk-date").and_then(|text| text.parse::<SdkDate>().ok());
    let date = date.ok_or_else(|| denied("x-sdk-date is missing or malformed"))?;
    let since = std::time::SystemTime::from(date).duration_since(UNIX_EPOCH);
    let millis = since.as_ref().map_or(0, Duration::as_millis);
    let apart = i64::try_from(millis)
        .unwrap_or(i64::MAX)
        .saturating_sub(now);
    if apart.saturating_abs() > WINDOW_MS {
        let text = "Incorrect app authentication information: x-sdk-date is expired";
        return Err(Refusal::new(401, "APIGW.0303", text));
    }
    Ok(())
}

/// `None` if the signature does not cover what it must, or a signed header is not there.
fn is_signed_with(
    secret: &str,
    request: &Request<Vec<u8>>,
    authorization: &sign::Authorization<'_>,
) -> Option<bool> {
    let mut headers = Vec::new();
    for name in authorization.header_names() {
        headers.push((name, header(request, name)?.trim()));
    }
    let signed = |wanted: &str| {
        headers
            .iter()
            .find(|(name, _)| *name == wanted)
            .map(|it| it.1)
    };
    signed("host")?;
    let date: SdkDate = signed("x-sdk-date")?.parse().ok()?;
    // A temporary key's token is worth nothing unless it is signed.
    if request.headers().contains_key("x-security-token") {
        signed("x-security-token")?;
    }
    let payload = sign::payload_hash(signed("x-sdk-content-sha256"), request.body());
    let query = parse_query(request.uri().query().unwrap_or_default());
    let (method, path) = (request.method().as_str(), request.uri().path());
    let canonical = canonical_request(method, path, &query, &headers, &payload);
    let secret = SecretKey::new(secret).ok()?;
    let text = string_to_sign(date, &canonical);
    Some(sign::verify(&secret, &text, authorization.signature))
}

pub(crate) fn header<'a>(request: &'a Request<Vec<u8>>, name: &str) -> Option<&'a str> {
    str::from_utf8(request.headers().get(name)?.as_bytes()).ok()
}

fn denied(message: impl Into<String>) -> Refusal {
    Refusal::new(401, "APIGW.0301", message)
}
