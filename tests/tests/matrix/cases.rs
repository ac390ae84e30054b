//! The cases as data.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use serde::Deserialize;

/// All cases. A group that no test plays is dead code.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Cases {
    pub(crate) connections: Vec<Case>,
    pub(crate) cuts: Vec<Case>,
    pub(crate) lost: Vec<Case>,
    pub(crate) foreign_answers: Vec<Case>,
    pub(crate) refusals: Vec<Case>,
    pub(crate) observations: Vec<Case>,
    pub(crate) others: Vec<Case>,
}

impl Cases {
    pub(crate) fn all(&self) -> impl Iterator<Item = &Case> {
        let groups = [
            &self.connections,
            &self.cuts,
            &self.lost,
            &self.foreign_answers,
            &self.refusals,
            &self.observations,
            &self.others,
        ];
        groups.into_iter().flatten()
    }
}

/// One run against an emulator with faults. The head of `cases.toml` says what each key means.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Case {
    pub(crate) rows: Vec<u8>,
    pub(crate) faults: Vec<toml::Table>,
    pub(crate) ends: Vec<String>,
    #[serde(default = "one_package")]
    pub(crate) packages: Vec<u64>,
    pub(crate) many: Option<u32>,
    #[serde(default)]
    pub(crate) assume: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) credentials: Identity,
    pub(crate) over: Option<Connection>,
    read_timeout: Option<u64>,
    timeout: Option<u64>,
    grace: Option<u64>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Identity {
    #[default]
    Key,
    WrongKey,
    Developer,
    Token,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Connection {
    Plain,
    Tls,
}

impl Case {
    /// The plan of its faults; what it calls `ELSEWHERE` is this address.
    pub(crate) fn plan(&self, elsewhere: &str) -> String {
        let plan = BTreeMap::from([("faults", &self.faults)]);
        let plan = toml::to_string(&plan).unwrap();
        plan.replace("ELSEWHERE", elsewhere)
    }

    /// How long the client waits for a handshake, a head, or more of a body.
    pub(crate) fn read_timeout(&self) -> Duration {
        Duration::from_millis(self.read_timeout.unwrap_or(5000))
    }

    /// How long the run may take.
    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout.unwrap_or(20_000))
    }

    pub(crate) fn grace(&self) -> Duration {
        Duration::from_millis(self.grace.unwrap_or(300))
    }

    /// The kinds of connection over which it is played.
    pub(crate) fn connections(&self) -> Vec<Connection> {
        self.over.map_or(vec![Connection::Plain, Connection::Tls], |only| vec![only])
    }
}

fn one_package() -> Vec<u64> {
    vec![23]
}

pub(crate) fn cases() -> &'static Cases {
    static CASES: LazyLock<Cases> = LazyLock::new(|| {
        let cases = toml::from_str(include_str!("cases.toml"));
        cases.unwrap_or_else(|error| panic!("cases.toml: {error}"))
    });
    &CASES
}
