//! `dls deploy --dry-run`: the requests as they would be made. Nothing is signed, nothing is sent.

use dls::PackageIds;
use dls::model::{Deploy, Operation as _, Scope};
use dls::rollout::RunSpec;
use serde_json::{Map, Value, json};

use crate::config::Settings;
use crate::document::{Block, Document};
use crate::failure::Failure;

/// The requests of a run, as they would be made.
pub(super) struct DryRun(Vec<Request>);

impl DryRun {
    pub(super) fn new(settings: &Settings<'_>, spec: &RunSpec) -> Result<Self, Failure> {
        let usage = |error: &dyn std::fmt::Display| Failure::usage(error.to_string());
        let scope = Scope::new(settings.project.clone());
        let scope = scope.with_workspace(spec.destination.workspace.clone());
        let size = match spec.options.in_order {
            true => 1,
            false => PackageIds::MAX,
        };
        let ids: Vec<_> = spec.packages.iter().copied().collect();
        let mut requests = Vec::new();
        for batch in ids.chunks(size) {
            let batch = PackageIds::new(batch.iter().copied()).map_err(|error| usage(&error))?;
            if let Some(deploy) = spec.options.request(batch) {
                requests.push(Request::new(settings, &deploy, &scope)?);
            }
        }
        Ok(Self(requests))
    }
}

impl Document for DryRun {
    fn json(&self) -> Value {
        json!({
            "schema": "dls.deploy.dry-run/1",
            // The first one by itself, too: most runs need no other.
            "request": self.0.first().map(|request| &request.json),
            "requests": self.0.iter().map(|request| request.json.clone()).collect::<Value>(),
        })
    }

    fn text(&self) -> Vec<Block> {
        self.0.iter().map(|request| Block::Lines(request.text.clone())).collect()
    }
}

struct Request {
    json: Value,
    text: String,
}

impl Request {
    fn new(settings: &Settings<'_>, deploy: &Deploy, scope: &Scope) -> Result<Self, Failure> {
        let request = deploy.encode(scope);
        let request = request.map_err(|error| Failure::usage(error.to_string()))?;
        let method = request.method().as_str();
        let url = format!("{}{}", settings.endpoints.v2, request.uri());
        let body = String::from_utf8_lossy(request.body());
        let (mut headers, mut lines) = (Map::new(), String::new());
        for (name, value) in request.headers() {
            let value = String::from_utf8_lossy(value.as_bytes());
            lines.push_str(&format!("{name}: {value}\n"));
            headers.insert(name.to_string(), json!(value));
        }
        let members: Value = serde_json::from_str(&body).unwrap_or_default();
        Ok(Self {
            text: format!("{method} {url}\n{lines}\n{body}"),
            json: json!({"method": method, "url": url, "headers": headers, "body": members}),
        })
    }
}
