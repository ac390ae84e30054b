//! `dls deploy --dry-run`: the requests as they would be made. Nothing is signed, nothing is sent.

use dls::model::{Deploy, Operation as _, Scope};
use dls::rollout::Options;
use dls::{PackageIds, WorkspaceId};
use serde_json::{Map, Value, json};

use super::input::DeployInput;
use crate::args::OutputFormat;
use crate::config::Settings;
use crate::exit::Failure;
use crate::exit_code::ExitCode;
use crate::output::{Output, note, print};

pub(super) fn show(
    settings: &Settings,
    workspace: &WorkspaceId,
    input: &DeployInput,
    options: &Options,
    output: Output,
) -> Result<ExitCode, Failure> {
    let scope = Scope::new(settings.project.clone()).with_workspace(workspace.clone());
    let size = match options.in_order {
        true => 1,
        false => PackageIds::MAX,
    };
    let ids: Vec<_> = input.packages().iter().copied().collect();
    let mut requests = Vec::new();
    for batch in ids.chunks(size) {
        let batch = PackageIds::new(batch.iter().copied());
        let batch = batch.map_err(|error| Failure::usage(error.to_string()))?;
        if let Some(deploy) = options.request(batch) {
            requests.push(Request::new(settings, &deploy, &scope)?);
        }
    }
    match output.format() {
        OutputFormat::Json | OutputFormat::Ndjson => output.document(&json!({
            "schema": "dls.deploy.dry-run/1",
            // The first one by itself, too: most runs need no other.
            "request": requests.first().map(Request::document),
            "requests": requests.iter().map(Request::document).collect::<Vec<_>>(),
        })),
        _ => requests.iter().for_each(Request::print),
    }
    note("nothing was sent");
    Ok(ExitCode::Success)
}

struct Request {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Request {
    fn new(settings: &Settings, deploy: &Deploy, scope: &Scope) -> Result<Self, Failure> {
        let request = deploy.encode(scope);
        let request = request.map_err(|error| Failure::usage(error.to_string()))?;
        let header = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let headers = request.headers().iter();
        let headers = headers.map(|(name, value)| (name.to_string(), header(value.as_bytes())));
        Ok(Self {
            method: request.method().to_string(),
            url: format!("{}{}", settings.endpoints.v2(), request.uri()),
            headers: headers.collect(),
            body: header(request.body()),
        })
    }

    fn document(&self) -> Value {
        let headers = self.headers.iter();
        let headers: Map<_, _> =
            headers.map(|(name, value)| (name.clone(), json!(value))).collect();
        let body: Value = serde_json::from_str(&self.body).unwrap_or_default();
        json!({"method": self.method, "url": self.url, "headers": headers, "body": body})
    }

    fn print(&self) {
        print(&format!("{} {}", self.method, self.url));
        for (name, value) in &self.headers {
            print(&format!("{name}: {value}"));
        }
        print(&format!("\n{}", self.body));
    }
}
