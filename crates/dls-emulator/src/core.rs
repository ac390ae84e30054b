//! From request to answer, with the clock passed in: no sockets, no time of its own.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{Method, Request, Response};
use sha2::{Digest, Sha256};

use crate::assume::Assumed;
use crate::ledger::{Ledger, LedgerRequest};
use crate::operations::Call;
use crate::reply::{Outcome, Refusal, response};
use crate::seed::Seed;
use crate::state::{State, rfc3339};
use crate::throttle::Throttle;
use crate::verify::{Gate, header};

/// The largest signed body, in bytes.
pub(crate) const LARGEST_BODY: usize = 12 * 1024 * 1024;

/// Whether requests are throttled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum RateLimit {
    /// As documented: 10 a second for a user and 100 in all, an API (30 and 300 under `/v1/`).
    #[default]
    Documented,
    /// Never.
    Off,
}

pub(crate) struct Core {
    state: State,
    assumed: Assumed,
    rate_limit: RateLimit,
    gate: Gate,
    throttle: Throttle,
    requests: Vec<LedgerRequest>,
}

enum Operation {
    Deploy,
    List,
    Show(String),
    Revoke,
    SystemTask(String),
}

impl Core {
    pub(crate) fn new(
        seed: Seed,
        release_time: Duration,
        assumed: Assumed,
        rate_limit: RateLimit,
    ) -> Self {
        Self {
            state: State::new(seed, release_time),
            assumed,
            rate_limit,
            gate: Gate::default(),
            throttle: Throttle::default(),
            requests: Vec::new(),
        }
    }

    /// What happened up to now.
    pub(crate) fn ledger(&mut self, now: SystemTime) -> Ledger {
        self.state.settle(millis(now));
        Ledger {
            requests: self.requests.clone(),
            releases: self.state.releases.clone(),
        }
    }

    pub(crate) fn answer(
        &mut self,
        now: SystemTime,
        request: &Request<Vec<u8>>,
    ) -> Response<Vec<u8>> {
        let now = millis(now);
        self.state.settle(now);
        let seq = self.requests.len() + 1;
        let fingerprint = fingerprint(request);
        let request_id = hex(&Sha256::digest(format!("{seq} {fingerprint}")), 16);
        let first = self
            .requests
            .iter()
            .find(|it| it.fingerprint == fingerprint);
        let copy_of = first.map(|it| it.request_id.clone());
        let mut user = None;
        let outcome = self.perform(now, request, &request_id, copy_of.clone(), &mut user);
        let response = response(&outcome, &request_id);
        self.requests.push(LedgerRequest {
            seq,
            at: rfc3339(now),
            method: request.method().to_string(),
            path: request
                .uri()
                .path_and_query()
                .map(ToString::to_string)
                .unwrap_or_default(),
            request_id,
            user,
            fingerprint,
            copy_of,
            status: response.status().as_u16(),
            error_code: outcome.err().map(|refusal| refusal.code.to_owned()),
        });
        response
    }

    fn perform(
        &mut self,
        now: i64,
        request: &Request<Vec<u8>>,
        request_id: &str,
        copy_of: Option<String>,
        who: &mut Option<String>,
    ) -> Outcome {
        if request.body().len() > LARGEST_BODY {
            return Err(Refusal::new(
                413,
                "APIGW.0201",
                "The request body is too large.",
            ));
        }
        let (project, operation) = route(request)?;
        let lock_after = self.assumed.number("key-lock-after");
        let user = self
            .gate
            .identify(&self.state.users, request, now, lock_after)?
            .clone();
        *who = Some(user.name.clone());
        if !request.body().is_empty() {
            is_json(request)?;
        }
        if self.rate_limit == RateLimit::Documented {
            let (v1, api) = operation.api();
            self.throttle.pass(v1, api, &user.name, now)?;
        }
        if project != self.state.project {
            return Err(match self.assumed.is("unknown-project", "service") {
                true => Refusal::service("DLF.0819", "Workspace does not exists."),
                false => Refusal::new(403, "APIGW.0302", "The project is not the user's."),
            });
        }
        let workspace = header(request, "workspace").unwrap_or("default").to_owned();
        if !self.state.workspaces.contains(&workspace) {
            return Err(Refusal::service(
                "DLF.0819",
                "The workspace ID does not exist.",
            ));
        }
        let mut call = Call {
            state: &mut self.state,
            assumed: &self.assumed,
            user,
            workspace,
            body: request.body(),
            now,
            request_id,
            copy_of,
        };
        match operation {
            Operation::Deploy => call.deploy(),
            Operation::List => call.list(),
            Operation::Show(id) => call.show(&id),
            Operation::Revoke => call.revoke(),
            Operation::SystemTask(id) => call.system_task(&id),
        }
    }
}

