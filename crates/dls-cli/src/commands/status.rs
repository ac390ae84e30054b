//! `dls status`: the status of each package, read once.

use crate::args;
use crate::config::Settings;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::ids;
use crate::output::Output;
use crate::package_list::{Listed, PackageList};

pub(crate) async fn run(
    global: &args::Global,
    args: &args::Packages,
    output: Output,
) -> Result<ExitCode, Failure> {
    let ids = ids::selection(&args.ids)?;
    let settings = &Settings::resolve(global)?;
    let client = settings.client()?;
    let mut packages = Vec::new();
    let mut failed = None;
    for id in ids.iter() {
        match client.package(*id).await {
            Ok(detail) => packages.push(Listed::new(detail.package)),
            Err(error) => {
                let failure = Failure::of_read(&error);
                packages.push(Listed::unread(*id, error));
                // After a 401, or with nobody there, the others would fare no better.
                let hopeless = matches!(failure.code, ExitCode::NotPermitted | ExitCode::Network);
                let message = format!("package {id}: {}", failure.message);
                failed.get_or_insert(Failure { message, ..failure });
                if hopeless {
                    break;
                }
            }
        }
    }
    output.show(&PackageList { schema: "dls.status/1", settings, packages });
    failed.map_or(Ok(ExitCode::Success), Err)
}
