//! What happened: one method an event.

use std::collections::HashSet;
use std::time::Duration;

use dls_model::{
    DeployAnswer, Package, PackageDetail, PackageId, PackageIds, ServiceError, Status, Timestamp,
};

use super::Rollout;
use crate::entry::{Doubt, Entry, Phase};
use crate::event::{Event, EventKind, ObserveError, SendError};
use crate::guard::{Guard, holds};
use crate::options::{OnLostAnswer, Options};
use crate::outcome::{
    Forgotten, NotSent, PackageOutcome, is_partial_refusal, is_refusal, is_throttled_by_gateway,
};
use crate::poll_interval::PollInterval;

/// How often one thing is tried before it is given up: a look before the send, and a send that
/// provably did not happen or was throttled by the gateway.
const TRIES: u32 = 3;

/// The gateway counts calls by the second or by the minute. Who is asked to wait for longer than that is told so
/// instead.
const LONGEST_THROTTLE: Duration = Duration::from_secs(60);
/// How many looks in a row must say "not found" before a watched package counts as gone.
const ABSENCES: u32 = 3;

impl Rollout {
    /// The event of a look at a package that came back. What describes another package, as a cache on
    /// the way may do, or does not say which one, is none.
    #[must_use]
    pub fn observed(&self, package: PackageId, seen: PackageDetail) -> EventKind {
        if seen.package.id != Some(package) {
            let described = seen.package.id.map(|other| format!("package {other}"));
            let described = described.as_deref().unwrap_or("a package without its id");
            return EventKind::ObserveFailed {
                package,
                failure: ObserveError::Unavailable(format!("the answer describes {described}")),
            };
        }
        let entry = self.entries.iter().find(|entry| entry.id == package);
        let known = entry.and_then(|entry| entry.latest.as_ref());
        let same = known
            .is_some_and(|known| (&known.package, &known.tasks) == (&seen.package, &seen.tasks));
        EventKind::Observed { package, seen: (!same).then(|| Box::new(seen)), began_at: None }
    }

    /// The event of a list that came back, all pages of it.
    #[must_use]
    pub fn listed(&self, rows: impl IntoIterator<Item = Package>) -> EventKind {
        let mut rows: Vec<Package> = rows.into_iter().collect();
        let there: HashSet<_> = rows.iter().filter_map(|row| row.id).collect();
        let watched = self.watched().map(|entry| entry.id);
        let missing = watched.filter(|id| !there.contains(id)).collect();
        rows.retain(|row| {
            let mut watched = self.watched();
            let entry = watched.find(|entry| Some(entry.id) == row.id);
            let known = entry.map(|entry| entry.latest.as_ref().map(|detail| &detail.package));
            known.is_some_and(|known| known != Some(row))
        });
        EventKind::Listed { rows, missing }
    }

    /// Takes in what happened.
    pub fn apply(&mut self, event: Event) {
        self.now = event.at;
        let blocked = !self.may_send();
        match event.kind {
            // Only ever the first event, which made this rollout.
            EventKind::RunCreated(_) => {}
            EventKind::Observed { package, seen, began_at } => {
                self.on_looked(package, seen.map(|seen| *seen), began_at)
            }
            EventKind::ObserveFailed { package, failure } => self.on_look_failed(package, failure),
            EventKind::Listed { rows, missing } => self.on_listed(rows, &missing),
            EventKind::ListFailed { failure } => self.on_list_failed(&failure),
            EventKind::SendIntended { packages, signed_at, with_token } => {
                self.on_send_intended(&packages, signed_at, with_token)
            }
            EventKind::Accepted { answer, request_id } => self.on_accepted(&answer, request_id),
            EventKind::SendFailed { failure } => self.on_send_failed(failure),
            EventKind::Waited => self.on_waited(),
            EventKind::OutOfTime => self.on_out_of_time(),
            EventKind::Resumed { grace, poll_interval, .. } => {
                self.on_resumed(grace, poll_interval)
            }
            EventKind::ResendAllowed { packages, .. } => self.on_resend_allowed(&packages),
            EventKind::Forgotten { packages, by, .. } => self.on_forgotten(&packages, by),
        }
        if blocked && self.may_send() && !self.cleared {
            self.begin_turn();
        }
        self.advance();
    }

    /// A batch that goes out again is in turn only now: after a long pause its looks are old.
    fn on_waited(&mut self) {
        self.rest = None;
        if self.failed_sends > 0 && !self.cleared {
            self.begin_turn();
        }
    }

