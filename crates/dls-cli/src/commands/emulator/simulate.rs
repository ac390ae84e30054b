//! `dls emulator simulate`: random cases of the code that ships, held against the promises.

use crate::args;
use crate::exit::Failure;
use crate::exit_code::ExitCode;
use crate::output::{Output, print};
use crate::simulation::{Tally, simulate};

/// So many broken cases are shown, and so many lines of each.
const SHOWN: usize = 3;
const LINES: usize = 20;

pub(crate) fn run(args: &args::Simulate, output: Output) -> Result<ExitCode, Failure> {
    let tally = simulate(args.cases, args.seed);
    if output.is_json() {
        Output::json(&serde_json::json!({
            "schema": "dls.emulator.verify/1",
            "seed": args.seed,
            "cases": tally.cases,
            "packages": tally.packages,
            "deploys": tally.deploys,
            "crashes": tally.crashes,
            "faults": tally.faults,
            "unknown": tally.unknown,
            "double_sends": tally.double_sends,
            "false_successes": tally.false_successes,
            "false_failures": tally.false_failures,
            "other_violations": tally.other_violations,
            "endless": tally.endless,
            "broken_seeds": tally.broken.iter().map(|it| it.seed).collect::<Vec<_>>(),
        }));
    } else {
        show(&tally);
    }
    match tally.broken.first() {
        None => Ok(ExitCode::Success),
        Some(broken) => Err(Failure::new(
            ExitCode::Internal,
            format!("{} cases broke a promise", tally.broken.len()),
        )
        .with_next(format!(
            "dls emulator simulate --cases 1 --seed {} tells its story; report it, please",
            broken.seed
        ))),
    }
}

fn show(tally: &Tally) {
    for broken in tally.broken.iter().take(SHOWN) {
        print(&format!("seed {}:", broken.seed));
        for line in broken.violations.iter().take(LINES) {
            print(&format!("  {line}"));
        }
        // A single case is asked for to be understood.
        if tally.cases == 1 {
            broken.story.iter().for_each(|line| print(line));
        }
    }
    print(&format!(
        "{} cases ({} packages, {} deploy requests, {} faults met, {} crashes): {} double sends, {} \
         false successes, {} false failures, {} other violations, {} endless, {} reported unknown",
        tally.cases,
        tally.packages,
        tally.deploys,
        tally.faults,
        tally.crashes,
        tally.double_sends,
        tally.false_successes,
        tally.false_failures,
        tally.other_violations,
        tally.endless,
        tally.unknown,
    ));
}
