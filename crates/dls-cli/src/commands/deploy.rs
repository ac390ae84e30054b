//! `dls deploy`: release, and wait until it is known what became of each package.

mod dry_run;
mod input;

use dls::model::{DeployOptions, PublishType};
use dls::rollout::{IfReleased, OnLostAnswer, Options, RunSpec};
use dls::{Client, FileStore, JobStart, Run, RunId, RunStore as _, StoreError};

use crate::args;
use crate::config::Settings;
use crate::evidence::EvidenceFile;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::journal_location::JournalLocation;
use crate::output::Output;
use crate::progress::Follower;
use crate::stdio::note;
use crate::text;
use dry_run::DryRun;
use input::DeployInput;

pub(crate) async fn run(
    global: &args::Global,
    args: &args::Deploy,
    output: Output,
) -> Result<ExitCode, Failure> {
    let input = DeployInput::of(args)?;
    let start = input.start(args.start.chosen())?;
    let settings = Settings::resolve(global)?;
    settings.workspace_for_a_write()?;
    input.refuse_elsewhere(&settings, args.same_service)?;
    let options = args.wait.in_options(options(args, start));
    let spec = RunSpec::new(settings.destination(), input.packages.clone(), options.clone());
    if args.dry_run {
        output.show(&DryRun::new(&settings, &spec)?);
        note("nothing was sent");
        return Ok(ExitCode::Success);
    }
    let mut follower = Follower::new(global, output);
    let release = Release { global, args, settings, input, options };
    match release.begin(&mut follower).await {
        Ok(run) => follower.until_it_ends(run).await,
        Err(failure) => Err(follower.refused(&spec, failure)),
    }
}

/// What is asked for.
struct Release<'a> {
    global: &'a args::Global,
    args: &'a args::Deploy,
    settings: Settings<'a>,
    input: DeployInput,
    options: Options,
}

impl Release<'_> {
    /// Creates the run, once everything that must be writable is.
    async fn begin(self, follower: &mut Follower) -> Result<Run, Failure> {
        follower.journal = JournalLocation::resolve(self.global).await?;
        follower.evidence = self.args.evidence.as_deref().map(EvidenceFile::at).transpose()?;
        let client = self.settings.client()?;
        let release = self.input.release(self.args.same_service);
        let run = client.rollout(release, self.options.clone());
        let run = run.map_err(|error| Failure::of_read(&error))?;
        let run = match follower.journal.store() {
            Some(store) => self.record(&client, run, store, follower).await?,
            None => run,
        };
        Ok(self.args.wait.limit(run))
    }

    /// Records the run in the journal, or takes up the open run of the same plan.
    async fn record(
        &self,
        client: &Client,
        run: Run,
        store: &FileStore,
        follower: &Follower,
    ) -> Result<Run, Failure> {
        let journal = &follower.journal;
        if let Some(evidence) = &follower.evidence {
            evidence.refuse_older(journal, store).await?;
        }
        let run = run.with_store_timeout(self.global.journal_timeout);
        let run = match run.with_store(store).await {
            Err(StoreError::Conflict { run, same_plan: true, .. }) => {
                let stored = store.load(&run).await.map_err(|error| journal.failure(&error))?;
                // A plan may leave open whether jobs start; the run has chosen.
                refuse_other_start(&run, stored.spec.options.start(), self.options.start())?;
                note(&format!("run {run} is of the same plan: resuming it"));
                let mut resume = self.args.wait.in_resume(self.global.journal_timeout);
                resume.same_service = self.args.same_service;
                client.resume(store, &run, resume).await
            }
            run => run,
        };
        let run = run.map_err(|error| journal.failure(&error))?;
        Ok(match &follower.evidence {
            Some(evidence) => evidence.witness(run),
            None => run,
        })
    }
}

/// A run keeps its choice whether jobs start.
pub(super) fn refuse_other_start(
    run: &RunId,
    chosen: Option<JobStart>,
    start: Option<JobStart>,
) -> Result<(), Failure> {
    if start.is_none() || start == chosen {
        return Ok(());
    }
    let chosen = text::start(chosen);
    Err(Failure::refused(format!("run {run} was created with --{chosen}, which cannot be changed"))
        .with_next(format!("add --{chosen}, or omit it")))
}

fn options(args: &args::Deploy, start: JobStart) -> Options {
    let mut deploy = DeployOptions::from(start);
    deploy.publish_type =
        args.publish_type.map(|args::PublishType::Asynchronous| PublishType::Asynchronous);
    let mut options = Options::new(deploy);
    options.wait = !args.no_wait;
    options.redeploy_failed = args.redeploy_failed;
    options.allow_delete = args.allow_delete;
    options.in_order = args.in_order;
    options.keep_going = args.keep_going;
    options.if_released = match args.if_released {
        args::IfReleased::Ok => IfReleased::Ok,
        args::IfReleased::Fail => IfReleased::Fail,
    };
    options.on_lost_answer = match args.on_lost_answer {
        args::OnLostAnswer::Reconcile => OnLostAnswer::Reconcile,
        args::OnLostAnswer::Stop => OnLostAnswer::Stop,
    };
    options
}
