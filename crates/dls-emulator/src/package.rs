//! Packages with their releases, as list and show report them at a moment.

use dls_model::{
    Change, PackageId, ProjectId, StartStatus, Status, Task, TaskKind, Timestamp, User, WorkspaceId,
};

use crate::assumptions::{Assumptions, ReleaseTime, RevokeEffect, UnstartedJob};
use crate::release::Release;
use crate::seed;

/// The moment, and the assumptions, of a report.
#[derive(Clone, Copy)]
pub(crate) struct Snapshot<'a> {
    pub(crate) at: Timestamp,
    pub(crate) assumptions: &'a Assumptions,
}

pub(crate) struct Package {
    pub(crate) id: PackageId,
    pub(crate) workspace: WorkspaceId,
    pub(crate) name: String,
    pub(crate) applicant: User,
    pub(crate) applied_at: Timestamp,
    pub(crate) reviewers: Vec<User>,
    pub(crate) tasks: Vec<seed::Task>,
    /// In the order of acceptance.
    pub(crate) releases: Vec<Release>,
    pub(crate) revoked_at: Option<Timestamp>,
}

impl Package {
    pub(crate) fn is_revoked(&self, at: Timestamp) -> bool {
        self.revoked_at.is_some_and(|time| time <= at)
    }

    /// Whether list and show report it at all.
    pub(crate) fn is_visible(&self, snapshot: Snapshot<'_>) -> bool {
        snapshot.assumptions.revoke_effect != RevokeEffect::Gone || !self.is_revoked(snapshot.at)
    }

    /// The status after its releases.
    pub(crate) fn status(&self, at: Timestamp) -> Status {
        self.release(at).map_or(Status::ToBeReviewed, |release| release.status(at))
    }

    /// The status after its releases and a revoke.
    pub(crate) fn reported_status(&self, snapshot: Snapshot<'_>) -> Status {
        match snapshot.assumptions.revoke_effect {
            RevokeEffect::Status4 if self.is_revoked(snapshot.at) => Status::Unknown(4),
            _ => self.status(snapshot.at),
        }
    }

    pub(crate) fn released_at(&self, snapshot: Snapshot<'_>) -> Option<Timestamp> {
        let release = self.release(snapshot.at)?;
        match snapshot.assumptions.deploy_timestamp {
            ReleaseTime::Accepted => Some(release.accepted_at),
            ReleaseTime::Finished => release.ends_at().filter(|end| *end <= snapshot.at),
        }
    }

    pub(crate) fn deployer(&self, at: Timestamp) -> Option<&User> {
        self.release(at).map(|release| &release.by)
    }

    /// The last release that had been accepted by then.
    fn release(&self, at: Timestamp) -> Option<&Release> {
        let mut releases = self.releases.iter();
        releases.rfind(|release| release.accepted_at <= at)
    }

    /// As list and show report it.
    pub(crate) fn report(&self, snapshot: Snapshot<'_>, project: &ProjectId) -> dls_model::Package {
        let marks_revoked = snapshot.assumptions.revoke_effect == RevokeEffect::DeletedFlag;
        let mut row = dls_model::Package::default();
        row.id = Some(self.id);
        row.name = Some(self.name.clone());
        row.status = Some(self.reported_status(snapshot));
        row.applied_at = Some(self.applied_at);
        row.applicant = Some(self.applicant.clone());
        row.deployed_at = self.released_at(snapshot);
        row.deployer = self.deployer(snapshot.at).cloned();
        row.reviewers.clone_from(&self.reviewers);
        row.deleted = Some(marks_revoked && self.is_revoked(snapshot.at));
        row.workspace_id = Some(self.workspace.to_string());
        row.project_ref = Some(format!("{project}-workspace-{}", self.workspace));
        row
    }

    /// Its tasks, as show reports them.
    pub(crate) fn report_tasks(&self, snapshot: Snapshot<'_>) -> Vec<Task> {
        let rows = self.tasks.iter().enumerate();
        rows.map(|(index, task)| self.report_task(index, task, snapshot)).collect()
    }

    fn report_task(&self, index: usize, task: &seed::Task, snapshot: Snapshot<'_>) -> Task {
        let at = snapshot.at;
        let release = self.release(at);
        let status = release.map_or(Status::ToBeReviewed, |it| it.task_status(index, at));
        let mut accepted = self.releases.iter().filter(|release| release.accepted_at <= at);
        let in_production = accepted.any(|it| it.task_status(index, at) == Status::Successful);
        let object_id = task.object_id.clone().unwrap_or_default();
        let (kind, job_id, script_id) = match task.kind {
            seed::Kind::Job => (TaskKind::Job, object_id, String::new()),
            seed::Kind::Script => (TaskKind::Script, String::new(), object_id),
            seed::Kind::Resource => (TaskKind::Resource, String::new(), String::new()),
        };

        let mut row = Task::default();
        row.id = Some(task.id.to_string());
        row.name = Some(task.name.clone());
        row.kind = Some(kind);
        row.change = Some(match task.change {
            seed::Change::Add => Change::Add,
            seed::Change::Modify => Change::Modify,
            seed::Change::Delete => Change::Delete,
        });
        row.start_status =
            release.and_then(|release| start_status(task, status, release, snapshot.assumptions));
        row.status = Some(status);
        row.pending_version = task.pending_version;
        row.deployed_version = match task.change {
            seed::Change::Delete if in_production => None,
            _ if in_production => task.pending_version,
            _ => task.deployed_version,
        };
        row.job_id = Some(job_id);
        row.script_id = Some(script_id);
        row.submitted_at = Some(task.submitted_at.map_or(self.applied_at, |time| time.0));
        row.submitter = Some(self.applicant.clone());
        row
    }
}

/// Only a job that is in production can have been started.
fn start_status(
    task: &seed::Task,
    status: Status,
    release: &Release,
    assumptions: &Assumptions,
) -> Option<StartStatus> {
    let is_job = task.kind == seed::Kind::Job && task.change != seed::Change::Delete;
    if !is_job || status != Status::Successful {
        return None;
    }
    match (release.starts_jobs, assumptions.start_status_later) {
        (true, _) if task.start_fails => Some(StartStatus::StartFailed),
        (true, _) => Some(StartStatus::Started),
        (false, UnstartedJob::Absent) => None,
        (false, UnstartedJob::Zero) => Some(StartStatus::from_code(0)),
    }
}
