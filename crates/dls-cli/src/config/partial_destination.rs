//! The destination that flags and environment name, as far as they do.

use dls::rollout::Destination;
use dls::{Endpoint, Endpoints, ProjectId, WorkspaceId};

use super::setting::{Setting, setting};
use crate::args::Global;
use crate::failure::Failure;

/// A destination, or a part of one.
#[derive(Debug, Default)]
pub(crate) struct PartialDestination {
    pub(crate) endpoints: Option<Endpoints>,
    pub(crate) project: Option<ProjectId>,
    pub(crate) workspace: Option<WorkspaceId>,
}

impl PartialDestination {
    /// What flags name, and variables where there is no flag.
    pub(crate) fn from_flags_and_environment(global: &Global) -> Result<Self, Failure> {
        Self::of(global, true)
    }

    /// What flags alone name.
    pub(crate) fn from_flags(global: &Global) -> Result<Self, Failure> {
        Self::of(global, false)
    }

    fn of(global: &Global, with_variables: bool) -> Result<Self, Failure> {
        let find = |flag: &Option<String>, name, variables: &[&'static str]| {
            setting(flag.as_deref(), name, if with_variables { variables } else { &[] })
        };
        let variables = ["DLS_PROJECT_ID", "HUAWEICLOUD_SDK_PROJECT_ID"];
        let project = find(&global.project_id, "--project-id", &variables)?;
        let workspace = find(&global.workspace, "--workspace", &["DLS_WORKSPACE"])?;
        // A flag for one of the two wins over the other's variable.
        let endpoint = match (&global.endpoint, &global.region) {
            (None, Some(_)) => None,
            (flag, _) => find(flag, "--endpoint", &["DLS_ENDPOINT"])?,
        };
        let region = find(&global.region, "--region", &["DLS_REGION"])?;
        let of_region = |region: &Setting| {
            Endpoints::of_region(&region.text).map_err(|error| region.wrong("region", error))
        };
        Ok(Self {
            endpoints: match (endpoint, region) {
                (Some(endpoint), _) => Some(Endpoints::single(endpoint.parse("endpoint")?)),
                (None, region) => region.as_ref().map(of_region).transpose()?,
            },
            project: project.map(|it| it.parse("project id")).transpose()?,
            workspace: workspace.map(|it| it.parse("workspace")).transpose()?,
        })
    }

    /// Refuses a plan or a run of another destination.
    pub(crate) fn refuse_other(
        &self,
        whose: &str,
        destination: &Destination,
        same_service: bool,
        next: &str,
    ) -> Result<(), Failure> {
        let Some((part, how)) = self.difference(destination, same_service) else { return Ok(()) };
        let failure = Failure::refused(format!("{whose} is for another destination: {how}"));
        let failure = failure.with_next(next);
        Err(match part {
            "endpoint" => {
                failure.with_next("or, if both addresses lead to the same service: --same-service")
            }
            _ => failure,
        })
    }

    /// Whether a destination is not this one.
    pub(crate) fn differs(&self, destination: &Destination) -> bool {
        self.difference(destination, false).is_some()
    }

    /// The part in which a destination differs, and how. An address can be confirmed; it comes last.
    fn difference(
        &self,
        destination: &Destination,
        same_service: bool,
    ) -> Option<(&'static str, String)> {
        let endpoint = self.endpoints.as_ref().map(|it| it.v2.to_string());
        let endpoint = endpoint
            .filter(|it| !same_service && !Endpoint::is_same_address(it, &destination.endpoint));
        let (project, workspace) = (self.project.as_ref(), self.workspace.as_ref());
        let parts = [
            ("project", project.map(ProjectId::as_str), destination.project.as_str()),
            ("workspace", workspace.map(WorkspaceId::as_str), destination.workspace.as_str()),
            ("endpoint", endpoint.as_deref(), destination.endpoint.as_str()),
        ];
        parts.into_iter().find_map(|(what, here, there)| {
            let here = here.filter(|here| *here != there)?;
            Some((what, format!("its {what} is {there}, not {here}")))
        })
    }
}
