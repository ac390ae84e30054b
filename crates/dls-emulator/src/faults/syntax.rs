//! Fault plans as TOML: the keys of a rule, the names of all faults, and the parameter that each takes.

use std::num::NonZeroU64;
use std::time::Duration;

use http::{HeaderValue, StatusCode};
use serde::Deserialize;
use toml::{Spanned, Value};

use crate::assumptions::duration;
use crate::faults::{
    Action, ExternalAction, ExternalActionKind, FaultPlan, FaultTarget, Rule, SideEffect, Trigger,
};
use crate::faults::effect::{ConnectionEnd, TlsFault};
use crate::faults::response::ResponseFault;
use crate::toml_error::TomlError;

impl FaultPlan {
    /// Reads a plan of the form of [`FaultPlan::EXAMPLE`].
    ///
    /// # Errors
    ///
    /// The text is not TOML of that form (unknown keys are errors), or a rule makes no sense, such as a response for a
    /// connection. The error is one line that names line and key.
    pub fn from_toml(text: &str) -> Result<Self, InvalidFaultPlan> {
        let file: File = TomlError::parse(text).map_err(InvalidFaultPlan)?;
        let rules = file.faults.into_iter().map(|row| {
            let span = row.span();
            let rule = row.into_inner().rule();
            rule.map_err(|message| InvalidFaultPlan(TomlError::at(text, &span, &message)))
        });
        Ok(Self { seed: file.seed, rules: rules.collect::<Result<_, _>>()? })
    }
}

/// Why a text is no [`FaultPlan`]: one line that begins with the line number of the error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct InvalidFaultPlan(TomlError);

impl InvalidFaultPlan {
    /// The line of the error, counted from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.0.line
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
        let NamedFault { name, action } = self.fault;
        let action = match (self.on, action) {
            (FaultTarget::Connection, Action::Response(ResponseFault::End(end))) => {
                Action::Cut { after: 0, end }
            }
            (FaultTarget::Connection, Action::Response(_) | Action::SideEffect(_)) => {
                return Err(format!("{name:?} applies to requests, not to a connection"));
            }
            (FaultTarget::Connection, action) => action,
            (_, Action::Refuse(_) | Action::Tls(_)) => {
                return Err(format!("{name:?} applies to connections: on = \"connection\""));
            }
            (_, action) => action,
        };
        let response = match &action {
            Action::Response(fault) => Some(fault),
            _ => None,
        };
        if self.done.is_some() && response.is_none() {
            return Err(format!("key \"done\": {name:?} does not change a response"));
        }
        let retry_after = match (self.retry_after, response) {
            (None, _) => None,
            (Some(text), Some(ResponseFault::Throttle | ResponseFault::Status(_))) => Some(
                HeaderValue::from_str(&text)
                    .map_err(|_| format!("key \"retry-after\": {text:?} is no header value"))?,
            ),
            (Some(_), _) => {
                return Err("key \"retry-after\" goes with \"throttle\" and \"status\"".to_owned());
            }
        };
        Ok(Rule {
            on: self.on,
            trigger,
            times: self.times,
            // The gateway throttles before the service, and a request that is cut has not arrived.
            done: self.done.unwrap_or(response.is_some_and(|it| *it != ResponseFault::Throttle)),
            name,
            action,
            retry_after,
        })
    }
}

/// A fault by its name, or `{ name = parameter }`.
#[derive(Deserialize)]
#[serde(try_from = "NameOrTable")]
struct NamedFault {
    name: String,
    action: Action,
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
        let Some((_, action)) = FAULTS.iter().find(|(known, _)| *known == name) else {
            let names = FAULTS.map(|(name, _)| name).join(", ");
            return Err(format!("unknown fault {name:?}, expected one of {names}"));
        };
        let action = action(parameter).map_err(|message| format!("{name:?} {message}"))?;
        Ok(Self { name, action })
    }
}

