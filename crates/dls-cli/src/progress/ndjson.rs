//! `-o ndjson`: one event a line, in a sequence, the document last.

use dls::PackageId;
use dls::model::Timestamp;
use dls::rollout::PackageReport;
use serde_json::{Map, Value, json};

use super::changes::{Reporter, RunChange, SendOutcome};
use crate::document::Document as _;
use crate::stdio::print;
use crate::text::{self, start};

/// The events so far.
#[derive(Default)]
pub(crate) struct NdjsonReporter {
    seq: u64,
}

impl Reporter for NdjsonReporter {
    fn report(&mut self, change: &RunChange<'_>, at: Timestamp) {
        let Some(Value::Object(event)) = event(change) else { return };
        self.seq += 1;
        let mut line = Map::from_iter([
            ("seq".to_owned(), json!(self.seq)),
            ("at".to_owned(), json!(at.to_string())),
        ]);
        line.extend(event);
        print(&Value::Object(line).to_string());
    }
}

fn event(change: &RunChange<'_>) -> Option<Value> {
    Some(match change {
        RunChange::Started { run, spec } => json!({
            "event": "began",
            "schema": "dls.events/1",
            "run_id": run.map(ToString::to_string),
            "endpoint": spec.destination.endpoint,
            "project_id": spec.destination.project.as_str(),
            "workspace": spec.destination.workspace.as_str(),
            "plan_hash": spec.plan_hash,
            "start": start(spec.options.start()),
            "packages": texts(spec.packages.iter()),
        }),
        RunChange::Stopped { signal } => {
            let signal = (*signal)?;
            json!({"event": "interrupted", "signal": signal.name()})
        }
        RunChange::Finished { document, exit_code } => {
            json!({"event": "done", "exit_code": exit_code.code(), "document": document.json()})
        }
        RunChange::Status { now, .. } => {
            let package = now.latest.as_ref().map(|it| &it.package);
            let status = package.and_then(|package| package.status);
            json!({
                "event": "package",
                "package": now.id,
                "name": package.and_then(|it| it.name.as_ref()),
                "status": status.map(|it| it.to_string()),
                "status_code": status,
            })
        }
        RunChange::Task { of, task } => json!({
            "event": "task",
            "package": of.id,
            "name": task.name,
            "kind": task.kind.map(|it| it.to_string()),
            "change": task.change.map(|it| it.to_string()),
            "status": task.status.map(|it| it.to_string()),
            "status_code": task.status,
        }),
        RunChange::ObserveFailed(failure) => json!({
            "event": "look-failed", "why": text::observe_error(failure),
        }),
        RunChange::Sent { packages, signed_at } => json!({
            "event": "sent",
            "packages": texts(packages.iter()),
            "signed_at": signed_at.to_string(),
        }),
        RunChange::Accepted { packages, request_id } => json!({
            "event": "accepted",
            "request_id": request_id,
            "packages": packages.iter().filter(|it| it.ours).map(accepted).collect::<Vec<_>>(),
        }),
        RunChange::SendFailed { packages, failure, then } => {
            json!({
                "event": "send-failed",
                "outcome": SendOutcome::of(failure, *then).word(),
                "packages": texts(packages.iter()),
                "why": text::send_error(failure),
            })
        }
        RunChange::ResendAllowed(packages) => json!({
            "event": "resend-allowed", "packages": texts(packages.iter()),
        }),
        RunChange::PackageOutcome(now) => json!({
            "event": "verdict",
            "package": now.id,
            "outcome": text::report_outcome(now),
            "why": now.outcome.as_ref().and_then(text::reason),
        }),
    })
}

fn accepted(package: &PackageReport) -> Value {
    json!({
        "package": package.id,
        "asy_task_id": package.background_task,
        "subtasks": package.subtasks,
    })
}

fn texts<'a>(ids: impl Iterator<Item = &'a PackageId>) -> Vec<String> {
    ids.map(ToString::to_string).collect()
}
