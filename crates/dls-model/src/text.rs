//! Makes foreign text fit for a message: short, on one line, and without the secrets that an error may echo.

/// How many characters of a body an error repeats.
const EXCERPT: usize = 200;

/// The beginning of a body, for a message: at most 200 characters.
pub(crate) fn excerpt(body: &[u8]) -> String {
    // Far more than is shown, so that a secret is known as one before it is cut.
    let beginning = body.get(..EXCERPT * 40).unwrap_or(body);
    message(&String::from_utf8_lossy(beginning), EXCERPT)
}

/// `text` for a message: at most `max` characters, secrets blotted out, and nothing that could move the
/// cursor or turn the direction of writing.
pub(crate) fn message(text: &str, max: usize) -> String {
    printable(&redacted(text.trim()), max)
}

/// `text` with control and format characters escaped, cut to at most `max` characters.
pub(crate) fn printable(text: &str, max: usize) -> String {
    let mut shown = String::new();
    let mut room = max;
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let width = if is_unprintable(c) {
            c.escape_default().count()
        } else {
            1
        };
        let last = rest.as_str().is_empty();
        if width > room || (width == room && !last) {
            shown.push('…');
            break;
        }
        room -= width;
        if is_unprintable(c) {
            shown.extend(c.escape_default())
        } else {
            shown.push(c)
        }
    }
    shown
}

fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// What stands before a secret: the gateway's text on a wrong signature may echo the canonical request.
const BEFORE_SECRETS: [&str; 8] = [
    "x-auth-token",
    "x-security-token",
    "x-subject-token",
    "security_token",
    "securitytoken",
    "signature",
    "secret",
    "password",
];

/// `text` with `[redacted]` for each value after the name of a secret and `:` or `=`.
fn redacted(text: &str) -> String {
    // ASCII alone changes case here, so that both texts have the same offsets.
    let folded = text.to_ascii_lowercase();
    let mut kept = String::with_capacity(text.len());
    let mut at = 0;
    while let Some((start, end)) = next_secret(&folded, at) {
        kept.push_str(text.get(at..start).unwrap_or_default());
        kept.push_str("[redacted]");
        at = end;
    }
    kept.push_str(text.get(at..).unwrap_or_default());
    kept
}

/// Where the first secret at or after `from` begins and ends.
fn next_secret(folded: &str, from: usize) -> Option<(usize, usize)> {
    const QUOTING: [char; 4] = [' ', '"', '\'', '\\'];
    let mut from = from;
    loop {
        let rest = folded.get(from..)?;
        let name_end = BEFORE_SECRETS
            .iter()
            .filter_map(|name| rest.find(name).map(|at| (at, name.len())))
            .min()
            .map(|(at, length)| at + length)?;
        let after_name = rest.get(name_end..)?;
        // The name may go on: `secret_access_key`.
        let after_name = after_name.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_');
        if let Some(value) = after_name
            .trim_start_matches(QUOTING)
            .strip_prefix([':', '='])
        {
            let value = value.trim_start_matches(QUOTING);
            let ends = |c: char| c.is_whitespace() || "|,;&\"'\\<>{}[]()".contains(c);
            let length = value.find(ends).unwrap_or(value.len());
            if length > 0 {
                let start = folded.len() - value.len();
                return Some((start, start + length));
            }
        }
        from += name_end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_echoed_canonical_request_loses_its_secrets() {
        let echo = "verify aksk signature fail, canonical: GET|/v2/|x-sdk-date:20240429T081530Z|X-Security-Token:gQpj/+=abc|\
                    sdk-date;x-security-token|e3b0, Authorization: SDK-HMAC-SHA256 Access=AK, Signature=0a1b2c";
        let shown = message(echo, 1000);
        assert!(
            !shown.contains("gQpj") && !shown.contains("0a1b2c"),
            "{shown}"
        );
        assert!(shown.contains("X-Security-Token:[redacted]|"), "{shown}");
        assert!(
            shown.contains("sdk-date;x-security-token|e3b0, Auth"),
            "{shown}"
        );
        assert!(shown.ends_with("Signature=[redacted]"), "{shown}");
    }

    #[test]
    fn a_quoted_secret_goes_too() {
        assert_eq!(
            message(r#"{"X-Auth-Token": "MIIabc", "b":1}"#, 100),
            r#"{"X-Auth-Token": "[redacted]", "b":1}"#
        );
        assert_eq!(message("password=", 100), "password=");
    }

    #[test]
    fn a_message_stays_on_its_line() {
        assert_eq!(
            message(" a\nb\u{1b}[31m\u{202e}c ", 100),
            r"a\nb\u{1b}[31m\u{202e}c"
        );
    }

    #[test]
    fn a_message_is_cut_to_its_room() {
        assert_eq!(printable("abcd", 4), "abcd");
        assert_eq!(printable("abcde", 4), "abc…");
        assert_eq!(printable("ab\n", 4), "ab\\n");
        assert_eq!(printable("abc\n", 4), "abc…");
        assert_eq!(printable("ü\u{7}", 4), "ü…");
    }
}
