//! Plays a case to its end: a user's commands, one process after the other, on the same packages.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use dls::rollout::{Report, RunSpec};
use dls::run::Fence;
use dls::store::{FileStore, RunStore as _, StoreError};
use dls::{PackageId, ResendRefused, Resume, Run, RunId, Selection};
use dls_emulator::{Claim, ConsentKind};
use fastrand::Rng;
use tokio::time::{Instant, sleep};

use super::case::{User, UserCommand, reselect};
use super::record::Process;
use super::tally::{Broken, Tally};
use super::wire::Wire;
use crate::text::package_outcome;

/// More events than any case needs: whoever takes them does not end.
const MOST_EVENTS: u32 = 20_000;
/// How often a user tries to get past the fence.
const TRIES: u32 = 3;

/// Plays the case of this seed, counts it, and tells its story, a line each.
pub(super) fn play(seed: u64, tally: &Mutex<Tally>) -> Vec<String> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let story = runtime.ok().and_then(|runtime| {
        runtime.block_on(async {
            let mut user = User::random(Rng::with_seed(seed))?;
            user.act().await;
            Some(user.record.check(seed, &user.world, tally))
        })
    });
    story.unwrap_or_else(|| {
        let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
        let violations = vec!["the case cannot be played".to_owned()];
        tally.cases += 1;
        tally.other_violations += 1;
        tally.broken.push(Broken { seed, violations, story: Vec::new() });
        Vec::new()
    })
}

impl User {
    async fn act(&mut self) {
        let packages = self.packages.clone();
        self.deploy(packages).await;
        for command in std::mem::take(&mut self.commands) {
            let away = {
                let rng = &mut self.world.state().rng;
                let longest = if rng.bool() { 60 } else { 3600 };
                rng.u64(1..longest)
            };
            self.world.pass(away).await;
            self.record.tell(format!("after {away} s: {command:?}"));
            match command {
                UserCommand::Deploy => {
                    let packages = reselect(&mut self.world.state().rng, &self.packages);
                    if let Some(packages) = packages {
                        self.deploy(packages).await;
                    }
                }
                UserCommand::Resume | UserCommand::Resend | UserCommand::Forget => {
                    if let Some(run) = self.open_run().await {
                        self.resume(&run, command).await;
                    }
                }
            }
        }
    }

    /// `dls deploy`, and `dls resume` after each death.
    async fn deploy(&mut self, packages: Selection) {
        self.record.ask(self.world.now(), &packages);
        let spec = RunSpec::new(self.place.clone(), packages, self.options.clone());
        let created = self.world.outlived(self.create(spec)).await;
        let Some(run) = self.done(created) else { return };
        let Some(id) = run.id().cloned() else { return };
        self.follow(id, run).await;
    }

    /// What a command came to, unless its process died or it was refused.
    fn done<T>(&mut self, result: Option<Result<T, StoreError>>) -> Option<T> {
        match result {
            None => self.die(),
            Some(Err(why)) => self.record.refused(&why),
            Some(Ok(done)) => return Some(done),
        }
        None
    }

    /// A run that may be taken up again, if there is one.
    async fn open_run(&mut self) -> Option<RunId> {
        let open = self.world.outlived(self.open_runs()).await;
        let open = self.done(open)?;
        let which = self.world.state().rng.usize(0..open.len().max(1));
        open.into_iter().nth(which)
    }

    async fn resume(&mut self, id: &RunId, command: UserCommand) {
        for _ in 0..TRIES {
            let taken = self.world.outlived(self.take_over(id)).await;
            let Some(mut run) = self.done(taken) else { return };
            match self.consent(&mut run, command).await {
                None => return self.die(),
                Some(Ok(())) if command == UserCommand::Forget => return,
                Some(Ok(())) => return self.follow(id.clone(), run).await,
                Some(Err(refused)) => {
                    self.record.refused(&refused);
                    let wait = match refused {
                        ResendRefused::TooEarly { left, .. } => left,
                        _ => Duration::from_secs(1),
                    };
                    drop(run);
                    sleep(wait).await;
                }
            }
        }
    }

