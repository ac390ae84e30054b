//! One method per event.

use std::collections::HashSet;
use std::time::Duration;

use dls_model::{
    DeployAnswer, Package, PackageDetail, PackageId, PackageIds, ServiceError, Status, Timestamp,
};

use super::Rollout;
use crate::event::{Event, EventKind, ObserveError, SendError};
use crate::guard::{Guard, holds};
use crate::options::{OnLostAnswer, Options};
use crate::outcome::{
    Forgotten, NotSent, PackageOutcome, is_partial_refusal, is_refusal, is_throttled_by_gateway,
};
use crate::package_state::{Doubt, PackageState, Stage};
use crate::poll_interval::PollInterval;

/// How often an observation before the send, or a send that provably did not happen or was throttled by the gateway,
/// is tried.
const TRIES: u32 = 3;

/// The longest `Retry-After` that is waited for. The gateway counts calls by the second or by the minute.
const LONGEST_THROTTLE: Duration = Duration::from_secs(60);
/// How many observations in a row must say "not found" before a watched package counts as gone.
const ABSENCES: u32 = 3;

impl Rollout {
    /// The event of a package that was read, in an exchange that started then. An answer that describes another package,
    /// as a cache may return it, or does not say which one, is a failed observation.
    #[must_use]
    pub fn observed(
        &self,
        package: PackageId,
        started_at: Timestamp,
        seen: PackageDetail,
    ) -> EventKind {
        if seen.package.id != Some(package) {
            let described = seen.package.id.map(|other| format!("package {other}"));
            let described = described.as_deref().unwrap_or("a package without its id");
            return EventKind::ObserveFailed {
                package,
                failure: ObserveError::Unavailable(format!("the answer describes {described}")),
            };
        }
        let known = self.find(package).and_then(|state| state.latest.as_ref());
        let same = known
            .is_some_and(|known| (&known.package, &known.tasks) == (&seen.package, &seen.tasks));
        EventKind::Observed { package, seen: (!same).then(|| Box::new(seen)), started_at }
    }

    /// The event of a list that was read, all pages of it.
    #[must_use]
    pub fn listed(&self, rows: impl IntoIterator<Item = Package>) -> EventKind {
        let mut rows: Vec<Package> = rows.into_iter().collect();
        let there: HashSet<_> = rows.iter().filter_map(|row| row.id).collect();
        let watched = self.watched().map(|state| state.id);
        let missing = watched.filter(|id| !there.contains(id)).collect();
        rows.retain(|row| {
            let mut watched = self.watched();
            let state = watched.find(|state| Some(state.id) == row.id);
            let known = state.map(|state| state.latest.as_ref().map(|detail| &detail.package));
            known.is_some_and(|known| known != Some(row))
        });
        EventKind::Listed { rows, missing }
    }

