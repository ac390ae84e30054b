//! The engine: answers a request at a time that the caller passes in. The gateway's checks are done here in their order;
//! the service behind the gateway is in `service`. No socket, no clock.

use std::fmt;
use std::time::SystemTime;

use dls_model::Timestamp;
use http::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};

use crate::assumptions::Presence;
use crate::auth::Authenticator;
use crate::faults::effect::ResponseEffect;
use crate::faults::schedule::FaultSchedule;
use crate::gateway::{check_content_type, emulator_page, identify, note_packages};
use crate::ledger::{Arrival, Initiator, Ledger, RequestLog, timestamp};
use crate::refusal::Refusal;
use crate::reply;
use crate::route;
use crate::service::{DeployScope, Service, ServiceRequest};
use crate::throttle::Throttle;

/// The emulator without sockets and without a clock: a function from a request and a time to a response, with a memory
/// of what happened before. [`EmulatorBuilder::engine`](crate::EmulatorBuilder::engine) makes one.
///
/// ```
/// use std::time::SystemTime;
/// use dls_emulator::{Emulator, ResponseEffect};
///
/// let mut engine = Emulator::builder().engine();
/// let request = http::Request::get("/v2/p-1/factory/release-packages/23").body(Vec::new())?;
/// let ResponseEffect::Answer(answer) = engine.answer(SystemTime::UNIX_EPOCH, &request) else {
///     panic!("without faults each request is answered");
/// };
/// assert_eq!(answer.status(), 401, "the request is not signed");
/// assert_eq!(engine.ledger(SystemTime::UNIX_EPOCH).requests.len(), 1);
/// # Ok::<(), http::Error>(())
/// ```
pub struct Engine {
    pub(crate) auth: Authenticator,
    pub(crate) throttle: Throttle,
    pub(crate) service: Service,
    pub(crate) log: RequestLog,
    pub(crate) faults: FaultSchedule,
    /// How far the gateway's clock is ahead, in milliseconds.
    pub(crate) skew: i64,
    pub(crate) connections: u64,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let requests = self.log.requests.len();
        f.debug_struct("Engine").field("requests", &requests).finish_non_exhaustive()
    }
}

impl Engine {
    /// Answers a request that arrives at `now` under the [fault plan](crate::FaultPlan), and records it in the ledger.
    ///
    /// The request is as HTTP/1.1 carries it: the target as its URI, `Host` among the headers. A time outside the years
    /// 1970 to 9999 counts as the nearest inside. Copies of earlier requests that are due reach the service before it.
    pub fn answer(&mut self, now: SystemTime, request: &Request<Vec<u8>>) -> ResponseEffect {
        let now = timestamp(now);
        if let Some(page) = emulator_page(request.uri().path()) {
            return ResponseEffect::Answer(self.emulator_page(page, now, request.method()));
        }
        self.deliver_copies(now);
        let call = route::find(request).ok().map(|route| route.api.call);
        let rules = self.faults.next_request(call);
        let mut arrival = self.log.open(now, request);
        arrival.record.faults = rules.iter().map(|rule| rule.name.clone()).collect();

        self.cause_side_effects(&rules, true, &arrival);
        let effect = self.respond(&rules, &mut arrival);
        self.cause_side_effects(&rules, false, &arrival);
        self.log.requests.push(arrival.record);
        effect
    }

    /// What happened up to `now`. Copies of requests that are due by then are delivered first.
    #[must_use]
    pub fn ledger(&mut self, now: SystemTime) -> Ledger {
        let now = timestamp(now);
        self.deliver_copies(now);
        Ledger {
            connections: self.connections,
            requests: self.log.requests.clone(),
            releases: self.service.state.ledger_releases(now),
            running_before: self.service.state.running_before(),
        }
    }

    pub(crate) fn serve(
        &mut self,
        scope: DeployScope,
        arrival: &mut Arrival<'_>,
    ) -> Response<Vec<u8>> {
        let outcome = self.process(scope, arrival);
        let retry_after = self.service.assumptions.retry_after == Presence::Present;
        let gateway_time = self.gateway_time(arrival.at);
        let record = &mut arrival.record;
        let response = match &outcome {
            Ok(body) => reply::ok(body.as_ref(), gateway_time, &record.request_id),
            Err(refusal) => reply::refused(refusal, gateway_time, &record.request_id, retry_after),
        };
        record.seen = true;
        record.status = Some(response.status().as_u16());
        record.error_code = outcome.err().map(|refusal| refusal.code);
        response
    }

    fn process(
        &mut self,
        scope: DeployScope,
        arrival: &mut Arrival<'_>,
    ) -> Result<Option<Value>, Refusal> {
        let route = identify(arrival)?;
        let gateway_time = self.gateway_time(arrival.at);
        let caller = self.auth.authenticate(gateway_time, arrival, &self.service.assumptions);
        note_packages(arrival, caller.is_ok());
        let caller = caller?;
        arrival.record.user = Some(caller.user.clone());
        self.throttle.check(arrival.at, &caller.user, route.api.family, route.api.name)?;
        check_content_type(arrival.request)?;
        self.service.serve(&ServiceRequest { route, caller: &caller, scope, arrival })
    }

    pub(crate) fn gateway_time(&self, now: Timestamp) -> Timestamp {
        let time = Timestamp::from_millis(now.as_millis().saturating_add(self.skew));
        time.unwrap_or(now)
    }

    /// Serves the copies of requests that are due, each at its time; nobody reads the responses.
    fn deliver_copies(&mut self, now: Timestamp) {
        for copy in self.faults.due_copies(now) {
            let mut arrival = self.log.open(copy.due, &copy.request);
            arrival.record.copy_of = Some(copy.copy_of);
            arrival.record.by = Initiator::Copy;
            drop(self.serve(DeployScope::All, &mut arrival));
            self.log.requests.push(arrival.record);
        }
    }

    /// The emulator's own pages, which need no signature and are not in the ledger.
    fn emulator_page(&mut self, page: &str, now: Timestamp, method: &Method) -> Response<Vec<u8>> {
        let not_found = json!({ "error": "GET /__emulator/health or GET /__emulator/ledger" });
        match (method, page) {
            (&Method::GET, "health") => {
                reply::emulator_page(StatusCode::OK, &json!({ "status": "ok" }), now)
            }
            (&Method::GET, "ledger") => {
                reply::emulator_page(StatusCode::OK, &self.ledger(now.into()), now)
            }
            _ => reply::emulator_page(StatusCode::NOT_FOUND, &not_found, now),
        }
    }
}
