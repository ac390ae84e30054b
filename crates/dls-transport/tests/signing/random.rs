//! Random requests: those that can be signed, and those that perhaps cannot.

use dls_transport::sign::{Parts, QueryPair, Signed, sign};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::{borrowed, date, example_key};

#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) host: String,
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn query(&self) -> Vec<QueryPair<'_>> {
        self.query.iter().map(|(k, v)| (k.into(), v.into())).collect()
    }

    pub(crate) fn parts<'a>(
        &'a self,
        query: &'a [QueryPair<'a>],
        headers: &'a [(&'a str, &'a str)],
    ) -> Parts<'a> {
        let Self { method, host, path, body, .. } = self;
        Parts { method, host, path, query, headers, body }
    }

    pub(crate) fn signed(&self, check: impl FnOnce(Signed<'_>)) {
        let query = self.query();
        let headers = borrowed(&self.headers);
        check(sign(&self.parts(&query, &headers), &example_key(), date()).unwrap());
    }
}

pub(crate) fn request() -> impl Strategy<Value = Request> {
    (
        select(vec!["GET", "post", "Patch", "M-SEARCH"]).prop_map(String::from),
        "[a-z.]{1,12}(:[0-9]{1,5})?",
        path(),
        vec((".{0,6}", ".{0,6}"), 0..5),
        headers(),
        vec(any::<u8>(), 0..40),
    )
        .prop_map(|(method, host, path, query, headers, body)| Request {
            method,
            host,
            path,
            query,
            headers,
            body,
        })
}

/// Mostly well-formed in each part, so that each part gets its turn.
pub(crate) fn odd_request() -> impl Strategy<Value = Request> {
    let odd = || "(?s).{0,9}";
    let headers = vec((prop_oneof![odd(), "[A-Za-z_]{1,2}"], odd()), 0..4);
    (request(), odd(), odd(), headers, 0..8_u8).prop_map(|(request, method, text, headers, odd)| {
        let mut request = request;
        if odd & 1 > 0 {
            request.headers = headers;
        }
        match odd >> 1 {
            1 => request.method = method,
            2 => request.path = text,
            3 => request.host = text,
            _ => {}
        }
        request
    })
}

/// Separators, escapes whole, broken and of bytes that are not UTF-8, and any other text.
fn path() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("/".to_owned()),
        "%[0-9A-Fa-f]{2}",
        "(%[89A-Fa-f][0-9A-Fa-f]){1,5}",
        "%[0-9A-Fa-f]?",
        "[^?#\r\n\0]{0,5}",
    ];
    vec(piece, 1..12).prop_map(|pieces| format!("/{}", pieces.concat()))
}

fn headers() -> impl Strategy<Value = Vec<(String, String)>> {
    let blanks = || "[ \t\r\n\u{b}\u{c}\u{1c}-\u{1f}\u{85}\u{a0}\u{2003}\u{3000}]{0,2}";
    let value = (blanks(), "[^\r\n\0]{0,6}", blanks()).prop_map(|(a, b, c)| a + &b + &c);
    let special = prop_oneof![
        (
            "(Content-Type|content-type)",
            "(application/(json|bson|xml)[ -~]{0,3}|text/plain|Application/json)?"
        ),
        ("(X-Sdk-Content-Sha256)", "(UNSIGNED-PAYLOAD| abc )?"),
        ("(Host|host|HOST)", "[a-z]{1,9}"),
        ("(X-Sdk-Date|x-sdk-date)", "20[0-9]{2}0[1-9]1[0-9]T1[0-9][0-5][0-9][0-5][0-9]Z"),
    ];
    vec(prop_oneof![2 => ("[A-Za-z0-9_~.-]{1,8}", value), 1 => special], 0..7).prop_map(
        |mut all| {
            let mut seen = Vec::new();
            all.retain(|(name, _)| {
                let lower = name.to_lowercase();
                let new = !seen.contains(&lower) && lower != "authorization";
                seen.push(lower);
                new
            });
            all
        },
    )
}