    fn on_looked(
        &mut self,
        package: PackageId,
        seen: Option<PackageDetail>,
        began_at: Option<Timestamp>,
    ) {
        let (now, options) = (self.now, self.spec.options.clone());
        let Some(entry) = self.entry(package) else {
            return;
        };
        let Some(seen) = seen.or_else(|| entry.latest.clone()) else {
            return;
        };
        entry.see(seen, now, options.lag());
        // What it shows may be as old as its request, however long the answer was on its way.
        entry.looked_at = began_at.map(|began_at| began_at.min(now)).or(Some(now));
        // To be sent once more, and meanwhile the first request has turned out to have had an effect.
        if entry.is_waiting() && entry.sent && entry.has_moved() {
            entry.phase = Phase::InDoubt;
        }
        entry.judge(now, &options);
        if entry.is_waiting() {
            self.failed_looks = 0;
            self.obstacle = None;
        }
        self.stop_if_in_trouble(package);
    }

    fn on_look_failed(&mut self, package: PackageId, failure: ObserveError) {
        let now = self.now;
        let Some(entry) = self.entry(package) else {
            return;
        };
        if entry.is_waiting() {
            return self.on_check_failed(package, failure);
        }
        entry.due = false;
        match failure {
            ObserveError::NotFound(_) => {
                entry.absences += 1;
                if entry.absences >= ABSENCES || !holds(Guard::OneAbsenceIsNone) {
                    entry.vanish(now);
                    self.stop_if_in_trouble(package);
                }
            }
            failure => self.end_watch_if_forbidden(&failure),
        }
    }

    /// A look at a package that no request names yet.
    fn on_check_failed(&mut self, package: PackageId, failure: ObserveError) {
        self.failed_looks += 1;
        let forbidden = why_forbidden(&failure);
        let why = match failure {
            ObserveError::NotFound(_) => return self.on_not_found_before_a_send(package),
            ObserveError::Refused(error) => NotSent::ObserveRefused(error),
            ObserveError::NotAuthenticated(why) => NotSent::NotAuthenticated(why),
            ObserveError::Unreachable(why) => NotSent::Unreachable(why),
            ObserveError::Unavailable(why) => NotSent::Unavailable(why),
        };
        let may_pass = matches!(why, NotSent::Unreachable(_) | NotSent::Unavailable(_));
        if may_pass && self.failed_looks < TRIES {
            self.rest = Some(self.spec.options.poll_interval.pause(self.failed_looks - 1));
            self.obstacle = Some(why);
            return;
        }
        self.settle_waiting(&why);
        if let Some(why) = forbidden {
            self.settle_watched(&why);
        }
    }

    /// What was never sent is gone at once. What was, and is to be sent once more, only as a watched package is.
    fn on_not_found_before_a_send(&mut self, package: PackageId) {
        let (now, options) = (self.now, self.spec.options.clone());
        let Some(entry) = self.entry(package) else {
            return;
        };
        entry.absences += 1;
        let may_reappear = entry.sent && holds(Guard::OneAbsenceIsNone);
        if may_reappear && entry.absences < ABSENCES {
            let pause = options.poll_interval.pause(entry.absences - 1);
            self.rest = Some(pause);
            return;
        }
        entry.vanish(now);
        if options.deploy.is_some() {
            self.stop();
        }
    }

    /// Any failed look but a 401 or 403 says nothing about the release: it is simply made again.
    fn end_watch_if_forbidden(&mut self, failure: &ObserveError) {
        if let Some(why) = why_forbidden(failure) {
            self.settle_waiting(&NotSent::NotAuthenticated(why.clone()));
            self.settle_watched(&why);
        }
    }

    fn on_listed(&mut self, rows: Vec<Package>, missing: &[PackageId]) {
        let (now, options) = (self.now, self.spec.options.clone());
        self.listed = true;
        for row in rows {
            let id = row.id;
            let Some(entry) =
                self.entries.iter_mut().find(|entry| Some(entry.id) == id && entry.is_watched())
            else {
                continue;
            };
            let mut detail = entry.latest.clone().unwrap_or_default();
            detail.package = row;
            entry.see(detail, now, options.lag());
        }
        for entry in self.entries.iter_mut().filter(|entry| entry.is_watched()) {
            let missing = missing.contains(&entry.id);
            // A row that is as it was is not recorded, but it was there.
            if !missing {
                entry.absences = 0;
            }
            // How it ended is read in full.
            let ended = entry.status().is_some_and(Status::is_final);
            entry.due = missing && holds(Guard::AbsenceIsNoAnswer)
                || ended && holds(Guard::ListsEndNothing);
            if !entry.due {
                entry.judge(now, &options);
            }
        }
        self.stop_if_unknown();
    }

