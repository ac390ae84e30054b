//! `-o ndjson`: one event a line, in a sequence, the document last.

use dls::model::Timestamp;
use dls::rollout::PackageReport;
use serde_json::{Value, json};

use super::changes::{Reporter, RunChange};
use crate::document::Document as _;
use crate::json::{display, with};
use crate::stdio::print;
use crate::text::{self, start};

/// The events so far.
#[derive(Default)]
pub(crate) struct NdjsonReporter {
    seq: u64,
}

impl Reporter for NdjsonReporter {
    fn report(&mut self, change: &RunChange<'_>, at: Timestamp) {
        let Some(event) = event(change) else { return };
        self.seq += 1;
        print(&with(json!({"seq": self.seq, "at": at.to_string()}), event).to_string());
    }
}

fn event(change: &RunChange<'_>) -> Option<Value> {
    Some(match change {
        RunChange::Started { run, spec } => json!({
            "event": "began",
            "schema": "dls.events/1",
            "run_id": display(*run),
            "endpoint": spec.destination.endpoint,
            "project_id": spec.destination.project,
            "workspace": spec.destination.workspace,
            "plan_hash": spec.plan_hash,
            "start": start(spec.options.start()),
            "packages": spec.packages,
        }),
        RunChange::Stopped { signal } => {
            let signal = (*signal)?;
            json!({"event": "interrupted", "signal": signal.name()})
        }
        RunChange::Finished { document, exit_code } => {
            json!({"event": "done", "exit_code": exit_code.code(), "document": document.json()})
        }
        RunChange::Status { now, .. } => {
            let package = now.latest.clone().unwrap_or_default().package;
            json!({
                "event": "package",
                "package": now.id,
                "name": package.name,
                "status": display(package.status),
                "status_code": package.status,
            })
        }
        RunChange::Task { of, task } => json!({
            "event": "task",
            "package": of.id,
            "name": task.name,
            "kind": display(task.kind),
            "change": display(task.change),
            "status": display(task.status),
            "status_code": task.status,
        }),
        RunChange::ObserveFailed(failure) => json!({
            "event": "look-failed", "why": text::observe_error(failure),
        }),
        RunChange::Sent { packages, signed_at } => json!({
            "event": "sent",
            "packages": packages,
            "signed_at": signed_at.to_string(),
        }),
        RunChange::Accepted { packages, request_id } => json!({
            "event": "accepted",
            "request_id": request_id,
            "packages": packages.iter().filter(|it| it.ours).map(accepted).collect::<Value>(),
        }),
        RunChange::SendFailed { packages, failure, outcome } => json!({
            "event": "send-failed",
            "outcome": outcome.word(),
            "packages": packages,
            "why": text::send_error(failure),
        }),
        RunChange::ResendAllowed(packages) => json!({
            "event": "resend-allowed", "packages": packages,
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
