//! Makes text from outside safe to show: short, on one line, and without the secrets that an error may echo.

/// How many characters of a body an error repeats.
const EXCERPT: usize = 200;

/// How many bytes of a text are read: far more than is ever shown, so that a secret is recognized before it is
/// cut, and no more than takes no time, however long the text is.
const MOST_READ: usize = 64 * 1024;

/// The beginning of a body, for a message: at most 200 characters.
pub(crate) fn excerpt(body: &[u8]) -> String {
    let beginning = body.get(..MOST_READ).unwrap_or(body);
    message(&String::from_utf8_lossy(beginning), EXCERPT)
}

/// `text` for a message: at most `max` characters, secrets redacted, and nothing that could move the
/// cursor or change the direction of writing.
pub(crate) fn message(text: &str, max: usize) -> String {
    let text = text.trim();
    if text.len() <= MOST_READ {
        return printable(&redacted(text), max);
    }
    // No character is longer than four bytes.
    let beginning = (MOST_READ - 3..=MOST_READ).rev().find_map(|end| text.get(..end));
    // An omission is marked, even if all the rest is one secret.
    printable(&(redacted(beginning.unwrap_or_default()) + "…"), max)
}

/// Text from outside on one line: control and format characters escaped, and cut to at most `max` characters.
#[must_use]
pub fn printable(text: &str, max: usize) -> String {
    let mut shown = String::new();
    let mut room = max;
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let width = if is_unprintable(c) { c.escape_default().count() } else { 1 };
        let last = rest.as_str().is_empty();
        if width > room || (width == room && !last) {
            shown.push('…');
            break;
        }
        room -= width;
        if is_unprintable(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    shown
}

fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Names before a secret: the gateway's message about a wrong signature may echo the canonical request.
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

/// The characters that may surround the `:` or `=` between a name and its value.
const QUOTING: [char; 4] = [' ', '"', '\'', '\\'];

/// `text` with `[redacted]` for each value after the name of a secret and `:` or `=`. One pass.
fn redacted(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut copied = 0;
    let mut at = 0;
    // The value after the current word, by that word's end: one word may contain many names.
    let mut word: Option<(usize, Option<(usize, usize)>)> = None;
    while at < text.len() {
        let Some(length) = secret_name_at(text, at) else {
            at += 1;
            continue;
        };
        at += length;
        let (end, value) = match word {
            Some((end, value)) if at <= end => (end, value),
            _ => value_after(text, at),
        };
        word = Some((end, value));
        if let Some((start, end)) = value {
            kept.push_str(text.get(copied..start).unwrap_or_default());
            kept.push_str("[redacted]");
            (copied, at) = (end, end);
        }
    }
    kept.push_str(text.get(copied..).unwrap_or_default());
    kept
}

/// The length of the secret's name that begins at this byte.
fn secret_name_at(text: &str, at: usize) -> Option<usize> {
    let rest = text.as_bytes().get(at..)?;
    let begins = |name: &&str| {
        let beginning = rest.get(..name.len());
        beginning.is_some_and(|beginning| beginning.eq_ignore_ascii_case(name.as_bytes()))
    };
    BEFORE_SECRETS.iter().find(|name| begins(name)).map(|name| name.len())
}

/// The end of the word that goes on here, since a name may (`secret_access_key`), and the value behind it, if there
/// is one.
fn value_after(text: &str, at: usize) -> (usize, Option<(usize, usize)>) {
    let rest = text.get(at..).unwrap_or_default();
    let after_word = rest.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_');
    let word_end = text.len() - after_word.len();
    let value = || {
        let after_sign = after_word.trim_start_matches(QUOTING).strip_prefix([':', '='])?;
        let value = after_sign.trim_start_matches(QUOTING);
        let ends = |c: char| c.is_whitespace() || "|,;&\"'\\<>{}[]()".contains(c);
        let length = value.find(ends).unwrap_or(value.len());
        let start = text.len() - value.len();
        (length > 0).then_some((start, start + length))
    };
    (word_end, value())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_echoed_canonical_request_loses_its_secrets() {
        let echo = "verify aksk signature fail, canonical: GET|/v2/|x-sdk-date:20240429T081530Z|X-Security-Token:gQpj/+=abc|\
                    sdk-date;x-security-token|e3b0, Authorization: SDK-HMAC-SHA256 Access=AK, Signature=0a1b2c";
        let shown = message(echo, 1000);
        assert!(!shown.contains("gQpj") && !shown.contains("0a1b2c"), "{shown}");
        assert!(shown.contains("X-Security-Token:[redacted]|"), "{shown}");
        assert!(shown.contains("sdk-date;x-security-token|e3b0, Auth"), "{shown}");
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
    fn a_name_in_a_longer_word_or_behind_another_one_counts_too() {
        for (text, expected) in [
            ("secret_access_key=abc", "secret_access_key=[redacted]"),
            ("secretsecretpassword: abc d", "secretsecretpassword: [redacted] d"),
            ("secretx-auth-token: abc", "secretx-auth-token: [redacted]"),
            ("secret of é: a, Signature = 'b'", "secret of é: a, Signature = '[redacted]'"),
            ("passwordé=abc", "passwordé=[redacted]"),
            ("secret=", "secret="),
            ("secret:=abc", "secret:[redacted]"),
        ] {
            assert_eq!(message(text, 1000), expected);
        }
    }

    #[test]
    fn of_a_text_without_end_the_beginning_is_read_and_its_secrets_go() {
        let long = "password=".to_owned() + &"x".repeat(1_000_000);
        assert_eq!(message(&long, 1000), "password=[redacted]…");
        let umlauts = "ü".repeat(100_000);
        let shown = message(&umlauts, 10_240);
        assert_eq!((shown.chars().count(), shown.ends_with('…')), (10_240, true));
    }

    #[test]
    fn a_message_stays_on_its_line() {
        assert_eq!(message(" a\nb\u{1b}[31m\u{202e}c ", 100), r"a\nb\u{1b}[31m\u{202e}c");
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
