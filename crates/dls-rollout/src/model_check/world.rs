//! The service and everybody else, as far as a rollout can tell: two packages, each with the versions it
//! went through, and the requests that may still be on their way.

use std::collections::BTreeMap;
use std::fmt;

use dls_model::{PackageDetail, PackageId, Status, Task, Timestamp};

use crate::options::Options;
use crate::plan::{Destination, Plan, PlannedPackage};

/// The grace of most rollouts, by which a status may lag behind.
pub(super) const GRACE: i64 = 120_000;
/// How long after a request the caller's consent to another one is refused by the caller.
pub(super) const FENCE: i64 = 16 * 60_000;
/// The moment that stands for "now" at the beginning.
pub(super) const START: i64 = 1_747_106_000_000;

pub(super) const TO_BE_REVIEWED: i64 = 1;
pub(super) const SUCCESSFUL: i64 = 2;
pub(super) const FAILED: i64 = 3;
pub(super) const BEING_RELEASED: i64 = 5;

/// Some of the two packages.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(super) struct Set(pub(super) u8);

impl Set {
    pub(super) const NONE: Self = Self(0);
    pub(super) const ALL: [Self; 4] = [Self(0), Self(1), Self(2), Self(3)];

    pub(super) fn of(ids: impl IntoIterator<Item = usize>) -> Self {
        Self(ids.into_iter().fold(0, |set, index| set | 1 << index))
    }

    pub(super) fn has(self, index: usize) -> bool {
        self.0 & 1 << index != 0
    }

    pub(super) fn holds(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub(super) fn indices(self) -> impl Iterator<Item = usize> {
        (0..2).filter(move |index| self.has(*index))
    }
}

impl fmt::Debug for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.indices()).finish()
    }
}

pub(super) fn id(index: usize) -> PackageId {
    PackageId::try_from(index as u64 + 1).unwrap()
}

pub(super) fn index(id: PackageId) -> usize {
    usize::try_from(id.as_u64()).unwrap() - 1
}

/// When `deploy_timestamp` moves. Nobody says.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Stamp {
    Accepted,
    Ended,
    Succeeded,
}

/// Whose doing a release is.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum By {
    Ours,
    /// The network made a second request of one.
    Copy,
    Others,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Version {
    pub(super) status: i64,
    pub(super) stamp: i64,
    pub(super) by: Option<By>,
    /// Its tasks are others than at the beginning.
    pub(super) changed: bool,
}

impl Version {
    /// What an observation says of it. A bare one lacks what an answer need not have.
    pub(super) fn detail(self, index: usize, is_bare: bool) -> PackageDetail {
        let mut detail = PackageDetail::default();
        detail.package.id = Some(id(index));
        detail.package.status = Some(Status::from_code(self.status));
        let stamp = Timestamp::from_millis(self.stamp);
        detail.package.deployed_at = stamp.filter(|_| !is_bare);
        if self.changed {
            detail.tasks.push(Task::default());
        }
        detail
    }

    /// Whether an observer can tell the two apart: a stamp that one of them lacks tells nothing.
    pub(super) fn differs(self, other: Self) -> bool {
        let both_stamped = self.stamp != 0 && other.stamp != 0;
        self.status != other.status || both_stamped && self.stamp != other.stamp
    }
}

/// A package and all that became of it.
#[derive(Clone)]
pub(super) struct Truth {
    pub(super) versions: Vec<Version>,
    changed_at: i64,
}

impl Truth {
    pub(super) fn now(&self) -> Version {
        *self.versions.last().unwrap()
    }

    pub(super) fn is_released_by_us(&self) -> bool {
        let mut versions = self.versions.iter();
        versions.any(|version| version.by == Some(By::Ours))
    }

    /// Whether it was in this status at any time after that version.
    pub(super) fn came_to(&self, status: i64, after: usize) -> bool {
        let mut since = self.versions.iter().skip(after + 1);
        since.any(|version| version.status == status)
    }
}

#[derive(Clone)]
pub(super) struct World {
    pub(super) packages: [Truth; 2],
    pub(super) clock: i64,
    /// A status may lag behind by less than that.
    pub(super) lag: i64,
    stamp: Stamp,
    /// Requests that left, by the packages that they name, of which the network may bring a copy; and whether not even
    /// the original has arrived.
    pub(super) left: BTreeMap<Set, bool>,
}

