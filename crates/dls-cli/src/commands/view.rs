//! `dls view`: one package with its tasks.

use crate::args;
use crate::config::Settings;
use crate::exit::Failure;
use crate::exit_code::ExitCode;
use crate::ids;
use crate::json::{PackageList, PackageRow};
use crate::output::Output;

pub(crate) async fn run(
    global: &args::Global,
    args: &args::View,
    output: Output,
) -> Result<ExitCode, Failure> {
    let id = ids::one(&args.id)?;
    let settings = Settings::resolve(global)?;
    let detail = settings.client()?.package(id).await;
    let detail = detail.map_err(|error| Failure::of_read(&error))?;
    let package = PackageRow::of_detail(&detail);
    if output.is_json() {
        Output::json(&PackageList::new("dls.view/1", &settings, vec![package]));
        return Ok(ExitCode::Success);
    }
    super::list::table(std::slice::from_ref(&package), output);
    let rows = package.task_rows().iter().map(|task| {
        let version = |version: Option<i64>| version.map_or("-".to_owned(), |it| format!("v{it}"));
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        vec![
            text(&task.change),
            text(&task.kind),
            text(&task.name),
            format!("{} -> {}", version(task.deployed_version), version(task.pending_version)),
            text(&task.status),
        ]
    });
    output.rows(&["change", "kind", "task", "version", "status"], rows.collect());
    Ok(ExitCode::Success)
}
