//! The gateway's authentication: the signature recomputed over the bytes that arrived, the date window, locked keys, and
//! tokens.

use std::time::{Duration, SystemTime};

use dls_model::Timestamp;
use dls_transport::credentials::AccessKey;
use dls_transport::sign::{
    Authorization, SdkDate, canonical_request, parse_authorization, parse_query, payload_hash,
    string_to_sign, verify,
};
use http::Request;

use crate::assumptions::{Assumptions, Need, YesNo};
use crate::ledger::Arrival;
use crate::refusal::Refusal;
use crate::seed::{Secret, Seed, UserToken, UtcTime};

/// How far `X-Sdk-Date` may be from the clock (page `dataartsstudio_02_0010`).
const WINDOW: Duration = Duration::from_secs(15 * 60);
/// How long a key stays locked (page `api-sign-0001`).
const LOCKED: Duration = Duration::from_secs(5 * 60);
const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// An authenticated user.
pub(crate) struct Caller {
    pub(crate) user: String,
    /// Authenticated by a signature, not by a token.
    pub(crate) signed: bool,
}

/// The known keys and tokens, and the failures of each key.
pub(crate) struct Authenticator {
    keys: Vec<Key>,
    tokens: Vec<UserToken>,
}

struct Key {
    key: AccessKey,
    security_token: Option<Secret>,
    user: String,
    failures_in_a_row: u32,
    locked_until: Option<SystemTime>,
}

impl Authenticator {
    pub(crate) fn new(seed: &Seed) -> Self {
        let keys = seed.access_keys.iter().map(AsRef::as_ref).filter_map(|row| {
            Some(Key {
                // The seed was checked: each key is valid.
                key: row.access_key().ok()?,
                security_token: row.security_token.clone(),
                user: row.user.clone(),
                failures_in_a_row: 0,
                locked_until: None,
            })
        });
        let tokens = seed.tokens.iter().map(AsRef::as_ref);
        Self { keys: keys.collect(), tokens: tokens.cloned().collect() }
    }

    /// A signature takes precedence over a token.
    pub(crate) fn authenticate(
        &mut self,
        now: Timestamp,
        arrival: &mut Arrival<'_>,
        assumptions: &Assumptions,
    ) -> Result<Caller, Refusal> {
        let request = arrival.request;
        if let Some(value) = only(request, "authorization")? {
            let authorization = parse_authorization(value).ok_or_else(|| {
                Refusal::authentication("the Authorization header is not of SDK-HMAC-SHA256")
            })?;
            arrival.record.access_key = Some(authorization.access.chars().take(64).collect());
            return self.by_signature(now, request, assumptions, &authorization);
        }
        match only(request, "x-auth-token")? {
            Some(token) => self.by_token(now, token),
            None => Err(Refusal::authentication("x-auth-token not found")),
        }
    }

    fn by_signature(
        &mut self,
        now: Timestamp,
        request: &Request<Vec<u8>>,
        assumptions: &Assumptions,
        authorization: &Authorization<'_>,
    ) -> Result<Caller, Refusal> {
        let access = authorization.access;
        let unknown = || Refusal::authentication(format_args!("ak {access} not exist"));
        let now = SystemTime::from(now);

        let mut keys = self.keys.iter_mut();
        let key = keys.find(|key| key.key.id() == access).ok_or_else(unknown)?;
        if key.locked_until.is_some_and(|end| now < end) {
            let text = "AK access failed to reach the limit, forbidden";
            return Err(Refusal::authentication(text));
        }
        match (&key.security_token, only(request, "x-security-token")?) {
            (None, None) => {}
            (Some(_), None) => return Err(unknown()),
            (Some(token), Some(given)) if token.matches(given.as_bytes()) => {}
            (_, Some(_)) => return Err(Refusal::authentication("decrypt token fail")),
        }

        let date = date_inside_window(now, request)?;
        let canonical = canonical(request, authorization, assumptions.host_signed)?;
        let to_sign = string_to_sign(date, &canonical);
        if verify(key.key.secret(), &to_sign, authorization.signature) {
            key.failures_in_a_row = 0;
            return Ok(Caller { user: key.user.clone(), signed: true });
        }
        key.fail(now, assumptions.key_lock_after);
        Err(match assumptions.canonical_request_echo {
            YesNo::No => Refusal::authentication("verify aksk signature fail"),
            YesNo::Yes => Refusal::authentication(format_args!(
                "verify aksk signature fail, canonicalRequest:{}",
                canonical.replace('\n', "|")
            )),
        })
    }

