//! `dls deploy`: release, and wait until it is known what became of each package.

mod dry_run;
mod source;

use dls::model::PublishType;
use dls::rollout::{IfReleased, OnLostAnswer, Options};
use dls::{JobStart, Run, RunId, RunStore as _, StoreError};

use crate::args;
use crate::config::Place;
use crate::evidence::Evidence;
use crate::exit::Failure;
use crate::follow::Follow;
use crate::keep::Keep;
use crate::output::{Output, note};
use crate::patience::Patience;
use crate::words;
use source::Source;

pub(crate) async fn run(
    global: &args::Global,
    args: &args::Deploy,
    output: Output,
) -> Result<u8, Failure> {
    let source = Source::of(args)?;
    let start = source.start(chosen(&args.start))?;
    let patience = Patience::parse(&args.patience)?.with_journal_timeout(Keep::timeout(global)?);
    let place = Place::resolve(global).await?;
    let workspace = place.workspace_for_a_write()?;
    source.refuse_elsewhere(&place)?;
    let options = patience.in_options(options(args, start));
    if args.dry_run {
        return dry_run::show(&place, workspace, &source, &options, output);
    }
    let (evidence, keep) = match prepared(global, args).await {
        Ok(prepared) => prepared,
        Err(failure) => {
            let follow = follow(global, output, Keep::Off, None);
            return follow.refused(&place.of_runs(), true, source.packages(), failure);
        }
    };
    keep.warn();
    match begin(&place, &source, options, &keep, evidence.as_ref(), patience).await {
        Ok(run) => follow(global, output, keep, evidence).until_it_ends(run).await,
        Err(failure) => {
            let follow = follow(global, output, keep, evidence);
            follow.refused(&place.of_runs(), true, source.packages(), failure)
        }
    }
}

fn follow(global: &args::Global, output: Output, keep: Keep, evidence: Option<Evidence>) -> Follow {
    Follow { output, place: global.place(), keep, evidence, is_quiet: false }
}

/// What must be writable before anything is sent.
async fn prepared(
    global: &args::Global,
    args: &args::Deploy,
) -> Result<(Option<Evidence>, Keep), Failure> {
    let keep = Keep::resolve(global).await?;
    let evidence = args.evidence.as_deref().map(Evidence::at).transpose()?;
    Ok((evidence, keep))
}

async fn begin(
    place: &Place,
    source: &Source,
    options: Options,
    keep: &Keep,
    evidence: Option<&Evidence>,
    patience: Patience,
) -> Result<Run, Failure> {
    let client = place.client()?;
    let run = client.rollout(source.release(), options);
    let run = run.map_err(|error| Failure::of_read(&error))?;
    let Some(store) = keep.store() else {
        return Ok(patience.limit(run));
    };
    if let Some(evidence) = evidence {
        evidence.refuse_older(keep, store).await?;
    }
    let run = match patience.in_store(run).with_store(store).await {
        Err(StoreError::Conflict { run, same_plan: true, .. }) => {
            refuse_other_start(keep, &run, options.start).await?;
            note(&format!("run {run} is of this very plan: taking it up again"));
            let resume = patience.in_resume();
            let resume = resume.with_same_service(source.same_service());
            client.resume(store, &run, resume).await
        }
        run => run,
    };
    let run = patience.limit(run.map_err(|error| keep.failure(&error))?);
    match evidence {
        Some(evidence) => evidence.witness(run),
        None => Ok(run),
    }
}

/// A plan that leaves open whether jobs start was released with one choice, which stays.
async fn refuse_other_start(
    keep: &Keep,
    run: &RunId,
    start: Option<JobStart>,
) -> Result<(), Failure> {
    let Some(store) = keep.store() else {
        return Ok(());
    };
    let stored = store.load(run).await.map_err(|error| keep.failure(&error))?;
    refuse_start(run, stored.spec.options.start, start)
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
    let began_with = words::start(began_with);
    Err(Failure::new(
        9,
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
    Options::new(start)
        .with_publish_type(
            args.publish_type.map(|args::PublishType::Asynchronous| PublishType::Asynchronous),
        )
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
