//! The service behind the gateway: project and workspace, role, and the five operations.

use std::time::Duration;

use dls_model::{
    DeployAnswer, DeployDetail, PackageDetail, PackageId, Status, Timestamp, User, WorkspaceId,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::assumptions::{
    Assumptions, BeforeRelease, Duplicates, NamedIds, Partial, Permission, ProjectHeader,
    PublishType, Redeploy, RoleRefusal, UnknownPackage, UnknownProject, YesNo,
};
use crate::auth::Caller;
use crate::faults::ExternalAction;
use crate::gateway::MAX_IDS;
use crate::ledger::{Arrival, Initiator};
use crate::list;
use crate::package::{Package, Snapshot};
use crate::refusal::Refusal;
use crate::release::{Cause, Release};
use crate::route::{Call, Route};
use crate::seed::{DEFAULT_WORKSPACE, Role};
use crate::state::State;
use crate::system_task::{self, task_id, task_number};

pub(crate) struct Service {
    pub(crate) state: State,
    pub(crate) assumptions: Assumptions,
    pub(crate) release_time: Duration,
    /// How far list and show lag behind, in addition to the assumed lag.
    pub(crate) lag: Duration,
}

/// A request that has passed the gateway.
pub(crate) struct ServiceRequest<'a> {
    pub(crate) route: Route<'a>,
    pub(crate) caller: &'a Caller,
    pub(crate) scope: DeployScope,
    pub(crate) arrival: &'a Arrival<'a>,
}

/// Which packages of a deploy the service releases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeployScope {
    All,
    FirstHalf,
}

/// The body of a response, if it has one.
type Body = Result<Option<Value>, Refusal>;

impl Service {
    pub(crate) fn serve(&mut self, request: &ServiceRequest<'_>) -> Body {
        let workspace = self.workspace(request)?;
        self.check_role(request)?;
        match request.route.api.call {
            Call::Deploy => self.deploy(request, &workspace),
            Call::List => self.list(request, &workspace),
            Call::Revoke => self.revoke(request, &workspace),
            Call::Show => self.show(request, &workspace),
            Call::SystemTask => self.system_task(request, &workspace),
        }
    }

    /// The workspace that a request means, in the one project that there is.
    fn workspace(&self, request: &ServiceRequest<'_>) -> Result<WorkspaceId, Refusal> {
        if request.route.project != self.state.project.as_str() {
            return Err(match self.assumptions.unknown_project {
                UnknownProject::Unavailable => Refusal::PROJECT_UNAVAILABLE,
                UnknownProject::Unauthenticated => Refusal::authentication("no such project"),
                UnknownProject::Workspace => Refusal::UNKNOWN_WORKSPACE,
            });
        }
        let headers = request.arrival.request.headers();
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
        workspace.cloned().ok_or(Refusal::UNKNOWN_WORKSPACE)
    }

    fn check_role(&self, request: &ServiceRequest<'_>) -> Result<(), Refusal> {
        use Role::{Admin, Deployer, Developer, Operator};
        let role = self.state.role(&request.caller.user);
        let permitted = match request.route.api.call {
            Call::Deploy => matches!(role, Some(Admin | Deployer | Operator)),
            Call::Revoke => matches!(role, Some(Admin | Deployer | Operator | Developer)),
            Call::List | Call::Show | Call::SystemTask => role.is_some(),
        };
        match self.assumptions.role_refusal {
            _ if permitted => Ok(()),
            RoleRefusal::Service => Err(Refusal::NOT_PERMITTED),
            RoleRefusal::Gateway => Err(Refusal::FORBIDDEN),
        }
    }
}

/// Deploy and revoke.
impl Service {
    fn deploy(&mut self, request: &ServiceRequest<'_>, workspace: &WorkspaceId) -> Body {
        let Arrival { at: now, request: http, record } = request.arrival;
        let body: DeployBody = parse(http.body())?;
        let ids = self.ids(&body.package_ids, Some(MAX_IDS))?;
        let starts_jobs = match body.startup_mode {
            None | Some(1) => true,
            Some(0) => false,
            Some(_) => return Err(Refusal::INVALID_PARAMETER),
        };
        let is_asynchronous = body.publish_type.as_ref().is_some_and(|kind| kind == "asy");
        if self.assumptions.publish_type == PublishType::Required && !is_asynchronous {
            return Err(Refusal::INVALID_PARAMETER);
        }

        let check = |id| self.deployable(self.present(id, workspace, *now)?, *now);
        let (accepted, refusal) = accept(&ids, self.assumptions.deploy_partial, check)?;
        let cause = Cause {
            by: record.by,
            request_id: Some(record.request_id.clone()),
            copy_of: record.copy_of.clone(),
        };
        let user = self.state.user(&request.caller.user);
        let release = self.new_release(*now, user, starts_jobs, cause);
        let count = match request.scope {
            DeployScope::All => accepted.len(),
            DeployScope::FirstHalf => accepted.len().div_ceil(2),
        };
        let mut details = Vec::with_capacity(count);
        for (id, is_released) in accepted.into_iter().take(count) {
            let number = match is_released {
                true => Some(self.state.release(id, &release)),
                false => self.state.last_task(id),
            };
            details.push(self.detail(id, number));
        }
        if let Some(refusal) = refusal {
            return Err(refusal);
        }
        let mut answer = DeployAnswer::default();
        answer.details = (self.assumptions.deploy_names_ids != NamedIds::None).then_some(details);
        Ok(Some(json!(answer)))
    }

