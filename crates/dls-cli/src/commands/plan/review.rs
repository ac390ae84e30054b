//! What follows from a plan.

use std::collections::HashSet;

use dls::PackageId;
use dls::model::{Change, JobStart, Status, Task, TaskKind};
use dls::rollout::plan::{Overlap, deletions};
use dls::rollout::{Plan, PlannedPackage};
use serde::Serialize;

/// A plan, and what follows from it.
pub(crate) struct Review<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) hash: String,
    /// The objects that more than one package to be released touches.
    pub(crate) overlaps: Vec<Overlap>,
    pub(crate) deletions: Vec<(PackageId, &'a Task)>,
    /// The jobs that are started, or would be unless the caller says otherwise.
    pub(crate) jobs_that_start: Vec<(PackageId, &'a Task)>,
    pub(crate) counts: Counts,
}

/// What is to be released, without what is released already.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    pub(crate) packages: usize,
    pub(crate) tasks: usize,
    pub(crate) add: usize,
    pub(crate) modify: usize,
    pub(crate) delete: usize,
    pub(crate) other: usize,
    pub(crate) overlaps: usize,
}

impl<'a> Review<'a> {
    pub(crate) fn new(plan: &'a Plan) -> Self {
        let to_release = || plan.packages.iter().filter(|it| is_to_be_released(it));
        let sent: HashSet<PackageId> = to_release().map(|it| it.id).collect();
        let mut overlaps = plan.overlaps();
        overlaps.iter_mut().for_each(|overlap| overlap.packages.retain(|id| sent.contains(id)));
        overlaps.retain(|overlap| overlap.packages.len() > 1);
        let deletions = to_release().flat_map(|it| deletions(&it.seen).map(|task| (it.id, task)));
        let started = to_release().filter(|_| plan.start != Some(JobStart::Later));
        let started = started.flat_map(|it| {
            let tasks = it.seen.tasks.iter().filter(|task| starts(task));
            tasks.map(|task| (it.id, task))
        });
        Self {
            plan,
            hash: dls::plan::hash(plan),
            deletions: deletions.collect(),
            jobs_that_start: started.collect(),
            counts: Counts::of(to_release(), overlaps.len()),
            overlaps,
        }
    }
}

impl Counts {
    fn of<'a>(to_release: impl Iterator<Item = &'a PlannedPackage>, overlaps: usize) -> Self {
        let mut counts = Self { overlaps, ..Self::default() };
        for planned in to_release {
            counts.packages += 1;
            counts.tasks += planned.seen.tasks.len();
            for task in &planned.seen.tasks {
                *match task.change {
                    Some(Change::Add) => &mut counts.add,
                    Some(Change::Modify) => &mut counts.modify,
                    Some(Change::Delete) => &mut counts.delete,
                    _ => &mut counts.other,
                } += 1;
            }
        }
        counts
    }
}

/// What is released already, or is being released by somebody else, is not ours to change.
fn is_to_be_released(planned: &PlannedPackage) -> bool {
    let status = planned.seen.package.status;
    !matches!(status, Some(Status::Successful | Status::BeingReleased))
}

fn starts(task: &Task) -> bool {
    task.kind == Some(TaskKind::Job) && task.change != Some(Change::Delete)
}
