//! From flags and environment to a client.

mod partial_destination;
mod setting;

use dls::transport::{Limits, TransportBuilder};
use dls::{Client, Endpoint, Endpoints, ProjectId, WorkspaceId};

use crate::args::{Global, OutputFormat};
use crate::credentials;
use crate::failure::Failure;
use crate::text::shown;

pub(crate) use partial_destination::PartialDestination;
use setting::{Setting, setting};

/// Where a command works and as whom.
pub(crate) struct Settings<'a> {
    global: &'a Global,
    pub(crate) endpoints: Endpoints,
    pub(crate) project: ProjectId,
    pub(crate) workspace: Option<WorkspaceId>,
}

impl<'a> Settings<'a> {
    pub(crate) fn resolve(global: &'a Global) -> Result<Self, Failure> {
        let named = PartialDestination::from_flags_and_environment(global)?;
        Ok(Self {
            global,
            endpoints: named.endpoints.ok_or_else(no_address)?,
            project: named.project.ok_or_else(no_project)?,
            workspace: named.workspace,
        })
    }

    /// The settings of a run that is resumed, with the current credentials. Flags may name another address if
    /// they were found to fit.
    pub(crate) fn of_run(
        global: &'a Global,
        run: &dls::rollout::Destination,
    ) -> Result<Self, Failure> {
        let named = PartialDestination::from_flags(global)?.endpoints;
        let own = || {
            let endpoint = run.endpoint.parse::<Endpoint>().map(Endpoints::single);
            endpoint.map_err(|error| Failure::refused(format!("endpoint of the run: {error}")))
        };
        Ok(Self {
            global,
            endpoints: named.map_or_else(own, Ok)?,
            project: run.project.clone(),
            workspace: Some(run.workspace.clone()),
        })
    }

    /// The destination, as runs and plans name it.
    pub(crate) fn destination(&self) -> dls::rollout::Destination {
        let workspace = self.workspace.clone();
        dls::rollout::Destination::new(
            self.endpoints.v2.to_string(),
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
        let mut builder = Client::builder()
            .endpoints(self.endpoints.clone())
            .project_id(self.project.clone())
            .credentials(credentials::find(self.global)?)
            .configure(|transport| configured(transport, self.global));
        if let Some(workspace) = &self.workspace {
            builder = builder.workspace(workspace.clone());
        }
        builder.build().map_err(|error| Failure::of_read(&error))
    }
}

fn configured(transport: TransportBuilder, global: &Global) -> TransportBuilder {
    let mut limits = Limits::default();
    if let Some(time) = global.connect_timeout {
        (limits.connect, limits.tls) = (time, time);
    }
    if let Some(time) = global.request_timeout {
        (limits.read_head, limits.write_head) = (time, time);
    }
    let mut transport =
        transport.limits(limits).user_agent(concat!("dls/", env!("CARGO_PKG_VERSION")));
    if let Some(rate) = global.rate {
        transport = transport.rate(rate);
    }
    if let Some(attempts) = global.max_attempts {
        transport = transport.max_attempts(attempts);
    }
    transport
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
    if let Some(format) = global.output {
        return Ok(format);
    }
    let Some(Setting { text, .. }) = setting(None, "--output", &["DLS_OUTPUT"])? else {
        return Ok(OutputFormat::Auto);
    };
    clap::ValueEnum::from_str(&text, false).map_err(|_| {
        let text = text.escape_debug();
        Failure::usage(format!(
            "DLS_OUTPUT is `{text}`: it must be auto, table, json, ndjson or markdown"
        ))
    })
}

/// Who decides, as this machine knows them.
pub(crate) fn user() -> String {
    let names = ["USER", "LOGNAME", "USERNAME"];
    let named = names.into_iter().find_map(|name| std::env::var(name).ok());
    let named = named.map(|name| shown(name.trim()));
    named.filter(|name| !name.is_empty()).unwrap_or_else(|| "an unnamed user".to_owned())
}
