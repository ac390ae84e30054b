//! The rules of the algorithm once more, in the order of their description, as plainly and slowly as
//! can be.

use sha2::{Digest, Sha256};

use crate::random::Request;

pub(super) fn canonical_request(request: &Request) -> String {
    let mut headers = request.headers.clone();
    let content_type = headers.iter().find(|h| h.0 == "Content-Type").map(|h| h.1.clone());
    let known = |kind: &str| ["application/json", "application/bson"].map(|k| kind.starts_with(k));
    if content_type.is_some_and(|kind| !kind.is_empty() && known(&kind) == [false; 2]) {
        headers.retain(|h| h.0 != "X-Sdk-Content-Sha256");
        headers.push(("X-Sdk-Content-Sha256".into(), "UNSIGNED-PAYLOAD".into()));
    }
    let names: Vec<String> = headers.iter().map(|h| h.0.to_lowercase()).collect();
    if !names.contains(&"x-sdk-date".to_owned()) {
        headers.push(("X-Sdk-Date".into(), crate::date().to_string()));
    }
    if !names.contains(&"host".to_owned()) {
        headers.push(("Host".into(), request.host.clone()));
    }
    let mut lines: Vec<(String, String)> = headers
        .iter()
        .filter(|h| !h.0.contains('_'))
        .map(|h| (h.0.to_lowercase(), python_strip(&h.1)))
        .collect();
    lines.sort();

    let given = lines.iter().find(|l| l.0 == "x-sdk-content-sha256").map(|l| l.1.clone());
    let hash = if request.body.is_empty() {
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855".to_owned()
    } else {
        given.filter(|g| !g.is_empty()).unwrap_or_else(|| hex(&Sha256::digest(&request.body)))
    };
    format!(
        "{}\n{}\n{}\n{}\n\n{}\n{}",
        request.method.to_uppercase(),
        uri_of_path(&request.path),
        query(request),
        lines.iter().map(|l| format!("{}:{}", l.0, l.1)).collect::<Vec<_>>().join("\n"),
        lines.iter().map(|l| l.0.clone()).collect::<Vec<_>>().join(";"),
        hash
    )
}

pub(super) fn uri(request: &Request) -> String {
    match query(request) {
        empty if empty.is_empty() => request.path.clone(),
        query => format!("{}?{query}", request.path),
    }
}

/// RFC 2104.
pub(super) fn hmac_sha256(key: &[u8], text: &str) -> String {
    let mut key = if key.len() > 64 { Sha256::digest(key).to_vec() } else { key.to_vec() };
    key.resize(64, 0);
    let pad = |with: u8| key.iter().map(|byte| byte ^ with).collect::<Vec<u8>>();
    let inner = Sha256::digest([pad(0x36), text.into()].concat());
    hex(&Sha256::digest([pad(0x5c), inner.to_vec()].concat()))
}

fn query(request: &Request) -> String {
    let mut pairs = request.query.clone();
    pairs.sort();
    let pairs: Vec<String> =
        pairs.iter().map(|(k, v)| format!("{}={}", quote(k), quote(v))).collect();
    pairs.join("&")
}

fn uri_of_path(path: &str) -> String {
    let mut uri = unquote(path).split('/').map(quote).collect::<Vec<_>>().join("/");
    if !uri.ends_with('/') {
        uri += "/";
    }
    uri
}

fn quote(text: &str) -> String {
    let unreserved = |c: char| c.is_ascii_alphanumeric() || "-_.~".contains(c);
    let byte = |byte: &u8| format!("%{byte:02X}");
    text.chars()
        .map(|c| match unreserved(c) {
            true => c.to_string(),
            false => c.to_string().as_bytes().iter().map(byte).collect(),
        })
        .collect()
}

/// Escapes to bytes by index; then characters as long as they last, U+FFFD for what is not one.
fn unquote(text: &str) -> String {
    let text = text.as_bytes();
    let mut bytes = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let digits = text.get(at + 1..at + 3).and_then(|two| std::str::from_utf8(two).ok());
        let digits = digits.filter(|two| two.chars().all(|c| c.is_ascii_hexdigit()));
        match digits {
            Some(two) if text[at] == b'%' => {
                bytes.push(u8::from_str_radix(two, 16).unwrap());
                at += 3;
            }
            _ => {
                bytes.push(text[at]);
                at += 1;
            }
        }
    }
    let mut out = String::new();
    while !bytes.is_empty() {
        let (valid, bad) = match std::str::from_utf8(&bytes) {
            Ok(all) => (all.len(), 0),
            Err(e) => (e.valid_up_to(), e.error_len().unwrap_or(bytes.len() - e.valid_up_to())),
        };
        out += std::str::from_utf8(&bytes[..valid]).unwrap();
        out += if bad > 0 { "\u{fffd}" } else { "" };
        bytes.drain(..valid + bad);
    }
    out
}

/// The 29 characters for which Python's `str.isspace()` holds.
fn python_strip(text: &str) -> String {
    const BLANKS: &str = "\t\n\u{b}\u{c}\r\u{1c}\u{1d}\u{1e}\u{1f} \u{85}\u{a0}\u{1680}\
        \u{2000}\u{2001}\u{2002}\u{2003}\u{2004}\u{2005}\u{2006}\u{2007}\u{2008}\u{2009}\
        \u{200a}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}";
    let mut chars: Vec<char> = text.chars().collect();
    while chars.last().is_some_and(|c| BLANKS.contains(*c)) {
        chars.pop();
    }
    while chars.first().is_some_and(|c| BLANKS.contains(*c)) {
        chars.remove(0);
    }
    chars.into_iter().collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