    fn new_release(&self, at: Timestamp, by: User, starts_jobs: bool, cause: Cause) -> Release {
        Release {
            accepted_at: at,
            by,
            starts_jobs,
            length: self.release_time,
            tasks: 0,
            fails_at: None,
            cause: Some(cause),
        }
    }

    /// Whether deploying a package that is there releases it. If not, nothing happens.
    fn deployable(&self, package: &Package, now: Timestamp) -> Result<bool, Refusal> {
        let redeploy = match package.status(now) {
            Status::BeingReleased => self.assumptions.redeploy_running,
            Status::Successful => self.assumptions.redeploy_released,
            Status::Failed => self.assumptions.redeploy_failed,
            _ => Redeploy::NewRelease,
        };
        match redeploy {
            Redeploy::Error => Err(Refusal::ALREADY_RELEASED),
            Redeploy::NoOp => Ok(false),
            Redeploy::NewRelease => Ok(true),
        }
    }

    fn detail(&self, id: PackageId, number: Option<usize>) -> DeployDetail {
        let tasks = self.state.packages.get(&id).map_or(0, |package| package.tasks.len());
        let named = self.assumptions.deploy_names_ids != NamedIds::WithoutTasks;
        let mut detail = DeployDetail::default();
        detail.package_id = Some(id);
        detail.task_id = number.filter(|_| named).map(task_id);
        detail.subtask_count = i64::try_from(tasks).ok();
        detail
    }

    fn revoke(&mut self, request: &ServiceRequest<'_>, workspace: &WorkspaceId) -> Body {
        let now = request.arrival.at;
        let body: RevokeBody = parse(request.arrival.request.body())?;
        let max = self.assumptions.revoke_max_ids.and_then(|max| usize::try_from(max).ok());
        let ids = self.ids(&body.package_ids, max)?;
        let check = |id| self.revocable(self.present(id, workspace, now)?, now);
        let (accepted, refusal) = accept(&ids, self.assumptions.revoke_partial, check)?;
        for (id, ()) in accepted {
            self.state.revoke(id, now);
        }
        refusal.map_or(Ok(None), Err)
    }

    fn revocable(&self, package: &Package, now: Timestamp) -> Result<(), Refusal> {
        match package.status(now) {
            Status::Failed if self.assumptions.revoke_failed == Permission::Allowed => Ok(()),
            Status::ToBeReviewed => Ok(()),
            _ => Err(Refusal::ALREADY_RELEASED),
        }
    }

    /// What another actor does, if the service allows it. Keys and rate limits do not apply.
    pub(crate) fn act_externally(
        &mut self,
        action: ExternalAction,
        ids: &[String],
        now: Timestamp,
    ) {
        let cause = Cause { by: Initiator::Other, request_id: None, copy_of: None };
        let release = self.new_release(now, self.state.external_user(), false, cause);
        for id in ids.iter().filter_map(|id| id.parse::<PackageId>().ok()) {
            let package = self.state.packages.get(&id).filter(|it| !it.is_revoked(now));
            let Some(package) = package else {
                continue;
            };
            match action {
                ExternalAction::Release if self.deployable(package, now) == Ok(true) => {
                    self.state.release(id, &release);
                }
                ExternalAction::Revoke if self.revocable(package, now) == Ok(()) => {
                    self.state.revoke(id, now);
                }
                ExternalAction::Release | ExternalAction::Revoke => {}
            }
        }
    }

