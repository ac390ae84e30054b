//! Percent-encoding and trimming as the official signer does them.

use std::borrow::Cow;

/// Cuts white space at both ends: everything that Python's `str.strip()` cuts, which is Unicode
/// white space and the four separators U+001C to U+001F.
pub(super) fn strip(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}'))
}

/// Appends `text`, leaving alone `A-Za-z0-9-_.~` and what `also` names.
pub(super) fn encode_into(out: &mut String, text: &str, also: Option<u8>) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            _ if Some(byte) == also => out.push(char::from(byte)),
            _ => {
                out.push('%');
                out.push(upper_hex(byte >> 4));
                out.push(upper_hex(byte & 0xf));
            }
        }
    }
}

fn upper_hex(digit: u8) -> char {
    char::from(if digit < 10 {
        b'0' + digit
    } else {
        b'A' - 10 + digit
    })
}

/// Undoes percent-encoding. Broken escapes stay as they are; bytes that are not UTF-8 become U+FFFD,
/// one for each maximal part of a character; `+` stays `+`.
pub(super) fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = take_escape(rest).or_else(|| take_byte(rest)) {
        bytes.push(byte);
        rest = after;
    }
    Cow::Owned(match String::from_utf8(bytes) {
        Ok(decoded) => decoded,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    })
}

fn take_escape(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let [b'%', high, low, after @ ..] = bytes else {
        return None;
    };
    Some(((hex_value(*high)? << 4) | hex_value(*low)?, after))
}

fn take_byte(bytes: &[u8]) -> Option<(u8, &[u8])> {
    bytes.split_first().map(|(byte, after)| (*byte, after))
}

fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// Lower-case hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        for digit in [byte >> 4, byte & 0xf] {
            out.push(upper_hex(digit).to_ascii_lowercase());
        }
    }
    out
}
