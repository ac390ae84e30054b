//! `dls plan`: what a release would change, before it does. Nothing is sent.

mod json;
mod markdown;
mod review;
mod table;

use std::path::Path;

use serde::Serialize;

use crate::args;
use crate::config::Settings;
use crate::document::{Block, Document};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::ids;
use crate::output::Output;
use crate::stdio::note;
use crate::text;
use json::PlanDocument;
use review::Review;

/// From here on reading them takes long enough to wonder.
const MANY: usize = 20;

pub(crate) async fn run(
    global: &args::Global,
    args: &args::Plan,
    output: Output,
) -> Result<ExitCode, Failure> {
    let packages = ids::selection(&args.ids)?;
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
    fn json(&self) -> impl Serialize {
        PlanDocument::new(self)
    }

    fn text(&self) -> Vec<Block> {
        vec![Block::Lines(table::of(self))]
    }

    fn markdown(&self) -> Option<String> {
        Some(markdown::of(self))
    }
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
