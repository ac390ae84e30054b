//! Fault plans as TOML: the keys of a rule, the names of all faults, and the parameter that each takes.

use std::num::NonZeroU64;
use std::time::Duration;

use http::{HeaderValue, StatusCode};
use serde::Deserialize;
use toml::{Spanned, Value};

use crate::assumptions::duration;
use crate::faults::effect::{ConnectionEnd, ConnectionFault, GARBAGE, TlsFault};
use crate::faults::response::ResponseFault;
use crate::faults::{ExternalAction, Fault, FaultPlan, FaultTarget, Rule, SideEffect, Trigger};
use crate::toml_error::InvalidToml;

impl FaultPlan {
    /// Reads a plan of the form of [`FaultPlan::EXAMPLE`].
    ///
    /// # Errors
    ///
    /// The text is not TOML of that form (unknown keys are errors), or a rule makes no sense, such as a response for a
    /// connection. The error is one line that names line and key.
    pub fn from_toml(text: &str) -> Result<Self, InvalidToml> {
        let file: File = InvalidToml::parse(text)?;
        let rules = file.faults.into_iter().map(|row| {
            let span = row.span();
            row.into_inner().rule().map_err(|message| InvalidToml::at(text, &span, &message))
        });
        Ok(Self { seed: file.seed, rules: rules.collect::<Result<_, _>>()? })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    seed: u64,
    #[serde(default)]
    faults: Vec<Spanned<Row>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Row {
    on: FaultTarget,
    nth: Option<NonZeroU64>,
    every: Option<NonZeroU64>,
    chance: Option<f64>,
    times: Option<NonZeroU64>,
    #[serde(rename = "do")]
    fault: NamedFault,
    done: Option<bool>,
    retry_after: Option<String>,
}

impl Row {
    fn rule(self) -> Result<Rule, String> {
        let trigger = match (self.nth, self.every, self.chance) {
            (None, None, None) => Trigger::Always,
            (Some(nth), None, None) => Trigger::Nth(nth),
            (None, Some(every), None) => Trigger::Every(every),
            (None, None, Some(chance)) if (0.0..=1.0).contains(&chance) => Trigger::Chance(chance),
            (None, None, Some(_)) => {
                return Err("key \"chance\" is a number from 0 to 1".to_owned());
            }
            _ => return Err("a rule has only one of \"nth\", \"every\" and \"chance\"".to_owned()),
        };
        let NamedFault { name, fault } = self.fault;
        let mut fault = match (fault, self.on == FaultTarget::Connection) {
            (Fault::Response { kind: ResponseFault::End(end), .. }, true) => {
                Fault::Connection(ConnectionFault::Cut { after: 0, end })
            }
            (fault @ Fault::Connection(ConnectionFault::Cut { .. }), _) => fault,
            (Fault::Connection(_), false) => {
                return Err(format!("{name:?} applies to connections: on = \"connection\""));
            }
            (Fault::Response { .. } | Fault::SideEffect(_), true) => {
                return Err(format!("{name:?} applies to requests, not to a connection"));
            }
            (fault, _) => fault,
        };
        if let Some(given) = self.done {
            let Fault::Response { done, .. } = &mut fault else {
                return Err(format!("key \"done\": {name:?} does not change a response"));
            };
            *done = given;
        }
        if let Some(text) = self.retry_after {
            let value = HeaderValue::from_str(&text)
                .map_err(|_| format!("key \"retry-after\": {text:?} is not a header value"))?;
            match &mut fault {
                Fault::Response {
                    kind: ResponseFault::Throttle | ResponseFault::Status(_),
                    retry_after,
                    ..
                } => *retry_after = Some(value),
                _ => {
                    let message = "key \"retry-after\" goes with \"throttle\" and \"status\"";
                    return Err(message.to_owned());
                }
            }
        }
        Ok(Rule { on: self.on, trigger, times: self.times, name, fault })
    }
}

/// A fault by its name, or `{ name = parameter }`.
#[derive(Deserialize)]
#[serde(try_from = "NameOrTable")]
struct NamedFault {
    name: String,
    fault: Fault,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a fault such as \"reset\" or { status = 502 }")]
enum NameOrTable {
    Name(String),
    Table(toml::Table),
}

impl TryFrom<NameOrTable> for NamedFault {
    type Error = String;

