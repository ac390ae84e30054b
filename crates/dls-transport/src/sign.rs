//! Request signing with an access key: `SDK-HMAC-SHA256`, as pure functions of text and time.
//!
//! # Sign a request
//!
//! [`sign`] takes the parts of a request and says what to send:
//!
//! ```
//! use dls_transport::credentials::{AccessKey, SecretKey};
//! use dls_transport::sign::{Parts, SdkDate, sign};
//!
//! let key = AccessKey::new("AKIDEXAMPLE", SecretKey::new("example-secret-key")?)?;
//! let date: SdkDate = "20240429T081530Z".parse()?; // or SdkDate::from(SystemTime)
//!
//! let signed = sign(
//!     &Parts {
//!         method: "GET",
//!         host: "iam.myhuaweicloud.com",
//!         path: "/v3/auth/domains",
//!         ..Parts::default()
//!     },
//!     &key,
//!     date,
//! )?;
//!
//! assert_eq!(signed.uri, "/v3/auth/domains");
//! assert_eq!(
//!     signed.authorization,
//!     "SDK-HMAC-SHA256 Access=AKIDEXAMPLE, SignedHeaders=host;x-sdk-date, \
//!      Signature=f083ba8db7e410b44fcdf581f9f5817e46568ae5c0e331d2b1666c93f598bcc4",
//! );
//! let names: Vec<&str> = signed.headers.iter().map(|(name, _)| name.as_ref()).collect();
//! assert_eq!(names, ["X-Sdk-Date", "Host", "Authorization"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The stages
//!
//! Each stage is a function of its own, so that a wrong signature can be followed to its cause and a
//! verifier can do the same from the bytes that it received:
//!
//! 1. [`canonical_uri`], [`canonical_query`] and [`payload_hash`];
//! 2. [`canonical_request`] puts them together with the signed headers;
//! 3. [`string_to_sign`] names the algorithm, the date and the hash of that;
//! 4. [`signature`], or [`verify`] at the other end;
//! 5. [`authorization`], or [`parse_authorization`] at the other end.
//!
//! # What it is faithful to
//!
//! The official Python signer (`huaweicloudsdkcore` 3.1.219), also where it differs from the
//! published description: the path is not normalised, all headers are signed but those with an
//! underscore in their name, and a body whose `Content-Type` (so spelled) is neither
//! `application/json…` nor `application/bson…` is not signed (`UNSIGNED-PAYLOAD`). What that signer
//! would sign wrongly is refused: see [`Unsignable`].

mod canonical;
mod date;
mod error;
mod headers;
mod hmac_sha256;
mod parts;
mod text;

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use zeroize::Zeroizing;

pub use canonical::{
    QueryPair, canonical_query, canonical_request, canonical_uri, parse_query, payload_hash,
};
pub use date::{InvalidSdkDate, SdkDate};
pub use error::Unsignable;
pub use hmac_sha256::{
    ALGORITHM, Authorization, authorization, parse_authorization, signature, string_to_sign, verify,
};
pub use parts::Parts;

pub(crate) use text::decodes;

use crate::credentials::AccessKey;

/// A signed request: what to send, and each stage on the way to it.
///
/// `Debug` shows only the date, the target and the names of the signed headers: the rest holds the
/// signature or may hold a security token.
#[derive(Clone)]
#[non_exhaustive]
pub struct Signed<'a> {
    /// The request target to send: the path as given, `?`, the canonical query.
    pub uri: String,
    /// All headers to send, in the official signer's order: the caller's, `X-Security-Token`,
    /// `X-Sdk-Content-Sha256`, `X-Sdk-Date`, `Host`, `Authorization`. Values are trimmed.
    pub headers: Vec<(&'a str, Cow<'a, str>)>,
    /// The date that was signed: the caller's `X-Sdk-Date` if there is one.
    pub date: SdkDate,
    /// SHA-256 of the body in hex, or what stands for it.
    pub payload_hash: String,
    /// The names of the signed headers, joined by `;`.
    pub signed_headers: String,
    /// The canonical request, the one text in which the signer copies a security token.
    pub canonical_request: CanonicalRequest,
    /// See [`string_to_sign`].
    pub string_to_sign: String,
    /// See [`signature`].
    pub signature: String,
    /// The value of the `Authorization` header, which is among [`headers`](Self::headers) too.
    pub authorization: String,
}

impl fmt::Debug for Signed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signed")
            .field("uri", &self.uri)
            .field("date", &format_args!("{}", self.date))
            .field("signed_headers", &self.signed_headers)
            .finish_non_exhaustive()
    }
}

/// What [`canonical_request`] makes. This copy is wiped from memory when it is dropped; those that the
/// caller makes of it, or of the values of [`Signed::headers`], are the caller's to wipe.
///
/// `Debug` shows nothing of it, as it may hold a security token.
#[derive(Clone)]
pub struct CanonicalRequest(Zeroizing<String>);

impl Deref for CanonicalRequest {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for CanonicalRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CanonicalRequest([redacted])")
    }
}

/// Signs a request.
///
/// Adds `X-Security-Token` if the key is a temporary one, `X-Sdk-Content-Sha256: UNSIGNED-PAYLOAD`
/// where the official signer does, `X-Sdk-Date` and `Host` if the caller gave none. Nothing is sent.
///
/// # Errors
///
/// [`Unsignable`] if no valid request could carry the signature, or if it would be ambiguous.
pub fn sign<'a>(
    parts: &Parts<'a>,
    key: &'a AccessKey,
    date: SdkDate,
) -> Result<Signed<'a>, Unsignable> {
    check_target(parts)?;
    let (mut headers, date) = headers::complete(parts, key, date)?;
    let signed = headers::to_sign(&headers)?;

    let content_sha256 = signed.iter().find(|(name, _)| name == "x-sdk-content-sha256");
    let payload_hash = payload_hash(content_sha256.map(|(_, value)| *value), parts.body);
    let canonical_request =
        canonical_request(parts.method, parts.path, parts.query, &signed, &payload_hash);
    let canonical_request = CanonicalRequest(Zeroizing::new(canonical_request));

    let string_to_sign = string_to_sign(date, &canonical_request);
    let signature = signature(key.secret(), &string_to_sign);
    let names: Vec<&str> = signed.iter().map(|(name, _)| name.as_str()).collect();
    let signed_headers = names.join(";");
    let authorization = authorization(key.id(), &signed_headers, &signature);
    headers.push((headers::AUTHORIZATION, Cow::Owned(authorization.clone())));

    Ok(Signed {
        uri: target(parts.path, parts.query),
        headers,
        date,
        payload_hash,
        signed_headers,
        canonical_request,
        string_to_sign,
        signature,
        authorization,
    })
}

/// The request target to send.
pub(crate) fn target(path: &str, query: &[QueryPair<'_>]) -> String {
    match canonical_query(query) {
        query if query.is_empty() => path.to_owned(),
        query => format!("{path}?{query}"),
    }
}

fn check_target(parts: &Parts<'_>) -> Result<(), Unsignable> {
    if !headers::is_token(parts.method) {
        return Err(Unsignable::Method);
    }
    if parts.path.is_empty() {
        return Err(Unsignable::EmptyPath);
    }
    match parts.path.chars().position(|c| matches!(c, '?' | '#' | '\r' | '\n' | '\0')) {
        Some(position) => Err(Unsignable::Path { position }),
        None => Ok(()),
    }
}
