//! The service behind the gateway: place, role, and the five operations.

use std::time::Duration;

use dls_model::{
    DeployAnswer, DeployDetail, PackageDetail, PackageId, Status, Subtask, SystemTask,
    SystemTaskStatus, Timestamp, WorkspaceId,
};
use http::Request;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::assumptions::{
    Assumptions, BeforeRelease, Duplicates, NamedIds, Partial, Permission, ProjectHeader,
    PublishType, Redeploy, RoleRefusal, UnknownPackage, UnknownProject, YesNo,
};
use crate::auth::Caller;
use crate::fault::ExternalActionKind;
use crate::ledger::Initiator;
use crate::list;
use crate::refusal::Refusal;
use crate::release::Release;
use crate::reply::Answer;
use crate::route::{Call, Route};
use crate::seed::{DEFAULT_WORKSPACE, Role};
use crate::state::{Deployment, Package, State};

/// The documented most ids of a deploy (page `dataartsstudio_02_0204`).
const MOST_IDS: usize = 100;

pub(crate) struct Service {
    pub(crate) state: State,
    pub(crate) assumptions: Assumptions,
    pub(crate) release_time: Duration,
    /// How far list and show lag behind, over and above what is assumed.
    pub(crate) lag: Duration,
}

/// A request that has passed the gateway.
pub(crate) struct ServiceRequest<'a> {
    pub(crate) route: Route<'a>,
    pub(crate) now: Timestamp,
    pub(crate) caller: &'a Caller,
    pub(crate) http: &'a Request<Vec<u8>>,
    pub(crate) scope: DeployScope,
    pub(crate) by: Initiator,
    pub(crate) request_id: &'a str,
    pub(crate) copy_of: Option<&'a str>,
}

/// Which of the packages of a deploy the service gets to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeployScope {
    All,
    FirstHalf,
}

impl Service {
    pub(crate) fn serve(&mut self, request: &ServiceRequest<'_>) -> Result<Answer, Refusal> {
        let workspace = self.place(request)?;
        self.permit(request)?;
        match request.route.call {
            Call::Deploy => self.deploy(request, &workspace),
            Call::List => self.list(request, &workspace),
            Call::Revoke => self.revoke(request, &workspace),
            Call::Show => self.show(request, &workspace),
            Call::SystemTask => self.system_task(request, &workspace),
        }
    }

    /// The workspace that a request means, in the one project that there is.
    fn place(&self, request: &ServiceRequest<'_>) -> Result<WorkspaceId, Refusal> {
        if request.route.project != self.state.project.as_str() {
            return Err(match self.assumptions.unknown_project {
                UnknownProject::Unavailable => Refusal::project_unavailable(),
                UnknownProject::Unauthenticated => Refusal::authentication("no such project"),
                UnknownProject::Workspace => Refusal::unknown_workspace(),
            });
        }
        let headers = request.http.headers();
        let right = match (self.assumptions.project_header, headers.get("x-project-id")) {
            (ProjectHeader::Ignored, _) | (ProjectHeader::Optional, None) => true,
            // A token is of one project and needs no header.
            (ProjectHeader::Required, None) => !request.caller.signed,
            (_, Some(named)) => named == request.route.project,
        };
        let workspace = match headers.get("workspace") {
            Some(id) => id.to_str().ok(),
            None => Some(DEFAULT_WORKSPACE),
        };
        let workspace = workspace.filter(|_| right).and_then(|id| self.state.workspace(id));
        workspace.cloned().ok_or_else(Refusal::unknown_workspace)
    }

    fn permit(&self, request: &ServiceRequest<'_>) -> Result<(), Refusal> {
        let role = self.state.role(&request.caller.user);
        let permitted = match request.route.call {
            Call::Deploy => matches!(role, Some(Role::Admin | Role::Deployer | Role::Operator)),
            Call::Revoke => matches!(
                role,
                Some(Role::Admin | Role::Deployer | Role::Operator | Role::Developer)
            ),
            Call::List | Call::Show | Call::SystemTask => role.is_some(),
        };
        match self.assumptions.role_refusal {
            _ if permitted => Ok(()),
            RoleRefusal::Service => Err(Refusal::not_permitted()),
            RoleRefusal::Gateway => Err(Refusal::user_not_authorised()),
        }
    }
}