type FaultRow = (&'static str, fn(Parameter) -> Result<Action, String>);

/// All faults, in the order of the README's table.
const FAULTS: [FaultRow; 32] = [
    ("refuse", |given| given.time(Some("500ms")).map(Action::Refuse)),
    ("close", |given| given.response(ResponseFault::End(ConnectionEnd::Close))),
    ("reset", |given| given.response(ResponseFault::End(ConnectionEnd::Reset))),
    ("silence", |given| given.response(ResponseFault::End(ConnectionEnd::Silence))),
    ("close-after-bytes", |given| given.cut(ConnectionEnd::Close)),
    ("reset-after-bytes", |given| given.cut(ConnectionEnd::Reset)),
    ("silence-after-bytes", |given| given.cut(ConnectionEnd::Silence)),
    ("tls-close", |given| given.none(Action::Tls(TlsFault::Close))),
    ("tls-garbage", |given| given.none(Action::Tls(TlsFault::Garbage))),
    ("tls-silence", |given| given.none(Action::Tls(TlsFault::Silence))),
    ("tls-wrong-name", |given| given.none(Action::Tls(TlsFault::WrongName))),
    ("tls-expired", |given| given.none(Action::Tls(TlsFault::Expired))),
    ("status", |given| given.status(None, ResponseFault::Status)),
    ("throttle", |given| given.response(ResponseFault::Throttle)),
    ("partly-done", |given| given.status(Some(429), ResponseFault::PartlyDone)),
    ("nested-code", |given| given.status(Some(400), ResponseFault::NestedCode)),
    ("html", |given| given.response(ResponseFault::Html)),
    ("redirect", Parameter::redirect),
    ("garbage", |given| given.response(ResponseFault::Garbage)),
    ("empty", |given| given.response(ResponseFault::Empty)),
    ("truncated", |given| given.response(ResponseFault::Truncated)),
    ("overlong", |given| given.response(ResponseFault::Overlong)),
    ("padded", |given| Ok(Action::Response(ResponseFault::Padded(given.bytes()?)))),
    ("drip", |given| Ok(Action::Response(ResponseFault::Drip(given.time(Some("50ms"))?)))),
    ("lag", |given| Ok(Action::SideEffect(SideEffect::Lag(given.time(None)?)))),
    ("skew", Parameter::skew),
    ("token-ends", |given| given.none(Action::SideEffect(SideEffect::TokenEnds))),
    ("copy", |given| Ok(Action::SideEffect(SideEffect::Copy(given.time(Some("1s"))?)))),
    ("other-releases-before", |given| given.external(ExternalActionKind::Release, true)),
    ("other-releases-after", |given| given.external(ExternalActionKind::Release, false)),
    ("other-revokes-before", |given| given.external(ExternalActionKind::Revoke, true)),
    ("other-revokes-after", |given| given.external(ExternalActionKind::Revoke, false)),
];

const MAX_TIME: Duration = Duration::from_secs(24 * 60 * 60);
/// Larger than any limit that a client may have on the size of a response.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// The parameter of a fault, if it is given one.
struct Parameter(Option<Value>);

impl Parameter {
    fn none(self, action: Action) -> Result<Action, String> {
        match self.0 {
            None => Ok(action),
            Some(_) => Err("takes no parameter".to_owned()),
        }
    }

    fn response(self, fault: ResponseFault) -> Result<Action, String> {
        self.none(Action::Response(fault))
    }

    fn cut(self, end: ConnectionEnd) -> Result<Action, String> {
        Ok(Action::Cut { after: self.bytes()?, end })
    }

    fn bytes(self) -> Result<usize, String> {
        let number = self.0.and_then(|value| usize::try_from(value.as_integer()?).ok());
        number
            .filter(|number| *number <= MAX_BYTES)
            .ok_or_else(|| format!("takes a number of bytes, at most {MAX_BYTES}"))
    }

    fn status(
        self,
        default: Option<u16>,
        fault: fn(StatusCode) -> ResponseFault,
    ) -> Result<Action, String> {
        let number = match self.0 {
            Some(value) => value.as_integer().and_then(|number| u16::try_from(number).ok()),
            None => default,
        };
        let number = number.filter(|number| (200..=599).contains(number));
        let status = number.and_then(|number| StatusCode::from_u16(number).ok());
        let status = status.ok_or("takes a status from 200 to 599")?;
        Ok(Action::Response(fault(status)))
    }

    fn time(self, default: Option<&str>) -> Result<Duration, String> {
        let time = self.text(default).as_deref().and_then(duration);
        time.filter(|time| *time <= MAX_TIME)
            .ok_or_else(|| "takes a time such as 500ms, 2s or 15m, at most a day".to_owned())
    }

    fn skew(self) -> Result<Action, String> {
        let text = self.text(None).unwrap_or_default();
        let (sign, span) = text.strip_prefix('-').map_or((1, text.as_str()), |span| (-1, span));
        let span = duration(span).filter(|span| *span <= MAX_TIME);
        let millis = span.and_then(|span| i64::try_from(span.as_millis()).ok());
        let millis =
            millis.ok_or("takes a time such as 20m, or -20m for a slow clock; at most a day")?;
        Ok(Action::SideEffect(SideEffect::Skew(sign * millis)))
    }

    fn redirect(self) -> Result<Action, String> {
        let text = self.text(Some("https://elsewhere.invalid/"));
        let target = text.and_then(|text| HeaderValue::try_from(text).ok());
        let target = target.ok_or("takes an address")?;
        Ok(Action::Response(ResponseFault::Redirect(target)))
    }

    fn external(self, kind: ExternalActionKind, before: bool) -> Result<Action, String> {
        let packages = self.0.map(Value::try_into).transpose();
        let packages = packages.map_err(|_| "takes package ids such as [\"23\", \"24\"]")?;
        Ok(Action::SideEffect(SideEffect::External(ExternalAction { kind, before, packages })))
    }

    fn text(self, default: Option<&str>) -> Option<String> {
        match self.0 {
            None => default.map(str::to_owned),
            Some(value) => value.as_str().map(str::to_owned),
        }
    }
}