    fn try_from(given: NameOrTable) -> Result<Self, String> {
        let (name, parameter) = match given {
            NameOrTable::Name(name) => (name, Parameter(None)),
            NameOrTable::Table(table) => {
                let mut entries = table.into_iter();
                match (entries.next(), entries.next()) {
                    (Some((name, value)), None) => (name, Parameter(Some(value))),
                    (Some((one, _)), Some((other, _))) => {
                        return Err(format!("it names one fault, not {one:?} and {other:?}"));
                    }
                    (None, _) => return Err("it names no fault".to_owned()),
                }
            }
        };
        let Some((_, read)) = FAULTS.iter().find(|(known, _)| *known == name) else {
            let names = FAULTS.map(|(name, _)| name).join(", ");
            return Err(format!("unknown fault {name:?}, expected one of {names}"));
        };
        let fault = read(parameter).map_err(|takes| format!("{name:?} takes {takes}"))?;
        Ok(Self { name, fault })
    }
}

type FaultRow = (&'static str, fn(Parameter) -> Result<Fault, String>);

/// All faults, in the order of the README's table.
const FAULTS: [FaultRow; 32] = [
    ("refuse", |given| {
        given.or("500ms").time().map(ConnectionFault::Refuse).map(Fault::Connection)
    }),
    ("close", |given| given.none(response(ResponseFault::End(ConnectionEnd::Close)))),
    ("reset", |given| given.none(response(ResponseFault::End(ConnectionEnd::Reset)))),
    ("silence", |given| given.none(response(ResponseFault::End(ConnectionEnd::Silence)))),
    ("close-after-bytes", |given| given.cut(ConnectionEnd::Close)),
    ("reset-after-bytes", |given| given.cut(ConnectionEnd::Reset)),
    ("silence-after-bytes", |given| given.cut(ConnectionEnd::Silence)),
    ("tls-close", |given| given.none(tls(TlsFault::Bytes(b"", ConnectionEnd::Close)))),
    ("tls-garbage", |given| given.none(tls(TlsFault::Bytes(GARBAGE, ConnectionEnd::Close)))),
    ("tls-silence", |given| given.none(tls(TlsFault::Bytes(b"", ConnectionEnd::Silence)))),
    ("tls-wrong-name", |given| given.none(tls(TlsFault::WrongName))),
    ("tls-expired", |given| given.none(tls(TlsFault::Expired))),
    ("status", |given| given.status().map(ResponseFault::Status).map(response)),
    ("throttle", |given| given.none(response(ResponseFault::Throttle))),
    ("partly-done", |given| given.or(429).status().map(ResponseFault::PartlyDone).map(response)),
    ("nested-code", |given| given.or(400).status().map(ResponseFault::NestedCode).map(response)),
    ("html", |given| given.none(response(ResponseFault::Html))),
    ("redirect", |given| given.or(ELSEWHERE).address().map(ResponseFault::Redirect).map(response)),
    ("garbage", |given| given.none(response(ResponseFault::Garbage))),
    ("empty", |given| given.none(response(ResponseFault::Empty))),
    ("truncated", |given| given.none(response(ResponseFault::Truncated))),
    ("overlong", |given| given.none(response(ResponseFault::Overlong))),
    ("padded", |given| given.bytes().map(ResponseFault::Padded).map(response)),
    ("drip", |given| given.or("50ms").time().map(ResponseFault::Drip).map(response)),
    ("lag", |given| given.time().map(SideEffect::Lag).map(Fault::SideEffect)),
    ("skew", |given| given.skew().map(SideEffect::Skew).map(Fault::SideEffect)),
    ("token-ends", |given| given.none(Fault::SideEffect(SideEffect::TokenEnds))),
    ("copy", |given| given.or("1s").time().map(SideEffect::Copy).map(Fault::SideEffect)),
    ("other-releases-before", |given| given.external(ExternalAction::Release, true)),
    ("other-releases-after", |given| given.external(ExternalAction::Release, false)),
    ("other-revokes-before", |given| given.external(ExternalAction::Revoke, true)),
    ("other-revokes-after", |given| given.external(ExternalAction::Revoke, false)),
];

/// The service executes the request, except that the gateway throttles before the service.
fn response(kind: ResponseFault) -> Fault {
    Fault::Response { done: kind != ResponseFault::Throttle, kind, retry_after: None }
}

fn tls(fault: TlsFault) -> Fault {
    Fault::Connection(ConnectionFault::Tls(fault))
}

const ELSEWHERE: &str = "https://elsewhere.invalid/";
const MAX_TIME: Duration = Duration::from_secs(24 * 60 * 60);
/// Larger than any limit that a client may have on the size of a response.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// The parameter of a fault, if it is given one. An error says what the fault takes.
struct Parameter(Option<Value>);

impl Parameter {
    fn none(self, fault: Fault) -> Result<Fault, String> {
        match self.0 {
            None => Ok(fault),
            Some(_) => Err("no parameter".to_owned()),
        }
    }

    fn cut(self, end: ConnectionEnd) -> Result<Fault, String> {
        Ok(Fault::Connection(ConnectionFault::Cut { after: self.bytes()?, end }))
    }

    /// The parameter is this unless another one is given.
    fn or(self, default: impl Into<Value>) -> Self {
        Self(self.0.or_else(|| Some(default.into())))
    }

    fn read<T>(self, what: &str, read: impl Fn(&Value) -> Option<T>) -> Result<T, String> {
        self.0.as_ref().and_then(read).ok_or_else(|| what.to_owned())
    }

    fn bytes(self) -> Result<usize, String> {
        self.read(&format!("a number of bytes, at most {MAX_BYTES}"), |value| {
            usize::try_from(value.as_integer()?).ok().filter(|number| *number <= MAX_BYTES)
        })
    }

    fn status(self) -> Result<StatusCode, String> {
        self.read("a status from 200 to 599", |value| {
            let status = StatusCode::from_u16(u16::try_from(value.as_integer()?).ok()?).ok()?;
            (200..=599).contains(&status.as_u16()).then_some(status)
        })
    }

    fn time(self) -> Result<Duration, String> {
        self.read("a time such as 500ms, 2s or 15m, at most a day", |value| {
            up_to_a_day(value.as_str()?)
        })
    }

    /// In milliseconds.
    fn skew(self) -> Result<i64, String> {
        self.read("a time such as 20m, or -20m for a slow clock; at most a day", |value| {
            let text = value.as_str()?;
            let (sign, span) = text.strip_prefix('-').map_or((1, text), |span| (-1, span));
            Some(sign * i64::try_from(up_to_a_day(span)?.as_millis()).ok()?)
        })
    }

    fn address(self) -> Result<HeaderValue, String> {
        self.read("an address", |value| HeaderValue::from_str(value.as_str()?).ok())
    }

    fn external(self, action: ExternalAction, before: bool) -> Result<Fault, String> {
        let packages = self.0.map(Value::try_into).transpose();
        let packages = packages.map_err(|_| "package ids such as [\"23\", \"24\"]")?;
        Ok(Fault::SideEffect(SideEffect::External { action, before, packages }))
    }
}

fn up_to_a_day(text: &str) -> Option<Duration> {
    duration(text).filter(|time| *time <= MAX_TIME)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_in_the_readme() {
        let readme = include_str!("../../README.md");
        for (name, _) in FAULTS {
            let forms = [format!("`{name}`"), format!("`{{ {name} = ")];
            assert!(forms.iter().any(|form| readme.contains(form)), "{name}");
        }
    }
}
