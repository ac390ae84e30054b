//! The command line. What can be checked without a file or the environment is checked here; `main` gives the errors of
//! clap the form of all others.

#[cfg(feature = "emulator")]
mod emulator;
mod run;
mod value;

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use dls::transport::Rate;
use dls::transport::credentials::Credentials;
use dls::transport::sign::SdkDate;
use dls::{PackageId, RunId};

use crate::text::quoted;

#[cfg(feature = "emulator")]
pub(crate) use emulator::{Emulator, EmulatorFlags, Serve, Simulate};
pub(crate) use run::{
    Deploy, IfReleased, OnLostAnswer, Packages, Plan, PublishType, Resume, Watch,
};

/// Release data pipelines safely on Huawei Cloud DataArts Studio.
#[derive(Debug, Parser)]
#[command(
    name = "dls",
    version,
    propagate_version = true,
    after_help = "Credentials come from HUAWEICLOUD_SDK_AK, HUAWEICLOUD_SDK_SK and, for temporary \
                  keys, HUAWEICLOUD_SDK_SECURITY_TOKEN; or from --token-file.\n\
                  TLS trusts the certificates that this machine trusts, or those in SSL_CERT_FILE \
                  instead. Proxies are not supported.\n\
                  `dls help exit-codes` lists the exit codes."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Address of the service, for both host families; wins over a region [env: DLS_ENDPOINT]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) endpoint: Option<String>,
    /// Region, such as cn-north-4; any name is accepted [env: DLS_REGION]
    #[arg(long, global = true)]
    pub(crate) region: Option<String>,
    /// Project id [env: DLS_PROJECT_ID, HUAWEICLOUD_SDK_PROJECT_ID]
    #[arg(long, global = true, value_name = "ID")]
    pub(crate) project_id: Option<String>,
    /// Workspace id; required for every write [env: DLS_WORKSPACE]
    #[arg(long, global = true, value_name = "ID")]
    pub(crate) workspace: Option<String>,
    /// File that holds an IAM token, used instead of a key pair
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Time limit for DNS and connect, and again for the TLS handshake [default: 5s]
    #[arg(long, global = true, value_name = "TIME", value_parser = value::limit)]
    pub(crate) connect_timeout: Option<Duration>,
    /// Time limit for the head of a response [default: 15s for reads, 30s for writes]
    #[arg(long, global = true, value_name = "TIME", value_parser = value::limit)]
    pub(crate) request_timeout: Option<Duration>,
    /// Requests a second, at most [default: 8; the service allows a user 10]
    #[arg(long, global = true, value_name = "N", value_parser = value::rate)]
    pub(crate) rate: Option<Rate>,
    /// How often a read is attempted before it fails [default: 3]
    #[arg(long, global = true, value_name = "N")]
    pub(crate) max_attempts: Option<NonZeroU32>,
    /// Format of the result [env: DLS_OUTPUT, for the commands that have it] [default: auto: a table on
    /// a terminal, else tab-separated]
    #[arg(short, long, global = true, value_name = "FORMAT")]
    pub(crate) output: Option<OutputFormat>,
    /// Directory that records runs, so that they can be resumed; `off` records none
    /// [env: DLS_JOURNAL] [default: $XDG_STATE_HOME/dls/runs, or ~/.local/state/dls/runs]
    #[arg(long, global = true, value_name = "DIR|off")]
    pub(crate) journal: Option<PathBuf>,
    /// Time limit for one write of the journal; after that nothing more is sent
    #[arg(
        long,
        global = true,
        value_name = "TIME",
        default_value = "10s",
        value_parser = value::limit
    )]
    pub(crate) journal_timeout: Duration,
    #[cfg(feature = "emulator")]
    #[command(flatten)]
    pub(crate) emulator: EmulatorFlags,
    /// Used instead of the user's.
    #[arg(skip)]
    pub(crate) credentials: Option<Credentials>,
    /// The service and the journal end with this command.
    #[arg(skip)]
    pub(crate) is_temporary: bool,
}