impl World {
    pub(super) fn new(statuses: [i64; 2], stamp: Stamp, lag: i64) -> Self {
        let new = Version { status: TO_BE_REVIEWED, stamp: 0, by: None, changed: false };
        let package = Truth { versions: vec![new], changed_at: 0 };
        let mut world = Self {
            packages: [package.clone(), package],
            clock: 0,
            lag,
            stamp,
            left: BTreeMap::new(),
        };
        for (index, status) in statuses.into_iter().enumerate() {
            world.bring_to(index, status);
        }
        world
    }

    /// What was before the run has left its traces: an observation may lag behind the beginning too.
    fn bring_to(&mut self, index: usize, status: i64) {
        let once = Set::of([index]);
        if status != TO_BE_REVIEWED {
            self.begin(once, By::Others);
            self.end(index, status == SUCCESSFUL);
        }
        if status == BEING_RELEASED {
            self.begin(once, By::Others);
        }
        let versions = &mut self.packages[index].versions;
        versions.drain(..versions.len().saturating_sub(2));
    }

    pub(super) fn at(&self) -> Timestamp {
        Timestamp::from_millis(START + self.clock).unwrap()
    }

    /// A plan made now.
    pub(super) fn plan(&self, destination: Destination, options: &Options) -> Plan {
        let packages = self.packages.iter().enumerate();
        let packages = packages
            .map(|(index, truth)| PlannedPackage::new(id(index), truth.now().detail(index, false)));
        Plan::new(destination, self.at(), options.start(), packages.collect())
    }

    /// What an observation shows that lags behind, if it may.
    pub(super) fn lagging(&self, index: usize) -> Option<Version> {
        let truth = &self.packages[index];
        let before = truth.versions.len().checked_sub(2)?;
        (self.clock - truth.changed_at < self.lag).then(|| truth.versions[before])
    }

    /// Its next version is as this changes the one before.
    fn push(&mut self, index: usize, change: impl FnOnce(&mut Version)) {
        let truth = &mut self.packages[index];
        let mut next = truth.now();
        change(&mut next);
        truth.versions.push(next);
        truth.changed_at = self.clock;
    }

    pub(super) fn begin(&mut self, released: Set, by: By) {
        for index in released.indices() {
            let stamped = self.stamp == Stamp::Accepted;
            self.push(index, |it| {
                (it.status, it.by) = (BEING_RELEASED, Some(by));
                it.stamp += i64::from(stamped);
            });
        }
    }

    pub(super) fn end(&mut self, index: usize, well: bool) {
        let stamped = match self.stamp {
            Stamp::Accepted => false,
            Stamp::Ended => true,
            Stamp::Succeeded => well,
        };
        self.push(index, |it| {
            it.status = if well { SUCCESSFUL } else { FAILED };
            it.stamp += i64::from(stamped);
        });
    }

    /// Somebody changes its tasks before it is released.
    pub(super) fn change(&mut self, index: usize) {
        self.push(index, |it| it.changed = true);
    }

    pub(super) fn leave(&mut self, request: Set, arrived: bool) {
        *self.left.entry(request).or_default() |= !arrived;
    }

    /// What a request would release that arrives now. What is released already may be released once
    /// more.
    pub(super) fn release_of(&self, request: Set, once_more: bool) -> Set {
        let releases = |index: &usize| match self.packages[*index].now().status {
            BEING_RELEASED => false,
            SUCCESSFUL => once_more,
            _ => true,
        };
        Set::of(request.indices().filter(releases))
    }

    /// Another run begins: to it, all that was released is the doing of others, and what is still underway is
    /// none of its requests.
    pub(super) fn begin_another_run(&mut self) {
        let versions = self.packages.iter_mut().flat_map(|it| &mut it.versions);
        for version in versions.filter(|it| it.by == Some(By::Ours)) {
            version.by = Some(By::Others);
        }
        self.left.values_mut().for_each(|is_stuck| *is_stuck = false);
    }

    /// A request that left arrives.
    pub(super) fn arrive(&mut self, request: Set, released: Set) {
        let by = if self.left.insert(request, false) == Some(true) { By::Ours } else { By::Copy };
        self.begin(released, by);
    }
}
