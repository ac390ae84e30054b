//! Faults: what goes wrong, and when. A plan is a list of rules. This one answers 503 to the first three lists:
//!
//! ```toml
//! [[faults]]
//! on = "list"
//! times = 3
//! do = { status = 503 }
//! ```
//!
//! Here are the rules as values. `syntax` reads them from TOML and has the names of all faults, `schedule` decides when a
//! rule fires, `response` makes the responses, `inject` applies all of it to requests. `faults.toml` has more examples.

pub(crate) mod effect;
mod inject;
pub(crate) mod response;
pub(crate) mod schedule;
mod syntax;

use std::num::NonZeroU64;
use std::time::Duration;

use http::HeaderValue;
use serde::Deserialize;

use crate::faults::effect::ConnectionFault;
use crate::faults::response::ResponseFault;
use crate::route::Call;

/// What goes wrong, and when: rules for requests and connections.
///
/// A plan is TOML. [`FaultPlan::EXAMPLE`] shows it with comments, the README has a table of all faults. The same plan and
/// the same requests in the same order give the same faults, chance included.
///
/// ```
/// use dls_emulator::FaultPlan;
///
/// FaultPlan::from_toml(FaultPlan::EXAMPLE)?;
///
/// let error = FaultPlan::from_toml("[[faults]]\non = \"deploy\"\ndo = \"explode\"\n").unwrap_err();
/// assert!(error.to_string().starts_with("line 3: key \"do\": unknown fault \"explode\", expected one of "));
/// # Ok::<(), dls_emulator::InvalidToml>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FaultPlan {
    pub(crate) seed: u64,
    pub(crate) rules: Vec<Rule>,
}

impl FaultPlan {
    /// An example with comments: what `dls emulator faults` prints.
    pub const EXAMPLE: &str = include_str!("faults.toml");

    /// Whether a rule breaks TLS handshakes, which needs a listener with TLS.
    #[must_use]
    pub fn needs_tls(&self) -> bool {
        let breaks_tls = |fault: &_| matches!(fault, Fault::Connection(ConnectionFault::Tls(_)));
        self.rules.iter().any(|rule| breaks_tls(&rule.fault))
    }
}

/// One rule: what it applies to, when it fires, and what happens then.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rule {
    pub(crate) on: FaultTarget,
    pub(crate) trigger: Trigger,
    /// How often it fires at most.
    pub(crate) times: Option<NonZeroU64>,
    /// The name of the fault in the file and in the ledger.
    pub(crate) name: String,
    pub(crate) fault: Fault,
}

/// What a rule applies to.
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
    /// Whether a request to this operation, or to none, is one.
    pub(crate) fn includes(self, call: Option<Call>) -> bool {
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

/// For which of the requests or connections that a rule applies to it fires.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Trigger {
    Always,
    Nth(NonZeroU64),
    Every(NonZeroU64),
    Chance(f64),
}

/// What happens when a rule fires.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fault {
    /// Of these only [`ConnectionFault::Cut`] applies to requests, too.
    Connection(ConnectionFault),
    /// The client gets another response, or none.
    Response {
        kind: ResponseFault,
        /// Whether the service executes the request all the same.
        done: bool,
        retry_after: Option<HeaderValue>,
    },
    /// Something else happens, and the request is answered.
    SideEffect(SideEffect),
}

/// What else a request can cause.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SideEffect {
    /// From here on list and show report the state of so long ago.
    Lag(Duration),
    /// From here on the gateway's clock is off by so many milliseconds.
    Skew(i64),
    /// From here on the token of this request has expired.
    TokenEnds,
    /// The same bytes arrive once more, so much later.
    Copy(Duration),
    /// Another actor does something to the listed packages, or to those that the request names.
    External {
        action: ExternalAction,
        /// Just before the request; otherwise just after it.
        before: bool,
        packages: Option<Vec<String>>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExternalAction {
    Release,
    Revoke,
}
