//! The client: one verb an operation, each of them one line over the model and the transport.

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

use crate::endpoint::{Endpoint, Endpoints};
use crate::error::{Error, PlanMismatch};
use crate::run::{Clock, Resume, Run, SystemClock};
use crate::store::{RunId, RunStore, StoreError};

/// A client of one project, and of one of its workspaces.
///
/// Cheap to clone; clones share connections, the rate limit, and the stop after a 401. It works inside a
/// tokio runtime with I/O and time enabled and panics outside of one, as tokio does.
#[derive(Debug, Clone)]
pub struct Client {
    transport: Transport,
    endpoints: Endpoints,
    scope: Scope,
}

impl Client {
    /// Begins a client. It needs a region or an endpoint, a project and credentials, and for
    /// writes a workspace.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// Releases packages: one request, sent once, never repeated (wire: `deploy`).
    ///
    /// It answers before the work is done. To wait for the end, and to learn what became of each
    /// package even if the answer is lost, use [`rollout`](Self::rollout).
    ///
    /// # Errors
    ///
    /// After an error, [`Error::delivery`] says whether the release can have begun.
    pub async fn deploy(&self, ids: PackageIds, start: JobStart) -> Result<DeployAnswer, Error> {
        self.call(&Deploy::new(ids, start)).await
    }

    /// What releasing these packages would change: one look a package. Nothing is sent.
    ///
    /// # Errors
    ///
    /// [`InvalidRequest`](crate::ErrorKind::InvalidRequest) without a workspace; otherwise those of
    /// the first look that fails, which [names the package](Error::package).
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

    /// Releases packages, or what was planned, and watches them to their end. Nothing is sent before
    /// the first [`Run::next_event`] or [`Run::wait`].
    ///
    /// Packages that are not as they were planned are not sent, nor is anything else then.
    ///
    /// # Errors
    ///
    /// [`InvalidRequest`](crate::ErrorKind::InvalidRequest) without a workspace;
    /// [`Plan`](crate::ErrorKind::Plan) if the plan is of another place, or has the jobs started
    /// otherwise than the options do; of another address, unless the caller vouches that it leads to the same
    /// service (see [`Release::Plan`]).
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

    /// Watches packages without sending anything: a status as it stands is what became of them.
    ///
    /// Of the options only [`grace`](Options::grace) and [`poll_interval`](Options::poll_interval) are used.
    #[must_use]
    pub fn watch(&self, packages: impl Into<Selection>, options: Options) -> Run {
        let workspace = self.scope.workspace().cloned();
        let destination = Destination::new(
            self.endpoints.v2().to_string(),
            self.scope.project().clone(),
            workspace.unwrap_or_else(WorkspaceId::service_default),
        );
        let mut options = options;
        options.deploy = None;
        let spec = RunSpec::new(destination, packages.into(), options);
        Run::new(self.clone(), self.clock(), spec)
    }

    /// Takes a run over where its record ends. Nothing that was sent is sent again: whatever
    /// is in doubt is looked at first.
    ///
    /// # Errors
    ///
    /// There is no such run, another process writes it, its record cannot be read, is of a later
    /// version or older than [what is known of it](Resume::must_contain), or it is of another place; of another
    /// address, unless the caller [vouches](Resume::same_service) that it leads to the same service.
    pub async fn resume(
        &self,
        store: &dyn RunStore,
        run: &RunId,
        resume: Resume,
    ) -> Result<Run, StoreError> {
        let taken = resume.take_over(store, run).await?;
        let elsewhere = || StoreError::OtherDestination { run: run.clone() };
        let here = self.destination().map_err(|_| elsewhere())?;
        let there = &taken.1.spec().destination;
        let other = other_address(there, &here, resume.same_service).map_err(|_| elsewhere())?;
        let resumed = resume.event(&taken.1, other);
        Ok(Run::taken_over(self.clone(), self.clock(), taken, resumed).await)
    }

    fn destination(&self) -> Result<Destination, Error> {
        let workspace = self.scope.workspace();
        let workspace = workspace.ok_or(InvalidRequest::MissingWorkspace)?;
        Ok(Destination::new(
            self.endpoints.v2().to_string(),
            self.scope.project().clone(),
            workspace.clone(),
        ))
    }

    fn clock(&self) -> impl Clock + use<> {
        let transport = self.transport.clone();
        SystemClock::new(move || transport.now())
    }