    /// The consent that a command gives for all that is not settled; `None` if the process dies of it.
    async fn consent(
        &mut self,
        run: &mut Run,
        command: UserCommand,
    ) -> Option<Result<(), ResendRefused>> {
        let forgets = match command {
            UserCommand::Deploy | UserCommand::Resume => return Some(Ok(())),
            UserCommand::Resend => false,
            UserCommand::Forget => true,
        };
        let report = run.report();
        let packages = report.packages.iter().filter(|it| it.is_open() && it.sent);
        let mut packages: Vec<PackageId> = packages.map(|it| it.id).collect();
        let mut fence = Fence::Needed;
        loop {
            let consent = async {
                match forgets {
                    true => run.forget(&packages, "somebody", fence).await,
                    false => run.allow_resend(&packages, fence).await,
                }
            };
            let answer = self.world.outlived(consent).await;
            match answer {
                // Its end can still be seen, so it needs no consent.
                Some(Err(ResendRefused::NotUnknown(package))) => {
                    packages.retain(|id| *id != package);
                }
                Some(Err(ResendRefused::NoClock | ResendRefused::NoSignature(_)))
                    if fence == Fence::Needed =>
                {
                    fence = Fence::Waived;
                }
                // Whether it was recorded is not known, and the consent was given.
                None | Some(Ok(()) | Err(ResendRefused::NotRecorded(_))) => {
                    let at = self.world.now();
                    self.record.consent(at, &packages, ConsentKind::Resend);
                    if fence == Fence::Needed && answer == Some(Ok(())) {
                        self.record.prove_fence(at, &packages);
                    }
                    return answer;
                }
                refused => return refused,
            }
        }
    }

    /// One process after the other follows the run, until one of them comes to its end.
    async fn follow(&mut self, id: RunId, mut run: Run) {
        loop {
            if let Some(process) = self.process(&id, run).await {
                return self.record.end(process);
            }
            self.die();
            let away = self.world.state().rng.u64(1..200);
            self.world.pass(away).await;
            let taken = self.world.outlived(self.take_over(&id)).await;
            run = match self.done(taken) {
                Some(run) => run,
                None => return,
            };
        }
    }

    /// One process; `None` if it dies.
    async fn process(&mut self, id: &RunId, run: Run) -> Option<Process> {
        let mut run = run.with_timeout(self.limit);
        let started = Instant::now();
        self.record.enter(id, self.world.now());
        let (mut events, mut meanwhile) = (0, Duration::ZERO);
        while let Some(event) = self.world.outlived(run.next_event()).await? {
            self.record.event(&event);
            if self.world.happens(|chances| chances.rival) {
                let begun = Instant::now();
                self.rival(&run).await;
                meanwhile += begun.elapsed();
            }
            events += 1;
            if events == MOST_EVENTS {
                self.record.is_endless = true;
                break;
            }
        }
        let at = self.world.now();
        self.record.texts.push(format!("{run:?}"));
        Some(Process {
            run: id.clone(),
            at,
            took: started.elapsed() - meanwhile,
            claims: claims(&run.report(), at),
        })
    }

    /// While a process follows its run, another one tries to take it over, or to create one of the same
    /// packages. Neither may succeed.
    async fn rival(&mut self, run: &Run) {
        let open = run.report().packages.into_iter().find(|it| it.is_open());
        let (Some(id), Some(open)) = (run.id(), open) else {
            return;
        };
        let took_over = self.world.outlived(self.take_over(id)).await;
        if matches!(took_over, Some(Ok(_))) {
            self.record.broken.push("a run was taken over that another process writes".to_owned());
        }
        let spec = RunSpec::new(self.place.clone(), open.id.into(), self.options.clone());
        let created = self.world.outlived(self.create(spec)).await;
        if matches!(created, Some(Ok(_))) {
            let why = "a run was created of a package that another one claims";
            self.record.broken.push(why.to_owned());
        }
    }

    /// The journal, as each command opens it.
    async fn store(&self) -> Result<FileStore, StoreError> {
        FileStore::open_on(self.world.disk(), "/state").await
    }

    async fn create(&self, spec: RunSpec) -> Result<Run, StoreError> {
        let store = self.store().await?;
        Run::new(self.wire(), self.world.clone(), spec).with_store(&store).await
    }

    async fn take_over(&self, run: &RunId) -> Result<Run, StoreError> {
        let store = self.store().await?;
        Run::resume(self.wire(), self.world.clone(), &store, run, Resume::default()).await
    }

    async fn open_runs(&self) -> Result<Vec<RunId>, StoreError> {
        let runs = self.store().await?.list().await?.into_iter().flatten();
        Ok(runs.filter(|run| run.is_open()).map(|run| run.id).collect())
    }

    fn wire(&self) -> Wire {
        Wire::new(&self.world, &self.setup)
    }

    fn die(&mut self) {
        let with_the_machine = self.world.state().rng.bool();
        let what = if with_the_machine { "the machine goes down" } else { "the process dies" };
        self.record.tell(what.to_owned());
        self.world.bury(with_the_machine);
    }
}

fn claims(report: &Report, at: std::time::SystemTime) -> Vec<Claim> {
    let claims = report.packages.iter().filter_map(|package| {
        Some(Claim {
            package: package.id.to_string(),
            outcome: package_outcome(package.outcome.as_ref()?).to_owned(),
            at,
        })
    });
    claims.collect()
}
