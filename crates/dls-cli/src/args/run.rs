//! The flags of `plan`, `deploy`, `watch`, `wait` and `resume`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use dls::JobStart;

#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// Ids of the packages; @FILE and - read more of them from a file or from stdin
    #[arg(required = true, value_name = "ID")]
    pub(crate) ids: Vec<String>,
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
    /// Accept a plan, or its open run, of another address: it leads to the same service
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
    /// Ids of the packages; @FILE and - read more of them from a file or from stdin
    #[arg(required = true, value_name = "ID")]
    pub(crate) ids: Vec<String>,
    #[command(flatten)]
    pub(crate) wait: WaitOptions,
}

#[derive(Debug, Args)]
pub(crate) struct Resume {
    /// Name of the run [default: the one that is open]
    #[arg(value_name = "RUN")]
    pub(crate) run: Option<String>,
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
    /// Accept another address than that of the run: it leads to the same service
    #[arg(long)]
    pub(crate) same_service: bool,
    /// Send or give up without proof that the first request will not arrive later: only for services without a
    /// `Date` header, and for requests that were sent with a token
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
    #[arg(long, value_name = "TIME", default_value = "30m")]
    pub(crate) timeout: String,
    /// How late the status of a package may be after a lost answer [default: 120s]
    #[arg(long, value_name = "TIME")]
    pub(crate) grace: Option<String>,
    /// Pause between observations: initial and maximum, or one value for both [default: 1s..30s]
    #[arg(long, value_name = "MIN..MAX")]
    pub(crate) interval: Option<String>,
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