    fn on_list_failed(&mut self, failure: &ObserveError) {
        self.end_watch_if_forbidden(failure);
        match failure {
            ObserveError::NotFound(_) | ObserveError::Refused(_) => {
                self.lists = false;
                self.begin_round();
            }
            _ => self.listed = true,
        }
    }

    fn on_send_intended(&mut self, packages: &PackageIds, signed_at: Timestamp, with_token: bool) {
        let at = self.now;
        for entry in &mut self.entries {
            if packages.contains(entry.id) && entry.is_waiting() {
                entry.send(at, signed_at, with_token);
            }
        }
        self.sending = true;
        self.cleared = false;
        self.watch_anew();
    }

    fn on_accepted(&mut self, answer: &DeployAnswer, request_id: Option<String>) {
        let since = self.now;
        self.sending = false;
        for entry in self.entries.iter_mut().filter(|it| it.is_in_doubt()) {
            entry.request_id.clone_from(&request_id);
            entry.accepted = answer.detail(entry.id).cloned();
            if entry.accepted.is_some() || !holds(Guard::AnswerMustName) {
                entry.phase = Phase::Running;
                continue;
            }
            entry.doubt = Some(Doubt {
                since,
                evidence: "the request was accepted, and the answer does not name this package"
                    .to_owned(),
                refusal: None,
            });
        }
        self.failed_sends = 0;
        self.obstacle = None;
        self.end_doubt_at_once_if_asked();
        self.next_turn();
    }

    fn on_send_failed(&mut self, failure: SendError) {
        self.sending = false;
        self.failed_sends += 1;
        let may_send_again = self.failed_sends < TRIES;
        match failure {
            SendError::NotSent(why) if may_send_again => {
                self.send_again(NotSent::Unreachable(why), Duration::ZERO);
            }
            SendError::NotSent(why) => self.not_sent(&NotSent::Unreachable(why)),
            SendError::NotAuthenticated(why) => self.not_sent(&NotSent::NotAuthenticated(why)),
            SendError::NotRecorded(why) => self.not_sent(&NotSent::NotRecorded(why)),
            SendError::Answered(error)
                if may_send_again
                    && is_throttled_by_gateway(&error)
                    && error.retry_after() <= Some(LONGEST_THROTTLE) =>
            {
                let asked = error.retry_after().unwrap_or_default();
                self.send_again(NotSent::Unavailable(error.to_string()), asked);
            }
            SendError::Answered(error) => {
                let request_id = error.request_id().map(str::to_owned);
                let in_doubt = self.entries.iter_mut().filter(|entry| entry.is_in_doubt());
                in_doubt.for_each(|entry| entry.request_id.clone_from(&request_id));
                if is_refusal(&error, self.watched().filter(|e| e.is_in_doubt()).count()) {
                    self.refused(&error);
                } else {
                    let refusal = is_partial_refusal(&error).then(|| error.clone());
                    self.lost(format!("the request was sent; {error}"), refusal);
                }
            }
            SendError::Lost(_) if may_send_again && !holds(Guard::LostIsNotResent) => {
                self.send_again(NotSent::OutOfTime, Duration::ZERO);
            }
            SendError::Lost(evidence) => self.lost(evidence, None),
        }
    }

    /// Proved: nothing happened. The batch stays the next one, and goes out after a pause of at least that long.
    fn send_again(&mut self, obstacle: NotSent, at_least: Duration) {
        self.unsend();
        self.cleared = false;
        self.obstacle = Some(obstacle);
        let pause = self.spec.options.poll_interval.pause(self.failed_sends - 1);
        self.rest = Some(pause.max(at_least));
    }

    /// The batch was intended, or did not come as far as that because no connection could be made.
    fn not_sent(&mut self, why: &NotSent) {
        let in_doubt = self.watched().filter(|entry| entry.is_in_doubt());
        let mut batch: HashSet<PackageId> = in_doubt.map(|entry| entry.id).collect();
        if batch.is_empty() {
            batch = self.batch().map(|entry| entry.id).collect();
        }
        self.unsend();
        let batch = self.entries.iter_mut().filter(|it| batch.contains(&it.id));
        batch.for_each(|entry| entry.end_unsent(PackageOutcome::NotSent(why.clone())));
        self.stop();
        self.watch_anew();
    }