    /// One package and its tasks.
    ///
    /// # Errors
    ///
    /// A package that is not there is a [`service`](Error::service) error with the code
    /// `DLF.0810` or `DLF.20810`. An answer that names no package or another one, as a cache on the
    /// way may give, is [`Undecodable`](crate::ErrorKind::Undecodable).
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
                // Later answers on the same connection may be as misplaced.
                self.transport.retire_connections();
                Err(Error::other_package(named))
            }
        }
    }

    /// Takes packages back before they are released (wire: `unpack`): one request, never repeated.
    ///
    /// # Errors
    ///
    /// After an error, [`Error::delivery`] says whether it can have been done.
    pub async fn revoke(&self, ids: PackageIds) -> Result<Revoked, Error> {
        self.call(&Revoke::new(ids)).await
    }

    /// A background task (wire: `system-tasks`). Whether the id that a deploy names can be asked
    /// for here is documented nowhere.
    ///
    /// # Errors
    ///
    /// An id of no task is a [`service`](Error::service) error with the code `DLF.0810` or
    /// `DLF.20810`.
    pub async fn system_task(&self, id: SystemTaskId) -> Result<SystemTask, Error> {
        self.call(&ShowSystemTask::new(id)).await
    }

    /// Performs any operation of the model, or one of your own. Reads are repeated as the
    /// transport's settings say, writes never. An answer of more than 256 KiB is decoded on a thread
    /// for blocking work.
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
        let resend = match O::EFFECT {
            Effect::Read => Retry::Allowed,
            Effect::Write => Retry::Never,
        };
        let answer = self.transport.call_within(request, resend, within).await?;
        decode::<O>(answer).await
    }

    /// The transport, for calls that this client has no verb for.
    #[must_use]
    pub fn transport(&self) -> &Transport {
        &self.transport
    }

    /// Where the service is.
    #[must_use]
    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// The project and the workspace.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    fn request<O: Operation>(&self, operation: &O) -> Result<http::Request<Vec<u8>>, Error> {
        let (mut parts, body) = operation.encode(&self.scope)?.into_parts();
        let path = parts.uri.path_and_query().cloned().ok_or(InvalidRequest::NotHttp)?;
        parts.uri = self.endpoints.of(O::HOST).at(path).map_err(|_| InvalidRequest::NotHttp)?;
        Ok(http::Request::from_parts(parts, body))
    }
}

/// What is to be released.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Release {
    /// These packages, as they are.
    Packages(Selection),
    /// What was planned, as long as it is still so.
    Plan {
        /// The plan.
        plan: Box<Plan>,
        /// Whether the caller vouches that the client's address leads to the service that the plan was made with,
        /// should it be another one. The run records both addresses.
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
    region: Option<String>,
    endpoint: Option<Endpoint>,
    v1_endpoint: Option<Endpoint>,
    project: Option<ProjectId>,
    workspace: Option<WorkspaceId>,
}

impl ClientBuilder {
    /// The region, `cn-north-4` for example, from which both addresses are derived as
    /// [`Endpoints::of_region`] says. It is compared with no list.
    pub fn region(self, region: impl Into<String>) -> Self {
        Self { region: Some(region.into()), ..self }
    }

    /// The address for both `/v2/` and `/v1/` paths. It wins over a region.
    pub fn endpoint(self, endpoint: Endpoint) -> Self {
        Self { endpoint: Some(endpoint), ..self }
    }

    /// Another address for the `/v1/` paths (system tasks). It wins over everything else.
    pub fn v1_endpoint(self, endpoint: Endpoint) -> Self {
        Self { v1_endpoint: Some(endpoint), ..self }
    }

    /// The project (wire: `project_id` in the path, and the header `X-Project-Id`).
    pub fn project_id(self, project: ProjectId) -> Self {
        Self { project: Some(project), ..self }
    }

    /// The workspace (wire: the header `workspace`). Without one, reads go to the workspace that
    /// the service calls `default`, and every write is refused before it is sent.
    pub fn workspace(self, workspace: WorkspaceId) -> Self {
        Self { workspace: Some(workspace), ..self }
    }

    /// Who asks: a pair of keys, a token, or a provider that finds them.
    pub fn credentials(self, credentials: impl ProvideCredentials + 'static) -> Self {
        self.configure(|transport| transport.credentials(credentials))
    }

    /// Anything else that the transport can be told: limits, rate, attempts, trust roots.
    pub fn configure(self, with: impl FnOnce(TransportBuilder) -> TransportBuilder) -> Self {
        Self { transport: with(self.transport), ..self }
    }

    /// The client. Nothing is sent, and no certificate store is read yet.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setup`](crate::ErrorKind::Setup) when the project or both region and endpoint
    /// are missing, or when the region cannot be part of a host name; otherwise what the transport
    /// says of its settings.
    pub fn build(self) -> Result<Client, Error> {
        let project = self.project.ok_or_else(|| Error::setup("no project id was given"))?;
        let endpoints = match (self.endpoint, self.region) {
            (Some(endpoint), _) => Endpoints::single(endpoint),
            (None, Some(region)) => Endpoints::of_region(&region)?,
            (None, None) => return Err(Error::setup("neither a region nor an endpoint was given")),
        };
        let endpoints = match self.v1_endpoint {
            Some(endpoint) => endpoints.with_v1(endpoint),
            None => endpoints,
        };
        let transport = self.transport.project_id(project.as_str()).build()?;
        let scope = Scope::new(project);
        let scope = match self.workspace {
            Some(workspace) => scope.with_workspace(workspace),
            None => scope,
        };
        Ok(Client { transport, endpoints, scope })
    }
}
