//! `dls view`: one package with its tasks.

use dls::PackageId;

use crate::args;
use crate::config::Settings;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::output::Output;
use crate::package_list::{Listed, PackageList};

pub(crate) async fn run(
    global: &args::Global,
    id: PackageId,
    output: Output,
) -> Result<ExitCode, Failure> {
    let settings = &Settings::resolve(global)?;
    let detail = settings.client()?.package(id).await;
    let packages = vec![Listed::with_tasks(detail.map_err(|error| Failure::of_read(&error))?)];
    output.show(&PackageList { schema: "dls.view/1", settings, packages });
    Ok(ExitCode::Success)
}
