//! From the canonical request to the `Authorization` header, and back for a verifier.

use std::fmt;
use std::hint::black_box;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::SdkDate;
use super::text::hex;
use crate::credentials::SecretKey;

/// The algorithm's name, as it stands in the string to sign and in `Authorization`.
pub const ALGORITHM: &str = "SDK-HMAC-SHA256";

/// Three lines: the algorithm, the date, the SHA-256 of the canonical request in hex.
#[must_use]
pub fn string_to_sign(date: SdkDate, canonical_request: &str) -> String {
    format!("{ALGORITHM}\n{date}\n{}", hex(&Sha256::digest(canonical_request)))
}

/// HMAC-SHA256 of the string to sign under the secret key, in lower-case hex. No key is derived.
#[must_use]
pub fn signature(secret: &SecretKey, string_to_sign: &str) -> String {
    let mut mac = Hmac::<Sha256>::new((&*key_block(secret.expose().as_bytes())).into());
    mac.update(string_to_sign.as_bytes());
    hex(&mac.finalize().into_bytes())
}

/// A key of any length as one block of the hash (RFC 2104 §2). `Hmac` would do the same, but
/// returns a `Result` for it that cannot fail.
fn key_block(secret: &[u8]) -> Zeroizing<[u8; 64]> {
    let mut block = Zeroizing::new([0; 64]);
    let hashed;
    let key = if secret.len() > block.len() {
        hashed = Sha256::digest(secret);
        hashed.as_slice()
    } else {
        secret
    };
    for (slot, byte) in block.iter_mut().zip(key) {
        *slot = *byte;
    }
    block
}

/// Whether `signature` is the signature of `string_to_sign`, in a time that does not tell how much
/// of it was right.
#[must_use]
pub fn verify(secret: &SecretKey, string_to_sign: &str, signature: &str) -> bool {
    let expected = self::signature(secret, string_to_sign);
    let difference = expected
        .bytes()
        .zip(signature.bytes())
        .fold(0, |difference, (a, b)| black_box(difference | (a ^ b)));
    expected.len() == signature.len() && difference == 0
}

/// The value of the `Authorization` header; `signed_headers` joined by `;`.
#[must_use]
pub fn authorization(access: &str, signed_headers: &str, signature: &str) -> String {
    format!("{ALGORITHM} Access={access}, SignedHeaders={signed_headers}, Signature={signature}")
}

/// Reads what [`authorization`] writes. `None` if it is of another algorithm or form.
///
/// The three parts may come in any order and with other white space around the commas; each must
/// stand there once and not be empty.
#[must_use]
pub fn parse_authorization(value: &str) -> Option<Authorization<'_>> {
    let parts = value.strip_prefix(ALGORITHM)?.strip_prefix(' ')?;
    let (mut access, mut signed_headers, mut signature) = (None, None, None);
    for part in parts.split(',') {
        let (name, text) = part.trim().split_once('=')?;
        let slot = match name {
            "Access" => &mut access,
            "SignedHeaders" => &mut signed_headers,
            "Signature" => &mut signature,
            _ => return None,
        };
        if text.is_empty() || slot.replace(text).is_some() {
            return None;
        }
    }
    Some(Authorization { access: access?, signed_headers: signed_headers?, signature: signature? })
}

/// An `Authorization` header, taken apart. `Debug` shows no signature.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Authorization<'a> {
    /// The access key id.
    pub access: &'a str,
    /// The names of the signed headers, joined by `;`, as sent.
    pub signed_headers: &'a str,
    /// The signature, as sent.
    pub signature: &'a str,
}

impl<'a> Authorization<'a> {
    /// The names of the signed headers one by one, as sent.
    pub fn header_names(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.signed_headers.split(';')
    }
}

impl fmt::Debug for Authorization<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorization")
            .field("access", &self.access)
            .field("signed_headers", &self.signed_headers)
            .field("signature", &format_args!("[redacted]"))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_hmac_sha256() {
        // The first is of RFC 4231; the others, with a key of one block and of more, are Python's.
        let (block, more) = ("k".repeat(64), "k".repeat(65));
        for (secret, text, expected) in [
            (
                "Jefe",
                "what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (&block, "text", "0414bb1d8c0c4556cdb2028727b16610ae377b1a194b6db1f853d4297f2329bc"),
            (&more, "text", "5b69580123e3d7e788b7e8352ac37a3247b911c5ec0837147b74109a6382d3f5"),
        ] {
            assert_eq!(signature(&SecretKey::new(secret).unwrap(), text), expected, "{secret}");
        }
    }

    #[test]
    fn only_the_whole_signature_is_accepted() {
        let secret = SecretKey::new("Jefe").unwrap();
        let right = signature(&secret, "text");
        assert!(verify(&secret, "text", &right));
        assert!(!verify(&secret, "Text", &right));
        for wrong in [format!("{right}0"), right.to_uppercase()] {
            assert!(!verify(&secret, "text", &wrong), "{wrong}");
        }
        for at in 0..right.len() {
            let mut other = right.clone().into_bytes();
            other[at] ^= 1;
            assert!(!verify(&secret, "text", str::from_utf8(&other).unwrap()), "{at}");
            assert!(!verify(&secret, "text", right.get(..at).unwrap()), "{at}");
        }
    }

    #[test]
    fn an_authorization_header_is_taken_apart() {
        let written = authorization("AK", "host;x-sdk-date", "00ff");
        let turned = "SDK-HMAC-SHA256 Signature=00ff ,SignedHeaders=host;x-sdk-date,  Access=AK";
        for value in [written.as_str(), turned] {
            let parsed = parse_authorization(value).unwrap();
            assert_eq!((parsed.access, parsed.signature), ("AK", "00ff"));
            assert!(parsed.header_names().eq(["host", "x-sdk-date"]));
        }
    }

    #[test]
    fn what_is_no_authorization_of_this_algorithm_is_not_read() {
        for value in [
            "",
            "SDK-HMAC-SHA256",
            "SDK-HMAC-SHA256 ",
            "SDK-HMAC-SHA256Access=A, SignedHeaders=h, Signature=s",
            "SDK-HMAC-SM3 Access=A, SignedHeaders=h, Signature=s",
            "sdk-hmac-sha256 Access=A, SignedHeaders=h, Signature=s",
            "SDK-HMAC-SHA256 Access=A, SignedHeaders=h",
            "SDK-HMAC-SHA256 Access=A, SignedHeaders=h, Signature=",
            "SDK-HMAC-SHA256 Access=A, Access=A, SignedHeaders=h, Signature=s",
            "SDK-HMAC-SHA256 Access=A, SignedHeaders=h, Signature=s, Extra=x",
            "SDK-HMAC-SHA256 Access=A, SignedHeaders=h, Signature=s,",
            "SDK-HMAC-SHA256 access=A, SignedHeaders=h, Signature=s",
        ] {
            assert!(parse_authorization(value).is_none(), "{value}");
        }
    }
}
