//! `dls list`: the packages of a workspace.

use dls::model::{ListPackages, Status};

use crate::args::{self, StatusName};
use crate::config::Settings;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::output::Output;
use crate::package_list::{Listed, PackageList};

/// Rows a page. No maximum is documented for this list; its neighbours take 100.
const PAGE: u32 = 50;

pub(crate) async fn run(
    global: &args::Global,
    args: &args::List,
    output: Output,
) -> Result<ExitCode, Failure> {
    let settings = &Settings::resolve(global)?;
    let client = settings.client()?;
    let mut pager = client.packages(filter(args));
    let mut packages = Vec::new();
    let most = args.limit.unwrap_or(usize::MAX);
    while packages.len() < most {
        match pager.next().await {
            Ok(Some(package)) => packages.push(Listed::new(package)),
            Ok(None) => break,
            Err(error) => return Err(Failure::of_read(&error)),
        }
    }
    output.show(&PackageList { schema: "dls.list/1", settings, packages });
    Ok(ExitCode::Success)
}

fn filter(args: &args::List) -> ListPackages {
    let mut filter = ListPackages::new().with_limit(PAGE);
    if let Some(name) = &args.name {
        filter = filter.with_name_part(name);
    }
    if let Some(applicant) = &args.applicant {
        filter = filter.with_applicant(applicant);
    }
    if let Some(deployer) = &args.released_by {
        filter = filter.with_deployer(deployer);
    }
    if args.status.is_empty() {
        return filter;
    }
    filter.with_statuses(args.status.iter().map(|status| match status {
        StatusName::ToBeReviewed => Status::ToBeReviewed,
        StatusName::Successful => Status::Successful,
        StatusName::Failed => Status::Failed,
        StatusName::BeingReleased => Status::BeingReleased,
    }))
}
