//! Signing against the output of the official Python signer, and with arbitrary text.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests may fail loudly"
)]

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use dls_transport::credentials::{AccessKey, SecretKey, SecurityToken};
use dls_transport::sign::{
    self, Parts, QueryPair, SdkDate, Signed, Unsignable, parse_authorization, sign,
};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;

/// Made by huaweicloudsdkcore 3.1.219, as the file says.
const VECTORS: &str = include_str!("data/signing-vectors.json");
/// Made by the same from random requests; data/random_vectors.py makes it anew.
const RANDOM_VECTORS: &str = include_str!("data/random-vectors.json");

/// A request of a vector file and the key to sign it with.
struct Case {
    request: Value,
    query: Vec<QueryPair<'static>>,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    key: AccessKey,
}

impl Case {
    fn of_vector(vector: &Value) -> Self {
        let request = &vector["request"];
        let key = access_key(vector);
        let key = match vector["security_token"].as_str() {
            Some(token) => key.with_security_token(SecurityToken::new(token).unwrap()),
            None => key,
        };
        // What the official `BasicCredentials` and `GlobalCredentials` do before they sign.
        let mut headers = pairs(&request["headers"]);
        for (name, id) in [("X-Project-Id", "project_id"), ("X-Domain-Id", "domain_id")] {
            headers.extend(vector[id].as_str().map(|id| (name.to_owned(), id.to_owned())));
        }

        let body = match &request["body_repeat"] {
            Value::Null => BASE64.decode(request["body_base64"].as_str().unwrap_or("")).unwrap(),
            repeat => BASE64
                .decode(text(&repeat["unit_base64"]))
                .unwrap()
                .repeat(usize::try_from(repeat["count"].as_u64().unwrap()).unwrap()),
        };
        assert_eq!(body.len(), usize::try_from(request["body_len"].as_u64().unwrap()).unwrap());
        Self { query: query(request), headers, body, key, request: request.clone() }
    }

    fn of_random_vector(vector: &Value) -> Self {
        Self {
            query: query(vector),
            headers: pairs(&vector["headers"]),
            body: text(&vector["body"]).into(),
            key: access_key(vector),
            request: vector.clone(),
        }
    }

