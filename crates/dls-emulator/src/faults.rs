//! Fault plans as values: which requests and connections a rule applies to, and what it does to them. `fault_syntax`
//! reads them from TOML, `fault_schedule` decides when a rule fires, `inject` applies it. `faults.toml` has an example
//! of each fault, such as 503 for the first lists.

use std::num::NonZeroU64;
use std::time::Duration;

use http::HeaderValue;
use serde::Deserialize;

use crate::faults::effect::{ConnectionEnd, TlsFault};
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
/// # Ok::<(), dls_emulator::InvalidFaultPlan>(())
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
        self.rules.iter().any(|rule| matches!(rule.action, Action::Tls(_)))
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
    pub(crate) action: Action,
    /// Whether the service executes the request although the client gets another response.
    pub(crate) done: bool,
    pub(crate) retry_after: Option<HeaderValue>,
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
pub(crate) enum Action {
    /// Connections are refused for this time.
    Refuse(Duration),
    Tls(TlsFault),
    /// The connection ends after so many bytes of the request.
    Cut {
        after: usize,
        end: ConnectionEnd,
    },
    /// The client gets another response, or none.
    Response(ResponseFault),
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
    External(ExternalAction),
}

/// What another actor does to the listed packages, or to those that the request names.
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
