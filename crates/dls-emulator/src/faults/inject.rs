//! Injects the faults of a plan into requests: side effects, other responses, copies, and actions of others.

use std::time::SystemTime;

use dls_model::Timestamp;
use http::Request;
use http::header::RETRY_AFTER;
use serde_json::json;

use crate::engine::Engine;
use crate::faults::{Action, Rule, SideEffect};
use crate::faults::effect::{ConnectionEffect, ResponseEffect};
use crate::faults::response::ResponseFault;
use crate::faults::schedule::{RequestFaults, ScheduledCopy};
use crate::gateway::{emulator_page, identify, named_packages, note_packages};
use crate::ledger::{LedgerRequest, timestamp};
use crate::reply;
use crate::route;
use crate::service::DeployScope;

impl Engine {
    /// What happens to the next connection, which counts as accepted unless it is refused.
    ///
    /// A caller without connections need not ask.
    pub fn connect(&mut self) -> ConnectionEffect {
        let effect = self.next_connection();
        if !matches!(effect, ConnectionEffect::Refuse { .. }) {
            self.count_connection();
        }
        effect
    }

    /// The same without counting it: a listener must know before a client connects.
    pub(crate) fn next_connection(&mut self) -> ConnectionEffect {
        self.faults.next_connection()
    }

    pub(crate) fn count_connection(&mut self) {
        self.connections += 1;
    }

    /// Answers a request that arrives at `now` under the [fault plan](crate::FaultPlan), and records it in the ledger.
    ///
    /// Copies of earlier requests that are due reach the service before it. Without faults it is [`Engine::answer`].
    pub fn answer_with_faults(
        &mut self,
        now: SystemTime,
        request: &Request<Vec<u8>>,
    ) -> ResponseEffect {
        if emulator_page(request.uri().path()).is_some() {
            return ResponseEffect::Answer(self.answer(now, request));
        }
        let now = timestamp(now);
        self.deliver_copies(now);
        let call = route::find(request).ok().map(|route| route.call);
        let faults = self.faults.next_request(call);
        let mut record = self.log.open(now, request);
        record.faults.clone_from(&faults.names);

        self.change_state(&faults, now, request, &record);
        self.act_externally(&faults, true, now, request);
        let effect = match &faults.response {
            None => {
                record.answered = true;
                let response = self.serve(DeployScope::All, now, request, &mut record);
                ResponseEffect::Answer(response)
            }
            Some(rule) => self.change_response(rule, now, request, &mut record),
        };
        self.log.write(record);
        self.act_externally(&faults, false, now, request);
        effect
    }

    fn change_state(
        &mut self,
        faults: &RequestFaults,
        now: Timestamp,
        request: &Request<Vec<u8>>,
        record: &LedgerRequest,
    ) {
        for effect in &faults.side_effects {
            match effect {
                SideEffect::Lag(lag) => self.service.lag = *lag,
                SideEffect::Skew(millis) => self.skew = *millis,
                SideEffect::TokenEnds => self.auth.end_token(request),
                SideEffect::Copy(later) => self.faults.add_copy(ScheduledCopy {
                    due: timestamp(SystemTime::from(now) + *later),
                    request: request.clone(),
                    copy_of: record.copy_of.as_ref().unwrap_or(&record.request_id).clone(),
                }),
                SideEffect::External(_) => {}
            }
        }
    }

    /// Lets other actors do what they do just before the request, or just after it.
    fn act_externally(
        &mut self,
        faults: &RequestFaults,
        before: bool,
        now: Timestamp,
        request: &Request<Vec<u8>>,
    ) {
        for effect in &faults.side_effects {
            if let SideEffect::External(action) = effect
                && action.before == before
            {
                let ids = action.packages.clone().unwrap_or_else(|| named_packages(request));
                self.service.act_externally(action.kind, &ids, now);
            }
        }
    }

    /// Executes the request if the rule says so, and gives the client another response.
    fn change_response(
        &mut self,
        rule: &Rule,
        now: Timestamp,
        request: &Request<Vec<u8>>,
        record: &mut LedgerRequest,
    ) -> ResponseEffect {
        let truth = if rule.done {
            let scope = match rule.action {
                Action::Response(ResponseFault::PartlyDone(_)) => DeployScope::FirstHalf,
                _ => DeployScope::All,
            };
            self.serve(scope, now, request, record)
        } else {
            // Its operation and packages are recorded, even if the service would have refused it.
            drop(identify(request, record));
            note_packages(request, record, false);
            reply::ok(Some(&json!({})), self.gateway_time(now), &record.request_id)
        };
        match &rule.action {
            Action::Response(fault) => {
                let released = self.service.state.released_by(&record.request_id);
                let mut effect = fault.apply(truth, self.gateway_time(now), record, &released);
                if let (ResponseEffect::Answer(response), Some(value)) =
                    (&mut effect, &rule.retry_after)
                {
                    response.headers_mut().insert(RETRY_AFTER, value.clone());
                }
                effect
            }
            Action::Cut { after, end } => ResponseEffect::Cut { after: *after, end: *end },
            // No plan has these where a response is changed.
            Action::SideEffect(_) | Action::Refuse(_) | Action::Tls(_) => {
                ResponseEffect::Answer(truth)
            }
        }
    }
}
