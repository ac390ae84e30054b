//! `dls resume`: take up a run again that was cut short. Settings, packages and the choice whether jobs
//! start are those that it began with.

mod consent;

use dls::rollout::RunSpec;
use dls::{FileStore, Run, RunId, RunStore as _, StoredRun};

use self::consent::Consent;
pub(super) use self::consent::user;
use super::deploy::{chosen, refuse_start};
use crate::args;
use crate::config::{PartialDestination, Settings};
use crate::evidence::EvidenceFile;
use crate::exit::Failure;
use crate::exit_code::ExitCode;
use crate::journal_location::JournalLocation;
use crate::json;
use crate::output::Output;
use crate::progress::{Follow, NdjsonEvents};
use crate::text;
use crate::wait_options::WaitOptions;

pub(crate) async fn run(
    global: &args::Global,
    args: &args::Resume,
    output: Output,
) -> Result<ExitCode, Failure> {
    let wait =
        WaitOptions::parse(&args.wait)?.with_journal_timeout(JournalLocation::timeout(global)?);
    let consent = Consent::parse(args)?;
    let journal = JournalLocation::to_read(global).await?;
    let stored = match &args.run {
        Some(name) => named(&journal, name).await?,
        None => {
            the_open_one(&journal, &PartialDestination::from_flags_and_environment(global)?).await?
        }
    };
    refuse_contradiction(global, args, &stored)?;
    let settings = Settings::of_run(global, &stored.spec.destination)?;
    match begin(&settings, &journal, &stored.id, wait, args).await {
        Ok((run, evidence)) => {
            let follow = Follow {
                output,
                flags: global.destination_flags(),
                journal,
                evidence,
                is_quiet: false,
            };
            consent.carry_out(follow, run).await
        }
        Err(failure) => {
            let document = json::RunDocument::new(&stored.spec, Some(&stored.id), &stored.report);
            output.run(&document, &mut NdjsonEvents::default(), failure.code);
            Err(failure)
        }
    }
}

async fn begin(
    settings: &Settings,
    journal: &JournalLocation,
    id: &RunId,
    wait: WaitOptions,
    args: &args::Resume,
) -> Result<(Run, Option<EvidenceFile>), Failure> {
    let client = settings.client()?;
    let evidence = args.evidence.as_deref().map(EvidenceFile::at).transpose()?;
    let store = store(journal)?;
    let mut resume = wait.in_resume().with_same_service(args.same_service);
    if let Some(evidence) = &evidence {
        resume = resume.with_must_contain(evidence.of_run(id)?.cloned());
    }
    let run = client.resume(store, id, resume).await;
    let run = wait.limit(run.map_err(|error| journal.failure(&error))?);
    match evidence {
        Some(evidence) => Ok((evidence.witness(run)?, Some(evidence))),
        None => Ok((run, None)),
    }
}

pub(super) fn store(journal: &JournalLocation) -> Result<&FileStore, Failure> {
    journal.store().ok_or_else(|| {
        Failure::usage("--journal off: there is no journal to take a run from")
            .with_next("give --journal DIR, or leave it away")
    })
}

async fn named(journal: &JournalLocation, name: &str) -> Result<StoredRun, Failure> {
    let id = run_id(journal, name)?;
    let stored = store(journal)?.load(&id).await;
    stored.map_err(|error| journal.failure(&error))
}

pub(super) fn run_id(journal: &JournalLocation, name: &str) -> Result<RunId, Failure> {
    name.parse().map_err(|error| {
        let shown: String = name.chars().take(40).collect();
        Failure::usage(format!("`{}`: {error}", shown.escape_debug()))
            .with_next(journal.here("dls history"))
    })
}

/// The one run that is open at a place, or anywhere if none is named.
async fn the_open_one(
    journal: &JournalLocation,
    named: &PartialDestination,
) -> Result<StoredRun, Failure> {
    let store = store(journal)?;
    let (mut open, mut broken) = (Vec::new(), None);
    for run in store.list().await.map_err(|error| journal.failure(&error))? {
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
        return Err(journal.failure(&error));
    }
    match (open.pop(), open.as_slice()) {
        (None, _) => Err(Failure::new(
            ExitCode::NotFound,
            format!("there is no open run in {}", store.path().display()),
        )
        .with_next(journal.here("dls history"))),
        (Some(run), []) => Ok(run),
        (Some(run), others) => {
            let all = others.iter().chain([&run]);
            let failure = Failure::usage("there is more than one open run: say which");
            Err(all.fold(failure, |failure, run| failure.with_next(line(journal, run))))
        }
    }
}

fn line(journal: &JournalLocation, run: &StoredRun) -> String {
    let resume = journal.resume(&run.id).unwrap_or_default();
    let RunSpec { destination: settings, packages, .. } = &run.spec;
    format!(
        "{resume}   (begun at {}, {} in workspace {} at {})",
        run.created_at,
        text::count(packages.len(), "package"),
        settings.workspace,
        settings.endpoint
    )
}

fn refuse_contradiction(
    global: &args::Global,
    args: &args::Resume,
    stored: &StoredRun,
) -> Result<(), Failure> {
    let id = &stored.id;
    if global.is_temporary {
        return Err(Failure::new(
            ExitCode::Refused,
            format!("run {id} is not of this emulator, which begins with this command"),
        )
        .with_next("leave --emulator away"));
    }
    PartialDestination::from_flags(global)?.refuse_other(
        &format!("run {id}"),
        &stored.spec.destination,
        args.same_service,
        "omit the flags for the settings: it is in the journal",
    )?;
    refuse_start(id, stored.spec.options.start(), chosen(&args.start))
}
