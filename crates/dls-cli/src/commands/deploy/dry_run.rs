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
            "request": self.0.first().map(Request::json),
            "requests": self.0.iter().map(Request::json).collect::<Value>(),
        })
    }

    fn text(&self) -> Vec<Block> {
        self.0.iter().map(|request| Block::Lines(request.text())).collect()
    }
}

struct Request {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Request {
    fn new(settings: &Settings<'_>, deploy: &Deploy, scope: &Scope) -> Result<Self, Failure> {
        let request = deploy.encode(scope);
        let request = request.map_err(|error| Failure::usage(error.to_string()))?;
        let header = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let headers = request.headers().iter();
        let headers = headers.map(|(name, value)| (name.to_string(), header(value.as_bytes())));
        Ok(Self {
            method: request.method().to_string(),
            url: format!("{}{}", settings.endpoints.v2, request.uri()),
            headers: headers.collect(),
            body: header(request.body()),
        })
    }

    fn json(&self) -> Value {
        let headers = self.headers.iter();
        let headers: Map<_, _> =
            headers.map(|(name, value)| (name.clone(), json!(value))).collect();
        let body: Value = serde_json::from_str(&self.body).unwrap_or_default();
        json!({"method": self.method, "url": self.url, "headers": headers, "body": body})
    }

    fn text(&self) -> String {
        let headers = self.headers.iter().map(|(name, value)| format!("{name}: {value}\n"));
        format!("{} {}\n{}\n{}", self.method, self.url, headers.collect::<String>(), self.body)
    }
}
