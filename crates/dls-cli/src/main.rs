//! The command `dls`.
#![forbid(unsafe_code)]

mod args;
mod clock;
mod commands;
mod config;
mod credentials;
mod document;
#[cfg(feature = "emulator")]
mod embedded;
mod evidence;
mod exit_code;
mod failure;
mod ids;
mod journal_location;
mod json;
mod output;
mod package_list;
mod progress;
mod run_document;
mod signals;
#[cfg(feature = "emulator")]
mod simulation;
mod stdio;
mod text;

use clap::Parser as _;
use clap::error::{ContextKind, ErrorKind};

use crate::args::{Cli, Command, Journal};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::output::Output;
use crate::stdio::{note, print};

fn main() -> std::process::ExitCode {
    let code = match Cli::try_parse() {
        Ok(mut cli) => match run(&mut cli) {
            Ok(code) => code,
            Err(failure) if cli.global.is_temporary => failure.without_commands().report(),
            Err(failure) => failure.report(),
        },
        Err(error) => usage(&error),
    };
    without_its_result(code).code().into()
}

/// Whoever reads the result must not take its absence for a success. Any other code says more.
fn without_its_result(code: ExitCode) -> ExitCode {
    let Some(error) = stdio::write_error() else { return code };
    let failure = Failure::internal(format!("the result was not written to stdout: {error}"));
    let next = "what was done stays done: see dls status, or dls history";
    let unwritten = failure.with_next(next).report();
    match code {
        ExitCode::Success | ExitCode::Changes | ExitCode::Deletions => unwritten,
        code => code,
    }
}

fn run(cli: &mut Cli) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime
        .map_err(|error| Failure::internal(format!("cannot start the async runtime: {error}")))?;
    let code = runtime.block_on(async {
        #[cfg(feature = "emulator")]
        let _embedded = embedded::start(cli).await?;
        dispatch(cli).await
    });
    // A write that hangs on a disk must not keep the process.
    runtime.shutdown_background();
    code
}

async fn dispatch(Cli { global, command }: &Cli) -> Result<ExitCode, Failure> {
    let output = Output::new(config::output_format(global)?, command, global.output.is_some())?;
    match command {
        Command::Deploy(args) => commands::deploy::run(global, args, output).await,
        Command::Plan(args) => commands::plan::run(global, args, output).await,
        Command::Watch(args) => commands::watch::run(global, args, output, false).await,
        Command::Wait(args) => commands::watch::run(global, args, output, true).await,
        Command::Resume(args) => commands::resume::run(global, args, output).await,
        Command::History => commands::history::run(global, output).await,
        Command::Journal(Journal::Check { run }) => {
            commands::journal::check(global, run, output).await
        }
        Command::Journal(Journal::SetAside { run, by }) => {
            commands::journal::set_aside(global, run, by.as_deref()).await
        }
        Command::List(args) => commands::list::run(global, args, output).await,
        Command::View { id } => commands::view::run(global, *id, output).await,
        Command::Status(args) => commands::status::run(global, args, output).await,
        Command::Revoke(args) => commands::revoke::run(global, args, output).await,
        #[cfg(feature = "emulator")]
        Command::Emulator(command) => commands::emulator::run(global, command, output).await,
        Command::Sign(args) => commands::sign::run(global, args, output),
        Command::ExitCodes => {
            print(exit_code::TABLE);
            Ok(ExitCode::Success)
        }
    }
}

/// Help and version are results; anything else is wrong usage, reported in one line.
fn usage(error: &clap::Error) -> ExitCode {
    let text = error.render().to_string();
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        print(text.trim_end());
        return ExitCode::Success;
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        note(text.trim_end());
        return ExitCode::Usage;
    }
    let what = text.lines().take_while(|line| !line.trim().is_empty());
    let what = what.map(str::trim).collect::<Vec<_>>().join(" ");
    let what = what.strip_prefix("error: ").unwrap_or(&what);
    let next = match suggestion(error) {
        Some(meant) => format!("did you mean {meant}? See dls help, or --help after the command"),
        None => "dls help, or --help after the command".to_owned(),
    };
    Failure::usage(what).with_next(next).report()
}

/// What was probably meant, if it was a slip.
fn suggestion(error: &clap::Error) -> Option<String> {
    let kinds =
        [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::SuggestedValue];
    let suggestion = kinds.into_iter().find_map(|kind| error.get(kind));
    suggestion.map(ToString::to_string)
}
