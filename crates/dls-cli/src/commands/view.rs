//! `dls view`: one package with its tasks.

use crate::args;
use crate::config::Settings;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
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
    output.show(&PackageList::new("dls.view/1", &settings, vec![package]));
    Ok(ExitCode::Success)
}