/// Deploy and revoke.
impl Service {
    fn deploy(
        &mut self,
        request: &ServiceRequest<'_>,
        workspace: &WorkspaceId,
    ) -> Result<Answer, Refusal> {
        let body: DeployBody = parsed(request.http.body())?;
        let ids = self.ids(&body.package_ids, Some(MOST_IDS))?;
        let starts_jobs = match body.startup_mode {
            None | Some(1) => true,
            Some(0) => false,
            Some(_) => return Err(Refusal::invalid_parameter()),
        };
        let is_asynchronous = body.publish_type.as_ref().is_some_and(|word| word == "asy");
        if self.assumptions.publish_type == PublishType::Required && !is_asynchronous {
            return Err(Refusal::invalid_parameter());
        }

        let judge = |id| self.deployable(id, workspace, request.now);
        let Sorted { good, refusal } = sorted(&ids, self.assumptions.deploy_partial, judge)?;
        let deployment = Deployment {
            at: request.now,
            user: &request.caller.user,
            starts_jobs,
            length: self.release_time,
            by: request.by,
            request_id: Some(request.request_id),
            copy_of: request.copy_of,
        };
        let accepted = match request.scope {
            DeployScope::All => good.len(),
            DeployScope::FirstHalf => good.len().div_ceil(2),
        };
        let details = good.into_iter().take(accepted).map(|(id, step)| {
            let number = match step {
                Step::Release => Some(self.state.release(id, &deployment)),
                Step::Nothing => self.state.last_task(id),
            };
            self.detail(id, number)
        });
        let details = details.collect();
        match refusal {
            Some(refusal) => Err(refusal),
            None => {
                let mut answer = DeployAnswer::default();
                answer.details =
                    (self.assumptions.deploy_names_ids != NamedIds::None).then_some(details);
                Answer::json(&answer)
            }
        }
    }

    fn deployable(
        &self,
        id: PackageId,
        workspace: &WorkspaceId,
        now: Timestamp,
    ) -> Result<Step, Refusal> {
        let redeploy = match self.present(id, workspace, now)?.status(now) {
            Status::BeingReleased => self.assumptions.redeploy_running,
            Status::Successful => self.assumptions.redeploy_released,
            Status::Failed => self.assumptions.redeploy_failed,
            _ => Redeploy::NewRelease,
        };
        match redeploy {
            Redeploy::Error => Err(Refusal::already_released()),
            Redeploy::NoOp => Ok(Step::Nothing),
            Redeploy::NewRelease => Ok(Step::Release),
        }
    }

    fn detail(&self, id: PackageId, number: Option<usize>) -> DeployDetail {
        let tasks = self.state.packages.get(&id).map_or(0, |package| package.tasks().len());
        let named = self.assumptions.deploy_names_ids != NamedIds::WithoutTasks;
        let mut detail = DeployDetail::default();
        detail.package_id = Some(id);
        detail.task_id = number.filter(|_| named).map(task_id);
        detail.subtask_count = i64::try_from(tasks).ok();
        detail
    }

    fn revoke(
        &mut self,
        request: &ServiceRequest<'_>,
        workspace: &WorkspaceId,
    ) -> Result<Answer, Refusal> {
        let body: RevokeBody = parsed(request.http.body())?;
        let most = self.assumptions.revoke_max_ids.and_then(|most| usize::try_from(most).ok());
        let ids = self.ids(&body.package_ids, most)?;
        let judge = |id| self.revocable(id, workspace, request.now);
        let Sorted { good, refusal } = sorted(&ids, self.assumptions.revoke_partial, judge)?;
        for (id, ()) in good {
            self.state.revoke(id, request.now);
        }
        refusal.map_or(Ok(Answer::Empty), Err)
    }

    fn revocable(
        &self,
        id: PackageId,
        workspace: &WorkspaceId,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        match self.present(id, workspace, now)?.status(now) {
            Status::Failed if self.assumptions.revoke_failed == Permission::Allowed => Ok(()),
            Status::ToBeReviewed => Ok(()),
            _ => Err(Refusal::already_released()),
        }
    }

    /// What somebody else does, if the service allows it: it knows neither keys nor limits of rate.
    pub(crate) fn other(&mut self, kind: ExternalActionKind, ids: &[String], now: Timestamp) {
        let user = self.state.somebody();
        let deployment = Deployment {
            at: now,
            user: &user,
            starts_jobs: false,
            length: self.release_time,
            by: Initiator::Other,
            request_id: None,
            copy_of: None,
        };
        for id in ids.iter().filter_map(|id| id.parse::<PackageId>().ok()) {
            let Some(package) = self.state.packages.get(&id) else {
                continue;
            };
            let workspace = &package.workspace;
            match kind {
                ExternalActionKind::Release => {
                    if let Ok(Step::Release) = self.deployable(id, workspace, now) {
                        self.state.release(id, &deployment);
                    }
                }
                ExternalActionKind::Revoke => {
                    if self.revocable(id, workspace, now).is_ok() {
                        self.state.revoke(id, now);
                    }
                }
            }
        }
    }