    /// Changes the state by what happened.
    pub fn apply(&mut self, event: Event) {
        // A read starts when the event before it is over.
        let started_at = std::mem::replace(&mut self.now, event.at);
        let blocked = !self.may_send();
        match event.kind {
            // Only ever the first event, which made this rollout.
            EventKind::RunCreated(_) => {}
            EventKind::Observed { package, seen, started_at } => {
                self.on_observed(package, seen.map(|seen| *seen), started_at)
            }
            EventKind::ObserveFailed { package, failure } => {
                self.on_observe_failed(package, &failure)
            }
            EventKind::Listed { rows, missing } => self.on_listed(rows, &missing, started_at),
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
        self.stop_if_in_trouble();
        if blocked && self.may_send() && !self.cleared {
            self.begin_turn();
        }
        self.advance();
    }

    /// After a long pause before a batch is sent again its observations are old.
    fn on_waited(&mut self) {
        self.pause = None;
        if self.failed_sends > 0 && !self.cleared {
            self.begin_turn();
        }
    }

    fn on_observed(
        &mut self,
        package: PackageId,
        seen: Option<PackageDetail>,
        started_at: Timestamp,
    ) {
        let (now, options) = (self.now, self.spec.options.clone());
        let Some(state) = self.find_mut(package) else { return };
        let Some(seen) = seen.or_else(|| state.latest.clone()) else { return };
        state.observe(seen, now, options.lag());
        // The state may be as old as the request for it.
        let seen_at = started_at.min(now);
        state.observed_at = Some(seen_at);
        // It was to be sent once more, and now the first request turns out to have had an effect.
        if state.is_waiting() && state.sent && state.has_moved() {
            state.stage = Stage::InDoubt;
        }
        state.evaluate(seen_at, &options);
        if state.is_waiting() {
            self.failed_observations = 0;
            self.obstacle = None;
        }
    }

    fn on_observe_failed(&mut self, package: PackageId, failure: &ObserveError) {
        let Some(state) = self.find_mut(package) else { return };
        let is_waiting = state.is_waiting();
        if is_waiting {
            self.failed_observations += 1;
        } else {
            state.due = false;
        }
        match failure {
            ObserveError::NotFound(_) => self.on_not_found(package),
            failure if is_waiting => self.on_observe_failed_before_a_send(failure),
            failure => self.end_watch_if_forbidden(failure),
        }
    }

    /// A package that was never sent is gone at once, any other one after several absences.
    fn on_not_found(&mut self, package: PackageId) {
        let (now, options) = (self.now, self.spec.options.clone());
        let Some(state) = self.find_mut(package) else { return };
        let is_waiting = state.is_waiting();
        state.absences += 1;
        let may_reappear = state.absences < ABSENCES && (state.sent || !is_waiting);
        if may_reappear && holds(Guard::SeveralAbsencesBeforeGone) {
            if is_waiting {
                self.pause = Some(options.poll_interval.pause(state.absences - 1));
            }
            return;
        }
        state.mark_gone(now);
        if is_waiting && options.deploy.is_some() {
            self.stop();
        }
    }

    /// A failed observation of a package that waits.
    fn on_observe_failed_before_a_send(&mut self, failure: &ObserveError) {
        let why = match failure.clone() {
            ObserveError::NotFound(error) | ObserveError::Refused(error) => {
                NotSent::ObserveRefused(error)
            }
            ObserveError::NotAuthenticated(why) => NotSent::NotAuthenticated(why),
            ObserveError::Unreachable(why) => NotSent::Unreachable(why),
            ObserveError::Unavailable(why) => NotSent::Unavailable(why),
        };
        let may_pass = matches!(why, NotSent::Unreachable(_) | NotSent::Unavailable(_));
        if may_pass && self.failed_observations < TRIES {
            self.pause = Some(self.spec.options.poll_interval.pause(self.failed_observations - 1));
            self.obstacle = Some(why);
            return;
        }
        self.settle_waiting(&why);
        self.end_watch_if_forbidden(failure);
    }

    /// A failed observation says nothing about the release and is repeated. But failed signatures in a row lock the key,
    /// so a 401 or 403 ends all observing.
    fn end_watch_if_forbidden(&mut self, failure: &ObserveError) {
        let why = match failure {
            _ if !holds(Guard::StopReadingIfForbidden) => return,
            ObserveError::NotAuthenticated(why) => why.clone(),
            ObserveError::Refused(error) if matches!(error.status().as_u16(), 401 | 403) => {
                error.to_string()
            }
            _ => return,
        };
        self.settle_waiting(&NotSent::NotAuthenticated(why.clone()));
        self.settle_watched(&why);
    }

    fn on_listed(&mut self, rows: Vec<Package>, missing: &[PackageId], started_at: Timestamp) {
        let (now, options) = (self.now, self.spec.options.clone());
        self.listed = true;
        for row in rows {
            let mut watched = self.states.iter_mut().filter(|state| state.is_watched());
            let Some(state) = watched.find(|state| Some(state.id) == row.id) else { continue };
            let mut detail = state.latest.clone().unwrap_or_default();
            detail.package = row;
            state.observe(detail, now, options.lag());
        }
        for state in self.states.iter_mut().filter(|state| state.is_watched()) {
            let missing = missing.contains(&state.id);
            // An unchanged row is not recorded, but it was there.
            if !missing {
                state.absences = 0;
            }
            // The end of a release is read with its tasks.
            let ended = state.status().is_some_and(Status::is_final);
            state.due = missing && holds(Guard::ObserveIfMissingInList)
                || ended && holds(Guard::ObserveEndSeenInList);
            if !state.due {
                state.evaluate(started_at.min(now), &options);
            }
        }
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
        for state in &mut self.states {
            if packages.contains(state.id) && state.is_waiting() {
                state.mark_sent(at, signed_at, with_token);
            }
        }
        self.sending = true;
        self.cleared = false;
        self.restart_polling();
    }

    fn on_accepted(&mut self, answer: &DeployAnswer, request_id: Option<String>) {
        let since = self.now;
        self.sending = false;
        for state in self.states.iter_mut().filter(|it| it.is_in_doubt()) {
            state.request_id.clone_from(&request_id);
            state.accepted = answer.detail(state.id).cloned();
            if state.accepted.is_some() || !holds(Guard::AnswerNamesPackage) {
                state.stage = Stage::Running;
                continue;
            }
            let evidence = "the request was accepted, and the answer does not name this package";
            state.doubt = Some(Doubt::new(since, evidence));
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
                let in_doubt = self.states.iter_mut().filter(|state| state.is_in_doubt());
                in_doubt.for_each(|state| state.request_id.clone_from(&request_id));
                if is_refusal(&error, self.watched().filter(|e| e.is_in_doubt()).count()) {
                    self.refused(&error);
                } else {
                    let refusal = is_partial_refusal(&error).then(|| error.clone());
                    self.lost(format!("the request was sent; {error}"), refusal);
                }
            }
            SendError::Lost(_) if may_send_again && !holds(Guard::NoResendAfterLostAnswer) => {
                self.send_again(NotSent::OutOfTime, Duration::ZERO);
            }
            SendError::Lost(evidence) => self.lost(evidence, None),
        }
    }

