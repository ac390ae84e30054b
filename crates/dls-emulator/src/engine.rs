//! The core: from a request to an answer, with the time passed in. The gateway's checks stand here in
//! their order; the service behind it is in `service`. No socket, no clock.

use std::time::SystemTime;

use dls_model::{Deploy, Operation, Timestamp};
use http::header::CONTENT_TYPE;
use http::{Method, Request, Response, StatusCode};
use serde_json::json;

use crate::assumptions::Presence;
use crate::auth::Authenticator;
use crate::fault_schedule::FaultSchedule;
use crate::inject::ScheduledCopy;
use crate::ledger::{Ledger, LedgerRequest, RequestLog};
use crate::package_ids::package_ids;
use crate::refusal::Refusal;
use crate::reply::{self, Answer};
use crate::route::{self, Route};
use crate::service::{DeployScope, Service, ServiceRequest};
use crate::throttle::Throttle;

/// The largest body that is taken, in bytes (page `dataartsstudio_02_0010`: 12 MB).
pub(crate) const MAX_BODY: usize = 12 * 1024 * 1024;
/// How long a body of somebody who is not known may be to be read at all, in bytes: some times what a deploy takes.
pub(crate) const MAX_UNAUTHENTICATED_BODY: usize = 16 * 1024;
const MAX_URI: usize = 32 * 1024;
const MAX_HEADER: usize = 32 * 1024;
const MAX_HEADERS: usize = 128 * 1024;

/// The emulator without sockets and without a clock: a function from a request and a time to an answer,
/// with what happened before in its memory. [`EmulatorBuilder::core`](crate::EmulatorBuilder::core)
/// makes one.
///
/// ```
/// use std::time::SystemTime;
/// use dls_emulator::Emulator;
///
/// let mut engine = Emulator::builder().engine();
/// let request = http::Request::get("/v2/p-1/factory/release-packages/23").body(Vec::new())?;
/// let answer = engine.answer(SystemTime::UNIX_EPOCH, &request);
/// assert_eq!(answer.status(), 401, "nobody signed it");
/// assert_eq!(engine.ledger(SystemTime::UNIX_EPOCH).requests.len(), 1);
/// # Ok::<(), http::Error>(())
/// ```
pub struct Engine {
    pub(crate) auth: Authenticator,
    throttle: Throttle,
    pub(crate) service: Service,
    pub(crate) log: RequestLog,
    pub(crate) schedule: FaultSchedule,
    /// How far the gateway's clock is ahead, in milliseconds.
    pub(crate) skew: i64,
    pub(crate) copies: Vec<ScheduledCopy>,
    pub(crate) connections: u64,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("requests", &self.log.requests().len())
            .finish_non_exhaustive()
    }
}

impl Engine {
    pub(crate) fn new(
        auth: Authenticator,
        throttle: Throttle,
        service: Service,
        schedule: FaultSchedule,
    ) -> Self {
        Self {
            auth,
            throttle,
            service,
            log: RequestLog::default(),
            schedule,
            skew: 0,
            copies: Vec::new(),
            connections: 0,
        }
    }

    /// Answers a request that arrives at `now`, and writes it into the ledger. [`Engine::answer_with_faults`] is the same
    /// among faults.
    ///
    /// The request is as HTTP/1.1 carries it: the target as its URI, `Host` among the headers. A time
    /// outside the years 1970 to 9999 counts as the nearest inside.
    pub fn answer(&mut self, now: SystemTime, request: &Request<Vec<u8>>) -> Response<Vec<u8>> {
        let now = timestamp(now);
        if let Some(page) = own_path(request.uri().path()) {
            return self.own_page(page, now, request.method());
        }
        self.deliver_copies(now);
        let mut record = self.log.open(now, request);
        let response = self.serve(now, request, &mut record);
        record.answered = true;
        self.log.write(record);
        response
    }

    /// What happened up to `now`. Copies of requests that have come due by then are delivered first.
    #[must_use]
    pub fn ledger(&mut self, now: SystemTime) -> Ledger {
        let now = timestamp(now);
        self.deliver_copies(now);
        Ledger {
            connections: self.connections,
            requests: self.log.requests().to_vec(),
            releases: self.service.state.records(now),
            running_before: self.service.state.running_before(),
        }
    }

    /// The service answers.
    pub(crate) fn serve(
        &mut self,
        now: Timestamp,
        request: &Request<Vec<u8>>,
        record: &mut LedgerRequest,
    ) -> Response<Vec<u8>> {
        self.serve_scope(DeployScope::All, now, request, record)
    }

