//! The client: one method per operation.

mod decode;
mod destination;
mod service;

use std::time::Duration;

use dls_model::{
    Deploy, DeployAnswer, Effect, InvalidRequest, JobStart, Operation, PackageDetail, PackageId,
    PackageIds, ProjectId, Revoke, Revoked, Scope, ShowPackage, ShowSystemTask, SystemTask,
    SystemTaskId, Timestamp, WorkspaceId,
};
use dls_rollout::{Destination, Options, Plan, PlannedPackage, RunSpec, Selection};
use dls_transport::credentials::ProvideCredentials;
use dls_transport::{Retry, Transport, TransportBuilder};

use decode::decode;
use destination::other_address;

use crate::endpoint::{Endpoint, Endpoints, InvalidEndpoint};
use crate::error::{Error, PlanMismatch};
use crate::run::{Resume, Run, SystemClock};
use crate::store::{RunId, RunStore, StoreError};

/// A client of one project, and of one of its workspaces.
///
/// Clones are cheap, and share connections, the rate limit, and the stop after a 401. It needs a tokio runtime with I/O
/// and time enabled, and panics outside of one, as tokio does.
#[derive(Debug, Clone)]
pub struct Client {
    transport: Transport,
    endpoints: Endpoints,
    scope: Scope,
}

impl Client {
    /// A builder. A client needs endpoints, a project and credentials, and for writes a workspace.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// Releases packages with one request, which is never repeated (wire: `deploy`).
    ///
    /// The service answers before the release ends. To wait for the end, and to get the outcome of each package even if
    /// the answer is lost, use [`rollout`](Self::rollout).
    ///
    /// # Errors
    ///
    /// [`Error::delivery`] says whether the service may have received the request.
    pub async fn deploy(&self, ids: PackageIds, start: JobStart) -> Result<DeployAnswer, Error> {
        self.call(&Deploy::new(ids, start)).await
    }

    /// What releasing these packages would change. It reads each package once and sends nothing.
    ///
    /// # Errors
    ///
    /// [`InvalidRequest`](crate::ErrorKind::InvalidRequest) without a workspace; otherwise those of
    /// the first read that fails, which [names the package](Error::package).
    pub async fn plan(
        &self,
        packages: impl Into<Selection>,
        start: Option<JobStart>,
    ) -> Result<Plan, Error> {
        let destination = self.destination()?;
        let mut planned = Vec::new();
        for id in &packages.into() {
            let seen = self.package(*id).await;
            let seen = seen.map_err(|error| error.about(*id))?;
            planned.push(PlannedPackage::new(*id, seen));
        }
        let made_at = Timestamp::from_system_time(self.transport.now());
        let made_at = made_at.unwrap_or(Timestamp::MAX);
        Ok(Plan::new(destination, made_at, start, planned))
    }

    /// Releases packages, or a plan, and watches them to their end. Nothing is sent before the first
    /// [`Run::next_event`] or [`Run::wait`].
    ///
    /// If a package has changed since the plan, nothing is sent.
    ///
    /// # Errors
    ///
    /// [`InvalidRequest`](crate::ErrorKind::InvalidRequest) without a workspace;
    /// [`Plan`](crate::ErrorKind::Plan) if the plan has another destination, or another choice of whether jobs start
    /// than the options. Another address is accepted if the caller confirms that it leads to the same service (see
    /// [`Release::Plan`]).
    pub fn rollout(&self, kind: impl Into<Release>, options: Options) -> Result<Run, Error> {
        let destination = self.destination()?;
        let spec = match kind.into() {
            Release::Packages(packages) => RunSpec::new(destination, packages, options),
            Release::Plan { plan, same_service } => {
                let other = other_address(&plan.destination, &destination, same_service);
                other.map_err(|_| PlanMismatch::Destination)?;
                if plan.start.is_some() && plan.start != options.start() {
                    return Err(PlanMismatch::Start.into());
                }
                let ids = plan.packages.iter().map(|planned| planned.id);
                let packages = Selection::new(ids).map_err(PlanMismatch::Packages)?;
                let hash = crate::plan::hash(&plan);
                RunSpec::new(destination, packages, options).with_plan(*plan, hash)
            }
        };
        Ok(Run::new(self.clone(), self.clock(), spec))
    }