    /// Makes the token of a request expire.
    pub(crate) fn end_token(&mut self, request: &Request<Vec<u8>>) {
        let Ok(Some(given)) = only(request, "x-auth-token") else {
            return;
        };
        let mut tokens = self.tokens.iter_mut();
        if let Some(token) = tokens.find(|known| known.token.matches(given.as_bytes())) {
            token.expires_at = Timestamp::from_millis(1).map(UtcTime);
        }
    }

    fn by_token(&self, now: Timestamp, given: &str) -> Result<Caller, Refusal> {
        let mut tokens = self.tokens.iter();
        let token = tokens
            .find(|known| known.token.matches(given.as_bytes()))
            .ok_or_else(|| Refusal::authentication("decrypt token fail"))?;
        if token.expires_at.is_some_and(|end| end.0 <= now) {
            return Err(Refusal::TOKEN_EXPIRED);
        }
        Ok(Caller { user: token.user.clone(), signed: false })
    }
}

impl Key {
    fn fail(&mut self, now: SystemTime, lock_after: u32) {
        self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
        if self.failures_in_a_row >= lock_after {
            self.failures_in_a_row = 0;
            self.locked_until = now.checked_add(LOCKED);
        }
    }
}

fn date_inside_window(now: SystemTime, request: &Request<Vec<u8>>) -> Result<SdkDate, Refusal> {
    let date: SdkDate = only(request, "x-sdk-date")?
        .ok_or_else(|| Refusal::authentication("x-sdk-date not found"))?
        .trim()
        .parse()
        .map_err(|_| Refusal::authentication("x-sdk-date is not of the form YYYYMMDDTHHMMSSZ"))?;
    let time = SystemTime::from(date);
    let apart = now.duration_since(time).or_else(|_| time.duration_since(now));
    match apart {
        Ok(apart) if apart <= WINDOW => Ok(date),
        _ => Err(Refusal::DATE_OUTSIDE_WINDOW),
    }
}

/// The canonical request of the bytes that arrived, over exactly the headers that the signature names.
fn canonical(
    request: &Request<Vec<u8>>,
    authorization: &Authorization<'_>,
    host: Need,
) -> Result<String, Refusal> {
    let mut headers = Vec::new();
    for name in authorization.header_names() {
        let value = only(request, name)?.ok_or_else(|| {
            Refusal::authentication(format_args!("the signed header {name} not found"))
        })?;
        headers.push((name.to_ascii_lowercase(), value));
    }
    let is_signed = |wanted: &str| headers.iter().any(|(name, _)| name == wanted);
    if !is_signed("x-sdk-date") {
        return Err(Refusal::authentication("x-sdk-date is not signed"));
    }
    if host == Need::Required && !is_signed("host") {
        return Err(Refusal::authentication("host is not signed"));
    }

    // A body may be unsigned only if the signature says so. A given hash is computed again.
    let unsigned = headers
        .iter()
        .any(|(name, value)| name == "x-sdk-content-sha256" && value.trim() == UNSIGNED_PAYLOAD);
    let hash = payload_hash(unsigned.then_some(UNSIGNED_PAYLOAD), request.body());
    let uri = request.uri();
    let query = parse_query(uri.query().unwrap_or_default());
    let method = request.method().as_str();
    Ok(canonical_request(method, uri.path(), &query, &headers, &hash))
}

/// The value of a header that may occur once, as text.
fn only<'r>(request: &'r Request<Vec<u8>>, name: &str) -> Result<Option<&'r str>, Refusal> {
    let mut values = request.headers().get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    match (std::str::from_utf8(value.as_bytes()), values.next()) {
        (Ok(text), None) => Ok(Some(text)),
        _ => Err(Refusal::authentication(format_args!(
            "the header {name} occurs twice or is not text"
        ))),
    }
}
