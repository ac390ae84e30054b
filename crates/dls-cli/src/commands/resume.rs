//! `dls resume`: continue a run that was interrupted. Its destination, its packages and the choice whether jobs start
//! are those that it was created with.

mod consent;

use dls::rollout::RunSpec;
use dls::{Run, RunStore as _, StoredRun};

use self::consent::Consent;
use super::deploy::refuse_other_start;
use crate::args;
use crate::config::{PartialDestination, Settings};
use crate::evidence::EvidenceFile;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::journal_location::JournalLocation;
use crate::output::Output;
use crate::progress::Follower;
use crate::run_document::RunDocument;
use crate::text;

pub(crate) async fn run(
    global: &args::Global,
    args: &args::Resume,
    output: Output,
) -> Result<ExitCode, Failure> {
    let consent = Consent::parse(args)?;
    let mut follower = Follower::new(global, output);
    follower.journal = JournalLocation::to_read(global).await?;
    let stored = match &args.run {
        Some(id) => {
            let stored = follower.journal.existing()?.load(id).await;
            stored.map_err(|error| follower.journal.failure(&error))?
        }
        None => {
            let destination = PartialDestination::from_flags_and_environment(global)?;
            the_open_one(&follower.journal, &destination).await?
        }
    };
    refuse_contradiction(global, args, &stored)?;
    let settings = Settings::of_run(global, &stored.spec.destination)?;
    match begin(global, &settings, &stored, args, &mut follower).await {
        Ok(run) => consent.carry_out(follower, run).await,
        Err(failure) => {
            let document = RunDocument::new(&stored.spec, Some(&stored.id), &stored.report);
            Err(follower.fail(&document, failure))
        }
    }
}

async fn begin(
    global: &args::Global,
    settings: &Settings<'_>,
    stored: &StoredRun,
    args: &args::Resume,
    follower: &mut Follower,
) -> Result<Run, Failure> {
    let client = settings.client()?;
    let journal = &follower.journal;
    let mut resume = args.wait.in_resume(global.journal_timeout);
    resume.same_service = args.same_service;
    let evidence = args.evidence.as_deref().map(EvidenceFile::at).transpose()?;
    if let Some(evidence) = &evidence {
        resume.must_contain = evidence.of_run(&stored.id)?.cloned();
    }
    let run = client.resume(journal.existing()?, &stored.id, resume).await;
    let run = args.wait.limit(run.map_err(|error| journal.failure(&error))?);
    let run = match &evidence {
        Some(evidence) => evidence.witness(run),
        None => run,
    };
    follower.evidence = evidence;
    Ok(run)
}

/// The only open run, of a destination or of all.
async fn the_open_one(
    journal: &JournalLocation,
    named: &PartialDestination,
) -> Result<StoredRun, Failure> {
    let store = journal.existing()?;
    let mut open = Vec::new();
    for run in store.list().await.map_err(|error| journal.failure(&error))? {
        let run = run.map_err(|error| journal.failure(&error))?;
        if run.is_open() && !named.differs(&run.spec.destination) {
            open.push(run);
        }
    }
    if open.len() > 1 {
        let failure = Failure::usage("there is more than one open run");
        return Err(failure.with_all_next(open.iter().map(|run| line(journal, run))));
    }
    open.pop().ok_or_else(|| {
        let what = format!("there is no open run in {}", store.path().display());
        Failure::new(ExitCode::NotFound, what).with_next(journal.here("dls history"))
    })
}

fn line(journal: &JournalLocation, run: &StoredRun) -> String {
    let resume = journal.resume(&run.id).unwrap_or_default();
    let RunSpec { destination: settings, packages, .. } = &run.spec;
    format!(
        "{resume}   (created at {}, {} in workspace {} at {})",
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
        let failure =
            format!("run {id} is not of this emulator, which was started by this command");
        return Err(Failure::refused(failure).with_next("omit --emulator"));
    }
    PartialDestination::from_flags(global)?.refuse_other(
        &format!("run {id}"),
        &stored.spec.destination,
        args.same_service,
        "omit the flags for the settings: it is in the journal",
    )?;
    refuse_other_start(id, stored.spec.options.start(), args.start.chosen())
}