    /// The ids of a body, which are text.
    fn ids(&self, texts: &[String], most: Option<usize>) -> Result<Vec<PackageId>, Refusal> {
        if texts.is_empty() || most.is_some_and(|most| texts.len() > most) {
            return Err(Refusal::invalid_parameter());
        }
        let mut ids = Vec::with_capacity(texts.len());
        let mut seen = std::collections::HashSet::with_capacity(texts.len());
        for text in texts {
            let id: PackageId = text.parse().map_err(|_| Refusal::invalid_parameter())?;
            match self.assumptions.duplicate_ids {
                _ if seen.insert(id) => ids.push(id),
                Duplicates::Once => {}
                Duplicates::Refused => return Err(Refusal::invalid_parameter()),
            }
        }
        Ok(ids)
    }

    /// A package that something can be done with.
    fn present(
        &self,
        id: PackageId,
        workspace: &WorkspaceId,
        now: Timestamp,
    ) -> Result<&Package, Refusal> {
        let package = self.state.package(workspace, id);
        let package = package.filter(|package| !package.is_revoked(now));
        package.ok_or_else(|| self.unknown_package(id))
    }

    fn unknown_package(&self, id: PackageId) -> Refusal {
        match self.assumptions.unknown_package {
            UnknownPackage::Short => Refusal::unknown_package(),
            UnknownPackage::Long => Refusal::unknown_task(&id.to_string()),
        }
    }
}

/// List, show and system task.
impl Service {
    fn list(
        &self,
        request: &ServiceRequest<'_>,
        workspace: &WorkspaceId,
    ) -> Result<Answer, Refusal> {
        // All members are optional, and so is the body: the official SDK sends none for none.
        let query = match request.http.body().as_slice() {
            [] => list::Query::default(),
            body => parsed(body)?,
        };
        let at = self.as_seen(request.now);
        let page = list::list(&self.state, &self.assumptions, workspace, at, &query)?;
        let mut body = json!(page);
        if let Some(Value::Array(rows)) = body.get_mut("data") {
            rows.iter_mut().for_each(|row| self.fill_before_release(row));
        }
        Answer::json(&body)
    }

    fn show(
        &self,
        request: &ServiceRequest<'_>,
        workspace: &WorkspaceId,
    ) -> Result<Answer, Refusal> {
        let id = request.route.parameter.parse().map_err(|_| Refusal::invalid_parameter())?;
        let at = self.as_seen(request.now);
        let package = self
            .state
            .package(workspace, id)
            .filter(|package| package.is_visible(at, &self.assumptions))
            .ok_or_else(|| self.unknown_package(id))?;
        let mut detail = PackageDetail::default();
        detail.package = package.described(at, &self.state.project, &self.assumptions);
        detail.tasks = package.described_tasks(at, &self.assumptions);
        let mut body = json!(detail);
        if let Some(row) = body.get_mut("release_package") {
            self.fill_before_release(row);
        }
        Answer::json(&body)
    }

    fn system_task(
        &self,
        request: &ServiceRequest<'_>,
        workspace: &WorkspaceId,
    ) -> Result<Answer, Refusal> {
        let id = request.route.parameter;
        let number =
            task_number(id).filter(|_| self.assumptions.system_task_pollable == YesNo::Yes);
        let (package, release) = number
            .and_then(|number| self.state.task(number))
            .filter(|(package, _)| package.workspace == *workspace)
            .ok_or_else(|| Refusal::unknown_task(id))?;
        let mut task = described_task(id, package, release, request.now);
        task.project_id = Some(self.state.project.to_string());
        Answer::json(&task)
    }

    /// The moment that list and show report.
    fn as_seen(&self, now: Timestamp) -> Timestamp {
        let lag = self.assumptions.status_lag.saturating_add(self.lag);
        let lag = i64::try_from(lag.as_millis()).unwrap_or(i64::MAX);
        let then = Timestamp::from_millis(now.as_millis().saturating_sub(lag));
        then.or(Timestamp::from_millis(1)).unwrap_or(now)
    }

