//! What JSON allows, the service or a hostile one may write, and `serde_json` takes for a fault of the whole text:
//! a number that no float can hold, and half of a pair of surrogates.

/// `text` with `null` for each number that is too large for a float, and U+FFFD for each `\\u` escape that is half a
/// pair of surrogates alone. `None` if there is neither.
pub(super) fn repaired(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut repairs = Repairs { text, kept: String::new(), copied: 0 };
    let mut at = 0;
    let mut quoted = false;
    while let Some(byte) = bytes.get(at) {
        at = match byte {
            b'"' => {
                quoted = !quoted;
                at + 1
            }
            b'\\' if quoted => match escape(bytes, at) {
                Escape::Whole(end) => end,
                Escape::HalfAPair(end) => repairs.replace(at, end, "\\ufffd"),
            },
            b'-' | b'0'..=b'9' if !quoted => {
                let rest = bytes.get(at..).unwrap_or_default();
                let end = at + rest.iter().take_while(|byte| is_numeric(**byte)).count();
                let number = text.get(at..end).unwrap_or_default();
                if number.parse().is_ok_and(f64::is_infinite) {
                    repairs.replace(at, end, "null")
                } else {
                    end
                }
            }
            _ => at + 1,
        };
    }
    repairs.finish()
}

/// A text in which pieces are replaced from left to right.
struct Repairs<'a> {
    text: &'a str,
    kept: String,
    /// How much of the text is in `kept`, or replaced there.
    copied: usize,
}

impl Repairs<'_> {
    /// Says where the text goes on.
    fn replace(&mut self, from: usize, to: usize, by: &str) -> usize {
        if self.copied == 0 {
            self.kept.reserve_exact(self.text.len());
        }
        self.kept.push_str(self.text.get(self.copied..from).unwrap_or_default());
        self.kept.push_str(by);
        self.copied = to;
        to
    }

    fn finish(mut self) -> Option<String> {
        let rest = self.text.get(self.copied..).unwrap_or_default();
        self.kept.push_str(rest);
        (self.copied > 0).then_some(self.kept)
    }
}

fn is_numeric(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E')
}

/// An escape, by where it ends.
enum Escape {
    Whole(usize),
    HalfAPair(usize),
}

fn escape(bytes: &[u8], at: usize) -> Escape {
    match unit(bytes, at) {
        Some(0xd800..=0xdbff) => match unit(bytes, at + 6) {
            Some(0xdc00..=0xdfff) => Escape::Whole(at + 12),
            _ => Escape::HalfAPair(at + 6),
        },
        Some(0xdc00..=0xdfff) => Escape::HalfAPair(at + 6),
        _ => Escape::Whole(at + 2),
    }
}

/// The number of a `\\u` escape that begins there.
fn unit(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    let digits = digits.iter().all(u8::is_ascii_hexdigit).then_some(digits)?;
    u16::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_broken_is_replaced() {
        for (text, expected) in [
            ("{}", None),
            (r#"{"a":1e308,"b":-1.5,"c":"1e999"}"#, None),
            (r#"{"a":1e999,"b":[-1e400]}"#, Some(r#"{"a":null,"b":[null]}"#)),
            (r#""\ud83d\ude00 \u00e9 \\ud800 \" 1e999""#, None),
            (r#""a\ud800b""#, Some(r#""a\ufffdb""#)),
            (r#""\udc00""#, Some(r#""\ufffd""#)),
            (r#""\ud800\ud83d\ude00""#, Some(r#""\ufffd\ud83d\ude00""#)),
            (r#""\ud800\n""#, Some(r#""\ufffd\n""#)),
            (r#""\ud800"#, Some(r#""\ufffd"#)),
            (r#""\ud8"#, None),
            (r#""\"#, None),
            (r#"\ud800"#, None),
            (r#"["é\udfff",1E999,"\uD800"]"#, Some(r#"["é\ufffd",null,"\ufffd"]"#)),
        ] {
            assert_eq!(repaired(text).as_deref(), expected, "{text}");
        }
    }
}