    /// The same, but a deploy may get only to some of its packages.
    pub(crate) fn serve_scope(
        &mut self,
        scope: DeployScope,
        now: Timestamp,
        request: &Request<Vec<u8>>,
        record: &mut LedgerRequest,
    ) -> Response<Vec<u8>> {
        let outcome = self.judge(scope, now, request, record);
        let retry_after = self.service.assumptions.retry_after == Presence::Present;
        let told = self.told(now);
        let (response, error_code) = match outcome {
            Ok(answer) => (reply::answered(answer, told, &record.request_id), None),
            Err(refusal) => {
                let response = reply::refused(&refusal, told, &record.request_id, retry_after);
                (response, Some(refusal.code))
            }
        };
        record.seen = true;
        record.status = Some(response.status().as_u16());
        record.error_code = error_code;
        response
    }

    /// What the gateway's clock says.
    pub(crate) fn told(&self, now: Timestamp) -> Timestamp {
        let told = Timestamp::from_millis(now.as_millis().saturating_add(self.skew));
        told.unwrap_or(now)
    }

    fn judge(
        &mut self,
        scope: DeployScope,
        now: Timestamp,
        request: &Request<Vec<u8>>,
        record: &mut LedgerRequest,
    ) -> Result<Answer, Refusal> {
        let route = identify(request, record)?;
        let told = self.told(now);
        let caller = self.auth.authenticate(told, request, &self.service.assumptions, record);
        note_packages(request, record, caller.is_ok());
        let caller = caller?;
        record.user = Some(caller.user.clone());
        self.throttle.admit(now, &caller.user, route.family, route.name)?;
        if !has_right_content_type(request) {
            return Err(Refusal::content_type());
        }
        self.service.serve(&ServiceRequest {
            route,
            now,
            caller: &caller,
            http: request,
            scope,
            by: record.by,
            request_id: &record.request_id,
            copy_of: record.copy_of.as_deref(),
        })
    }

    /// The emulator's own pages, which need no signature and are not in the ledger.
    fn own_page(&mut self, page: &str, now: Timestamp, method: &Method) -> Response<Vec<u8>> {
        match (method, page) {
            (&Method::GET, "health") => {
                reply::own_page(StatusCode::OK, &json!({ "status": "ok" }), now)
            }
            (&Method::GET, "ledger") => {
                reply::own_page(StatusCode::OK, &self.ledger(now.into()), now)
            }
            _ => {
                let hint = "GET /__emulator/health or GET /__emulator/ledger";
                reply::own_page(StatusCode::NOT_FOUND, &json!({ "error": hint }), now)
            }
        }
    }
}

/// Where a request leads, written into its record.
pub(crate) fn identify<'r>(
    request: &'r Request<Vec<u8>>,
    record: &mut LedgerRequest,
) -> Result<Route<'r>, Refusal> {
    check_sizes(request)?;
    let route = route::find(request)?;
    record.operation = Some(route.name);
    Ok(route)
}

/// Writes down which packages a deploy names. Of somebody who is not known only a body of a usual size is read.
pub(crate) fn note_packages(
    request: &Request<Vec<u8>>,
    record: &mut LedgerRequest,
    is_known: bool,
) {
    let is_read = is_known || request.body().len() <= MAX_UNAUTHENTICATED_BODY;
    if record.operation == Some(Deploy::NAME) && is_read {
        record.packages = package_ids(request.body());
    }
}

pub(crate) fn own_path(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("/__emulator")?;
    if rest.is_empty() { Some("") } else { rest.strip_prefix('/') }
}

pub(crate) fn timestamp(now: SystemTime) -> Timestamp {
    let nearest =
        if now > SystemTime::UNIX_EPOCH { Some(Timestamp::MAX) } else { Timestamp::from_millis(1) };
    Timestamp::from_system_time(now).or(nearest).unwrap_or(Timestamp::MAX)
}

fn check_sizes(request: &Request<Vec<u8>>) -> Result<(), Refusal> {
    if request.uri().to_string().len() > MAX_URI {
        return Err(Refusal::uri_too_long());
    }
    let headers = request.headers().iter();
    let sizes = headers.map(|(name, value)| name.as_str().len().saturating_add(value.len()));
    let (largest, all) = sizes
        .fold((0, 0_usize), |(largest, all), size| (size.max(largest), all.saturating_add(size)));
    if largest > MAX_HEADER || all > MAX_HEADERS {
        return Err(Refusal::headers_too_large());
    }
    if request.body().len() > MAX_BODY {
        return Err(Refusal::body_too_large());
    }
    Ok(())
}

/// JSON in UTF-8, on every POST and on whatever else has a body.
fn has_right_content_type(request: &Request<Vec<u8>>) -> bool {
    if request.body().is_empty() && request.method() != Method::POST {
        return true;
    }
    let value = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let mut parts = value.unwrap_or_default().split(';').map(str::trim);
    let is_json = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
    is_json
        && parts.all(|parameter| match parameter.split_once('=') {
            Some((name, value)) if name.eq_ignore_ascii_case("charset") => {
                value.trim_matches('"').eq_ignore_ascii_case("utf-8")
            }
            _ => true,
        })
}
