//! Signing against the output of the official Python signer, and with arbitrary text.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests may fail loudly"
)]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use dls_transport::credentials::{AccessKey, SecretKey, SecurityToken};
use dls_transport::sign::{self, Parts, QueryPair, SdkDate, Unsignable, parse_authorization, sign};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

/// Files of requests, each signed by huaweicloudsdkcore 3.1.219, with their number and the stages that they hold.
/// The second has random requests; data/random_vectors.py makes it anew.
const FILES: [(&str, usize, &[&str]); 2] = [
    (
        include_str!("data/signing-vectors.json"),
        80,
        &[
            "payload_hash",
            "signed_headers",
            "canonical_request",
            "string_to_sign",
            "signature",
            "authorization",
            "uri",
            "headers_sent",
        ],
    ),
    (include_str!("data/random-vectors.json"), 100, &["canonical_request", "uri", "headers_sent"]),
];

#[test]
fn every_request_is_signed_as_the_official_signer_does_it_stage_by_stage() {
    let mut wrong = Vec::new();
    for (file, count, stages) in FILES {
        let file: Value = serde_json::from_str(file).unwrap();
        let vectors = file["vectors"].as_array().unwrap();
        assert_eq!(vectors.len(), count);
        for vector in vectors {
            let (ours, theirs) = (sign_vector(vector), &vector["expected"]);
            if let Some(stage) = stages.iter().find(|stage| ours[**stage] != theirs[**stage]) {
                let (ours, theirs) = (&ours[*stage], &theirs[*stage]);
                wrong.push(format!("{stage} of {vector}\n  ours   {ours}\n  theirs {theirs}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// All stages of the signature of a vector's request.
fn sign_vector(vector: &Value) -> Value {
    let request = vector.get("request").unwrap_or(vector);
    let secret = SecretKey::new(text(&vector["sk"])).unwrap();
    let mut key = AccessKey::new(text(&vector["ak"]), secret).unwrap();
    if let Some(token) = vector["security_token"].as_str() {
        key = key.with_security_token(SecurityToken::new(token).unwrap());
    }
    // What the official `BasicCredentials` and `GlobalCredentials` do before they sign.
    let mut headers = pairs(&request["headers"]);
    for (name, id) in [("X-Project-Id", "project_id"), ("X-Domain-Id", "domain_id")] {
        headers.extend(vector[id].as_str().map(|id| (name.to_owned(), id.to_owned())));
    }
    let (headers, body) = (borrowed(&headers), body(request));
    let query = pairs(&request["query"]);
    let query: Vec<QueryPair<'_>> = query.iter().map(|(k, v)| (k.into(), v.into())).collect();
    let parts = Parts {
        method: text(&request["method"]),
        host: text(&request["host"]),
        path: text(&request["path"]),
        query: &query,
        headers: &headers,
        body: &body,
    };
    // The date is one that no vector has: each brings its own.
    let signed = sign(&parts, &key, date()).unwrap();
    json!({
        "payload_hash": signed.payload_hash,
        "signed_headers": signed.signed_headers,
        "canonical_request": *signed.canonical_request,
        "string_to_sign": signed.string_to_sign,
        "signature": signed.signature,
        "authorization": signed.authorization,
        "uri": signed.uri,
        "headers_sent": signed.headers,
    })
}

fn body(request: &Value) -> Vec<u8> {
    let decode = |base64: &Value| BASE64.decode(base64.as_str().unwrap_or("")).unwrap();
    if let Some(body) = request["body"].as_str() {
        return body.into();
    }
    let body = match &request["body_repeat"] {
        Value::Null => decode(&request["body_base64"]),
        repeat => {
            let count = usize::try_from(repeat["count"].as_u64().unwrap()).unwrap();
            decode(&repeat["unit_base64"]).repeat(count)
        }
    };
    assert_eq!(body.len() as u64, request["body_len"].as_u64().unwrap());
    body
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

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn pairs(value: &Value) -> Vec<(String, String)> {
    let pair = |pair: &Value| (text(&pair[0]).to_owned(), text(&pair[1]).to_owned());
    value.as_array().unwrap().iter().map(pair).collect()
}

fn borrowed(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
    pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}
