//! What follows from the events: which batch is next, what has ended, when to wait.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use dls_model::PackageId;

use super::{FEW, Rollout};
use crate::guard::{Guard, holds, limit};
use crate::outcome::{NotSent, PackageOutcome};
use crate::package_state::{PackageState, Stage, since};
use crate::plan::{Overlap, overlaps};
use crate::preflight::{Preflight, preflight};

impl Rollout {
    /// Does everything that needs no action of the caller.
    pub(super) fn advance(&mut self) {
        while self.pause.is_none()
            && self.may_send()
            && !self.cleared
            && !self.to_check().any(|it| self.is_stale(it))
        {
            self.preflight();
        }
        if !self.spec.options.waits() && self.waiting().next().is_none() {
            self.end_without_waiting();
        }
        let round_is_over = self.listed && !self.watched().any(|state| state.due);
        if self.watched().next().is_some() && round_is_over && !self.may_send() {
            self.pause = Some(self.next_pause());
            self.round += 1;
            self.begin_round();
        }
    }

    /// Checks the packages of the next batch, all of which were observed: what is released already is not sent, what
    /// must not be sent stops the run, the rest may be sent.
    pub(super) fn preflight(&mut self) {
        let checked: HashSet<PackageId> = self.to_check().map(|state| state.id).collect();
        let mut blocked = false;
        let mut overlaps = self.overlaps();
        for state in self.states.iter_mut().filter(|it| checked.contains(&it.id)) {
            match (preflight(state, &self.spec), overlaps.remove(&state.id)) {
                (Preflight::Send, None) => {}
                (Preflight::Watch, _) => state.stage = Stage::Running,
                (Preflight::Ends(outcome), _) => state.end(outcome),
                (Preflight::Send, Some(why)) | (Preflight::Blocked(why), _) => {
                    state.end_unsent(PackageOutcome::NotSent(why));
                    blocked = true;
                }
            }
        }
        // Observing all packages may have taken long: the next batch must be fresh.
        let is_first = !self.started;
        self.started = true;
        if is_first {
            self.begin_turn();
        }
        self.cleared = !is_first
            && checked.len() == self.waiting().filter(|e| checked.contains(&e.id)).count();
        if blocked && holds(Guard::BlockedPackageStopsAll) {
            self.stop();
        }
        self.begin_round();
    }

    /// Of the packages to send, those that change an object that another one of them changes, too.
    fn overlaps(&self) -> HashMap<PackageId, NotSent> {
        let mut blocked = HashMap::new();
        if self.started || self.spec.options.in_order {
            return blocked;
        }
        let is_sent = |it: &&PackageState| matches!(preflight(it, &self.spec), Preflight::Send);
        let to_send = self.waiting().filter(is_sent);
        for Overlap { name, packages, .. } in
            overlaps(to_send.filter_map(|it| Some((it.id, it.latest.as_ref()?))))
        {
            for id in &packages {
                let with = packages.iter().copied().filter(|other| other != id).collect();
                blocked.entry(*id).or_insert(NotSent::Overlaps { name: name.clone(), with });
            }
        }
        blocked
    }

    /// Ends the run where the caller does not wait for the releases: what the service accepted is accepted.
    pub(super) fn end_without_waiting(&mut self) {
        for state in &mut self.states {
            if let Stage::Running = state.stage {
                state.end(if state.sent {
                    PackageOutcome::Accepted
                } else {
                    PackageOutcome::StillRunning { why: "nobody asked to wait".to_owned() }
                });
            }
        }
    }

    /// Turns to the next batch, and observes soon what is being released.
    pub(super) fn next_turn(&mut self) {
        self.begin_turn();
        self.cleared = false;
        self.restart_polling();
    }

    /// From here on an observation of a waiting package counts for this turn.
    pub(super) fn begin_turn(&mut self) {
        self.states.iter_mut().for_each(|state| state.checked = false);
    }

    pub(super) fn restart_polling(&mut self) {
        self.pause = None;
        self.round = 0;
        self.begin_round();
    }

    pub(super) fn begin_round(&mut self) {
        self.listed = !(self.lists && self.watched().count() > limit(FEW));
        for state in &mut self.states {
            state.due = self.listed;
        }
    }

    /// The time until the next round, or until the first grace is over.
    pub(super) fn next_pause(&self) -> Duration {
        let options = &self.spec.options;
        let pause = options.poll_interval.pause(self.round);
        let in_doubt = self.watched().filter(|state| state.is_in_doubt());
        let graces = in_doubt
            .filter_map(|state| state.doubt.as_ref())
            .map(|doubt| options.grace.saturating_sub(since(doubt.since, self.now)));
        graces.filter(|left| !left.is_zero()).fold(pause, Duration::min)
    }

    /// Sends nothing more after an unknown outcome and, in order, after anything but a success.
    pub(super) fn stop_if_in_trouble(&mut self) {
        let in_order = self.spec.options.in_order;
        let stops = |state: &PackageState| match state.outcome() {
            None | Some(PackageOutcome::Succeeded { .. }) => false,
            Some(PackageOutcome::Unknown { .. }) => holds(Guard::StopAfterUnknown),
            Some(PackageOutcome::Gone { .. } | PackageOutcome::Refused { .. }) => true,
            Some(_) => in_order,
        };
        if self.states.iter().any(|state| state.sent && stops(state)) {
            self.stop();
        }
    }

    /// Sends nothing more but what the caller wants sent once more, which does not depend on other packages.
    pub(super) fn stop(&mut self) {
        for state in self.states.iter_mut().filter(|it| it.is_waiting() && !it.sent) {
            state.end(PackageOutcome::NotSent(NotSent::RunStopped));
        }
    }

    /// Ends every package: what waits, what was only watched and has not moved, and what is being released.
    pub(super) fn settle(&mut self, waiting: &NotSent, unmoved: &NotSent, why: &str) {
        self.settle_waiting(waiting);
        if self.spec.options.deploy.is_none() {
            for state in self.states.iter_mut().filter(|it| it.is_watched() && !it.has_moved()) {
                state.end(PackageOutcome::NotSent(unmoved.clone()));
            }
        }
        self.settle_watched(why);
    }

    pub(super) fn settle_waiting(&mut self, why: &NotSent) {
        let waiting = self.states.iter_mut().filter(|it| it.is_waiting());
        waiting.for_each(|state| state.end_unsent(PackageOutcome::NotSent(why.clone())));
    }

    pub(super) fn settle_watched(&mut self, why: &str) {
        let watched = self.states.iter_mut().filter(|it| it.is_watched());
        watched.for_each(|state| state.give_up(why));
    }

    pub(super) fn find_mut(&mut self, package: PackageId) -> Option<&mut PackageState> {
        self.states.iter_mut().find(|state| state.id == package)
    }
}
