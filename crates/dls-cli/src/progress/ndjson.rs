//! `-o ndjson`: one event a line, in a sequence, the document last.

use dls::model::Timestamp;
use dls::rollout::{ObserveError, PackageReport, RunSpec, SendError};
use dls::{PackageId, RunId};
use serde_json::{Value, json};

use super::changes::{AfterSendFailure, RunChange};
use crate::clock;
use crate::exit_code::ExitCode;
use crate::json::RunDocument;
use crate::output::print;
use crate::text::{start, why};

/// The events so far.
#[derive(Default)]
pub(crate) struct NdjsonEvents {
    seq: u64,
}

impl NdjsonEvents {
    pub(crate) fn began(&mut self, run: Option<&RunId>, began: &RunSpec, at: Timestamp) {
        let event = json!({
            "event": "began",
            "schema": "dls.events/1",
            "run_id": run.map(ToString::to_string),
            "endpoint": began.destination.endpoint,
            "project_id": began.destination.project.as_str(),
            "workspace": began.destination.workspace.as_str(),
            "plan_hash": began.plan_hash,
            "start": start(began.options.start()),
            "packages": texts(began.packages.iter()),
        });
        self.write(at, event);
    }

    pub(crate) fn tell(&mut self, change: &RunChange<'_>, at: Timestamp) {
        self.write(at, of(change));
    }

    pub(crate) fn interrupted(&mut self, signal: &str) {
        let event = json!({"event": "interrupted", "signal": signal});
        self.write(clock::timestamp(), event);
    }

    pub(crate) fn done(&mut self, document: &RunDocument, exit_code: ExitCode) {
        let event = json!({"event": "done", "exit_code": exit_code.code(), "document": document});
        self.write(clock::timestamp(), event);
    }

    fn write(&mut self, at: Timestamp, event: Value) {
        self.seq += 1;
        let mut line = json!({"seq": self.seq, "at": at.to_string()});
        if let (Some(line), Value::Object(event)) = (line.as_object_mut(), event) {
            line.extend(event);
        }
        print(&line.to_string());
    }
}

fn of(change: &RunChange<'_>) -> Value {
    match change {
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
            "event": "look-failed", "why": observe_error(failure),
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
            let (outcome, why) = send_error(failure, *then);
            json!({
                "event": "send-failed",
                "outcome": outcome,
                "packages": texts(packages.iter()),
                "why": why,
            })
        }
        RunChange::ResendAllowed(packages) => json!({
            "event": "resend-allowed", "packages": texts(packages.iter()),
        }),
        RunChange::PackageOutcome(now) => json!({
            "event": "verdict",
            "package": now.id,
            "outcome": crate::json::outcome(now),
            "why": now.outcome.as_ref().and_then(why),
        }),
    }
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

/// Why a look brought nothing, in one line.
pub(super) fn observe_error(failure: &ObserveError) -> String {
    match failure {
        ObserveError::NotFound(error) | ObserveError::Refused(error) => error.to_string(),
        ObserveError::NotAuthenticated(why)
        | ObserveError::Unreachable(why)
        | ObserveError::Unavailable(why) => why.clone(),
        _ => "no answer".to_owned(),
    }
}

/// What a request that was not accepted came to, in a word and in one line.
pub(super) fn send_error(failure: &SendError, then: AfterSendFailure) -> (&'static str, String) {
    let why = match failure {
        SendError::NotSent(why)
        | SendError::NotAuthenticated(why)
        | SendError::NotRecorded(why) => {
            return ("not-sent", why.clone());
        }
        SendError::Answered(error) => error.to_string(),
        SendError::Lost(why) => why.clone(),
        _ => "no answer that can be used".to_owned(),
    };
    let is_refused =
        matches!(failure, SendError::Answered(error) if error.status().is_client_error());
    match (is_refused, then) {
        (true, AfterSendFailure::Ends | AfterSendFailure::SendsAgain) => ("refused", why),
        _ => ("lost", why),
    }
}
