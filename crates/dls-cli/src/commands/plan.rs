//! `dls plan`: what a release would change, before it does. Nothing is sent.

mod markdown;
mod table;

use std::path::Path;

use super::deploy::chosen;
use crate::args::{self, OutputFormat};
use crate::config::Settings;
use crate::exit::Failure;
use crate::exit_code::ExitCode;
use crate::ids;
use crate::json::PlanDocument;
use crate::output::{Output, note, print};
use crate::text;

/// From here on the reading takes long enough to wonder.
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
    let plan = settings.client()?.plan(packages, chosen(&args.start)).await;
    let plan = plan.map_err(|error| Failure::of_read(&error))?;
    let planned = PlanDocument::new(&plan);
    match output.format() {
        OutputFormat::Json => Output::json(&planned),
        OutputFormat::Markdown => print(&markdown::of(&planned)),
        _ => print(&table::of(&planned, plan.made_at)),
    }
    if let Some(path) = &args.out {
        write(global, path, &dls::plan::to_json(&plan))?;
    }
    Ok(match &planned.summary {
        _ if !args.detailed_exitcode => ExitCode::Success,
        summary if summary.delete > 0 => ExitCode::Deletions,
        summary if summary.packages > 0 => ExitCode::Changes,
        _ => ExitCode::Success,
    })
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
