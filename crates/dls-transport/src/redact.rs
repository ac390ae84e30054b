//! The secrets that a request carries, and what its answer may echo of them.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use zeroize::Zeroizing;

/// A secret of the real service is longer, and a shorter text may stand in an answer by chance.
const SHORTEST: usize = 16;
const BEFORE_SIGNATURE: &str = "Signature=";

/// Token, security token and signature of one request.
pub(crate) struct SentSecrets(Vec<Zeroizing<Vec<u8>>>);

impl SentSecrets {
    pub(crate) fn by(headers: &HeaderMap) -> Self {
        let tokens = ["x-auth-token", "x-security-token"].map(|name| headers.get(name));
        let tokens = tokens.into_iter().flatten().map(HeaderValue::as_bytes);
        let signature = headers.get(AUTHORIZATION).and_then(signature);
        let secrets = tokens.chain(signature);
        let secrets = secrets.filter(|secret| secret.len() >= SHORTEST);
        Self(secrets.map(|it| Zeroizing::new(it.to_vec())).collect())
    }

    /// Overwrites each copy with asterisks: whatever shows, logs or records the answer then shows none.
    pub(crate) fn redact(&self, bytes: &mut [u8]) {
        for secret in &self.0 {
            let mut rest = &mut *bytes;
            while let Some(at) = find(rest, secret) {
                let (echo, after) = rest.split_at_mut(at).1.split_at_mut(secret.len());
                echo.fill(b'*');
                rest = after;
            }
        }
    }

    /// The same in the values of headers.
    pub(crate) fn redact_headers(&self, headers: &mut HeaderMap) {
        for value in headers.values_mut() {
            if self.0.iter().any(|it| find(value.as_bytes(), it).is_some()) {
                let mut bytes = value.as_bytes().to_vec();
                self.redact(&mut bytes);
                // Asterisks may stand wherever the secret did.
                *value = HeaderValue::from_bytes(&bytes).unwrap_or(HeaderValue::from_static("*"));
            }
        }
    }
}

fn signature(value: &HeaderValue) -> Option<&[u8]> {
    let (_, signature) = value.to_str().ok()?.rsplit_once(BEFORE_SIGNATURE)?;
    Some(signature.as_bytes())
}

fn find(bytes: &[u8], secret: &[u8]) -> Option<usize> {
    let first = secret.first()?;
    let mut starts = bytes.iter().enumerate().filter(|(_, byte)| *byte == first);
    starts
        .find(|(at, _)| bytes.get(*at..).is_some_and(|it| it.starts_with(secret)))
        .map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_copy_of_a_secret_is_overwritten_and_nothing_else_is() {
        for (name, value, secret) in [
            ("x-auth-token", "MIIMIIMIIEXAMPLE", "MIIMIIMIIEXAMPLE"),
            ("x-security-token", "gQpjbi1ub3J0aC00", "gQpjbi1ub3J0aC00"),
            (
                "authorization",
                "SDK-HMAC-SHA256 Access=A, SignedHeaders=host, Signature=0123456789abcdef",
                "0123456789abcdef",
            ),
            // Too short to be a secret.
            ("x-auth-token", "t", "****************"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static(value));
            let (part, _) = secret.split_at(SHORTEST - 1);
            let mut text = format!("MIIt {secret}{secret}, {part}").into_bytes();
            SentSecrets::by(&headers).redact(&mut text);
            let shown = format!("MIIt {}, {part}", "*".repeat(32));
            assert_eq!(String::from_utf8(text).unwrap(), shown, "{name}");
        }
    }
}
