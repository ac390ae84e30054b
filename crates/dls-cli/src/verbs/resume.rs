//! `dls resume`: take up a run again that was cut short. Place, packages and the choice whether jobs
//! start are those that it began with.

mod consent;

use dls::rollout::RunSpec;
use dls::{FileStore, Run, RunId, RunStore as _, StoredRun};

use self::consent::Consent;
pub(super) use self::consent::user;
use super::deploy::{chosen, refuse_start};
use crate::args;
use crate::config::{Named, Place};
use crate::document;
use crate::evidence::Evidence;
use crate::exit::Failure;
use crate::follow::{Events, Follow};
use crate::keep::Keep;
use crate::output::Output;
use crate::patience::Patience;
use crate::words;

pub(crate) async fn run(
    global: &args::Global,
    args: &args::Resume,
    output: Output,
) -> Result<u8, Failure> {
    let patience = Patience::parse(&args.patience)?.with_journal_timeout(Keep::timeout(global)?);
    let consent = Consent::parse(args)?;
    let keep = Keep::to_read(global).await?;
    let stored = match &args.run {
        Some(name) => named(&keep, name).await?,
        None => the_open_one(&keep, &Named::anyhow(global)?).await?,
    };
    refuse_contradiction(global, args, &stored)?;
    let place = Place::of_run(global, &stored.spec.destination)?;
    match begin(&place, &keep, &stored.id, patience, args).await {
        Ok((run, evidence)) => {
            let follow = Follow { output, place: global.place(), keep, evidence, is_quiet: false };
            consent.carry_out(follow, run).await
        }
        Err(failure) => {
            let document = document::Run::new(&stored.spec, Some(&stored.id), &stored.report);
            output.run(&document, &mut Events::default(), failure.code);
            Err(failure)
        }
    }
}

async fn begin(
    place: &Place,
    keep: &Keep,
    id: &RunId,
    patience: Patience,
    args: &args::Resume,
) -> Result<(Run, Option<Evidence>), Failure> {
    let client = place.client()?;
    let evidence = args.evidence.as_deref().map(Evidence::at).transpose()?;
    let store = store(keep)?;
    let mut resume = patience.in_resume().with_same_service(args.same_service);
    if let Some(evidence) = &evidence {
        resume.at_least = evidence.of_run(id)?.cloned();
    }
    let run = client.resume(store, id, resume).await;
    let run = patience.limit(run.map_err(|error| keep.failure(&error))?);
    match evidence {
        Some(evidence) => Ok((evidence.witness(run)?, Some(evidence))),
        None => Ok((run, None)),
    }
}

pub(super) fn store(keep: &Keep) -> Result<&FileStore, Failure> {
    keep.store().ok_or_else(|| {
        Failure::usage("--journal off: there is no journal to take a run from")
            .with_next("give --journal DIR, or leave it away")
    })
}

async fn named(keep: &Keep, name: &str) -> Result<StoredRun, Failure> {
    let id = run_id(keep, name)?;
    let stored = store(keep)?.load(&id).await;
    stored.map_err(|error| keep.failure(&error))
}

pub(super) fn run_id(keep: &Keep, name: &str) -> Result<RunId, Failure> {
    name.parse().map_err(|error| {
        let shown: String = name.chars().take(40).collect();
        Failure::usage(format!("`{}`: {error}", shown.escape_debug()))
            .with_next(keep.here("dls history"))
    })
}

/// The one run that is open at a place, or anywhere if none is named.
async fn the_open_one(keep: &Keep, named: &Named) -> Result<StoredRun, Failure> {
    let store = store(keep)?;
    let (mut open, mut broken) = (Vec::new(), None);
    for run in store.list().await.map_err(|error| keep.failure(&error))? {
        match run {
            Ok(run) if run.is_open() && named.contradiction(&run.spec.destination).is_none() => {
                open.push(run);
            }
            // A run of another place, or one that is over.
            Ok(_) => {}
            Err(error) => broken = Some(error),
        }
    }
    if let Some(error) = broken {
        return Err(keep.failure(&error));
    }
    match (open.pop(), open.as_slice()) {
        (None, _) => {
            Err(Failure::new(5, format!("there is no open run in {}", store.path().display()))
                .with_next(keep.here("dls history")))
        }
        (Some(run), []) => Ok(run),
        (Some(run), others) => {
            let all = others.iter().chain([&run]);
            let failure = Failure::usage("there is more than one open run: say which");
            Err(all.fold(failure, |failure, run| failure.with_next(line(keep, run))))
        }
    }
}

fn line(keep: &Keep, run: &StoredRun) -> String {
    let resume = keep.resume(&run.id).unwrap_or_default();
    let RunSpec { destination: place, packages, .. } = &run.spec;
    format!(
        "{resume}   (begun at {}, {} in workspace {} at {})",
        run.began_at,
        words::count(packages.len(), "package"),
        place.workspace,
        place.endpoint
    )
}

fn refuse_contradiction(
    global: &args::Global,
    args: &args::Resume,
    stored: &StoredRun,
) -> Result<(), Failure> {
    let id = &stored.id;
    if global.emulator {
        return Err(Failure::new(
            9,
            format!("run {id} is not of this emulator, which begins with this command"),
        )
        .with_next("leave --emulator away"));
    }
    Named::by_flags(global)?.refuse_other(
        &format!("run {id}"),
        &stored.spec.destination,
        args.same_service,
        "omit the flags for the place: it is in the journal",
    )?;
    refuse_start(id, stored.spec.options.start, chosen(&args.start))
}
