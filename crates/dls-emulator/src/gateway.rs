//! What the gateway checks besides authentication and throttling: sizes, the operation, the content type.

use dls_model::{Deploy, Operation};
use http::header::CONTENT_TYPE;
use http::{Method, Request};
use serde::Deserialize;
use serde_json::Value;

use crate::ledger::Arrival;
use crate::refusal::Refusal;
use crate::route::{self, Route};

/// The largest body that is accepted, in bytes (page `dataartsstudio_02_0010`: 12 MB).
pub(crate) const MAX_BODY: usize = 12 * 1024 * 1024;
/// The largest body of an unauthenticated request that is parsed at all, in bytes: several times that of a deploy.
const MAX_UNAUTHENTICATED_BODY: usize = 16 * 1024;
/// How many ids a deploy may have (page `dataartsstudio_02_0204`), and how many are recorded.
pub(crate) const MAX_IDS: usize = 100;
/// The longest package id that is recorded, in bytes. A number of 64 bits has at most 20 digits.
const MAX_ID_LENGTH: usize = 32;
const MAX_URI: usize = 32 * 1024;
const MAX_HEADER: usize = 32 * 1024;
const MAX_HEADERS: usize = 128 * 1024;

/// The rest of a path under `/__emulator`, where the emulator's own pages are.
pub(crate) fn emulator_page(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("/__emulator")?;
    if rest.is_empty() { Some("") } else { rest.strip_prefix('/') }
}

/// The operation that a request asks for, which goes into its record.
pub(crate) fn identify<'r>(arrival: &mut Arrival<'r>) -> Result<Route<'r>, Refusal> {
    check_sizes(arrival.request)?;
    let route = route::find(arrival.request)?;
    arrival.record.operation = Some(route.api.name);
    Ok(route)
}

/// Records which packages a deploy names. A large body is parsed only for an authenticated client.
pub(crate) fn note_packages(arrival: &mut Arrival<'_>, is_authenticated: bool) {
    let body = arrival.request.body();
    let is_parsed = is_authenticated || body.len() <= MAX_UNAUTHENTICATED_BODY;
    if arrival.record.operation == Some(Deploy::NAME) && is_parsed {
        arrival.record.packages = package_ids(body);
    }
}

/// The packages that an unauthenticated request names, in its path or its body.
pub(crate) fn named_packages(request: &Request<Vec<u8>>) -> Vec<String> {
    match route::find(request).map(|route| route.parameter) {
        Ok("") if request.body().len() <= MAX_UNAUTHENTICATED_BODY => package_ids(request.body()),
        Ok("") | Err(_) => Vec::new(),
        Ok(id) => vec![id.to_owned()],
    }
}

/// The ids in the body of a deploy or a revoke, whether or not it can be served: the first hundred that are short texts.
fn package_ids(body: &[u8]) -> Vec<String> {
    #[derive(Default, Deserialize)]
    struct Body {
        package_ids: Vec<Value>,
    }

    let body: Body = serde_json::from_slice(body).unwrap_or_default();
    let ids = body.package_ids.into_iter().filter_map(|id| match id {
        Value::String(id) if id.len() <= MAX_ID_LENGTH => Some(id),
        _ => None,
    });
    ids.take(MAX_IDS).collect()
}

fn check_sizes(request: &Request<Vec<u8>>) -> Result<(), Refusal> {
    if request.uri().to_string().len() > MAX_URI {
        return Err(Refusal::URI_TOO_LONG);
    }
    let headers = request.headers().iter();
    let sizes = headers.map(|(name, value)| name.as_str().len().saturating_add(value.len()));
    let (largest, all) = sizes
        .fold((0, 0_usize), |(largest, all), size| (size.max(largest), all.saturating_add(size)));
    if largest > MAX_HEADER || all > MAX_HEADERS {
        return Err(Refusal::HEADERS_TOO_LARGE);
    }
    if request.body().len() > MAX_BODY {
        return Err(Refusal::BODY_TOO_LARGE);
    }
    Ok(())
}

/// JSON in UTF-8, for each POST and each request with a body.
pub(crate) fn check_content_type(request: &Request<Vec<u8>>) -> Result<(), Refusal> {
    if request.body().is_empty() && request.method() != Method::POST {
        return Ok(());
    }
    let value = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let mut parts = value.unwrap_or_default().split(';').map(str::trim);
    let is_json = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
    let is_utf8 = parts.all(|parameter| match parameter.split_once('=') {
        Some((name, value)) if name.eq_ignore_ascii_case("charset") => {
            value.trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    });
    if is_json && is_utf8 { Ok(()) } else { Err(Refusal::CONTENT_TYPE) }
}