impl Operation {
    fn api(&self) -> (bool, &'static str) {
        match self {
            Self::Deploy => (false, "deploy"),
            Self::List => (false, "list"),
            Self::Show(_) => (false, "show"),
            Self::Revoke => (false, "unpack"),
            Self::SystemTask(_) => (true, "system-task"),
        }
    }
}

/// The project and the operation, if this host family has such a path.
fn route(request: &Request<Vec<u8>>) -> Result<(String, Operation), Refusal> {
    let unknown = || {
        let text = "The API does not exist or has not been published in the environment.";
        Refusal::new(404, "APIGW.0101", text)
    };
    let path: Vec<&str> = request.uri().path().split('/').skip(1).collect();
    let (get, post) = (
        request.method() == Method::GET,
        request.method() == Method::POST,
    );
    let (project, operation, family) = match path.as_slice() {
        ["v2", project, "factory", "release-packages"] if post => {
            (project, Operation::List, "dayu.")
        }
        ["v2", project, "factory", "release-packages", "deploy"] if post => {
            (project, Operation::Deploy, "dayu.")
        }
        ["v2", project, "factory", "release-packages", "unpack"] if post => {
            (project, Operation::Revoke, "dayu.")
        }
        ["v2", project, "factory", "release-packages", id] if get && !id.is_empty() => {
            (project, Operation::Show((*id).to_owned()), "dayu.")
        }
        ["v1", project, "system-tasks", id] if get && !id.is_empty() => (
            project,
            Operation::SystemTask((*id).to_owned()),
            "dayu-dlf.",
        ),
        _ => return Err(unknown()),
    };
    let host = header(request, "host").unwrap_or_default();
    let of_a_family = ["dayu.", "dayu-dlf."]
        .iter()
        .any(|prefix| host.starts_with(prefix));
    if of_a_family && !host.starts_with(family) {
        return Err(unknown());
    }
    Ok(((*project).to_owned(), operation))
}

fn is_json(request: &Request<Vec<u8>>) -> Result<(), Refusal> {
    let kind = header(request, "content-type").unwrap_or_default();
    if kind.to_ascii_lowercase().starts_with("application/json") {
        return Ok(());
    }
    Err(Refusal::new(
        400,
        "APIGW.0106",
        "Invalid header parameter: Content-Type, required",
    ))
}

/// A hash of what was signed; it gives away neither signature nor token.
fn fingerprint(request: &Request<Vec<u8>>) -> String {
    let mut hash = Sha256::new();
    hash.update(request.method().as_str());
    hash.update(request.uri().to_string());
    for name in ["authorization", "x-auth-token", "x-sdk-date", "workspace"] {
        hash.update([0]);
        hash.update(header(request, name).unwrap_or_default());
    }
    hash.update(request.body());
    hex(&hash.finalize(), 16)
}

fn hex(bytes: &[u8], most: usize) -> String {
    bytes
        .iter()
        .take(most)
        .fold(String::new(), |mut text, byte| {
            // Writing to a `String` cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

fn millis(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
