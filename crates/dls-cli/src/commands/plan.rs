//! `dls plan`: what a release would change, before it does. Nothing is sent.

mod markdown;
mod review;
mod table;

use std::path::Path;

use dls::PackageId;
use dls::model::Task;
use serde_json::{Value, json};

use crate::args;
use crate::config::Settings;
use crate::document::{Block, Document};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::ids;
use crate::json::{display, package_with_tasks, with};
use crate::output::Output;
use crate::stdio::note;
use crate::text;
use review::Review;

/// From here on reading them takes long enough to wonder.
const MANY: usize = 20;

pub(crate) async fn run(
    global: &args::Global,
    args: &args::Plan,
    output: Output,
) -> Result<ExitCode, Failure> {
    let packages = ids::selection(&args.packages.ids)?;
    let settings = Settings::resolve(global)?;
    settings.workspace_for_a_write()?;
    if packages.len() > MANY {
        note(&format!("reading {} packages …", packages.len()));
    }
    let plan = settings.client()?.plan(packages, args.start.chosen()).await;
    let plan = plan.map_err(|error| Failure::of_read(&error))?;
    let review = Review::new(&plan);
    output.show(&review);
    if let Some(path) = &args.out {
        write(global, path, &dls::plan::to_json(&plan))?;
    }
    Ok(match args.detailed_exitcode {
        true if review.counts.delete > 0 => ExitCode::Deletions,
        true if review.counts.packages > 0 => ExitCode::Changes,
        _ => ExitCode::Success,
    })
}

impl Document for Review<'_> {
    fn json(&self) -> Value {
        let plan = self.plan;
        let packages = plan.packages.iter();
        let packages = packages.map(|it| with(package_with_tasks(&it.seen), json!({"id": it.id})));
        let overlaps = self
            .overlaps
            .iter()
            .map(|it| json!({"kind": display(it.kind), "name": it.name, "packages": it.packages}));
        json!({
            "schema": "dls.plan.view/1",
            "hash": self.hash,
            "endpoint": plan.destination.endpoint,
            "project_id": plan.destination.project,
            "workspace": plan.destination.workspace,
            "made_at": plan.made_at.to_string(),
            "made_at_ms": plan.made_at,
            "start": text::start(plan.start),
            "packages": packages.collect::<Value>(),
            "overlaps": overlaps.collect::<Value>(),
            "deletions": self.deletions.iter().map(object).collect::<Value>(),
            "jobs_that_start": self.jobs_that_start.iter().map(object).collect::<Value>(),
            "summary": self.counts,
        })
    }

    fn text(&self) -> Vec<Block> {
        vec![Block::Lines(table::of(self))]
    }

    fn markdown(&self) -> Option<String> {
        Some(markdown::of(self))
    }
}

/// A job, script or resource of a package.
fn object((package, task): &(PackageId, &Task)) -> Value {
    json!({"package": package, "kind": display(task.kind), "name": task.name})
}

fn write(global: &args::Global, path: &Path, plan: &str) -> Result<(), Failure> {
    let shown = path.display();
    let unwritten =
        |error: std::io::Error| Failure::usage(format!("--out {shown}: {error}; there is no plan"));
    std::fs::write(path, format!("{plan}\n")).map_err(unwritten)?;
    note(&format!(
        "to release it: dls deploy --plan {}{}",
        text::quoted(&path.to_string_lossy()),
        global.destination_flags()
    ));
    Ok(())
}
