//! `dls watch` and `dls wait`: follow packages that somebody has released, and send nothing.

use dls::rollout::Options;

use crate::args;
use crate::config::Settings;
use crate::exit::Failure;
use crate::exit_code::ExitCode;
use crate::ids;
use crate::journal_location::JournalLocation;
use crate::output::Output;
use crate::progress::Follow;
use crate::wait_options::WaitOptions;

pub(crate) async fn run(
    global: &args::Global,
    args: &args::Watch,
    output: Output,
    is_quiet: bool,
) -> Result<ExitCode, Failure> {
    let packages = ids::selection(&args.ids)?;
    let wait = WaitOptions::parse(&args.wait)?;
    let settings = Settings::resolve(global)?;
    let follow = Follow {
        output,
        flags: global.destination_flags(),
        journal: JournalLocation::Off,
        evidence: None,
        is_quiet,
    };
    let client = match settings.client() {
        Ok(client) => client,
        Err(failure) => return follow.refused(&settings.destination(), false, &packages, failure),
    };
    let options = wait.in_options(Options::watch_only());
    let run = client.watch(packages, options);
    follow.until_it_ends(wait.limit(run)).await
}
