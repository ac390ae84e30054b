//! The flags of `plan`, `deploy`, `watch`, `wait` and `resume`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use dls::rollout::{Options, PollInterval};
use dls::{JobStart, Run, RunId};

use super::value;

#[derive(Debug, Args)]
pub(crate) struct Packages {
    /// Ids of the packages; @FILE and - read more of them from a file or from stdin
    #[arg(required = true, value_name = "ID")]
    pub(crate) ids: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Plan {
    #[command(flatten)]
    pub(crate) packages: Packages,
    #[command(flatten)]
    pub(crate) start: StartChoice,
    /// Write the plan to this file, for `deploy --plan`
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Exit 20 if there is anything to change, 21 if something would be deleted
    #[arg(long)]
    pub(crate) detailed_exitcode: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Deploy {
    /// Ids of the packages; @FILE and - read more of them from a file or from stdin
    #[arg(required_unless_present = "plan", conflicts_with = "plan", value_name = "ID")]
    pub(crate) ids: Vec<String>,
    /// Release the packages of this plan, unless they have changed since
    #[arg(long, value_name = "FILE")]
    pub(crate) plan: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) start: StartChoice,
    /// Return as soon as the service has accepted the release
    #[arg(long)]
    pub(crate) no_wait: bool,
    #[command(flatten)]
    pub(crate) wait: WaitOptions,
    /// Whether a package that has been released already is a success
    #[arg(long, value_name = "ok|fail", default_value = "ok")]
    pub(crate) if_released: IfReleased,
    /// After a lost answer, observe the packages until their outcome is known, or stop at once
    #[arg(long, value_name = "reconcile|stop", default_value = "reconcile")]
    pub(crate) on_lost_answer: OnLostAnswer,
    /// Continue with the next request after a refused one (never after an unknown one)
    #[arg(long)]
    pub(crate) keep_going: bool,
    /// Also send packages that delete something in production
    #[arg(long)]
    pub(crate) allow_delete: bool,
    /// Send one package after the other, each once the one before has succeeded
    #[arg(long)]
    pub(crate) in_order: bool,
    /// Send this `publish_type`, which only examples of the service's documents have; omitted otherwise
    #[arg(long, value_name = "TYPE")]
    pub(crate) publish_type: Option<PublishType>,
    /// Confirm that the other address which the plan, or its open run, names leads to the same service: dls cannot
    /// check that
    #[arg(long, requires = "plan")]
    pub(crate) same_service: bool,
    /// Also send packages whose last release failed
    #[arg(long, alias = "again")]
    pub(crate) redeploy_failed: bool,
    /// Write what was released, by whom and with which outcome to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) evidence: Option<PathBuf>,
    /// Show the request and send nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Answer every question with yes (nothing is asked yet)
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Watch {
    #[command(flatten)]
    pub(crate) packages: Packages,
    #[command(flatten)]
    pub(crate) wait: WaitOptions,
}

#[derive(Debug, Args)]
pub(crate) struct Resume {
    /// Name of the run [default: the one that is open]
    #[arg(value_name = "RUN")]
    pub(crate) run: Option<RunId>,
    /// Send these packages once more although the outcome of the first request is unknown;
    /// refused as long as that request could still be accepted
    #[arg(long, value_name = "ID", num_args = 1.., requires = "run", group = "consent")]
    pub(crate) resend: Vec<String>,
    /// Give these packages up: this run no longer claims them, so another run may send them. Nothing is sent.
    /// Refused as long as a request that names them could still be accepted
    #[arg(
        long,
        value_name = "ID",
        num_args = 1..,
        requires = "run",
        group = "consent",
        conflicts_with = "evidence"
    )]
    pub(crate) forget: Vec<String>,
    /// Confirm that this address, which is not the one of the run, leads to the same service: dls cannot check that
    #[arg(long)]
    pub(crate) same_service: bool,
    /// Send or give up before the fence, the time from which the first request can no longer be accepted: only for
    /// services without a `Date` header, and for requests that were sent with a token, which have no such time
    #[arg(long, requires = "consent")]
    pub(crate) no_fence: bool,
    #[command(flatten)]
    pub(crate) start: StartChoice,
    #[command(flatten)]
    pub(crate) wait: WaitOptions,
    /// Write what was released, by whom and with which outcome to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) evidence: Option<PathBuf>,
}

/// Whether the jobs start. There is no default.
#[derive(Debug, Args)]
pub(crate) struct StartChoice {
    /// Start the jobs as soon as they are released
    #[arg(long, conflicts_with = "no_start")]
    pub(crate) start: bool,
    /// Do not start the jobs
    #[arg(long)]
    pub(crate) no_start: bool,
}

impl StartChoice {
    pub(crate) fn chosen(&self) -> Option<JobStart> {
        match (self.start, self.no_start) {
            (true, _) => Some(JobStart::Immediately),
            (_, true) => Some(JobStart::Later),
            _ => None,
        }
    }
}

/// How long to wait, and how often to observe.
#[derive(Debug, Args)]
pub(crate) struct WaitOptions {
    /// Stop waiting after this time; 0 waits without a limit
    #[arg(long, value_name = "TIME", default_value = "30m", value_parser = value::duration)]
    timeout: Duration,
    /// How late the status of a package may be after a lost answer [default: 120s]
    #[arg(long, value_name = "TIME", value_parser = value::duration)]
    grace: Option<Duration>,
    /// Pause between observations: initial and maximum, or one value for both [default: 1s..30s]
    #[arg(long, value_name = "MIN..MAX", value_parser = value::interval)]
    interval: Option<PollInterval>,
}

impl WaitOptions {
    pub(crate) fn in_options(&self, mut options: Options) -> Options {
        options.grace = self.grace.unwrap_or(options.grace);
        options.poll_interval = self.interval.unwrap_or(options.poll_interval);
        options
    }

    /// What is absent stays as it was when the run was created.
    pub(crate) fn in_resume(&self, journal_timeout: Duration) -> dls::Resume {
        let mut resume = dls::Resume::default();
        resume.grace = self.grace;
        resume.poll_interval = self.interval;
        resume.store_timeout = journal_timeout;
        resume
    }

    pub(crate) fn limit(&self, run: Run) -> Run {
        match self.timeout {
            Duration::ZERO => run,
            timeout => run.with_timeout(timeout),
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum PublishType {
    #[value(name = "asy")]
    Asynchronous,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum IfReleased {
    Ok,
    Fail,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum OnLostAnswer {
    Reconcile,
    Stop,
}
