//! What `plan` prints as a document: the plan in words, and what follows from it.

use std::collections::HashSet;

use dls::PackageId;
use dls::model::{Change, JobStart, Status, Task, TaskKind};
use dls::rollout::plan::deletions;
use dls::rollout::{Plan, PlannedPackage};
use serde::Serialize;

use super::PackageRow;
use crate::text;

/// A plan, and what follows from it.
#[derive(Serialize)]
pub(crate) struct PlanDocument {
    schema: &'static str,
    pub(crate) hash: String,
    pub(crate) endpoint: String,
    project_id: String,
    pub(crate) workspace: String,
    made_at: String,
    made_at_ms: i64,
    pub(crate) start: &'static str,
    pub(crate) packages: Vec<PackageRow>,
    pub(crate) overlaps: Vec<OverlapRow>,
    pub(crate) deletions: Vec<ObjectRow>,
    /// The jobs that are started, or would be unless the caller says otherwise.
    pub(crate) jobs_that_start: Vec<ObjectRow>,
    pub(crate) summary: Summary,
}

/// An object that more than one package to be released touches.
#[derive(Serialize)]
pub(crate) struct OverlapRow {
    pub(crate) kind: Option<String>,
    pub(crate) name: String,
    pub(crate) packages: Vec<String>,
}

/// A job, script or resource of a package.
#[derive(Serialize)]
pub(crate) struct ObjectRow {
    pub(crate) package: String,
    pub(crate) kind: Option<String>,
    pub(crate) name: Option<String>,
}

/// Numbers of what is to be released, what is released already left aside.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Summary {
    pub(crate) packages: usize,
    pub(crate) tasks: usize,
    pub(crate) add: usize,
    pub(crate) modify: usize,
    pub(crate) delete: usize,
    pub(crate) other: usize,
    pub(crate) overlaps: usize,
}

impl PlanDocument {
    pub(crate) fn new(plan: &Plan) -> Self {
        let to_release = || plan.packages.iter().filter(|it| is_to_be_released(it));
        let sent: HashSet<PackageId> = to_release().map(|it| it.id).collect();
        let overlaps = plan.overlaps().into_iter().filter_map(|overlap| {
            let packages = overlap.packages.iter().filter(|id| sent.contains(id));
            let packages: Vec<_> = packages.map(ToString::to_string).collect();
            (packages.len() > 1).then(|| OverlapRow {
                kind: overlap.kind.map(|kind| kind.to_string()),
                name: overlap.name,
                packages,
            })
        });
        let overlaps: Vec<_> = overlaps.collect();
        let deleted = to_release()
            .flat_map(|it| deletions(&it.seen).map(move |task| ObjectRow::of(it.id, task)));
        let started = to_release().filter(|_| plan.start != Some(JobStart::Later)).flat_map(|it| {
            let tasks = it.seen.tasks.iter().filter(|task| starts(task));
            tasks.map(move |task| ObjectRow::of(it.id, task))
        });
        Self {
            schema: "dls.plan.view/1",
            hash: dls::plan::hash(plan),
            endpoint: plan.destination.endpoint.clone(),
            project_id: plan.destination.project.to_string(),
            workspace: plan.destination.workspace.to_string(),
            made_at: plan.made_at.to_string(),
            made_at_ms: plan.made_at.as_millis(),
            start: text::start(plan.start),
            packages: plan.packages.iter().map(PackageRow::of_plan).collect(),
            deletions: deleted.collect(),
            jobs_that_start: started.collect(),
            summary: Summary::of(plan, overlaps.len()),
            overlaps,
        }
    }
}

impl ObjectRow {
    fn of(package: PackageId, task: &Task) -> Self {
        Self {
            package: package.to_string(),
            kind: task.kind.map(|kind| kind.to_string()),
            name: task.name.clone(),
        }
    }
}

impl Summary {
    fn of(plan: &Plan, overlaps: usize) -> Self {
        let mut summary = Self { overlaps, ..Self::default() };
        for planned in plan.packages.iter().filter(|it| is_to_be_released(it)) {
            summary.packages += 1;
            for task in &planned.seen.tasks {
                summary.tasks += 1;
                *match task.change {
                    Some(Change::Add) => &mut summary.add,
                    Some(Change::Modify) => &mut summary.modify,
                    Some(Change::Delete) => &mut summary.delete,
                    _ => &mut summary.other,
                } += 1;
            }
        }
        summary
    }
}

/// What is released already, or by somebody else at this moment, is not ours to change.
fn is_to_be_released(planned: &PlannedPackage) -> bool {
    let status = planned.seen.package.status;
    !matches!(status, Some(Status::Successful | Status::BeingReleased))
}

fn starts(task: &Task) -> bool {
    task.kind == Some(TaskKind::Job) && task.change != Some(Change::Delete)
}