    /// Nothing was sent, as is proved: the batch stays the next one, and is sent after a pause of at least that long.
    fn send_again(&mut self, obstacle: NotSent, at_least: Duration) {
        self.unsend();
        self.cleared = false;
        self.obstacle = Some(obstacle);
        let pause = self.spec.options.poll_interval.pause(self.failed_sends - 1);
        self.pause = Some(pause.max(at_least));
    }

    /// Ends the batch, whether its intention was recorded or no connection could be made before that.
    fn not_sent(&mut self, why: &NotSent) {
        let in_doubt = self.watched().filter(|state| state.is_in_doubt());
        let mut batch: HashSet<PackageId> = in_doubt.map(|state| state.id).collect();
        if batch.is_empty() {
            batch = self.batch().map(|state| state.id).collect();
        }
        self.unsend();
        let batch = self.states.iter_mut().filter(|it| batch.contains(&it.id));
        batch.for_each(|state| state.end_unsent(PackageOutcome::NotSent(why.clone())));
        self.stop();
        self.restart_polling();
    }

    fn unsend(&mut self) {
        self.states.iter_mut().filter(|it| it.is_in_doubt()).for_each(PackageState::mark_unsent);
    }

    fn refused(&mut self, error: &ServiceError) {
        for state in self.states.iter_mut().filter(|it| it.is_in_doubt()) {
            state.mark_unsent();
            state.end_unsent(PackageOutcome::Refused {
                error: Box::new(error.clone()),
                proved: true,
            });
        }
        self.failed_sends = 0;
        // The next batch would be refused for the same reason.
        let hopeless = matches!(error.status().as_u16(), 401 | 403 | 429);
        if !self.spec.options.keep_going || hopeless {
            self.stop();
        }
        self.next_turn();
    }

    fn lost(&mut self, evidence: String, refusal: Option<Box<ServiceError>>) {
        let since = self.now;
        for state in self.states.iter_mut().filter(|it| it.is_in_doubt()) {
            state.doubt =
                Some(Doubt { since, evidence: evidence.clone(), refusal: refusal.clone() });
        }
        // A part of the batch was refused.
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
        let in_doubt = self.states.iter_mut().filter(|it| it.is_in_doubt());
        in_doubt.for_each(|state| state.give_up("reconciling it was not asked for"));
    }

    fn on_out_of_time(&mut self) {
        self.sending = false;
        let not_sent = match self.obstacle.take() {
            Some(obstacle) => obstacle,
            None if self.states.iter().any(|it| it.latest.is_some()) => NotSent::OutOfTime,
            // A service that never answered an observation counts as unavailable, not as slow.
            None => {
                NotSent::Unavailable("no observation succeeded before the time was over".to_owned())
            }
        };
        self.settle(&not_sent, &NotSent::OutOfTime, "the time to wait was over");
    }

    /// Observes again whatever is still open: no earlier observation counts.
    fn on_resumed(&mut self, grace: Duration, poll_interval: PollInterval) {
        self.sending = false;
        self.spec.options = Options {
            grace,
            poll_interval,
            wait: true,
            on_lost_answer: OnLostAnswer::Reconcile,
            ..self.spec.options.clone()
        };
        for state in &mut self.states {
            if holds(Guard::ObserveAfterResume) {
                state.observed_at = None;
            }
            state.absences = 0;
            state.reopen();
        }
        (self.failed_observations, self.failed_sends) = (0, 0);
        self.obstacle = None;
        self.lists = true;
        self.next_turn();
    }

    fn on_resend_allowed(&mut self, packages: &[PackageId]) {
        for state in self.states.iter_mut().filter(|state| packages.contains(&state.id)) {
            if state.is_in_doubt() || !holds(Guard::ConsentOnlyInDoubt) {
                state.stage = Stage::Waiting;
                state.observed_at = None;
            }
        }
        self.next_turn();
    }

    fn on_forgotten(&mut self, packages: &[PackageId], by: String) {
        let forgotten = Forgotten { by, at: self.now };
        for state in self.states.iter_mut() {
            if packages.contains(&state.id) && state.claim().may_be_given_up() {
                state.forget(&forgotten);
            }
        }
    }
}