    /// Watches packages without sending anything. Their current status counts as their outcome.
    ///
    /// Of the options only [`grace`](Options::grace) and [`poll_interval`](Options::poll_interval) are used.
    #[must_use]
    pub fn watch(&self, packages: impl Into<Selection>, options: Options) -> Run {
        let workspace = self.scope.workspace().cloned();
        let destination = self.in_workspace(workspace.unwrap_or_else(WorkspaceId::service_default));
        let mut options = options;
        options.deploy = None;
        let spec = RunSpec::new(destination, packages.into(), options);
        Run::new(self.clone(), self.clock(), spec)
    }

    /// Continues a run where its record ends. Nothing is sent twice: packages in doubt are observed first.
    ///
    /// # Errors
    ///
    /// There is no such run, another process writes it, its record cannot be read, is of another version or older than
    /// [known](Resume::must_contain), or the run has another destination. Another address is accepted if the caller
    /// [confirms](Resume::same_service) that it leads to the same service.
    pub async fn resume(
        &self,
        store: &dyn RunStore,
        run: &RunId,
        resume: Resume,
    ) -> Result<Run, StoreError> {
        let taken = resume.take_over(store, run).await?;
        let elsewhere = || StoreError::OtherDestination(run.clone());
        let here = self.destination().map_err(|_| elsewhere())?;
        let there = &taken.1.spec().destination;
        let other = other_address(there, &here, resume.same_service).map_err(|_| elsewhere())?;
        let resumed = resume.event(&taken.1, other);
        Ok(Run::taken_over(self.clone(), self.clock(), taken, resumed).await)
    }

    fn destination(&self) -> Result<Destination, Error> {
        let workspace = self.scope.workspace();
        Ok(self.in_workspace(workspace.ok_or(InvalidRequest::MissingWorkspace)?.clone()))
    }

    fn in_workspace(&self, workspace: WorkspaceId) -> Destination {
        Destination::new(self.endpoints.v2.to_string(), self.scope.project().clone(), workspace)
    }

    fn clock(&self) -> SystemClock {
        SystemClock::new(self.transport.clone())
    }

    /// One package and its tasks.
    ///
    /// # Errors
    ///
    /// A missing package is a [`service`](Error::service) error with the code `DLF.0810` or `DLF.20810`. An answer
    /// that names no package or another one, for example from a cache, is
    /// [`Undecodable`](crate::ErrorKind::Undecodable).
    pub async fn package(&self, id: PackageId) -> Result<PackageDetail, Error> {
        self.package_within(id, Duration::MAX).await
    }

    async fn package_within(
        &self,
        id: PackageId,
        within: Duration,
    ) -> Result<PackageDetail, Error> {
        let detail = self.call_within(&ShowPackage::new(id), within).await?;
        match detail.package.id {
            Some(named) if named == id => Ok(detail),
            named => {
                // Later answers on the same connection may be mixed up, too.
                self.transport.retire_connections();
                Err(Error::other_package(named))
            }
        }
    }

    /// Withdraws packages before they are released (wire: `unpack`), with one request, which is never repeated.
    ///
    /// # Errors
    ///
    /// [`Error::delivery`] says whether the service may have received the request.
    pub async fn revoke(&self, ids: PackageIds) -> Result<Revoked, Error> {
        self.call(&Revoke::new(ids)).await
    }

    /// A background task (wire: `system-tasks`). Whether it accepts the task id of a deploy is not documented.
    ///
    /// # Errors
    ///
    /// A missing task is a [`service`](Error::service) error with the code `DLF.0810` or `DLF.20810`.
    pub async fn system_task(&self, id: SystemTaskId) -> Result<SystemTask, Error> {
        self.call(&ShowSystemTask::new(id)).await
    }

    /// Performs any operation of the model, or one of your own. Reads are retried according to the transport's
    /// settings, writes never. Answers of more than 256 KiB are decoded on a thread for blocking work.
    ///
    /// # Errors
    ///
    /// See [`ErrorKind`](crate::ErrorKind).
    pub async fn call<O>(&self, operation: &O) -> Result<O::Answer, Error>
    where
        O: Operation + 'static,
        O::Answer: Send,
    {
        self.call_within(operation, Duration::MAX).await
    }

    async fn call_within<O>(&self, operation: &O, within: Duration) -> Result<O::Answer, Error>
    where
        O: Operation + 'static,
        O::Answer: Send,
    {
        let request = self.request(operation)?;
        let retry = match O::EFFECT {
            Effect::Read => Retry::Allowed,
            Effect::Write => Retry::Never,
        };
        let answer = self.transport.call_within(request, retry, within).await?;
        decode::<O>(answer).await
    }

    /// The transport, for calls that this client has no method for.
    #[must_use]
    pub fn transport(&self) -> &Transport {
        &self.transport
    }

