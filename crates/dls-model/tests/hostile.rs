//! Large answers of every hostile kind take no more memory than they may. One test, because the allocator
//! counts for the whole process.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "tests may fail loudly"
)]

use dls_model::*;
use http::{HeaderMap, StatusCode};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const MIB: usize = 1024 * 1024;
/// A quarter of the largest answer that anybody should take, because tests are not optimised. All bounds are met.
const LENGTH: usize = 4 * MIB;
/// With the body itself: a quarter of 128 MiB.
const MOST_MEMORY: usize = 32 * MIB;

/// A body of the full length.
fn filled(before: &str, piece: &str, after: &str) -> Vec<u8> {
    let room = LENGTH - before.len() - after.len();
    let mut body = before.as_bytes().to_vec();
    body.reserve_exact(LENGTH - body.len());
    for _ in 0..room / piece.len() {
        body.extend_from_slice(piece.as_bytes());
    }
    // A comma too many would make it no JSON.
    while body.last() == Some(&b',') {
        body.pop();
    }
    body.extend_from_slice(after.as_bytes());
    body
}

/// A name, and what stands before, again and again, and after.
const BODIES: [(&str, &str, &str, &str); 20] = [
    ("scalars", r#"{"data":["#, "0,", "]}"),
    ("empty rows", r#"{"data":["#, "{},", "]}"),
    ("rows with rows", r#"{"data":["#, r#"{"package_approvers":[0,0,0,0]},"#, "]}"),
    ("a list twice and more", "{", r#""data":[0,0,0],"#, "}"),
    ("scalars nobody reads", r#"{"other":["#, "0,", "]}"),
    ("nested lists", r#"{"data":"#, "[", "}"),
    ("nested objects", "", r#"{"error":"#, ""),
    ("a long name", r#"{"data":[{"package_name":""#, "x", r#""}]}"#),
    ("a name of escapes", r#"{"data":[{"package_name":""#, "\\u0041", r#""}]}"#),
    ("halves of pairs", r#"{"data":[{"package_name":""#, "\\ud800", r#""}]}"#),
    ("many members", "{", r#""a":1,"#, "}"),
    ("many objects", "{", r#""a":{"code":1},"#, "}"),
    ("one member many times", r#"{"data":[{"#, r#""package_name":"x","#, "}]}"),
    ("endless numbers", r#"{"other":["#, "1e999,", "]}"),
    ("one endless number", r#"{"total":"#, "9", "}"),
    ("errors", r#"{"errors":["#, r#"{"code":1},"#, "]}"),
    ("an error text", r#"{"error_code":"DLF.0810","error_msg":""#, "secret", r#""}"#),
    ("an error text of escapes", r#"{"error_code":"DLF.0810","error_msg":""#, "\\u00fc", r#""}"#),
    ("no JSON", "<html>", "secret ", ""),
    ("nothing", "", " ", ""),
];

/// What decoding takes beside the body, at most.
fn memory_of(body: &[u8], status: StatusCode) -> usize {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let answer = if status.is_success() {
        ListPackages::decode(status, &HeaderMap::new(), body).map(drop)
    } else {
        Deploy::decode(status, &HeaderMap::new(), body).map(drop)
    };
    drop(answer);
    MEMORY.peak_usage() - before
}

#[test]
fn no_answer_takes_more_than_eight_times_its_length() {
    for (name, before, piece, after) in BODIES {
        let mut body = filled(before, piece, after);
        assert!(body.len() > LENGTH - 64, "{name}: {}", body.len());
        for status in [StatusCode::OK, StatusCode::BAD_REQUEST] {
            let took = memory_of(&body, status) + body.len();
            assert!(took <= MOST_MEMORY, "{name}, {status}: {} MiB", took / MIB);
        }
        // The same, where it is not UTF-8.
        let end = body.len() / 2;
        body[end] = 0xff;
        let took = memory_of(&body, StatusCode::BAD_REQUEST) + body.len();
        assert!(took <= MOST_MEMORY, "{name}, not UTF-8: {} MiB", took / MIB);
    }
}
