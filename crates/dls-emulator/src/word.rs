//! The words that a plan has for faults, and what may stand behind each.

use std::fmt;
use std::time::Duration;

use http::{HeaderValue, StatusCode};
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use toml::Value;

use crate::assume;
use crate::fate::{End, Forged, TlsFault};
use crate::fault::Action::{self, Cut, Effect as Does, Forge, Refuse, Tls};
use crate::fault::{Deed, DeedKind, Effect};

/// A fault by its word, or `{ word = parameter }`.
pub(crate) struct What {
    pub(crate) word: String,
    pub(crate) action: Action,
}

impl<'de> Deserialize<'de> for What {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = What;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a fault such as \"reset\" or { status = 502 }")
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<What, E> {
                What::new(word, Parameter(None)).map_err(E::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<What, A::Error> {
                let entry: Option<(String, Value)> = map.next_entry()?;
                let (word, value) = entry.ok_or_else(|| de::Error::custom("it names no fault"))?;
                if let Some((other, _)) = map.next_entry::<String, Value>()? {
                    let message = format!("it names one fault, not {word:?} and {other:?}");
                    return Err(de::Error::custom(message));
                }
                What::new(&word, Parameter(Some(value))).map_err(de::Error::custom)
            }
        }

        deserializer.deserialize_any(Reader)
    }
}