    /// The ids of a body.
    fn ids(&self, texts: &[String], max: Option<usize>) -> Result<Vec<PackageId>, Refusal> {
        if texts.is_empty() || max.is_some_and(|max| texts.len() > max) {
            return Err(Refusal::INVALID_PARAMETER);
        }
        let mut ids = Vec::with_capacity(texts.len());
        let mut seen = std::collections::HashSet::with_capacity(texts.len());
        for text in texts {
            let id: PackageId = text.parse().map_err(|_| Refusal::INVALID_PARAMETER)?;
            match self.assumptions.duplicate_ids {
                _ if seen.insert(id) => ids.push(id),
                Duplicates::Once => {}
                Duplicates::Refused => return Err(Refusal::INVALID_PARAMETER),
            }
        }
        Ok(ids)
    }

    /// A package that is there and not revoked.
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
            UnknownPackage::Short => Refusal::UNKNOWN_PACKAGE,
            UnknownPackage::Long => Refusal::unknown_task(&id.to_string()),
        }
    }
}

/// List, show and system task.
impl Service {
    fn list(&self, request: &ServiceRequest<'_>, workspace: &WorkspaceId) -> Body {
        // All members are optional, and so is the body: the official SDK sends none without filters.
        let query = match request.arrival.request.body().as_slice() {
            [] => list::Query::default(),
            body => parse(body)?,
        };
        let snapshot = self.snapshot(request.arrival.at);
        let mut page = json!(list::list(&self.state, snapshot, workspace, &query)?);
        if let Some(Value::Array(rows)) = page.get_mut("data") {
            rows.iter_mut().for_each(|row| self.fill_before_release(row));
        }
        Ok(Some(page))
    }

    fn show(&self, request: &ServiceRequest<'_>, workspace: &WorkspaceId) -> Body {
        let id = request.route.parameter.parse().map_err(|_| Refusal::INVALID_PARAMETER)?;
        let snapshot = self.snapshot(request.arrival.at);
        let package = self.state.package(workspace, id);
        let package = package
            .filter(|package| package.is_visible(snapshot))
            .ok_or_else(|| self.unknown_package(id))?;
        let mut detail = PackageDetail::default();
        detail.package = package.report(snapshot, &self.state.project);
        detail.tasks = package.report_tasks(snapshot);
        let mut body = json!(detail);
        if let Some(row) = body.get_mut("release_package") {
            self.fill_before_release(row);
        }
        Ok(Some(body))
    }

    fn system_task(&self, request: &ServiceRequest<'_>, workspace: &WorkspaceId) -> Body {
        let id = request.route.parameter;
        let number =
            task_number(id).filter(|_| self.assumptions.system_task_pollable == YesNo::Yes);
        let (package, release) = number
            .and_then(|number| self.state.task(number))
            .filter(|(package, _)| package.workspace == *workspace)
            .ok_or_else(|| Refusal::unknown_task(id))?;
        let mut task = system_task::report(id, package, release, request.arrival.at);
        task.project_id = Some(self.state.project.to_string());
        Ok(Some(json!(task)))
    }

    /// What list and show report now.
    fn snapshot(&self, now: Timestamp) -> Snapshot<'_> {
        let lag = self.assumptions.status_lag.saturating_add(self.lag);
        let lag = i64::try_from(lag.as_millis()).unwrap_or(i64::MAX);
        let then = Timestamp::from_millis(now.as_millis().saturating_sub(lag));
        let at = then.or(Timestamp::from_millis(1)).unwrap_or(now);
        Snapshot { at, assumptions: &self.assumptions }
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

/// Parses an object. Serde alone would accept an array, too, member by member.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    let object = Some(body).filter(|body| body.trim_ascii_start().starts_with(b"{"));
    let parsed = object.and_then(|body| serde_json::from_slice(body).ok());
    parsed.ok_or(Refusal::INVALID_PARAMETER)
}

/// The ids that pass a check, and the refusal to answer with all the same.
type Accepted<T> = (Vec<(PackageId, T)>, Option<Refusal>);

/// Checks each id. Fails if nothing may happen.
fn accept<T>(
    ids: &[PackageId],
    partial: Partial,
    check: impl Fn(PackageId) -> Result<T, Refusal>,
) -> Result<Accepted<T>, Refusal> {
    let (mut accepted, mut first_refusal) = (Vec::new(), None);
    for id in ids {
        match check(*id) {
            Ok(effect) => accepted.push((*id, effect)),
            Err(refusal) => first_refusal = first_refusal.or(Some(refusal)),
        }
    }
    match (first_refusal, partial) {
        (Some(refusal), _) if accepted.is_empty() => Err(refusal),
        (Some(refusal), Partial::Whole) => Err(refusal),
        (Some(refusal), Partial::EachButRefused) => Ok((accepted, Some(refusal))),
        (Some(_), Partial::Each) | (None, _) => Ok((accepted, None)),
    }
}
