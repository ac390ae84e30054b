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

fn of_region(region: &Setting) -> Result<Endpoints, Failure> {
    Endpoints::of_region(&region.text).map_err(|error| {
        let origin = region.origin;
        Failure::usage(format!("region (from {origin}): {error}"))
    })
}
