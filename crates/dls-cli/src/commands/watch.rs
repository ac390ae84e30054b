//! `dls watch` and `dls wait`: follow packages that somebody has released, and send nothing.

use dls::rollout::{Options, RunSpec};

use crate::args;
use crate::config::Settings;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::ids;
use crate::output::Output;
use crate::progress::Follower;

pub(crate) async fn run(
    global: &args::Global,
    args: &args::Watch,
    output: Output,
    is_quiet: bool,
) -> Result<ExitCode, Failure> {
    let packages = ids::selection(&args.packages.ids)?;
    let settings = Settings::resolve(global)?;
    let options = args.wait.in_options(Options::watch_only());
    let follower = Follower { is_quiet, ..Follower::new(global, output) };
    match settings.client() {
        Ok(client) => {
            follower.until_it_ends(args.wait.limit(client.watch(packages, options))).await
        }
        Err(failure) => {
            let spec = RunSpec::new(settings.destination(), packages, options);
            Err(follower.refused(&spec, failure))
        }
    }
}
