//! `dls emulator simulate`: random cases of the code that ships, checked against the promises.

use serde_json::{Value, json};

use crate::args;
use crate::document::{Block, Document};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::json::with;
use crate::output::Output;
use crate::simulation::{Tally, simulate};

/// How many broken cases are shown, and how many lines of each.
const SHOWN: usize = 3;
const LINES: usize = 20;

pub(super) fn run(args: &args::Simulate, output: Output) -> Result<ExitCode, Failure> {
    let tally = simulate(args.cases, args.seed);
    output.show(&Simulation { seed: args.seed, tally: &tally });
    let Some(broken) = tally.broken.first() else { return Ok(ExitCode::Success) };
    let failure = Failure::internal(format!("{} cases broke a promise", tally.broken.len()));
    Err(failure.with_next(format!(
        "dls emulator simulate --cases 1 --seed {} shows what happened; please report it",
        broken.seed
    )))
}

struct Simulation<'a> {
    seed: u64,
    tally: &'a Tally,
}

impl Document for Simulation<'_> {
    fn json(&self) -> Value {
        let broken = self.tally.broken.iter().map(|it| it.seed);
        let ends = json!({"broken_seeds": broken.collect::<Value>()});
        let begins = json!({"schema": "dls.emulator.verify/1", "seed": self.seed});
        with(with(begins, json!(self.tally)), ends)
    }

    fn text(&self) -> Vec<Block> {
        let tally = self.tally;
        let mut lines = Vec::new();
        for broken in tally.broken.iter().take(SHOWN) {
            lines.push(format!("seed {}:", broken.seed));
            lines.extend(broken.violations.iter().take(LINES).map(|line| format!("  {line}")));
            // A single case is asked for to be understood.
            if tally.cases == 1 {
                lines.extend(broken.story.iter().cloned());
            }
        }
        lines.push(format!(
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
        vec![Block::Lines(lines.join("\n"))]
    }
}
