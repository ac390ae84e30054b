//! `dls watch` and `dls wait`: follow packages that somebody has released, and send nothing.

use dls::rollout::Options;

use crate::args;
use crate::config::Place;
use crate::exit::Failure;
use crate::follow::Follow;
use crate::ids;
use crate::keep::Keep;
use crate::output::Output;
use crate::patience::Patience;

pub(crate) async fn run(
    global: &args::Global,
    args: &args::Watch,
    output: Output,
    is_quiet: bool,
) -> Result<u8, Failure> {
    let packages = ids::selection(&args.ids)?;
    let patience = Patience::parse(&args.patience)?;
    let place = Place::resolve(global).await?;
    let follow =
        Follow { output, place: global.place(), keep: Keep::Off, evidence: None, is_quiet };
    let client = match place.client() {
        Ok(client) => client,
        Err(failure) => return follow.refused(&place.of_runs(), false, &packages, failure),
    };
    let options = patience.in_options(Options::watch_only());
    let run = client.watch(packages, options);
    follow.until_it_ends(patience.limit(run)).await
}
