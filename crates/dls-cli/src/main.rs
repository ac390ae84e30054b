//! The command `dls`.
#![forbid(unsafe_code)]

mod args;
mod clock;
mod config;
mod document;
mod evidence;
mod exit;
mod follow;
mod ids;
mod keep;
mod output;
mod patience;
mod simulation;
mod verbs;
mod words;

use std::process::ExitCode;

use clap::Parser as _;
use clap::error::{ContextKind, ErrorKind};

use crate::args::{Cli, Emulator, Verb};
use crate::exit::Failure;

fn main() -> ExitCode {
    let code = match Cli::try_parse() {
        Ok(cli) => match run(&cli) {
            Ok(code) => code,
            Err(failure) if cli.global.emulator => report(&failure.without_commands()),
            Err(failure) => report(&failure),
        },
        Err(error) => usage(&error),
    };
    ExitCode::from(match output::unwritten() {
        Some(failure) => without_its_result(code, &failure),
        None => code,
    })
}

/// Whoever reads the result must not take its absence for a success. Any other code says more.
fn without_its_result(code: u8, failure: &Failure) -> u8 {
    let unwritten = report(failure);
    match code {
        0 | 20 | 21 => unwritten,
        code => code,
    }
}

fn run(cli: &Cli) -> Result<u8, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(1, format!("no runtime: {error}")))?;
    let global = &cli.global;
    let serves = matches!(cli.verb, Verb::Emulator(Emulator::Serve(_)));
    if global.faults.is_some() && !global.emulator && !serves {
        return Err(Failure::usage("--faults is for the emulator only")
            .with_next("add --emulator, or use it with `dls emulator serve`"));
    }
    let output = output::Output::of(config::form(global)?, &cli.verb, global.output.is_some())?;
    let code = runtime.block_on(async {
        match &cli.verb {
            Verb::Deploy(args) => verbs::deploy::run(global, args, output).await,
            Verb::Plan(args) => verbs::plan::run(global, args, output).await,
            Verb::Watch(args) => verbs::watch::run(global, args, output, false).await,
            Verb::Wait(args) => verbs::watch::run(global, args, output, true).await,
            Verb::Resume(args) => verbs::resume::run(global, args, output).await,
            Verb::History => verbs::history::run(global, output).await,
            Verb::Journal(args::Journal::Check(args)) => {
                verbs::journal::check(global, args, output).await
            }
            Verb::Journal(args::Journal::SetAside(args)) => {
                verbs::journal::set_aside(global, args).await
            }
            Verb::List(args) => verbs::list::run(global, args, output).await,
            Verb::View(args) => verbs::view::run(global, args, output).await,
            Verb::Status(args) => verbs::status::run(global, args, output).await,
            Verb::Revoke(args) => verbs::revoke::run(global, args, output).await,
            Verb::Emulator(Emulator::Serve(args)) => verbs::emulator::serve(global, args).await,
            Verb::Emulator(Emulator::Seed) => verbs::emulator::seed(),
            Verb::Emulator(Emulator::Faults) => verbs::emulator::faults(),
            Verb::Emulator(Emulator::Assumptions) => verbs::emulator::assumptions(output),
            Verb::Emulator(Emulator::Verify(args)) => verbs::verify::run(args, output),
            Verb::Sign(args) => verbs::sign::run(global, args, output),
            Verb::ExitCodes => {
                output::text(exit::TABLE);
                Ok(0)
            }
        }
    });
    // A write that hangs on a disk is not waited for any longer than it was.
    runtime.shutdown_background();
    code
}

fn report(failure: &Failure) -> u8 {
    // A part of it may be what a service, or a file, says.
    output::note(&format!("error: {}", words::shown(&failure.message)));
    for next in &failure.next {
        output::note(&format!("  next: {}", words::shown(next)));
    }
    failure.code
}

/// Help and version are results; anything else is wrong usage, told in one line.
fn usage(error: &clap::Error) -> u8 {
    let text = error.render().to_string();
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        output::text(text.trim_end());
        return 0;
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        output::note(text.trim_end());
        return 2;
    }
    let what = text.lines().take_while(|line| !line.trim().is_empty());
    let what = what.map(str::trim).collect::<Vec<_>>().join(" ");
    let what = what.strip_prefix("error: ").unwrap_or(&what);
    let next = match meant(error) {
        Some(meant) => format!("did you mean {meant}? See dls help, or --help after the verb"),
        None => "dls help, or --help after the verb".to_owned(),
    };
    report(&Failure::usage(what).with_next(next))
}

/// What was probably meant, if it was a slip.
fn meant(error: &clap::Error) -> Option<String> {
    let kinds =
        [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::SuggestedValue];
    let meant = kinds.into_iter().find_map(|kind| error.get(kind));
    meant.map(ToString::to_string)
}
