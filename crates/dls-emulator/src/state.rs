//! Packages and their releases. What time has done is worked out when somebody looks.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::ledger::LedgerRelease;
use crate::seed::{Seed, SeedChange, SeedKind, SeedPackage, SeedStatus, SeedUser};

pub(crate) const TO_BE_REVIEWED: i64 = 1;
pub(crate) const SUCCESSFUL: i64 = 2;
pub(crate) const FAILED: i64 = 3;
pub(crate) const BEING_RELEASED: i64 = 5;

/// When the example packages were submitted: 2025-05-13, a minute apart.
const SUBMITTED: i64 = 1_747_106_000_000;

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) project: String,
    pub(crate) workspaces: Vec<String>,
    pub(crate) users: Vec<SeedUser>,
    pub(crate) packages: Vec<Package>,
    pub(crate) releases: Vec<LedgerRelease>,
    release_time: i64,
}

#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) seed: SeedPackage,
    pub(crate) status: i64,
    submitted_at: i64,
    released_at: Option<i64>,
    released_by: Option<(String, String)>,
    start: bool,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    since: i64,
    release: usize,
}

/// Who deploys what, and how it is to be noted.
pub(crate) struct Deployment<'a> {
    pub(crate) user: &'a SeedUser,
    pub(crate) start: bool,
    pub(crate) now: i64,
    pub(crate) request_id: &'a str,
    pub(crate) copy_of: Option<String>,
}

impl State {
    pub(crate) fn new(seed: Seed, release_time: Duration) -> Self {
        let deployer = seed
            .users
            .first()
            .map(|user| (user.id.clone(), user.name.clone()));
        let packages = (SUBMITTED..).step_by(60_000).zip(seed.packages);
        let packages = packages.map(|(at, seed)| Package::new(seed, at, deployer.clone()));
        Self {
            project: seed.project,
            workspaces: seed.workspaces,
            packages: packages.collect(),
            users: seed.users,
            releases: Vec::new(),
            release_time: i64::try_from(release_time.as_millis()).unwrap_or(i64::MAX),
        }
    }

    /// Ends the releases whose time has come.
    pub(crate) fn settle(&mut self, now: i64) {
        for package in &mut self.packages {
            let Some(running) = &package.running else {
                continue;
            };
            let end = running.since.saturating_add(self.release_time);
            if now < end {
                continue;
            }
            package.status = if package.seed.fails {
                FAILED
            } else {
                SUCCESSFUL
            };
            if let Some(release) = self.releases.get_mut(running.release) {
                release.outcome = Some(if package.seed.fails {
                    "failed"
                } else {
                    "succeeded"
                });
                release.finished_at = Some(rfc3339(end));
            }
            package.running = None;
        }
    }

    pub(crate) fn find(&mut self, workspace: &str, id: &str) -> Option<&mut Package> {
        self.packages
            .iter_mut()
            .find(|it| it.seed.workspace == workspace && it.seed.id.to_string() == id)
    }

    pub(crate) fn deploy(&mut self, workspace: &str, id: &str, deployment: &Deployment<'_>) {
        let Deployment {
            user,
            start,
            now,
            request_id,
            copy_of,
        } = deployment;
        let release = self.releases.len();
        let Some(package) = self.find(workspace, id) else {
            return;
        };
        package.status = BEING_RELEASED;
        package.start = *start;
        package.released_at = Some(*now);
        package.released_by = Some((user.id.clone(), user.name.clone()));
        package.running = Some(Running {
            since: *now,
            release,
        });
        self.releases.push(LedgerRelease {
            package_id: id.to_owned(),
            accepted_at: rfc3339(*now),
            request_id: (*request_id).to_owned(),
            user: user.name.clone(),
            copy_of: copy_of.clone(),
            outcome: None,
            finished_at: None,
        });
    }

    /// The package whose release has this background task.
    pub(crate) fn by_background_task(&self, id: &str) -> Option<&Package> {
        self.packages
            .iter()
            .find(|it| it.released_at.is_some() && it.background_task() == id)
    }

    pub(crate) fn reviewers(&self) -> Vec<Value> {
        let reviewers = self
            .users
            .iter()
            .filter(|user| user.role == crate::seed::Role::Admin);
        reviewers
            .map(|it| json!({"user_id": it.id, "user_name": it.name}))
            .collect()
    }

    pub(crate) fn release_time(&self) -> i64 {
        self.release_time
    }
}

