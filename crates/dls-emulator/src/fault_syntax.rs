//! The names that a plan has for faults, and what may stand behind each.

use std::fmt;
use std::time::Duration;

use http::{HeaderValue, StatusCode};
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use toml::Value;

use crate::assumptions;
use crate::fault::Action::{self, Cut, Refuse, Response, SideEffect as Does, Tls};
use crate::fault::{ExternalAction, ExternalActionKind, SideEffect};
use crate::fault_effect::{ConnectionEnd, ResponseFault, TlsFault};

/// A fault by its word, or `{ word = parameter }`.
pub(crate) struct NamedFault {
    pub(crate) name: String,
    pub(crate) action: Action,
}

impl<'de> Deserialize<'de> for NamedFault {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = NamedFault;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a fault such as \"reset\" or { status = 502 }")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<NamedFault, E> {
                NamedFault::new(name, Parameter(None)).map_err(E::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<NamedFault, A::Error> {
                let entry: Option<(String, Value)> = map.next_entry()?;
                let (name, value) = entry.ok_or_else(|| de::Error::custom("it names no fault"))?;
                if let Some((other, _)) = map.next_entry::<String, Value>()? {
                    let message = format!("it names one fault, not {name:?} and {other:?}");
                    return Err(de::Error::custom(message));
                }
                NamedFault::new(&name, Parameter(Some(value))).map_err(de::Error::custom)
            }
        }

        deserializer.deserialize_any(Reader)
    }
}

type Row = (&'static str, fn(Parameter) -> Result<Action, String>);

/// All faults, in the order of the README's table.
const FAULTS: [Row; 32] = [
    ("refuse", |given| Ok(Refuse(given.time(Some("500ms"))?))),
    ("close", |given| Ok(Response(ResponseFault::End(given.none(ConnectionEnd::Close)?)))),
    ("reset", |given| Ok(Response(ResponseFault::End(given.none(ConnectionEnd::Reset)?)))),
    ("silence", |given| Ok(Response(ResponseFault::End(given.none(ConnectionEnd::Silence)?)))),
    ("close-after-bytes", |given| Ok(Cut { after: given.bytes()?, end: ConnectionEnd::Close })),
    ("reset-after-bytes", |given| Ok(Cut { after: given.bytes()?, end: ConnectionEnd::Reset })),
    ("silence-after-bytes", |given| Ok(Cut { after: given.bytes()?, end: ConnectionEnd::Silence })),
    ("tls-close", |given| Ok(Tls(given.none(TlsFault::Close)?))),
    ("tls-garbage", |given| Ok(Tls(given.none(TlsFault::Garbage)?))),
    ("tls-silence", |given| Ok(Tls(given.none(TlsFault::Silence)?))),
    ("tls-wrong-name", |given| Ok(Tls(given.none(TlsFault::WrongName)?))),
    ("tls-expired", |given| Ok(Tls(given.none(TlsFault::Expired)?))),
    ("status", |given| Ok(Response(ResponseFault::Status(given.status(None)?)))),
    ("throttle", |given| Ok(Response(given.none(ResponseFault::Throttle)?))),
    ("partly-done", |given| Ok(Response(ResponseFault::PartlyDone(given.status(Some(429))?)))),
    ("nested-code", |given| Ok(Response(ResponseFault::NestedCode(given.status(Some(400))?)))),
    ("html", |given| Ok(Response(given.none(ResponseFault::Html)?))),
    ("redirect", |given| {
        Ok(Response(ResponseFault::Redirect(given.target("https://elsewhere.invalid/")?)))
    }),
    ("garbage", |given| Ok(Response(given.none(ResponseFault::Garbage)?))),
    ("empty", |given| Ok(Response(given.none(ResponseFault::Empty)?))),
    ("truncated", |given| Ok(Response(given.none(ResponseFault::Truncated)?))),
    ("overlong", |given| Ok(Response(given.none(ResponseFault::Overlong)?))),
    ("padded", |given| Ok(Response(ResponseFault::Padded(given.bytes()?)))),
    ("drip", |given| Ok(Response(ResponseFault::Drip(given.time(Some("50ms"))?)))),
    ("lag", |given| Ok(Does(SideEffect::Lag(given.time(None)?)))),
    ("skew", |given| Ok(Does(SideEffect::Skew(given.skew()?)))),
    ("token-ends", |given| Ok(Does(given.none(SideEffect::TokenEnds)?))),
    ("copy", |given| Ok(Does(SideEffect::Copy(given.time(Some("1s"))?)))),
    ("other-releases-before", |given| Ok(Does(given.deed(ExternalActionKind::Release, true)?))),
    ("other-releases-after", |given| Ok(Does(given.deed(ExternalActionKind::Release, false)?))),
    ("other-revokes-before", |given| Ok(Does(given.deed(ExternalActionKind::Revoke, true)?))),
    ("other-revokes-after", |given| Ok(Does(given.deed(ExternalActionKind::Revoke, false)?))),
];

impl NamedFault {
    fn new(name: &str, given: Parameter) -> Result<Self, String> {
        let Some((_, action)) = FAULTS.iter().find(|(known, _)| *known == name) else {
            let names = FAULTS.map(|(name, _)| name).join(", ");
            return Err(format!("unknown fault {name:?}, expected one of {names}"));
        };
        let action = action(given).map_err(|message| format!("{name:?} {message}"))?;
        let name = name.to_owned();
        Ok(Self { name, action })
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
        let time = text.as_deref().and_then(assumptions::duration);
        time.filter(|time| *time <= LONGEST)
            .ok_or_else(|| "takes a time such as 500ms, 2s or 15m, at most a day".to_owned())
    }

    fn skew(self) -> Result<i64, String> {
        let text = self.text(None).unwrap_or_default();
        let (sign, span) = match text.strip_prefix('-') {
            Some(span) => (-1, span),
            None => (1, text.as_str()),
        };
        let span = assumptions::duration(span).filter(|span| *span <= LONGEST);
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

    fn deed(self, kind: ExternalActionKind, before: bool) -> Result<SideEffect, String> {
        let packages = self.0.map(Value::try_into).transpose();
        let packages =
            packages.map_err(|_| "takes package ids such as [\"23\", \"24\"]".to_owned())?;
        Ok(SideEffect::Other(ExternalAction { kind, before, packages }))
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
