//! Signing against the official Python signer's output, and against a second, naive implementation.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests may fail loudly"
)]

mod naive;
mod random;
mod secrets;

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use dls_transport::credentials::{AccessKey, Credentials, SecretKey, SecurityToken};
use dls_transport::sign::{
    self, Parts, QueryPair, SdkDate, Signed, Unsignable, canonical_request, parse_authorization,
    sign, verify,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use random::{Request, odd_request, request};
use serde_json::Value;

/// Made by huaweicloudsdkcore 3.1.219, as the file says.
const VECTORS: &str = include_str!("../data/signing-vectors.json");
/// Made by the same from random requests; data/random_vectors.py makes it anew.
const RANDOM_VECTORS: &str = include_str!("../data/random-vectors.json");

/// Accidents of the official signer that this one reproduces. None has to be refused.
const QUIRKS_MATCHED: [&str; 9] = [
    "path-04",        // a raw space in the path
    "path-06",        // raw Chinese in the path
    "path-18",        // a broken escape counts as text
    "path-19",        // so does a trailing percent sign
    "path-22",        // a path without a leading slash
    "header-16",      // no-break spaces are trimmed
    "payload-10",     // `Application/JSON` is not `application/json`
    "payload-13",     // an empty body has its own hash, whatever the header says
    "credentials-04", // an empty security token is sent and signed
];

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
        let credentials = Credentials::from(key.clone());
        let auth_headers =
            credentials.auth_headers(vector["project_id"].as_str(), vector["domain_id"].as_str());
        headers.extend(auth_headers.headers.iter().map(|(n, v)| ((*n).into(), (*v).into())));

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
fn the_list_of_quirks_is_that_of_the_vectors() {
    let file: Value = serde_json::from_str(VECTORS).unwrap();
    let quirks: Vec<&str> = (file["vectors"].as_array().unwrap().iter())
        .filter(|vector| vector["quirk"] == true)
        .map(|vector| text(&vector["id"]))
        .collect();
    assert_eq!(quirks, QUIRKS_MATCHED);
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
fn what_arrives_can_be_verified_from_its_parts() {
    let key = example_key();
    let secret = SecretKey::new("example-secret-key").unwrap();
    let wrong = SecretKey::new("another-secret-key").unwrap();
    let query = sign::parse_query("b=2&a=x%20y");
    let parts = Parts {
        method: "post",
        host: "127.0.0.1:8080",
        path: "/v2/x",
        query: &query,
        headers: &[("workspace", " default "), ("X_Unsigned", "1")],
        body: b"{}",
    };
    let signed = sign(&parts, &key, date()).unwrap();

    // The other end has the target, the headers and the body.
    let (path, raw_query) = signed.uri.split_once('?').unwrap();
    let header = |wanted: &str| {
        let found = signed.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| value.as_ref())
    };
    let authorization = parse_authorization(header("authorization").unwrap()).unwrap();
    let covered: Vec<(&str, &str)> =
        authorization.header_names().map(|name| (name, header(name).unwrap())).collect();
    let hash = sign::payload_hash(header("x-sdk-content-sha256"), b"{}");
    let canonical = canonical_request("POST", path, &sign::parse_query(raw_query), &covered, &hash);
    let to_sign = sign::string_to_sign(header("x-sdk-date").unwrap().parse().unwrap(), &canonical);

    assert_eq!(authorization.access, "AKIDEXAMPLE");
    assert!(verify(&secret, &to_sign, authorization.signature));
    assert!(!verify(&wrong, &to_sign, authorization.signature));
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

#[test]
fn a_content_type_in_another_spelling_leaves_the_payload_signed() {
    for (name, unsigned) in [("Content-Type", true), ("content-type", false)] {
        let headers = [(name, "text/plain")];
        let parts =
            Parts { method: "POST", path: "/", headers: &headers, body: b"x", ..Parts::default() };
        let key = example_key();
        let signed = sign(&parts, &key, date()).unwrap();
        assert_eq!(signed.payload_hash == "UNSIGNED-PAYLOAD", unsigned, "{name}");
    }
}

proptest! {
    #[test]
    fn the_canonical_request_of_random_parts_is_that_of_the_naive_signer(request in request()) {
        request.signed(|signed| {
            assert_eq!(&*signed.canonical_request, naive::canonical_request(&request));
            assert_eq!(signed.uri, naive::uri(&request));
        });
    }

    #[test]
    fn the_signature_under_random_secrets_is_that_of_the_naive_signer(
        secret in "\\PC{1,100}",
        text in any::<String>(),
    ) {
        let key = SecretKey::new(secret.as_str()).unwrap();
        let signature = sign::signature(&key, &text);
        prop_assert_eq!(&signature, &naive::hmac_sha256(secret.as_bytes(), &text));
        prop_assert!(verify(&key, &text, &signature));
    }

    #[test]
    fn another_signature_is_not_accepted(at in any::<Index>(), to in any::<char>()) {
        let key = SecretKey::new("example-secret-key").unwrap();
        let signature = sign::signature(&key, "text");
        let mut other: Vec<char> = signature.chars().collect();
        *at.get_mut(&mut other) = to;
        let other: String = other.into_iter().collect();
        prop_assert_eq!(verify(&key, "text", &other), other == signature);
        prop_assert!(!verify(&key, "text", signature.get(..at.index(64)).unwrap()));
    }

    #[test]
    fn the_order_of_headers_changes_nothing_that_is_signed(
        (request, shuffled) in request().prop_flat_map(|request| {
            let shuffled = Just(request.headers.clone()).prop_shuffle();
            (Just(request), shuffled)
        })
    ) {
        let other = Request { headers: shuffled, ..request.clone() };
        request.signed(|first| other.signed(|second| {
            assert_eq!(&*first.canonical_request, &*second.canonical_request);
            assert_eq!(&first.authorization, &second.authorization);
        }));
    }

    #[test]
    fn arbitrary_text_is_signed_or_refused_in_one_line(request in odd_request(), value in "(?s).*") {
        let _ = parse_authorization(&value);
        let _ = value.parse::<SdkDate>();
        let _ = sign::parse_query(&value);
        let _ = sign::canonical_uri(&value);

        let query = request.query();
        let headers = borrowed(&request.headers);
        if let Err(refused) = sign(&request.parts(&query, &headers), &example_key(), date()) {
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
