//! Percent-encoding and trimming as the official signer does them.

use std::borrow::Cow;
use std::fmt::Write as _;

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
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
}

/// Undoes percent-encoding. Broken escapes stay as they are; bytes that are not UTF-8 become U+FFFD,
/// one for each maximal part of a character; `+` stays `+`.
pub(super) fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    Cow::Owned(match String::from_utf8(bytes(text)) {
        Ok(decoded) => decoded,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    })
}

/// Whether nothing is lost when a path or a query is decoded: its escapes are UTF-8.
pub(crate) fn decodes(text: &str) -> bool {
    !text.contains('%') || str::from_utf8(&bytes(text)).is_ok()
}

fn bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escape = match rest {
            [b'%', high, low, after @ ..] => hex_value(*high, *low).map(|byte| (byte, after)),
            _ => None,
        };
        let (byte, after) = escape.unwrap_or((*first, after));
        bytes.push(byte);
        rest = after;
    }
    bytes
}

fn hex_value(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(16 * digit(high)? + digit(low)?).ok()
}

/// Lower-case hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_what_python_calls_space_is_stripped() {
        let stripped: Vec<char> =
            ('\0'..=char::MAX).filter(|c| strip(c.encode_utf8(&mut [0; 4])).is_empty()).collect();
        // [c for c in map(chr, range(0x110000)) if c.isspace()] in Python 3.
        let python = "\t\n\u{b}\u{c}\r\u{1c}\u{1d}\u{1e}\u{1f} \u{85}\u{a0}\u{1680}\u{2000}\u{2001}\
            \u{2002}\u{2003}\u{2004}\u{2005}\u{2006}\u{2007}\u{2008}\u{2009}\u{200a}\u{2028}\
            \u{2029}\u{202f}\u{205f}\u{3000}";
        assert_eq!(stripped, python.chars().collect::<Vec<_>>());
        assert_eq!(strip(" \u{1f}a \u{1c}b\u{85}"), "a \u{1c}b");
    }

    #[test]
    fn an_escape_that_is_not_utf_8_becomes_one_replacement_for_each_maximal_part() {
        // Pairs of text and urllib.parse.unquote(text) in Python 3.
        for (text, decoded) in [
            ("%41%2f%2B+", "A/++"),
            ("%", "%"),
            ("%%%4", "%%%4"),
            ("%%41", "%A"),
            ("%zz%+1%E4", "%zz%+1\u{fffd}"),
            ("%E4%BD%9C", "作"),
            ("%E4%BDé", "\u{fffd}é"),
            ("%F0%9F%98a", "\u{fffd}a"),
            ("%ED%A0%80", "\u{fffd}\u{fffd}\u{fffd}"),
            ("%C0%AF", "\u{fffd}\u{fffd}"),
            ("%F4%90%80%80", "\u{fffd}\u{fffd}\u{fffd}\u{fffd}"),
            ("é%BD", "é\u{fffd}"),
        ] {
            assert_eq!(decode(text), decoded, "{text}");
            assert_eq!(decodes(text), !decoded.contains('\u{fffd}'), "{text}");
        }
        assert!(decodes("%EF%BF%BD"), "U+FFFD itself");
    }

    #[test]
    fn hex_is_lower_case_and_escapes_are_upper_case() {
        let mut escaped = String::new();
        encode_into(&mut escaped, "\u{ff}/~", None);
        assert_eq!(escaped, "%C3%BF%2F~");
        assert_eq!(hex(&[0x0f, 0xa0]), "0fa0");
    }
}
