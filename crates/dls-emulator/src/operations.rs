//! The five operations: what each accepts, refuses and answers.

use serde_json::{Value, json};

use crate::assume::Assumed;
use crate::reply::{Outcome, Refusal};
use crate::seed::{Role, SeedUser};
use crate::state::{
    BEING_RELEASED, Deployment, FAILED, Package, SUCCESSFUL, State, TO_BE_REVIEWED,
};

/// A call that passed the gateway.
pub(crate) struct Call<'a> {
    pub(crate) state: &'a mut State,
    pub(crate) assumed: &'a Assumed,
    pub(crate) user: SeedUser,
    pub(crate) workspace: String,
    pub(crate) body: &'a [u8],
    pub(crate) now: i64,
    pub(crate) request_id: &'a str,
    pub(crate) copy_of: Option<String>,
}

impl Call<'_> {
    pub(crate) fn deploy(&mut self) -> Outcome {
        self.allow(&[Role::Admin, Role::Deployer, Role::Operator])?;
        let body = self.object()?;
        let ids = ids(&body)?;
        let start = match body.get("startup_mode") {
            None | Some(Value::Null) => true,
            Some(mode) => match mode.as_i64() {
                Some(0) => false,
                Some(1) => true,
                _ => return Err(invalid("startup_mode must be 0 or 1")),
            },
        };
        let each = self.assumed.is("deploy-partial", "each");
        let mut accepted = Vec::new();
        for id in ids {
            match self.may_deploy(&id) {
                Ok(true) => accepted.push((id, true)),
                Ok(false) => accepted.push((id, false)),
                Err(refusal) if !each => return Err(refusal),
                Err(_) => {}
            }
        }
        if accepted.is_empty() {
            return Err(missing());
        }
        let deployment = Deployment {
            user: &self.user,
            start,
            now: self.now,
            request_id: self.request_id,
            copy_of: self.copy_of.clone(),
        };
        let mut details = Vec::new();
        for (id, begins) in accepted {
            if begins {
                self.state.deploy(&self.workspace, &id, &deployment);
            }
            if let Some(package) = self.state.find(&self.workspace, &id) {
                details.push(json!({
                    "asy_subtask_num": package.seed.tasks.len(),
                    "asy_task_id": package.background_task(),
                    "package_id": package.seed.id,
                }));
            }
        }
        if self.assumed.is("deploy-names-ids", "none") {
            return Ok(Some(json!({})));
        }
        Ok(Some(json!({"deploy_package_details": details})))
    }

    /// Whether a deploy of this package begins a release; without an error it may also do nothing.
    fn may_deploy(&mut self, id: &str) -> Result<bool, Refusal> {
        let package = self.state.find(&self.workspace, id).ok_or_else(missing)?;
        match package.status {
            TO_BE_REVIEWED | FAILED => Ok(true),
            BEING_RELEASED | SUCCESSFUL if self.assumed.is("redeploy", "no-op") => Ok(false),
            SUCCESSFUL if self.assumed.is("redeploy", "new-release") => Ok(true),
            BEING_RELEASED if self.assumed.is("redeploy", "new-release") => Ok(true),
            _ => Err(released()),
        }
    }

    pub(crate) fn list(&mut self) -> Outcome {
        let body = self.object()?;
        let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
        let number = |name: &str| body.get(name).and_then(Value::as_i64);
        let statuses: Option<Vec<i64>> = body
            .get("deploy_status_filter")
            .and_then(Value::as_array)
            .map(|them| them.iter().filter_map(Value::as_i64).collect());
        let submitter = self.submitter();
        let (key_word, applicant) = (text("key_word"), text("apply_user_name"));
        let deployer = text("deploy_user_name");
        let names = |name: &str| -> Option<Vec<String>> {
            let them = body.get(name)?.as_array()?;
            Some(
                them.iter()
                    .filter_map(Value::as_str)
                    .map(str::to_owned)
                    .collect(),
            )
        };
        let (applicants, deployers) = (
            names("apply_user_name_filter"),
            names("deploy_user_name_filter"),
        );
        let within = |at: Option<i64>, begin: &str, end: &str| {
            number(begin).is_none_or(|begin| at.is_some_and(|at| at >= begin))
                && number(end).is_none_or(|end| at.is_some_and(|at| at <= end))
        };
        let matches = |package: &&Package| {
            package.seed.workspace == self.workspace
                && key_word
                    .as_ref()
                    .is_none_or(|word| package.seed.name.contains(word.as_str()))
                && applicant
                    .as_ref()
                    .is_none_or(|name| *name == submitter.name)
                && applicants
                    .as_ref()
                    .is_none_or(|names| names.contains(&submitter.name))
                && deployer
                    .as_deref()
                    .is_none_or(|name| package.released_by() == Some(name))
                && deployers.as_ref().is_none_or(|names| {
                    package
                        .released_by()
                        .is_some_and(|by| names.iter().any(|name| name == by))
                })
                && statuses
                    .as_ref()
                    .is_none_or(|them| them.contains(&package.status))
                && within(
                    Some(package.submitted_at()),
                    "apply_begin_time",
                    "apply_end_time",
                )
                && within(
                    package.released_at(),
                    "deploy_begin_time",
                    "deploy_end_time",
                )
        };
        let mut found: Vec<&Package> = self.state.packages.iter().filter(matches).collect();
        found.sort_by_key(|package| (package.submitted_at(), package.seed.id));
        if text("sorted_direction").is_none_or(|direction| direction != "asc") {
            found.reverse();
        }
        let limit = usize::try_from(number("limit").unwrap_or(10))
            .unwrap_or(10)
            .max(1);
        let offset = usize::try_from(number("offset").unwrap_or(0))
            .map_err(|_| invalid("offset must not be negative"))?;
        let skip = match self.assumed.is("list-offset", "rows") {
            true => offset,
            false => offset.saturating_mul(limit),
        };
        let reviewers = self.state.reviewers();
        let row = |package: &&Package| package.row(&self.state.project, &submitter, &reviewers);
        let rows: Vec<Value> = found.iter().skip(skip).take(limit).map(row).collect();
        Ok(Some(json!({"data": rows, "total": found.len()})))
    }

    pub(crate) fn show(&mut self, id: &str) -> Outcome {
        let (submitter, reviewers) = (self.submitter(), self.state.reviewers());
        let (project, time) = (self.state.project.clone(), self.state.release_time());
        let now = self.now;
        let package = self.state.find(&self.workspace, id).ok_or_else(missing)?;
        Ok(Some(json!({
            "release_package": package.row(&project, &submitter, &reviewers),
            "task_details": package.task_rows(now, time, &submitter),
        })))
    }

    pub(crate) fn revoke(&mut self) -> Outcome {
        self.allow(&[Role::Admin, Role::Deployer, Role::Operator, Role::Developer])?;
        let ids = ids(&self.object()?)?;
        for id in &ids {
            let package = self.state.find(&self.workspace, id).ok_or_else(missing)?;
            if package.status != TO_BE_REVIEWED {
                return Err(released());
            }
        }
        let workspace = &self.workspace;
        self.state.packages.retain(|package| {
            package.seed.workspace != *workspace || !ids.contains(&package.seed.id.to_string())
        });
        Ok(None)
    }

    pub(crate) fn system_task(&mut self, id: &str) -> Outcome {
        let unknown = || Refusal::service("DLF.20810", format!("Task[{id}] does not exist."));
        if self.assumed.is("system-task", "unknown") {
            return Err(unknown());
        }
        let package = self.state.by_background_task(id).ok_or_else(unknown)?;
        let at = package.released_at().unwrap_or_default();
        let end = at.saturating_add(self.state.release_time());
        let updated = if package.status == BEING_RELEASED {
            self.now
        } else {
            end
        };
        let subtasks: Vec<Value> = package
            .task_statuses(self.now, self.state.release_time())
            .into_iter()
            .zip(&package.seed.tasks)
            .zip(1..)
            .map(|((status, task), place)| {
                json!({
                    "id": format!("{id}-{place}"),
                    "lastUpdate": updated,
                    "name": format!("Release {}.", task.name),
                    "status": word(status),
                    "taskId": id,
                })
            })
            .collect();
        let mut task = json!({
            "id": id,
            "lastUpdate": updated,
            "name": format!("Release the package {}.", package.seed.name),
            "projectId": self.state.project,
            "startTime": at,
            "status": word(package.status),
            "subtasks": subtasks,
        });
        if let (true, Some(task)) = (package.status != BEING_RELEASED, task.as_object_mut()) {
            task.insert("endTime".to_owned(), json!(end));
        }
        Ok(Some(task))
    }

    fn allow(&self, roles: &[Role]) -> Result<(), Refusal> {
        if roles.contains(&self.user.role) {
            return Ok(());
        }
        Err(match self.assumed.is("role-refusal", "service") {
            true => Refusal::service("DLF.6888", "The account permissions are invalid."),
            false => Refusal::new(403, "APIGW.0302", "The IAM user is not allowed to do this."),
        })
    }

    /// Who submitted the packages: the first developer.
    fn submitter(&self) -> SeedUser {
        let developer = self
            .state
            .users
            .iter()
            .find(|user| user.role == Role::Developer);
        developer.unwrap_or(&self.user).clone()
    }

    fn object(&self) -> Result<Value, Refusal> {
        if self.body.is_empty() {
            return Ok(json!({}));
        }
        match serde_json::from_slice(self.body) {
            Ok(value @ Value::Object(_)) => Ok(value),
            _ => Err(invalid("the body is no JSON object")),
        }
    }
}

fn ids(body: &Value) -> Result<Vec<String>, Refusal> {
    let ids = body.get("package_ids").and_then(Value::as_array);
    let ids = ids.filter(|ids| (1..=100).contains(&ids.len()));
    let ids = ids.ok_or_else(|| invalid("package_ids must hold 1 to 100 ids"))?;
    let text = |id: &Value| match id {
        Value::String(text) => Ok(text.clone()),
        _ => Err(invalid("package_ids must hold texts")),
    };
    ids.iter().map(text).collect()
}

fn word(status: i64) -> &'static str {
    match status {
        SUCCESSFUL => "SUCCESSFUL",
        FAILED => "FAILED",
        _ => "RUNNING",
    }
}

fn invalid(what: &str) -> Refusal {
    Refusal::service(
        "DLF.3051",
        format!("The request parameter is invalid: {what}."),
    )
}

fn missing() -> Refusal {
    Refusal::service("DLF.0810", "Task does not exist.")
}

fn released() -> Refusal {
    let text = "Cannot perform the operation because the release package has been released.";
    Refusal::service("DLF.20990", text)
}
