//! From flags and environment to a client.

mod partial_destination;
mod setting;

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dls::transport::credentials::{Credentials, Environment, Token};
use dls::transport::{Rate, TransportBuilder};
use dls::{Client, Endpoint, Endpoints, ProjectId, WorkspaceId};

use crate::args::{Global, OutputFormat};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::text::{excerpt, shown};

pub(crate) use partial_destination::PartialDestination;
use setting::{Setting, setting};

/// Where a command works and as whom.
pub(crate) struct Settings {
    pub(crate) endpoints: Endpoints,
    pub(crate) project: ProjectId,
    pub(crate) workspace: Option<WorkspaceId>,
    credentials: CredentialsSource,
    transport: TransportOptions,
}

/// Where the credentials come from. They are found when a client is made, not before.
enum CredentialsSource {
    Environment,
    TokenFile(PathBuf),
    Given(Credentials),
}

impl CredentialsSource {
    fn of(global: &Global) -> Self {
        match (&global.credentials, &global.token_file) {
            (Some(credentials), _) => Self::Given(credentials.clone()),
            (None, Some(path)) => Self::TokenFile(path.clone()),
            (None, None) => Self::Environment,
        }
    }
}

#[derive(Default)]
struct TransportOptions {
    connect: Option<Duration>,
    request: Option<Duration>,
    rate: Option<Rate>,
    attempts: Option<NonZeroU32>,
}

impl TransportOptions {
    fn of(global: &Global) -> Result<Self, Failure> {
        Ok(Self {
            connect: limit("--connect-timeout", global.connect_timeout.as_deref())?,
            request: limit("--request-timeout", global.request_timeout.as_deref())?,
            rate: global.rate.as_deref().map(rate).transpose()?,
            attempts: global.max_attempts.as_deref().map(attempts).transpose()?,
        })
    }

    fn transport(&self, transport: TransportBuilder) -> TransportBuilder {
        let mut limits = dls::transport::Limits::default();
        if let Some(time) = self.connect {
            (limits.connect, limits.tls) = (time, time);
        }
        if let Some(time) = self.request {
            (limits.read_head, limits.write_head) = (time, time);
        }
        let mut transport = transport.limits(limits);
        if let Some(rate) = self.rate {
            transport = transport.rate(rate);
        }
        if let Some(attempts) = self.attempts {
            transport = transport.max_attempts(attempts);
        }
        transport
    }
}

impl Settings {
    pub(crate) fn resolve(global: &Global) -> Result<Self, Failure> {
        let named = PartialDestination::from_flags_and_environment(global)?;
        Ok(Self {
            endpoints: named.endpoints.ok_or_else(no_address)?,
            project: named.project.ok_or_else(no_project)?,
            workspace: named.workspace,
            credentials: CredentialsSource::of(global),
            transport: TransportOptions::of(global)?,
        })
    }

    /// The settings of a run that is resumed, with the current credentials. Flags may name another address if
    /// they were found to fit.
    pub(crate) fn of_run(
        global: &Global,
        run: &dls::rollout::Destination,
    ) -> Result<Self, Failure> {
        let named = PartialDestination::from_flags(global)?.endpoints;
        let own = || {
            let endpoint = run.endpoint.parse::<Endpoint>().map(Endpoints::single);
            endpoint.map_err(|error| Failure::refused(format!("endpoint of the run: {error}")))
        };
        Ok(Self {
            endpoints: named.map_or_else(own, Ok)?,
            project: run.project.clone(),
            workspace: Some(run.workspace.clone()),
            credentials: CredentialsSource::of(global),
            transport: TransportOptions::of(global)?,
        })
    }

    /// The destination, as runs and plans name it.
    pub(crate) fn destination(&self) -> dls::rollout::Destination {
        let workspace = self.workspace.clone();
        dls::rollout::Destination::new(
            self.endpoints.v2().to_string(),
            self.project.clone(),
            workspace.unwrap_or_else(WorkspaceId::service_default),
        )
    }

    /// The workspace of a write, which is never implicit.
    pub(crate) fn workspace_for_a_write(&self) -> Result<&WorkspaceId, Failure> {
        self.workspace.as_ref().ok_or_else(|| {
            Failure::usage("no workspace: a write names the one that it is meant for")
                .with_next("add --workspace ID or set DLS_WORKSPACE (`default` is an id, too)")
        })
    }