    /// Calls `check` with the outcome. The date is one that no vector has: each brings its own.
    fn signed(&self, check: impl FnOnce(Signed<'_>)) {
        let headers = borrowed(&self.headers);
        let parts = Parts {
            method: text(&self.request["method"]),
            host: text(&self.request["host"]),
            path: text(&self.request["path"]),
            query: &self.query,
            headers: &headers,
            body: &self.body,
        };
        check(sign(&parts, &self.key, date()).unwrap());
    }
}

#[test]
fn every_vector_is_matched_stage_by_stage() {
    let file: Value = serde_json::from_str(VECTORS).unwrap();
    let vectors = file["vectors"].as_array().unwrap();
    assert_eq!(vectors.len(), 80);

    let mut wrong = Vec::new();
    for vector in vectors {
        let expected = &vector["expected"];
        Case::of_vector(vector).signed(|signed| {
            let headers: Vec<_> = signed
                .headers
                .iter()
                .map(|(n, v)| Value::from([*n, v.as_ref()].as_slice()))
                .collect();
            let stages = [
                ("payload hash", Value::from(signed.payload_hash), &expected["payload_hash"]),
                ("signed headers", signed.signed_headers.into(), &expected["signed_headers"]),
                (
                    "canonical request",
                    (&*signed.canonical_request).into(),
                    &expected["canonical_request"],
                ),
                ("string to sign", signed.string_to_sign.into(), &expected["string_to_sign"]),
                ("signature", signed.signature.into(), &expected["signature"]),
                ("authorization", signed.authorization.into(), &expected["authorization"]),
                ("uri", signed.uri.into(), &expected["uri"]),
                ("headers", headers.into(), &expected["headers_sent"]),
            ];
            let first = stages.into_iter().find(|(_, ours, theirs)| ours != *theirs);
            if let Some((stage, ours, theirs)) = first {
                wrong
                    .push(format!("{}: {stage}\n  ours   {ours}\n  theirs {theirs}", vector["id"]));
            }
        });
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn random_requests_are_signed_as_the_official_signer_does() {
    let file: Value = serde_json::from_str(RANDOM_VECTORS).unwrap();
    for vector in file["vectors"].as_array().unwrap() {
        let expected = &vector["expected"];
        Case::of_random_vector(vector).signed(|signed| {
            assert_eq!(
                &*signed.canonical_request,
                text(&expected["canonical_request"]),
                "{vector}"
            );
            assert_eq!(signed.uri, text(&expected["uri"]), "{vector}");
            let sent: Vec<_> =
                signed.headers.iter().map(|(n, v)| ((*n).to_owned(), v.to_string())).collect();
            assert_eq!(sent, pairs(&expected["headers_sent"]), "{vector}");
        });
    }
}

#[test]
fn what_no_request_can_carry_is_refused() {
    let get = Parts { method: "GET", host: "h", path: "/", ..Parts::default() };
    let with = |headers| Parts { headers, ..get };
    let duplicate = |name: &str| Unsignable::DuplicateHeader { name: name.into() };
    let bad_value = |name: &str| Unsignable::HeaderValue { name: name.into() };
    let bad_name = |name: &str| Unsignable::HeaderName { name: name.into() };

    let cases = [
        (Parts { method: "", ..get }, Unsignable::Method),
        (Parts { method: "GET /", ..get }, Unsignable::Method),
        (Parts { path: "", ..get }, Unsignable::EmptyPath),
        (Parts { path: "/作?a=1", ..get }, Unsignable::Path { position: 2 }),
        (Parts { path: "/a\nb", ..get }, Unsignable::Path { position: 2 }),
        (Parts { host: "a\r\nb", ..get }, bad_value("Host")),
        (with(&[("", "v")]), bad_name("")),
        (with(&[("a b", "v")]), bad_name("a b")),
        (with(&[("작업", "v")]), bad_name("작업")),
        (with(&[("a", "v\nw")]), bad_value("a")),
        (with(&[("a", "v\0")]), bad_value("a")),
        (with(&[("A", "1"), ("b", "2"), ("a", "1")]), duplicate("a")),
        (with(&[("A_", "1"), ("a_", "1")]), duplicate("a_")),
        (
            with(&[("Content-Type", "text/plain"), ("x-sdk-content-sha256", "abc")]),
            duplicate("x-sdk-content-sha256"),
        ),
        (with(&[("authorization", "")]), Unsignable::AlreadySigned),
        (
            with(&[("X-Sdk-Date", "20240230T000000Z")]),
            Unsignable::Date(sign::InvalidSdkDate::NoSuchTime),
        ),
        (with(&[("x-sdk-date", "")]), Unsignable::Date(sign::InvalidSdkDate::Form)),
    ];
    for (parts, expected) in cases {
        assert_eq!(sign(&parts, &example_key(), date()).unwrap_err(), expected, "{parts:?}");
    }
}

/// Looks into memory that was given back.
#[cfg(target_os = "linux")]
#[test]
fn the_security_token_in_the_canonical_request_is_wiped_when_the_signed_request_is_dropped() {
    use std::fs::File;
    use std::os::unix::fs::FileExt;

    let token = "token-".repeat(2000);
    let key = example_key().with_security_token(SecurityToken::new(token.as_str()).unwrap());
    let parts = Parts { method: "GET", path: "/", ..Parts::default() };
    let signed = sign(&parts, &key, date()).unwrap();
    let text = &signed.canonical_request;
    let (address, length) = (text.as_ptr().addr() as u64, text.len());
    let memory = File::open("/proc/self/mem").unwrap();
    // Made before the other memory is given back, or it would be that.
    let mut bytes = vec![0; length];
    let mut found = || {
        memory.read_exact_at(&mut bytes, address).unwrap();
        let token = token.as_bytes();
        bytes.windows(6).filter(|window| token.starts_with(window)).count()
    };
    assert_eq!(found(), 2000);
    drop(signed);
    assert_eq!(found(), 0);
}

proptest! {
    #[test]
    fn arbitrary_text_is_signed_or_refused_in_one_line(
        odd_part in 0..4,
        odd in "(?s).{0,9}",
        headers in vec((prop_oneof!["(?s).{0,9}", "[A-Za-z_]{1,2}"], "(?s).{0,9}"), 0..4),
        text in "(?s).*",
    ) {
        let _ = parse_authorization(&text);
        let _ = text.parse::<SdkDate>();
        let _ = sign::canonical_uri(&text);

        let (query, headers) = (sign::parse_query(&text), borrowed(&headers));
        let mut parts =
            Parts { method: "GET", host: "h", path: "/", query: &query, ..Parts::default() };
        // One part at a time, so that the others do not hide it.
        match odd_part {
            0 => parts.method = &odd,
            1 => parts.host = &odd,
            2 => parts.path = &odd,
            _ => parts.headers = &headers,
        }
        if let Err(refused) = sign(&parts, &example_key(), date()) {
            let line = refused.to_string();
            prop_assert!(line.chars().count() <= 200 && !line.contains(char::is_control), "{}", line);
        }
    }

    #[test]
    fn a_query_read_back_from_the_target_is_the_same(pairs in vec((".*", ".*"), 0..4)) {
        let mut pairs: Vec<QueryPair<'_>> =
            pairs.into_iter().map(|(k, v)| (k.into(), v.into())).collect();
        let canonical = sign::canonical_query(&pairs);
        pairs.sort();
        prop_assert_eq!(sign::parse_query(&canonical), pairs);
    }
}

fn date() -> SdkDate {
    "20240429T081530Z".parse().unwrap()
}

fn example_key() -> AccessKey {
    AccessKey::new("AKIDEXAMPLE", SecretKey::new("example-secret-key").unwrap()).unwrap()
}

fn access_key(vector: &Value) -> AccessKey {
    AccessKey::new(text(&vector["ak"]), SecretKey::new(text(&vector["sk"])).unwrap()).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn pairs(value: &Value) -> Vec<(String, String)> {
    let pair = |pair: &Value| (text(&pair[0]).to_owned(), text(&pair[1]).to_owned());
    value.as_array().unwrap().iter().map(pair).collect()
}

fn query(request: &Value) -> Vec<QueryPair<'static>> {
    pairs(&request["query"]).into_iter().map(|(k, v)| (Cow::Owned(k), Cow::Owned(v))).collect()
}

fn borrowed(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
    pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}