    fn fill_before_release(&self, row: &mut Value) {
        let (time, text) = match self.assumptions.before_release {
            BeforeRelease::Absent => return,
            BeforeRelease::Zero => (json!(0), json!("")),
            BeforeRelease::Null => (Value::Null, Value::Null),
        };
        if let Some(row) = row.as_object_mut() {
            row.entry("deploy_timestamp").or_insert(time);
            row.entry("deploy_user_id").or_insert_with(|| text.clone());
            row.entry("deploy_user_name").or_insert(text);
        }
    }
}

#[derive(Deserialize)]
struct DeployBody {
    package_ids: Vec<String>,
    startup_mode: Option<i64>,
    publish_type: Option<Value>,
}

#[derive(Deserialize)]
struct RevokeBody {
    package_ids: Vec<String>,
}

/// What deploying a package leads to.
enum Step {
    Release,
    Nothing,
}

/// An object. Serde would read an array as one, too, member by member.
fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    let object = Some(body).filter(|body| body.trim_ascii_start().starts_with(b"{"));
    let parsed = object.and_then(|body| serde_json::from_slice(body).ok());
    parsed.ok_or_else(Refusal::invalid_parameter)
}

/// The ids that pass, and the refusal to answer with nevertheless.
struct Sorted<T> {
    good: Vec<(PackageId, T)>,
    refusal: Option<Refusal>,
}

/// Fails if nothing may happen.
fn sorted<T>(
    ids: &[PackageId],
    partial: Partial,
    judge: impl Fn(PackageId) -> Result<T, Refusal>,
) -> Result<Sorted<T>, Refusal> {
    let (mut good, mut first_bad) = (Vec::new(), None);
    for id in ids {
        match judge(*id) {
            Ok(step) => good.push((*id, step)),
            Err(refusal) => first_bad = first_bad.or(Some(refusal)),
        }
    }
    let refusal = match (first_bad, partial) {
        (Some(refusal), _) if good.is_empty() => return Err(refusal),
        (Some(refusal), Partial::Whole) => return Err(refusal),
        (Some(refusal), Partial::EachButRefused) => Some(refusal),
        (Some(_), Partial::Each) | (None, _) => None,
    };
    Ok(Sorted { good, refusal })
}

/// Background tasks are numbered from 1 in the last half of their ids.
const TASK_PREFIX: &str = "ff8080818c81c8ab";

fn task_id(number: usize) -> String {
    format!("{TASK_PREFIX}{:016x}", number.saturating_add(1))
}

fn task_number(id: &str) -> Option<usize> {
    let digits = id.strip_prefix(TASK_PREFIX)?;
    let number = usize::from_str_radix(digits, 16).ok()?.checked_sub(1)?;
    (task_id(number) == id).then_some(number)
}

fn described_task(id: &str, package: &Package, release: &Release, now: Timestamp) -> SystemTask {
    let status = word(release.status(now));
    let mut task = SystemTask::default();
    task.id = Some(id.to_owned());
    task.name = Some(format!("Release the package {}.", package.name));
    if status == SystemTaskStatus::Failed {
        task.message = Some(format!("The release of {} failed.", package.name));
    }
    task.started_at = Some(release.accepted_at);
    task.ended_at = release.ends_at().filter(|end| *end <= now);
    task.updated_at = Some(release.last_change(now));
    let rows = package.tasks().iter().enumerate();
    task.subtasks = rows
        .map(|(index, row)| {
            // There is no word for a subtask that waits, nor for one whose turn never comes.
            let own = match release.task_status(index, now) {
                Status::ToBeReviewed => status.clone(),
                other => word(other),
            };
            let mut subtask = Subtask::default();
            subtask.id = Some(format!("{id}-{index}"));
            subtask.name = Some(format!("Release {}.", row.name));
            subtask.status = Some(own);
            subtask.updated_at = match release.end_of(index).filter(|end| *end <= now) {
                Some(end) => Some(end.min(release.last_change(now))),
                None => Some(release.accepted_at),
            };
            subtask.task_id = Some(id.to_owned());
            subtask
        })
        .collect();
    task.status = Some(status);
    task
}

fn word(status: Status) -> SystemTaskStatus {
    match status {
        Status::Successful => SystemTaskStatus::Successful,
        Status::Failed => SystemTaskStatus::Failed,
        _ => SystemTaskStatus::Running,
    }
}