    pub(crate) fn client(&self) -> Result<Client, Failure> {
        let found = match &self.credentials {
            CredentialsSource::Given(given) => Some(given.clone()),
            CredentialsSource::TokenFile(path) => credentials(Some(path))?,
            CredentialsSource::Environment => credentials(None)?,
        };
        let credentials = found.ok_or_else(|| {
            Failure::new(ExitCode::NotPermitted, "no credentials").with_next(
                "set HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK, or give --token-file FILE",
            )
        })?;
        let mut builder = Client::builder()
            .endpoint(self.endpoints.v2().clone())
            .v1_endpoint(self.endpoints.v1().clone())
            .project_id(self.project.clone())
            .credentials(credentials)
            .configure(|transport| {
                self.transport
                    .transport(transport)
                    .user_agent(concat!("dls/", env!("CARGO_PKG_VERSION")))
            });
        if let Some(workspace) = &self.workspace {
            builder = builder.workspace(workspace.clone());
        }
        builder.build().map_err(|error| Failure::of_read(&error))
    }
}

fn no_project() -> Failure {
    Failure::usage(
        "no project id: set HUAWEICLOUD_SDK_PROJECT_ID (or DLS_PROJECT_ID), or give --project-id",
    )
    .with_next("find it in the console under My Credentials > API Credentials, beside the region")
}

fn no_address() -> Failure {
    Failure::usage("no address: neither an endpoint nor a region is set")
        .with_next("add --region REGION, or --endpoint URL, or set DLS_REGION or DLS_ENDPOINT")
}

/// The format of the result, by flag or `DLS_OUTPUT`.
pub(crate) fn output_format(global: &Global) -> Result<OutputFormat, Failure> {
    match global.output {
        Some(format) => Ok(format),
        None => match setting(None, "--output", &["DLS_OUTPUT"])? {
            None => Ok(OutputFormat::Auto),
            Some(Setting { text, .. }) => clap::ValueEnum::from_str(&text, false).map_err(|_| {
                let text = text.escape_debug();
                Failure::usage(format!(
                    "DLS_OUTPUT is `{text}`: it must be auto, table, json, ndjson or markdown"
                ))
            }),
        },
    }
}

/// The pair of keys in the environment, or the token in a file. Flags never hold a secret.
pub(crate) fn credentials(token_file: Option<&Path>) -> Result<Option<Credentials>, Failure> {
    let Some(path) = token_file else {
        return environment();
    };
    let shown = path.display();
    let wrong = |what: String| Failure::usage(format!("token file {shown}: {what}"));
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let text = text.trim();
    if text.is_empty() {
        return Err(wrong("it is empty".to_owned()));
    }
    let token = Token::new(text).map_err(|error| wrong(error.to_string()))?;
    Ok(Some(token.into()))
}

fn environment() -> Result<Option<Credentials>, Failure> {
    Environment::new().read().map_err(|error| {
        Failure::new(ExitCode::NotPermitted, error.to_string())
            .with_next("set both HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK")
    })
}

fn rate(text: &str) -> Result<Rate, Failure> {
    match text.parse::<f64>() {
        Ok(rate) if rate.is_finite() && rate > 0.0 => Ok(Rate::PerSecond(rate)),
        _ => Err(no_number("--rate", text, "above 0, such as 8 or 0.5")),
    }
}

fn attempts(text: &str) -> Result<NonZeroU32, Failure> {
    let attempts = text.parse();
    attempts.map_err(|_| no_number("--max-attempts", text, "from 1 on"))
}

fn no_number(flag: &str, text: &str, wanted: &str) -> Failure {
    Failure::usage(format!("{flag}: `{}` is not a number {wanted}", excerpt(text)))
}

/// A limit that always holds. None at all, as `--timeout 0` has it, is not to be had here.
fn limit(flag: &str, text: Option<&str>) -> Result<Option<Duration>, Failure> {
    match time(flag, text)? {
        Some(Duration::ZERO) => {
            Err(Failure::usage(format!("{flag}: it must be above 0, such as 500ms, 30s or 5m")))
        }
        time => Ok(time),
    }
}

/// A span of time as people write it: `30s`, `45m`, `1h 30m`, `500ms`.
pub(crate) fn time(flag: &str, text: Option<&str>) -> Result<Option<Duration>, Failure> {
    let Some(text) = text else { return Ok(None) };
    let wrong = || {
        let text = excerpt(text);
        Failure::usage(format!(
            "{flag}: `{text}` is not a duration, such as 500ms, 30s, 45m or 1h30m"
        ))
    };
    if text == "0" {
        return Ok(Some(Duration::ZERO));
    }
    let span: jiff::SignedDuration = text.parse().map_err(|_| wrong())?;
    Duration::try_from(span).map(Some).map_err(|_| wrong())
}

/// Who decides, as this machine knows them.
pub(crate) fn user() -> String {
    let names = ["USER", "LOGNAME", "USERNAME"];
    let named = names.into_iter().find_map(|name| std::env::var(name).ok());
    let named = named.map(|name| shown(name.trim()));
    named.filter(|name| !name.is_empty()).unwrap_or_else(|| "an unnamed user".to_owned())
}
