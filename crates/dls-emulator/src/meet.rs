//! The core among faults: what a request meets on its way to the service and back, the copies that come
//! later, and the other actors.

use std::time::{Duration, SystemTime};

use dls_model::Timestamp;
use http::{Request, Response};

use crate::core::{Core, MOST_FROM_STRANGERS, identify, note_packages, own_path, timestamp};
use crate::fate::{Fate, Forged, Welcome, forge};
use crate::fault::{Action, Effect, Rule};
use crate::ledger::{By, LedgerRequest};
use crate::named::named_packages;
use crate::refusal::Refusal;
use crate::reply::{self, Answer};
use crate::route::{self, Route};
use crate::service::Share;
use crate::turn::Turn;

/// A request that comes once more.
pub(crate) struct Copy {
    due: Timestamp,
    request: Request<Vec<u8>>,
    /// The request id of the first.
    of: String,
}

impl Core {
    /// What becomes of the next connection, which counts as accepted unless it is refused.
    ///
    /// Whoever has no connections need not ask.
    pub fn connect(&mut self) -> Welcome {
        let welcome = self.next_connection();
        if !matches!(welcome, Welcome::Refuse { .. }) {
            self.count_connection();
        }
        welcome
    }

    /// The same without counting it: a server must know before anybody comes.
    pub(crate) fn next_connection(&mut self) -> Welcome {
        self.turns.of_connection()
    }

    pub(crate) fn count_connection(&mut self) {
        self.connections += 1;
    }

    /// Lets a request that arrives at `now` meet the [faults](crate::FaultPlan), and writes it into the ledger.
    ///
    /// Copies of earlier requests that have come due by now reach the service before it. Without faults it is
    /// [`Core::answer`].
    pub fn meet(&mut self, now: SystemTime, request: &Request<Vec<u8>>) -> Fate {
        if own_path(request.uri().path()).is_some() {
            return Fate::Answer(self.answer(now, request));
        }
        let now = timestamp(now);
        self.deliver_copies(now);
        let route = route::find(request).ok();
        let turn = self.turns.of_request(route.as_ref().map(|route| route.call));
        // Read only where another actor may do something to them.
        let named = match route {
            Some(route) if turn.effects.iter().any(Effect::is_by_another) => named(&route, request),
            _ => Vec::new(),
        };

        self.change(&turn, request);
        self.let_others_act(&turn, true, now, &named);
        let fate = self.decide(&turn, now, request);
        self.let_others_act(&turn, false, now, &named);
        fate
    }

    /// What changes from this request on.
    fn change(&mut self, turn: &Turn, request: &Request<Vec<u8>>) {
        for effect in &turn.effects {
            match effect {
                Effect::Lag(lag) => self.service.lag = *lag,
                Effect::Skew(millis) => self.skew = *millis,
                Effect::TokenEnds => self.gate.end_token(request),
                Effect::Copy(_) | Effect::Other(_) => {}
            }
        }
    }

    fn let_others_act(&mut self, turn: &Turn, before: bool, now: Timestamp, named: &[String]) {
        for effect in &turn.effects {
            match effect {
                Effect::Other(deed) if deed.before == before => {
                    let ids = deed.packages.as_deref().unwrap_or(named);
                    self.service.other(deed.kind, ids, now);
                }
                _ => {}
            }
        }
    }

    fn decide(&mut self, turn: &Turn, now: Timestamp, request: &Request<Vec<u8>>) -> Fate {
        let mut record = self.book.open(now, request);
        record.faults.clone_from(&turn.words);
        for effect in &turn.effects {
            if let Effect::Copy(later) = effect {
                let of = record.copy_of.as_ref().unwrap_or(&record.request_id);
                self.copies.push(Copy {
                    due: after(now, *later),
                    request: request.clone(),
                    of: of.clone(),
                });
            }
        }
        let fate = match &turn.told {
            None => {
                record.answered = true;
                Fate::Answer(self.serve(now, request, &mut record))
            }
            Some(rule) => self.tell(rule, now, request, &mut record),
        };
        self.book.write(record);
        fate
    }

    /// The request reaches the service or does not, and the client sees something else than the answer.
    fn tell(
        &mut self,
        rule: &Rule,
        now: Timestamp,
        request: &Request<Vec<u8>>,
        record: &mut LedgerRequest,
    ) -> Fate {
        let told = self.told(now);
        let answer = if rule.done {
            let share = match rule.action {
                Action::Forge(Forged::PartlyDone(_)) => Share::FirstHalf,
                _ => Share::All,
            };
            self.serve_share(share, now, request, record)
        } else {
            // It is recorded as what it is, even if the service would have refused it.
            let _: Result<Route<'_>, Refusal> = identify(request, record);
            note_packages(request, record, false);
            reply::answered(Answer::Json(b"{}".to_vec()), told, &record.request_id)
        };
        match &rule.action {
            Action::Forge(forged) => {
                let retry_after = rule.retry_after.as_ref();
                let released = self.service.state.released_by(&record.request_id);
                forge(forged, retry_after, answer, told, record, &released)
            }
            Action::Cut { after, end } => Fate::Cut { after: *after, end: *end },
            // No plan has these where something is told.
            Action::Effect(_) | Action::Refuse(_) | Action::Tls(_) => Fate::Answer(answer),
        }
    }

    /// Lets copies that have come due reach the service, each at its time; nobody reads their answers.
    pub(crate) fn deliver_copies(&mut self, now: Timestamp) {
        self.copies.sort_by_key(|copy| copy.due);
        let due = self.copies.partition_point(|copy| copy.due <= now);
        let due: Vec<Copy> = self.copies.drain(..due).collect();
        for copy in due {
            let mut record = self.book.open(copy.due, &copy.request);
            record.copy_of = Some(copy.of);
            record.by = By::Copy;
            let _: Response<_> = self.serve(copy.due, &copy.request, &mut record);
            self.book.write(record);
        }
    }
}

/// The packages that a request names, wherever it names them.
fn named(route: &Route<'_>, request: &Request<Vec<u8>>) -> Vec<String> {
    match route.parameter {
        "" if request.body().len() > MOST_FROM_STRANGERS => Vec::new(),
        "" => named_packages(request.body()),
        id => vec![id.to_owned()],
    }
}

fn after(now: Timestamp, later: Duration) -> Timestamp {
    let later = i64::try_from(later.as_millis()).unwrap_or(i64::MAX);
    let due = Timestamp::from_millis(now.as_millis().saturating_add(later));
    due.unwrap_or(Timestamp::MAX)
}
