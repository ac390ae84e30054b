//! Injects the faults of a plan into requests: side effects, other responses, copies, and actions of others.

use std::time::{Duration, SystemTime};

use http::header::RETRY_AFTER;
use serde_json::json;

use crate::engine::Engine;
use crate::faults::effect::{ConnectionFault, ResponseEffect};
use crate::faults::response::ResponseFault;
use crate::faults::schedule::ScheduledCopy;
use crate::faults::{Fault, Rule, SideEffect};
use crate::gateway::{identify, named_packages, note_packages};
use crate::ledger::{Arrival, timestamp};
use crate::reply;
use crate::service::DeployScope;

impl Engine {
    /// What the rules cause just before the request, or just after it.
    pub(crate) fn cause_side_effects(
        &mut self,
        rules: &[Rule],
        is_before: bool,
        arrival: &Arrival<'_>,
    ) {
        let Arrival { at, request, record } = arrival;
        for rule in rules {
            match &rule.fault {
                Fault::SideEffect(SideEffect::External { action, before, packages }) => {
                    if *before == is_before {
                        let ids = packages.clone().unwrap_or_else(|| named_packages(request));
                        self.service.act_externally(*action, &ids, *at);
                    }
                }
                _ if !is_before => {}
                Fault::SideEffect(SideEffect::Lag(lag)) => self.service.lag = *lag,
                Fault::SideEffect(SideEffect::Skew(millis)) => self.skew = *millis,
                Fault::SideEffect(SideEffect::TokenEnds) => self.auth.end_token(request),
                Fault::SideEffect(SideEffect::Copy(later)) => {
                    self.faults.copies.push(ScheduledCopy {
                        due: timestamp(SystemTime::from(*at) + *later),
                        request: (*request).clone(),
                        copy_of: record.copy_of.as_ref().unwrap_or(&record.request_id).clone(),
                    })
                }
                Fault::Connection(_) | Fault::Response { .. } => {}
            }
        }
    }

    /// What the client receives: the true response, unless one of the rules changes it. Then the service executes the
    /// request only if that rule says so.
    pub(crate) fn respond(&mut self, rules: &[Rule], arrival: &mut Arrival<'_>) -> ResponseEffect {
        for rule in rules {
            match &rule.fault {
                Fault::Connection(ConnectionFault::Cut { end, .. }) => {
                    note_unseen(arrival);
                    let (bytes, pause, end) = (Vec::new(), Duration::ZERO, *end);
                    return ResponseEffect::Raw { bytes, pause, end };
                }
                Fault::Response { kind, done, retry_after } => {
                    let now = self.gateway_time(arrival.at);
                    let truth = if *done {
                        let scope = match kind {
                            ResponseFault::PartlyDone(_) => DeployScope::FirstHalf,
                            _ => DeployScope::All,
                        };
                        self.serve(scope, arrival)
                    } else {
                        note_unseen(arrival);
                        reply::ok(Some(&json!({})), now, &arrival.record.request_id)
                    };
                    let released = self.service.state.released_by(&arrival.record.request_id);
                    let mut effect = kind.apply(truth, now, &arrival.record, &released);
                    if let (ResponseEffect::Answer(response), Some(value)) =
                        (&mut effect, retry_after)
                    {
                        response.headers_mut().insert(RETRY_AFTER, value.clone());
                    }
                    return effect;
                }
                Fault::Connection(_) | Fault::SideEffect(_) => {}
            }
        }
        arrival.record.answered = true;
        ResponseEffect::Answer(self.serve(DeployScope::All, arrival))
    }
}

/// Records the operation and packages of a request that the service does not see, even if it would have refused it.
fn note_unseen(arrival: &mut Arrival<'_>) {
    drop(identify(arrival));
    note_packages(arrival, false);
}
