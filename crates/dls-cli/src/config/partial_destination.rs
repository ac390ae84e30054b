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
        Self::of(global, |variables| variables)
    }

    /// What flags alone name.
    pub(crate) fn from_flags(global: &Global) -> Result<Self, Failure> {
        Self::of(global, |_| &[])
    }

    fn of(
        global: &Global,
        variables: impl Fn(&'static [&'static str]) -> &'static [&'static str],
    ) -> Result<Self, Failure> {
        let project = setting(
            global.project_id.as_deref(),
            "--project-id",
            variables(&["DLS_PROJECT_ID", "HUAWEICLOUD_SDK_PROJECT_ID"]),
        )?;
        let workspace =
            setting(global.workspace.as_deref(), "--workspace", variables(&["DLS_WORKSPACE"]))?;
        // A flag for one of the two wins over the other's variable.
        let endpoint = match (&global.endpoint, &global.region) {
            (None, Some(_)) => None,
            (flag, _) => setting(flag.as_deref(), "--endpoint", variables(&["DLS_ENDPOINT"]))?,
        };
        let region = setting(global.region.as_deref(), "--region", variables(&["DLS_REGION"]))?;
        Ok(Self {
            endpoints: match (endpoint, region) {
                (Some(endpoint), _) => Some(Endpoints::single(endpoint.parse("endpoint")?)),
                (None, Some(region)) => Some(of_region(&region)?),
                (None, None) => None,
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
        let elsewhere = Self {
            endpoints: None,
            project: self.project.clone(),
            workspace: self.workspace.clone(),
        };
        let other_workspace = elsewhere.contradiction(destination);
        let other = match same_service {
            true => other_workspace.clone(),
            false => self.contradiction(destination),
        };
        let Some(how) = other else { return Ok(()) };
        let failure = Failure::refused(format!("{whose} is for another destination: {how}"));
        let failure = failure.with_next(next);
        Err(match other_workspace {
            Some(_) => failure,
            None => {
                failure.with_next("or, if both addresses lead to the same service: --same-service")
            }
        })
    }

    /// How a destination differs from this one, in one line.
    pub(crate) fn contradiction(&self, destination: &Destination) -> Option<String> {
        let endpoint = self.endpoints.as_ref().map(|it| it.v2().to_string());
        let endpoint = endpoint.filter(|it| !Endpoint::is_same_address(it, &destination.endpoint));
        let parts = [
            ("endpoint", endpoint.as_deref(), destination.endpoint.as_str()),
            ("project", self.project.as_ref().map(ProjectId::as_str), destination.project.as_str()),
            (
                "workspace",
                self.workspace.as_ref().map(WorkspaceId::as_str),
                destination.workspace.as_str(),
            ),
        ];
        parts.into_iter().find_map(|(what, here, there)| {
            let here = here.filter(|here| *here != there)?;
            Some(format!("its {what} is {there}, not {here}"))
        })
    }
}

fn of_region(region: &Setting) -> Result<Endpoints, Failure> {
    Endpoints::of_region(&region.text).map_err(|error| {
        let origin = region.origin;
        Failure::usage(format!("region (from {origin}): {error}"))
    })
}