type Row = (&'static str, fn(Parameter) -> Result<Action, String>);

/// All faults, in the order of the README's table.
const WORDS: [Row; 32] = [
    ("refuse", |given| Ok(Refuse(given.time(Some("500ms"))?))),
    ("close", |given| Ok(Forge(Forged::End(given.none(End::Close)?)))),
    ("reset", |given| Ok(Forge(Forged::End(given.none(End::Reset)?)))),
    ("silence", |given| Ok(Forge(Forged::End(given.none(End::Silence)?)))),
    ("close-after-bytes", |given| Ok(Cut { after: given.bytes()?, end: End::Close })),
    ("reset-after-bytes", |given| Ok(Cut { after: given.bytes()?, end: End::Reset })),
    ("silence-after-bytes", |given| Ok(Cut { after: given.bytes()?, end: End::Silence })),
    ("tls-close", |given| Ok(Tls(given.none(TlsFault::Close)?))),
    ("tls-garbage", |given| Ok(Tls(given.none(TlsFault::Garbage)?))),
    ("tls-silence", |given| Ok(Tls(given.none(TlsFault::Silence)?))),
    ("tls-wrong-name", |given| Ok(Tls(given.none(TlsFault::WrongName)?))),
    ("tls-expired", |given| Ok(Tls(given.none(TlsFault::Expired)?))),
    ("status", |given| Ok(Forge(Forged::Status(given.status(None)?)))),
    ("throttle", |given| Ok(Forge(given.none(Forged::Throttle)?))),
    ("partly-done", |given| Ok(Forge(Forged::PartlyDone(given.status(Some(429))?)))),
    ("nested-code", |given| Ok(Forge(Forged::NestedCode(given.status(Some(400))?)))),
    ("html", |given| Ok(Forge(given.none(Forged::Html)?))),
    ("redirect", |given| Ok(Forge(Forged::Redirect(given.target("https://elsewhere.invalid/")?)))),
    ("garbage", |given| Ok(Forge(given.none(Forged::Garbage)?))),
    ("empty", |given| Ok(Forge(given.none(Forged::Empty)?))),
    ("truncated", |given| Ok(Forge(given.none(Forged::Truncated)?))),
    ("overlong", |given| Ok(Forge(given.none(Forged::Overlong)?))),
    ("padded", |given| Ok(Forge(Forged::Padded(given.bytes()?)))),
    ("drip", |given| Ok(Forge(Forged::Drip(given.time(Some("50ms"))?)))),
    ("lag", |given| Ok(Does(Effect::Lag(given.time(None)?)))),
    ("skew", |given| Ok(Does(Effect::Skew(given.skew()?)))),
    ("token-ends", |given| Ok(Does(given.none(Effect::TokenEnds)?))),
    ("copy", |given| Ok(Does(Effect::Copy(given.time(Some("1s"))?)))),
    ("other-releases-before", |given| Ok(Does(given.deed(DeedKind::Release, true)?))),
    ("other-releases-after", |given| Ok(Does(given.deed(DeedKind::Release, false)?))),
    ("other-revokes-before", |given| Ok(Does(given.deed(DeedKind::Revoke, true)?))),
    ("other-revokes-after", |given| Ok(Does(given.deed(DeedKind::Revoke, false)?))),
];

impl What {
    fn new(word: &str, given: Parameter) -> Result<Self, String> {
        let Some((_, action)) = WORDS.iter().find(|(known, _)| *known == word) else {
            let words = WORDS.map(|(word, _)| word).join(", ");
            return Err(format!("unknown fault {word:?}, expected one of {words}"));
        };
        let action = action(given).map_err(|message| format!("{word:?} {message}"))?;
        let word = word.to_owned();
        Ok(Self { word, action })
    }
}

/// What stands behind a word, if anything does.
struct Parameter(Option<Value>);

impl Parameter {
    fn none<T>(self, action: T) -> Result<T, String> {
        match self.0 {
            None => Ok(action),
            Some(_) => Err("takes no parameter".to_owned()),
        }
    }

    fn bytes(self) -> Result<usize, String> {
        let number = self.0.and_then(|value| value.as_integer());
        let number = number.and_then(|number| usize::try_from(number).ok());
        number
            .filter(|number| *number <= MOST_BYTES)
            .ok_or_else(|| format!("takes a number of bytes, at most {MOST_BYTES}"))
    }

    fn status(self, default: Option<i64>) -> Result<StatusCode, String> {
        let number = match self.0 {
            Some(value) => value.as_integer(),
            None => default,
        };
        let number = number.filter(|number| (200..=599).contains(number));
        let status =
            number.and_then(|number| StatusCode::from_u16(u16::try_from(number).ok()?).ok());
        status.ok_or_else(|| "takes a status from 200 to 599".to_owned())
    }

    fn time(self, default: Option<&str>) -> Result<Duration, String> {
        let text = self.text(default);
        let time = text.as_deref().and_then(assume::duration);
        time.filter(|time| *time <= LONGEST)
            .ok_or_else(|| "takes a time such as 500ms, 2s or 15m, at most a day".to_owned())
    }

    fn skew(self) -> Result<i64, String> {
        let text = self.text(None).unwrap_or_default();
        let (sign, span) = match text.strip_prefix('-') {
            Some(span) => (-1, span),
            None => (1, text.as_str()),
        };
        let span = assume::duration(span).filter(|span| *span <= LONGEST);
        let millis = span.and_then(|span| i64::try_from(span.as_millis()).ok());
        let skew = millis.map(|millis| sign * millis);
        skew.ok_or_else(|| {
            "takes a time such as 20m, or -20m for a slow clock; at most a day".to_owned()
        })
    }

    fn target(self, default: &str) -> Result<HeaderValue, String> {
        let text = self.text(Some(default));
        let target = text.and_then(|text| HeaderValue::try_from(text).ok());
        target.ok_or_else(|| "takes an address".to_owned())
    }

    fn deed(self, kind: DeedKind, before: bool) -> Result<Effect, String> {
        let packages = self.0.map(Value::try_into).transpose();
        let packages =
            packages.map_err(|_| "takes package ids such as [\"23\", \"24\"]".to_owned())?;
        Ok(Effect::Other(Deed { kind, before, packages }))
    }

    fn text(self, default: Option<&str>) -> Option<String> {
        match self.0 {
            None => default.map(str::to_owned),
            Some(value) => value.as_str().map(str::to_owned),
        }
    }
}

const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// Enough for every limit that a client may have on the size of an answer.
const MOST_BYTES: usize = 64 * 1024 * 1024;
