//! What follows from what happened: whose turn it is, what has ended, when to rest.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use dls_model::PackageId;

use super::{FEW, Rollout};
use crate::entry::{Entry, Phase, since};
use crate::guard::{Guard, holds, limit};
use crate::outcome::{NotSent, PackageOutcome};
use crate::preflight::{Preflight, overlapping, preflight};

impl Rollout {
    /// Whatever does not need to be asked for.
    pub(super) fn advance(&mut self) {
        while self.rest.is_none()
            && self.may_send()
            && !self.cleared
            && !self.to_check().any(|it| self.is_stale(it))
        {
            self.preflight();
        }
        if !self.spec.options.waits() && self.waiting().next().is_none() {
            self.end_without_waiting();
        }
        let round_is_over = self.listed && !self.watched().any(|entry| entry.due);
        if self.watched().next().is_some() && round_is_over && !self.may_send() {
            self.rest = Some(self.pause());
            self.round += 1;
            self.begin_round();
        }
    }

    /// All that is next was looked at: what is there already is not sent, what must not be sent
    /// stops the run, the rest may go out.
    pub(super) fn preflight(&mut self) {
        let checked: HashSet<PackageId> = self.to_check().map(|entry| entry.id).collect();
        let mut blocked = false;
        let mut against = self.overlaps();
        for entry in &mut self.entries {
            if !checked.contains(&entry.id) {
                continue;
            }
            let preflight = match (preflight(entry, &self.spec), against.remove(&entry.id)) {
                (Preflight::Send, Some(why)) => Preflight::Against(why),
                (preflight, _) => preflight,
            };
            match preflight {
                Preflight::Send => {}
                Preflight::Watch => entry.phase = Phase::Running,
                Preflight::Ends(outcome) => entry.end(outcome),
                Preflight::Against(why) => {
                    entry.end_unsent(PackageOutcome::NotSent(why));
                    blocked = true;
                }
            }
        }
        // The first look at everything may have taken long: what is next in turn is to be fresh.
        let is_first = !self.started;
        self.started = true;
        if is_first {
            self.begin_turn();
        }
        self.cleared = !is_first
            && checked.len() == self.waiting().filter(|e| checked.contains(&e.id)).count();
        if blocked && holds(Guard::OneAgainstStopsAll) {
            self.stop();
        }
        self.begin_round();
    }

    pub(super) fn overlaps(&self) -> HashMap<PackageId, NotSent> {
        if self.started || self.spec.options.in_order {
            return HashMap::new();
        }
        let to_send = |entry: &&Entry| matches!(preflight(entry, &self.spec), Preflight::Send);
        overlapping(self.waiting().filter(to_send))
    }

    /// Nobody waits for the end: what the service has taken is accepted, and that is all.
    pub(super) fn end_without_waiting(&mut self) {
        for entry in &mut self.entries {
            if let Phase::Running = entry.phase {
                entry.end(if entry.sent {
                    PackageOutcome::Accepted
                } else {
                    PackageOutcome::StillRunning { why: "nobody asked to wait".to_owned() }
                });
            }
        }
    }

    /// The next batch is in turn, and whatever is under way is looked at soon.
    pub(super) fn next_turn(&mut self) {
        self.begin_turn();
        self.cleared = false;
        self.watch_anew();
    }

    /// From here on a look at what waits counts as one of this turn.
    pub(super) fn begin_turn(&mut self) {
        self.entries.iter_mut().for_each(|entry| entry.checked = false);
    }

    pub(super) fn watch_anew(&mut self) {
        self.rest = None;
        self.round = 0;
        self.begin_round();
    }

    pub(super) fn begin_round(&mut self) {
        self.listed = !(self.lists && self.watched().count() > limit(FEW));
        for entry in &mut self.entries {
            entry.due = self.listed;
        }
    }

    /// Until the next round, or until the first grace is over.
    pub(super) fn pause(&self) -> Duration {
        let options = &self.spec.options;
        let pause = options.poll_interval.pause(self.round);
        let in_doubt = self.watched().filter(|entry| entry.is_in_doubt());
        let graces = in_doubt
            .filter_map(|entry| entry.doubt.as_ref())
            .map(|doubt| options.grace.saturating_sub(since(doubt.since, self.now)));
        graces.filter(|left| !left.is_zero()).fold(pause, Duration::min)
    }

    /// After an unknown outcome, and in order after anything but a success, nothing more goes out.
    pub(super) fn stop_if_in_trouble(&mut self, package: PackageId) {
        let in_order = self.spec.options.in_order;
        let Some(entry) = self.entry(package).filter(|entry| entry.sent) else {
            return;
        };
        let stops = match entry.outcome() {
            None | Some(PackageOutcome::Succeeded { .. }) => false,
            Some(PackageOutcome::Unknown { .. }) => holds(Guard::UnknownStops),
            Some(PackageOutcome::Gone { .. } | PackageOutcome::Refused { .. }) => true,
            Some(_) => in_order,
        };
        if stops {
            self.stop();
        }
    }

    pub(super) fn stop_if_unknown(&mut self) {
        let unknown = self.entries.iter().find(|entry| {
            let outcome = entry.outcome();
            entry.sent
                && matches!(
                    outcome,
                    Some(PackageOutcome::Unknown { .. } | PackageOutcome::Refused { .. })
                )
        });
        if let Some(id) = unknown.map(|entry| entry.id) {
            self.stop_if_in_trouble(id);
        }
    }

    /// Nothing more is sent, but for what the caller wants sent once more: that does not depend on
    /// the others.
    pub(super) fn stop(&mut self) {
        let waiting = self.entries.iter_mut().filter(|it| it.is_waiting());
        for entry in waiting.filter(|entry| !entry.sent) {
            entry.end(PackageOutcome::NotSent(NotSent::RunStopped));
        }
    }

    /// Ends everything: what waits, what is only watched and has not moved, and what is under way.
    pub(super) fn settle(&mut self, waiting: &NotSent, unmoved: &NotSent, why: &str) {
        self.settle_waiting(waiting);
        if self.spec.options.deploy.is_none() {
            let watched = self.entries.iter_mut().filter(|it| it.is_watched());
            for entry in watched.filter(|entry| !entry.has_moved()) {
                entry.end(PackageOutcome::NotSent(unmoved.clone()));
            }
        }
        self.settle_watched(why);
    }

    pub(super) fn settle_waiting(&mut self, why: &NotSent) {
        let waiting = self.entries.iter_mut().filter(|it| it.is_waiting());
        waiting.for_each(|entry| entry.end_unsent(PackageOutcome::NotSent(why.clone())));
    }

    pub(super) fn settle_watched(&mut self, why: &str) {
        for entry in self.entries.iter_mut().filter(|it| it.is_watched()) {
            let outcome = entry.give_up(why);
            entry.end(outcome);
        }
    }

    pub(super) fn entry(&mut self, package: PackageId) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.id == package)
    }
}
