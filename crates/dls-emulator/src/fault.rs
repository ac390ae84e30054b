//! Faults as a file: which requests and connections they meet, and what becomes of those. Here they are
//! read and checked; `turn` knows whose turn it is, `fate` and `wire` what it looks like.

use std::error::Error;
use std::fmt;
use std::num::NonZeroU64;
use std::time::Duration;

use http::HeaderValue;
use serde::Deserialize;
use toml::Spanned;

use crate::fault_effect::{ConnectionEnd, ResponseFault, TlsFault};
use crate::fault_syntax::NamedFault;
use crate::route::Call;
use crate::toml_error::{self, TomlError};

/// What goes wrong, and when: rules that requests and connections meet.
///
/// Its form is TOML; [`FaultPlan::EXAMPLE`] shows it with comments, the README has a table of all faults.
/// The same plan met by the same requests in the same order does the same, chance included.
///
/// ```
/// use dls_emulator::FaultPlan;
///
/// FaultPlan::from_toml(FaultPlan::EXAMPLE)?;
///
/// let error = FaultPlan::from_toml("[[faults]]\non = \"deploy\"\ndo = \"explode\"\n").unwrap_err();
/// assert!(error.to_string().starts_with("line 3: key \"do\": unknown fault \"explode\", expected one of "));
/// # Ok::<(), dls_emulator::InvalidFaultPlan>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FaultPlan {
    pub(crate) seed: u64,
    pub(crate) rules: Vec<Rule>,
}

/// One rule: what it meets, when it fires, and what happens then.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rule {
    pub(crate) on: FaultTarget,
    pub(crate) when: Trigger,
    /// How often it fires at most.
    pub(crate) times: Option<NonZeroU64>,
    /// What the file calls it.
    pub(crate) name: String,
    pub(crate) action: Action,
    /// Whether the service does its work nevertheless, where the client is told something else.
    pub(crate) done: bool,
    pub(crate) retry_after: Option<HeaderValue>,
}

/// What a rule meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum FaultTarget {
    Connection,
    Any,
    Deploy,
    List,
    Revoke,
    Show,
    SystemTask,
}

impl FaultTarget {
    /// Whether a request to this operation, or to none, is meant.
    pub(crate) fn means(self, call: Option<Call>) -> bool {
        match self {
            Self::Connection => false,
            Self::Any => true,
            Self::Deploy => call == Some(Call::Deploy),
            Self::List => call == Some(Call::List),
            Self::Revoke => call == Some(Call::Revoke),
            Self::Show => call == Some(Call::Show),
            Self::SystemTask => call == Some(Call::SystemTask),
        }
    }
}

/// Which of those that a rule meets it fires at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Trigger {
    Always,
    Nth(NonZeroU64),
    Every(NonZeroU64),
    Chance(f64),
}

/// What happens.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    /// Nobody listens for so long.
    Refuse(Duration),
    Tls(TlsFault),
    /// It ends before the request was read.
    Cut {
        after: usize,
        end: ConnectionEnd,
    },
    /// The client is told something else, or nothing.
    Response(ResponseFault),
    /// Something changes, and the request goes its way.
    SideEffect(SideEffect),
}

/// What else may happen when a request arrives.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SideEffect {
    /// From here on list and show see what was so long ago.
    Lag(Duration),
    /// From here on the gateway's clock is off by so many milliseconds.
    Skew(i64),
    /// From here on the token of this request has ended.
    TokenEnds,
    /// The same bytes come once more, so much later.
    Copy(Duration),
    Other(ExternalAction),
}

impl SideEffect {
    pub(crate) fn is_by_another(&self) -> bool {
        matches!(self, Self::Other(_))
    }
}

/// What another actor does with packages, or with those that the request names.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ExternalAction {
    pub(crate) kind: ExternalActionKind,
    /// Just before the request; otherwise just after it.
    pub(crate) before: bool,
    pub(crate) packages: Option<Vec<String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExternalActionKind {
    Release,
    Revoke,
}

impl FaultPlan {
    /// An example with comments: what `dls emulator faults` prints.
    pub const EXAMPLE: &str = include_str!("faults.toml");

    /// Reads a plan of the form of [`FaultPlan::EXAMPLE`].
    ///
    /// # Errors
    ///
    /// Anything that is not TOML of that form (unknown keys, too), or a rule that makes no sense, such as one
    /// for connections that answers a request. The error is one line that names line and key.
    pub fn from_toml(text: &str) -> Result<Self, InvalidFaultPlan> {
        let file: File = toml_error::parse(text).map_err(InvalidFaultPlan)?;
        let rules = file.faults.into_iter().map(|row| {
            let span = row.span();
            let rule = row.into_inner().rule();
            rule.map_err(|message| InvalidFaultPlan(TomlError::at(text, &span, &message)))
        });
        Ok(Self { seed: file.seed, rules: rules.collect::<Result<_, _>>()? })
    }

    /// Whether it breaks handshakes, which takes a listener with TLS.
    #[must_use]
    pub fn needs_tls(&self) -> bool {
        let mut rules = self.rules.iter();
        rules.any(|rule| matches!(rule.action, Action::Tls(_)))
    }
}

/// Why a text is no [`FaultPlan`]: one line that begins with the number of the line at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidFaultPlan(TomlError);

impl InvalidFaultPlan {
    /// The line at fault, counted from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.0.line()
    }
}

impl fmt::Display for InvalidFaultPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for InvalidFaultPlan {}

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
    what: NamedFault,
    done: Option<bool>,
    retry_after: Option<String>,
}

impl Row {
    fn rule(self) -> Result<Rule, String> {
        let when = self.when()?;
        let name = self.what.name;
        let action = placed(self.on, self.what.action)
            .map_err(|place| format!("{name:?} is done to {place}"))?;
        let told = match &action {
            Action::Response(fault) => Some(fault),
            _ => None,
        };
        if self.done.is_some() && told.is_none() {
            return Err(format!("key \"done\": {name:?} does not answer a request"));
        }
        let retry_after = match (self.retry_after, told) {
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
            when,
            times: self.times,
            // Who throttles does so in front of the service, and what is cut has not arrived.
            done: self.done.unwrap_or(told.is_some_and(|fault| *fault != ResponseFault::Throttle)),
            name,
            action,
            retry_after,
        })
    }

    fn when(&self) -> Result<Trigger, String> {
        match (self.nth, self.every, self.chance) {
            (None, None, None) => Ok(Trigger::Always),
            (Some(nth), None, None) => Ok(Trigger::Nth(nth)),
            (None, Some(every), None) => Ok(Trigger::Every(every)),
            (None, None, Some(chance)) if (0.0..=1.0).contains(&chance) => {
                Ok(Trigger::Chance(chance))
            }
            (None, None, Some(_)) => Err("key \"chance\" is a number from 0 to 1".to_owned()),
            _ => {
                Err("only one of \"nth\", \"every\" and \"chance\" can stand in a rule".to_owned())
            }
        }
    }
}

/// What a rule does to what it meets, or what else it would have to meet.
fn placed(on: FaultTarget, action: Action) -> Result<Action, &'static str> {
    match (on, action) {
        (FaultTarget::Connection, Action::Response(ResponseFault::End(end))) => {
            Ok(Action::Cut { after: 0, end })
        }
        (FaultTarget::Connection, Action::Response(_) | Action::SideEffect(_)) => {
            Err("requests, not to a connection")
        }
        (FaultTarget::Connection, action) => Ok(action),
        (_, Action::Refuse(_) | Action::Tls(_)) => Err("connections: on = \"connection\""),
        (_, action) => Ok(action),
    }
}