    fn request<O: Operation>(&self, operation: &O) -> Result<http::Request<Vec<u8>>, Error> {
        let (mut parts, body) = operation.encode(&self.scope)?.into_parts();
        let path = parts.uri.path_and_query().cloned().ok_or(InvalidRequest::NotHttp)?;
        parts.uri = self.endpoints.of(O::HOST).at(path).map_err(|_| InvalidRequest::NotHttp)?;
        Ok(http::Request::from_parts(parts, body))
    }
}

/// What to release.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Release {
    /// These packages in their current state.
    Packages(Selection),
    /// A plan, if its packages have not changed since.
    Plan {
        /// The plan.
        plan: Box<Plan>,
        /// Whether the caller confirms that the client's address leads to the service that the plan was made with,
        /// if the address is another one. The run records both addresses.
        same_service: bool,
    },
}

impl From<Selection> for Release {
    fn from(packages: Selection) -> Self {
        Self::Packages(packages)
    }
}

impl From<PackageIds> for Release {
    fn from(packages: PackageIds) -> Self {
        Self::Packages(packages.into())
    }
}

impl From<PackageId> for Release {
    fn from(package: PackageId) -> Self {
        Self::Packages(package.into())
    }
}

impl From<Plan> for Release {
    fn from(plan: Plan) -> Self {
        Self::Plan { plan: Box::new(plan), same_service: false }
    }
}

/// Settings of a [`Client`].
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct ClientBuilder {
    transport: TransportBuilder,
    endpoints: Option<Result<Endpoints, InvalidEndpoint>>,
    project: Option<ProjectId>,
    workspace: Option<WorkspaceId>,
}

impl ClientBuilder {
    /// The region, `cn-north-4` for example, from which both addresses are derived as
    /// [`Endpoints::of_region`] says. It is not compared with any list.
    pub fn region(self, region: &str) -> Self {
        Self { endpoints: Some(Endpoints::of_region(region)), ..self }
    }

    /// The addresses of the service.
    pub fn endpoints(self, endpoints: Endpoints) -> Self {
        Self { endpoints: Some(Ok(endpoints)), ..self }
    }

    /// One address for everything, for example of a proxy.
    pub fn endpoint(self, endpoint: Endpoint) -> Self {
        self.endpoints(Endpoints::single(endpoint))
    }

    /// The project (wire: `project_id` in the path, and the header `X-Project-Id`).
    pub fn project_id(self, project: ProjectId) -> Self {
        Self { project: Some(project), ..self }
    }

    /// The workspace (wire: the header `workspace`). Without one, reads use the workspace `default`, and writes fail
    /// before they are sent.
    pub fn workspace(self, workspace: WorkspaceId) -> Self {
        Self { workspace: Some(workspace), ..self }
    }

    /// A pair of keys, a token, or a provider of them.
    pub fn credentials(self, credentials: impl ProvideCredentials + 'static) -> Self {
        self.configure(|transport| transport.credentials(credentials))
    }

    /// All other settings of the transport: limits, rate, attempts, trust roots.
    pub fn configure(self, with: impl FnOnce(TransportBuilder) -> TransportBuilder) -> Self {
        Self { transport: with(self.transport), ..self }
    }

    /// The client. Nothing is sent, and no certificate store is read yet.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setup`](crate::ErrorKind::Setup) if the project or the endpoints are missing, or if the region cannot
    /// be part of a host name; otherwise the transport's errors about its settings.
    pub fn build(self) -> Result<Client, Error> {
        let project = self.project.ok_or_else(|| Error::setup("no project id was given"))?;
        let missing = || Error::setup("neither a region nor an endpoint was given");
        let endpoints = self.endpoints.ok_or_else(missing)??;
        let transport = self.transport.project_id(project.as_str()).build()?;
        let scope = Scope::new(project);
        let scope = match self.workspace {
            Some(workspace) => scope.with_workspace(workspace),
            None => scope,
        };
        Ok(Client { transport, endpoints, scope })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_without_valid_addresses_is_not_built() {
        let builder = Client::builder().project_id("project-23".parse().unwrap());
        for (builder, expected) in [
            (builder.clone(), "neither a region nor an endpoint was given"),
            (
                builder.region("cn/north"),
                "invalid address `cn/north`: a region is made of a-z, 0-9 and -",
            ),
        ] {
            let error = builder.build().unwrap_err();
            assert_eq!((error.kind(), &*error.to_string()), (crate::ErrorKind::Setup, expected));
        }
    }
}
