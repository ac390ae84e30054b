//! `dls deploy`: release, and wait until it is known what became of each package.

mod dry_run;
mod input;

use dls::model::{DeployOptions, PublishType};
use dls::rollout::{IfReleased, OnLostAnswer, Options};
use dls::{JobStart, Run, RunId, RunStore as _, StoreError};

use crate::args;
use crate::config::Settings;
use crate::evidence::EvidenceFile;
use crate::exit::Failure;
use crate::exit_code::ExitCode;
use crate::journal_location::JournalLocation;
use crate::output::{Output, note};
use crate::progress::Follow;
use crate::text;
use crate::wait_options::WaitOptions;
use input::DeployInput;

pub(crate) async fn run(
    global: &args::Global,
    args: &args::Deploy,
    output: Output,
) -> Result<ExitCode, Failure> {
    let input = DeployInput::of(args)?;
    let start = input.start(chosen(&args.start))?;
    let wait =
        WaitOptions::parse(&args.wait)?.with_journal_timeout(JournalLocation::timeout(global)?);
    let settings = Settings::resolve(global)?;
    let workspace = settings.workspace_for_a_write()?;
    input.refuse_elsewhere(&settings)?;
    let options = wait.in_options(options(args, start));
    if args.dry_run {
        return dry_run::show(&settings, workspace, &input, &options, output);
    }
    let (evidence, journal) = match prepared(global, args).await {
        Ok(prepared) => prepared,
        Err(failure) => {
            let follow = follow(global, output, JournalLocation::Off, None);
            return follow.refused(&settings.destination(), true, input.packages(), failure);
        }
    };
    journal.warn();
    match begin(&settings, &input, options, &journal, evidence.as_ref(), wait).await {
        Ok(run) => follow(global, output, journal, evidence).until_it_ends(run).await,
        Err(failure) => {
            let follow = follow(global, output, journal, evidence);
            follow.refused(&settings.destination(), true, input.packages(), failure)
        }
    }
}

fn follow(
    global: &args::Global,
    output: Output,
    journal: JournalLocation,
    evidence: Option<EvidenceFile>,
) -> Follow {
    Follow { output, flags: global.destination_flags(), journal, evidence, is_quiet: false }
}

/// What must be writable before anything is sent.
async fn prepared(
    global: &args::Global,
    args: &args::Deploy,
) -> Result<(Option<EvidenceFile>, JournalLocation), Failure> {
    let journal = JournalLocation::resolve(global).await?;
    let evidence = args.evidence.as_deref().map(EvidenceFile::at).transpose()?;
    Ok((evidence, journal))
}

async fn begin(
    settings: &Settings,
    input: &DeployInput,
    options: Options,
    journal: &JournalLocation,
    evidence: Option<&EvidenceFile>,
    wait: WaitOptions,
) -> Result<Run, Failure> {
    let client = settings.client()?;
    let run = client.rollout(input.release(), options);
    let run = run.map_err(|error| Failure::of_read(&error))?;
    let Some(store) = journal.store() else {
        return Ok(wait.limit(run));
    };
    if let Some(evidence) = evidence {
        evidence.refuse_older(journal, store).await?;
    }
    let run = match wait.in_store(run).with_store(store).await {
        Err(StoreError::Conflict { run, same_plan: true, .. }) => {
            refuse_other_start(journal, &run, options.start()).await?;
            note(&format!("run {run} is of this very plan: taking it up again"));
            let resume = wait.in_resume();
            let resume = resume.with_same_service(input.same_service());
            client.resume(store, &run, resume).await
        }
        run => run,
    };
    let run = wait.limit(run.map_err(|error| journal.failure(&error))?);
    match evidence {
        Some(evidence) => evidence.witness(run),
        None => Ok(run),
    }
}

/// A plan that leaves open whether jobs start was released with one choice, which stays.
async fn refuse_other_start(
    journal: &JournalLocation,
    run: &RunId,
    start: Option<JobStart>,
) -> Result<(), Failure> {
    let Some(store) = journal.store() else {
        return Ok(());
    };
    let stored = store.load(run).await.map_err(|error| journal.failure(&error))?;
    refuse_start(run, stored.spec.options.start(), start)
}

/// The choice of a run cannot be changed any more.
pub(super) fn refuse_start(
    run: &RunId,
    began_with: Option<JobStart>,
    start: Option<JobStart>,
) -> Result<(), Failure> {
    if start.is_none() || start == began_with {
        return Ok(());
    }
    let began_with = text::start(began_with);
    Err(Failure::new(
        ExitCode::Refused,
        format!(
            "run {run} was begun with --{began_with}, which cannot be changed; nothing was sent"
        ),
    )
    .with_next(format!("say --{began_with}, or nothing")))
}

pub(super) fn chosen(choice: &args::StartChoice) -> Option<JobStart> {
    match (choice.start, choice.no_start) {
        (true, _) => Some(JobStart::Immediately),
        (_, true) => Some(JobStart::Later),
        _ => None,
    }
}

fn options(args: &args::Deploy, start: JobStart) -> Options {
    let mut deploy = DeployOptions::from(start);
    deploy.publish_type =
        args.publish_type.map(|args::PublishType::Asynchronous| PublishType::Asynchronous);
    Options::new(deploy)
        .with_wait(!args.no_wait)
        .with_redeploy_failed(args.redeploy_failed)
        .with_allow_delete(args.allow_delete)
        .with_in_order(args.in_order)
        .with_keep_going(args.keep_going)
        .with_if_released(match args.if_released {
            args::IfReleased::Ok => IfReleased::Ok,
            args::IfReleased::Fail => IfReleased::Fail,
        })
        .with_on_lost_answer(match args.on_lost_answer {
            args::OnLostAnswer::Reconcile => OnLostAnswer::Reconcile,
            args::OnLostAnswer::Stop => OnLostAnswer::Stop,
        })
}
