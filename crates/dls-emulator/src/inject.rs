//! The core among faults: what a request meets on its way to the service and back, the copies that come
//! later, and the other actors.

use std::time::{Duration, SystemTime};

use dls_model::Timestamp;
use http::{Request, Response};

use crate::engine::{
    Engine, MAX_UNAUTHENTICATED_BODY, identify, note_packages, own_path, timestamp,
};
use crate::fault::{Action, Rule, SideEffect};
use crate::fault_effect::{ConnectionEffect, ResponseEffect, ResponseFault, fake_response};
use crate::fault_schedule::ActiveFaults;
use crate::ledger::{Initiator, LedgerRequest};
use crate::package_ids::package_ids;
use crate::refusal::Refusal;
use crate::reply::{self, Answer};
use crate::route::{self, Route};
use crate::service::DeployScope;

/// A request that comes once more.
pub(crate) struct ScheduledCopy {
    due: Timestamp,
    request: Request<Vec<u8>>,
    /// The request id of the first.
    of: String,
}

impl Engine {
    /// What becomes of the next connection, which counts as accepted unless it is refused.
    ///
    /// Whoever has no connections need not ask.
    pub fn connect(&mut self) -> ConnectionEffect {
        let effect = self.next_connection();
        if !matches!(effect, ConnectionEffect::Refuse { .. }) {
            self.count_connection();
        }
        effect
    }

    /// The same without counting it: a server must know before anybody comes.
    pub(crate) fn next_connection(&mut self) -> ConnectionEffect {
        self.schedule.next_connection()
    }

    pub(crate) fn count_connection(&mut self) {
        self.connections += 1;
    }

    /// Lets a request that arrives at `now` meet the [faults](crate::FaultPlan), and writes it into the ledger.
    ///
    /// Copies of earlier requests that have come due by now reach the service before it. Without faults it is
    /// [`Engine::answer`].
    pub fn answer_with_faults(
        &mut self,
        now: SystemTime,
        request: &Request<Vec<u8>>,
    ) -> ResponseEffect {
        if own_path(request.uri().path()).is_some() {
            return ResponseEffect::Answer(self.answer(now, request));
        }
        let now = timestamp(now);
        self.deliver_copies(now);
        let route = route::find(request).ok();
        let active = self.schedule.next_request(route.as_ref().map(|route| route.call));
        // Read only where another actor may do something to them.
        let named = match route {
            Some(route) if active.side_effects.iter().any(SideEffect::is_by_another) => {
                named(&route, request)
            }
            _ => Vec::new(),
        };

        self.change(&active, request);
        self.let_others_act(&active, true, now, &named);
        let fate = self.decide(&active, now, request);
        self.let_others_act(&active, false, now, &named);
        fate
    }

    /// What changes from this request on.
    fn change(&mut self, active: &ActiveFaults, request: &Request<Vec<u8>>) {
        for effect in &active.side_effects {
            match effect {
                SideEffect::Lag(lag) => self.service.lag = *lag,
                SideEffect::Skew(millis) => self.skew = *millis,
                SideEffect::TokenEnds => self.auth.end_token(request),
                SideEffect::Copy(_) | SideEffect::Other(_) => {}
            }
        }
    }

    fn let_others_act(
        &mut self,
        active: &ActiveFaults,
        before: bool,
        now: Timestamp,
        named: &[String],
    ) {
        for effect in &active.side_effects {
            match effect {
                SideEffect::Other(deed) if deed.before == before => {
                    let ids = deed.packages.as_deref().unwrap_or(named);
                    self.service.other(deed.kind, ids, now);
                }
                _ => {}
            }
        }
    }

    fn decide(
        &mut self,
        active: &ActiveFaults,
        now: Timestamp,
        request: &Request<Vec<u8>>,
    ) -> ResponseEffect {
        let mut record = self.log.open(now, request);
        record.faults.clone_from(&active.names);
        for effect in &active.side_effects {
            if let SideEffect::Copy(later) = effect {
                let of = record.copy_of.as_ref().unwrap_or(&record.request_id);
                self.copies.push(ScheduledCopy {
                    due: after(now, *later),
                    request: request.clone(),
                    of: of.clone(),
                });
            }
        }
        let fate = match &active.response {
            None => {
                record.answered = true;
                ResponseEffect::Answer(self.serve(now, request, &mut record))
            }
            Some(rule) => self.tell(rule, now, request, &mut record),
        };
        self.log.write(record);
        fate
    }

    /// The request reaches the service or does not, and the client sees something else than the answer.
    fn tell(
        &mut self,
        rule: &Rule,
        now: Timestamp,
        request: &Request<Vec<u8>>,
        record: &mut LedgerRequest,
    ) -> ResponseEffect {
        let told = self.told(now);
        let answer = if rule.done {
            let scope = match rule.action {
                Action::Response(ResponseFault::PartlyDone(_)) => DeployScope::FirstHalf,
                _ => DeployScope::All,
            };
            self.serve_scope(scope, now, request, record)
        } else {
            // It is recorded as what it is, even if the service would have refused it.
            let _: Result<Route<'_>, Refusal> = identify(request, record);
            note_packages(request, record, false);
            reply::answered(Answer::Json(b"{}".to_vec()), told, &record.request_id)
        };
        match &rule.action {
            Action::Response(fault) => {
                let retry_after = rule.retry_after.as_ref();
                let released = self.service.state.released_by(&record.request_id);
                fake_response(fault, retry_after, answer, told, record, &released)
            }
            Action::Cut { after, end } => ResponseEffect::Cut { after: *after, end: *end },
            // No plan has these where something is told.
            Action::SideEffect(_) | Action::Refuse(_) | Action::Tls(_) => {
                ResponseEffect::Answer(answer)
            }
        }
    }

    /// Lets copies that have come due reach the service, each at its time; nobody reads their answers.
    pub(crate) fn deliver_copies(&mut self, now: Timestamp) {
        self.copies.sort_by_key(|copy| copy.due);
        let due = self.copies.partition_point(|copy| copy.due <= now);
        let due: Vec<ScheduledCopy> = self.copies.drain(..due).collect();
        for copy in due {
            let mut record = self.log.open(copy.due, &copy.request);
            record.copy_of = Some(copy.of);
            record.by = Initiator::Copy;
            let _: Response<_> = self.serve(copy.due, &copy.request, &mut record);
            self.log.write(record);
        }
    }
}

/// The packages that a request names, wherever it names them.
fn named(route: &Route<'_>, request: &Request<Vec<u8>>) -> Vec<String> {
    match route.parameter {
        "" if request.body().len() > MAX_UNAUTHENTICATED_BODY => Vec::new(),
        "" => package_ids(request.body()),
        id => vec![id.to_owned()],
    }
}

fn after(now: Timestamp, later: Duration) -> Timestamp {
    let later = i64::try_from(later.as_millis()).unwrap_or(i64::MAX);
    let due = Timestamp::from_millis(now.as_millis().saturating_add(later));
    due.unwrap_or(Timestamp::MAX)
}