impl Package {
    fn new(seed: SeedPackage, submitted_at: i64, deployer: Option<(String, String)>) -> Self {
        let status = match seed.status {
            SeedStatus::ToBeReviewed => TO_BE_REVIEWED,
            SeedStatus::Successful => SUCCESSFUL,
            SeedStatus::Failed => FAILED,
        };
        let released = status != TO_BE_REVIEWED;
        Self {
            seed,
            status,
            submitted_at,
            released_at: released.then_some(submitted_at + 1000),
            released_by: deployer.filter(|_| released),
            start: false,
            running: None,
        }
    }

    pub(crate) fn background_task(&self) -> String {
        format!("ff8080818c81c8ab018c{:012x}", self.seed.id)
    }

    pub(crate) fn submitted_at(&self) -> i64 {
        self.submitted_at
    }

    pub(crate) fn released_at(&self) -> Option<i64> {
        self.released_at
    }

    pub(crate) fn released_by(&self) -> Option<&str> {
        self.released_by.as_ref().map(|(_, name)| name.as_str())
    }

    /// The row of a list, and the head of a detail.
    pub(crate) fn row(&self, project: &str, submitter: &SeedUser, reviewers: &[Value]) -> Value {
        let mut row = Map::new();
        let mut put = |name: &str, value: Value| row.insert(name.to_owned(), value);
        put("apply_timestamp", json!(self.submitted_at));
        put("apply_user_id", json!(submitter.id));
        put("apply_user_name", json!(submitter.name));
        put("delete_flag", json!(0));
        put("deploy_status", json!(self.status));
        if let (Some(at), Some((id, name))) = (self.released_at, &self.released_by) {
            put("deploy_timestamp", json!(at));
            put("deploy_user_id", json!(id));
            put("deploy_user_name", json!(name));
        }
        put("package_approvers", json!(reviewers));
        put("package_id", json!(self.seed.id.to_string()));
        put("package_name", json!(self.seed.name));
        put(
            "project_id",
            json!(format!("{project}-workspace-{}", self.seed.workspace)),
        );
        put("workspace_id", json!(self.seed.workspace));
        Value::Object(row)
    }

    /// The status of each task: they are released one after the other, in equal parts of the time.
    pub(crate) fn task_statuses(&self, now: i64, release_time: i64) -> Vec<i64> {
        let count = self.seed.tasks.len();
        let ended = self.running.as_ref().map_or(count, |running| {
            let parts = i64::try_from(count).unwrap_or(1).max(1);
            let part = (release_time / parts).max(1);
            usize::try_from((now - running.since).max(0) / part).unwrap_or(0)
        });
        let status = |index: usize| match self.status {
            TO_BE_REVIEWED => TO_BE_REVIEWED,
            _ if index > ended => TO_BE_REVIEWED,
            _ if index == ended => BEING_RELEASED,
            _ if self.seed.fails && index + 1 == count => FAILED,
            FAILED if !self.seed.fails && index + 1 == count => FAILED,
            _ => SUCCESSFUL,
        };
        (0..count).map(status).collect()
    }

    pub(crate) fn task_rows(
        &self,
        now: i64,
        release_time: i64,
        submitter: &SeedUser,
    ) -> Vec<Value> {
        let statuses = self.task_statuses(now, release_time);
        let rows = (1_u64..).zip(&self.seed.tasks).zip(statuses).map(|((place, task), status)| {
            let object_id = (self.seed.id * 100 + place).to_string();
            let is_script = task.kind == SeedKind::Script;
            let released = status == SUCCESSFUL;
            let mut row = json!({
                "deploy_status": status,
                "deployed_version": if released { task.pending_version } else { task.deployed_version },
                "item_name": task.name,
                "pending_item_id": (self.seed.id * 1000 + place).to_string(),
                "pending_version": task.pending_version,
                "script_id": if is_script { object_id.as_str() } else { "" },
                "task_id": if is_script { "" } else { object_id.as_str() },
                "submit_timestamp": self.submitted_at - 100_000,
                "submit_user_id": submitter.id,
                "submit_user_name": submitter.name,
                "task_type": match task.kind {
                    SeedKind::Job => 1,
                    SeedKind::Script => 2,
                    SeedKind::Resource => 3,
                },
                "update_type": match task.change {
                    SeedChange::Add => 1,
                    SeedChange::Modify => 2,
                    SeedChange::Delete => 3,
                },
            });
            let starts = self.start && task.kind == SeedKind::Job && released;
            if let (true, Some(row)) = (starts && task.change != SeedChange::Delete, row.as_object_mut()) {
                let started = if self.seed.start_fails { 3 } else { 2 };
                row.insert("start_job_status".to_owned(), json!(started));
            }
            row
        });
        rows.collect()
    }
}

pub(crate) fn rfc3339(millis: i64) -> String {
    dls_model::Timestamp::from_millis(millis)
        .map(|at| at.to_string())
        .unwrap_or_default()
}