    fn unsend(&mut self) {
        let in_doubt = self.entries.iter_mut().filter(|entry| entry.is_in_doubt());
        in_doubt.for_each(Entry::unsend);
    }

    fn refused(&mut self, error: &ServiceError) {
        for entry in self.entries.iter_mut().filter(|it| it.is_in_doubt()) {
            entry.unsend();
            entry.end_unsent(PackageOutcome::Refused {
                error: Box::new(error.clone()),
                proved: true,
            });
        }
        self.failed_sends = 0;
        // What an earlier request came to is still unknown.
        self.stop_if_unknown();
        // Whoever may not ask, or is turned away, fares no better with the next batch.
        let hopeless = matches!(error.status().as_u16(), 401 | 403 | 429);
        if !self.spec.options.keep_going || hopeless {
            self.stop();
        }
        self.next_turn();
    }

    fn lost(&mut self, evidence: String, refusal: Option<Box<ServiceError>>) {
        let since = self.now;
        for entry in self.entries.iter_mut().filter(|it| it.is_in_doubt()) {
            entry.doubt =
                Some(Doubt { since, evidence: evidence.clone(), refusal: refusal.clone() });
        }
        // Part of the batch was refused, whatever became of the rest.
        if refusal.is_some() {
            self.stop();
        }
        self.failed_sends = 0;
        self.end_doubt_at_once_if_asked();
        self.next_turn();
    }

    fn end_doubt_at_once_if_asked(&mut self) {
        if self.spec.options.on_lost_answer == OnLostAnswer::Reconcile {
            return;
        }
        for entry in self.entries.iter_mut().filter(|it| it.is_in_doubt()) {
            let outcome = entry.give_up("nobody asked to look what became of it");
            entry.end(outcome);
        }
        self.stop_if_unknown();
    }

    fn on_out_of_time(&mut self) {
        self.sending = false;
        let not_sent = self.obstacle.take().unwrap_or_else(|| self.nothing_sent_in_time());
        self.settle(&not_sent, &NotSent::OutOfTime, "the time to wait was over");
    }

    /// A service that never answered a look counts as unavailable, not as merely slow.
    fn nothing_sent_in_time(&self) -> NotSent {
        if self.entries.iter().any(|entry| entry.latest.is_some()) {
            return NotSent::OutOfTime;
        }
        NotSent::Unavailable("no look came back before the time was over".to_owned())
    }

    /// Whatever was still open is looked at again, and nothing that was seen before counts as a look.
    fn on_resumed(&mut self, grace: Duration, poll_interval: PollInterval) {
        self.sending = false;
        self.spec.options = Options {
            grace,
            poll_interval,
            wait: true,
            on_lost_answer: OnLostAnswer::Reconcile,
            ..self.spec.options.clone()
        };
        for entry in &mut self.entries {
            if holds(Guard::ResumeLooksAgain) {
                entry.looked_at = None;
            }
            entry.absences = 0;
            entry.reopen();
        }
        (self.failed_looks, self.failed_sends) = (0, 0);
        self.obstacle = None;
        self.lists = true;
        self.next_turn();
    }

    fn on_resend_allowed(&mut self, packages: &[PackageId]) {
        for entry in self
            .entries
            .iter_mut()
            .filter(|entry| packages.contains(&entry.id))
            .filter(|entry| entry.is_in_doubt() || !holds(Guard::ConsentNeedsDoubt))
        {
            entry.phase = Phase::Waiting;
            entry.looked_at = None;
        }
        self.next_turn();
    }

    fn on_forgotten(&mut self, packages: &[PackageId], by: String) {
        let forgotten = Forgotten { by, at: self.now };
        for entry in self.entries.iter_mut() {
            if packages.contains(&entry.id) && entry.claim().may_be_given_up() {
                entry.forget(&forgotten);
            }
        }
        self.stop_if_unknown();
    }
}

/// Failed signatures in a row lock the key, so a 401 or 403 ends all looking.
fn why_forbidden(failure: &ObserveError) -> Option<String> {
    match failure {
        _ if !holds(Guard::ForbiddenEnds) => None,
        ObserveError::NotAuthenticated(why) => Some(why.clone()),
        ObserveError::Refused(error) if matches!(error.status().as_u16(), 401 | 403) => {
            Some(error.to_string())
        }
        _ => None,
    }
}
