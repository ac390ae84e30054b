//! A plan as a JSON document.

use dls::PackageId;
use dls::model::Task;
use serde::Serialize;

use super::review::{Counts, Review};
use crate::json::PackageRow;
use crate::text;

#[derive(Serialize)]
pub(super) struct PlanDocument<'a> {
    schema: &'static str,
    hash: &'a str,
    endpoint: &'a str,
    project_id: &'a str,
    workspace: &'a str,
    made_at: String,
    made_at_ms: i64,
    start: &'static str,
    packages: Vec<PackageRow>,
    overlaps: Vec<OverlapRow<'a>>,
    deletions: Vec<ObjectRow<'a>>,
    jobs_that_start: Vec<ObjectRow<'a>>,
    summary: &'a Counts,
}

#[derive(Serialize)]
struct OverlapRow<'a> {
    kind: Option<String>,
    name: &'a str,
    packages: Vec<String>,
}

/// A job, script or resource of a package.
#[derive(Serialize)]
struct ObjectRow<'a> {
    package: String,
    kind: Option<String>,
    name: Option<&'a str>,
}

impl<'a> PlanDocument<'a> {
    pub(super) fn new(review: &'a Review<'a>) -> Self {
        let plan = review.plan;
        let overlaps = review.overlaps.iter().map(|overlap| OverlapRow {
            kind: overlap.kind.map(|kind| kind.to_string()),
            name: &overlap.name,
            packages: overlap.packages.iter().map(ToString::to_string).collect(),
        });
        Self {
            schema: "dls.plan.view/1",
            hash: &review.hash,
            endpoint: &plan.destination.endpoint,
            project_id: plan.destination.project.as_str(),
            workspace: plan.destination.workspace.as_str(),
            made_at: plan.made_at.to_string(),
            made_at_ms: plan.made_at.as_millis(),
            start: text::start(plan.start),
            packages: plan.packages.iter().map(PackageRow::of_plan).collect(),
            overlaps: overlaps.collect(),
            deletions: review.deletions.iter().map(object).collect(),
            jobs_that_start: review.jobs_that_start.iter().map(object).collect(),
            summary: &review.counts,
        }
    }
}

fn object<'a>((package, task): &(PackageId, &'a Task)) -> ObjectRow<'a> {
    ObjectRow {
        package: package.to_string(),
        kind: task.kind.map(|kind| kind.to_string()),
        name: task.name.as_deref(),
    }
}