impl Global {
    /// The flags that another command needs for the same destination and credentials, each after a blank.
    pub(crate) fn destination_flags(&self) -> String {
        let token_file = self.token_file.as_ref().map(|it| it.to_string_lossy());
        [
            ("endpoint", self.endpoint.as_deref()),
            ("region", self.region.as_deref()),
            ("project-id", self.project_id.as_deref()),
            ("workspace", self.workspace.as_deref()),
            ("token-file", token_file.as_deref()),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some(format!(" --{name} {}", quoted(value?))))
        .collect()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    Auto,
    Table,
    /// One document
    Json,
    /// One event a line while a run is followed, the document last
    Ndjson,
    /// For a pull request; plans only
    Markdown,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Release packages and wait for the outcome of each
    #[command(visible_alias = "release")]
    Deploy(Deploy),
    /// Show what releasing packages would change, and send nothing
    Plan(Plan),
    /// Follow the release of packages to its end, with a live view
    Watch(Watch),
    /// Like watch without the live view: print the result only
    Wait(Watch),
    /// Resume a run that was interrupted; nothing is sent twice
    Resume(Resume),
    /// List the runs in the journal
    History,
    /// Check or set aside a run whose record is broken
    #[command(subcommand)]
    Journal(Journal),
    /// List packages
    List(List),
    /// Show one package with its tasks
    View {
        /// Id of the package
        #[arg(value_name = "ID")]
        id: PackageId,
    },
    /// Show the status of packages once, without waiting
    Status(Packages),
    /// Revoke packages before they are released
    #[command(visible_alias = "unpack")]
    Revoke(Revoke),
    /// A local stand-in for the service
    #[cfg(feature = "emulator")]
    #[command(subcommand)]
    Emulator(Emulator),
    /// Sign any request offline and show each step of the signature
    Sign(Sign),
    /// List the exit codes
    #[command(long_about = crate::exit_code::TABLE, hide = true)]
    ExitCodes,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only packages in this status; may be repeated
    #[arg(long, value_name = "STATUS")]
    pub(crate) status: Vec<StatusName>,
    /// Only packages whose name contains this text
    #[arg(long, value_name = "TEXT")]
    pub(crate) name: Option<String>,
    /// Only packages submitted by this user
    #[arg(long, value_name = "USER")]
    pub(crate) applicant: Option<String>,
    /// Only packages released by this user
    #[arg(long, value_name = "USER")]
    pub(crate) released_by: Option<String>,
    /// Stop after this many packages
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StatusName {
    ToBeReviewed,
    Successful,
    Failed,
    BeingReleased,
}

#[derive(Debug, Args)]
pub(crate) struct Revoke {
    /// Ids of the packages, 1 to 100; @FILE and - read more of them from a file or from stdin
    #[arg(required = true, value_name = "ID")]
    pub(crate) ids: Vec<String>,
    /// Answer every question with yes (nothing is asked yet)
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Journal {
    /// Show how many entries of a run's record are valid, and what is wrong with the next one
    Check {
        /// The run
        run: RunId,
    },
    /// Set aside a run whose record is broken: a recorded consent to sending its packages again
    SetAside {
        /// The run
        run: RunId,
        /// Who consents, for the record [default: $USER]
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Sign {
    /// Method, such as GET
    pub(crate) method: String,
    /// Full URL, with its query
    pub(crate) url: String,
    /// A header to send and sign; may be repeated
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = value::header)]
    pub(crate) headers: Vec<(String, String)>,
    /// The body: text, or @FILE
    #[arg(long, value_name = "@FILE|TEXT", allow_hyphen_values = true)]
    pub(crate) data: Option<String>,
    /// Sign for this time instead of now, such as 20240429T081530Z
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<SdkDate>,
}
