//! What is to be deployed: packages that were named, or a plan that was made and reviewed before.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use dls::rollout::Plan;
use dls::{JobStart, Release, Selection};

use crate::args;
use crate::config::{PartialDestination, Settings};
use crate::failure::Failure;
use crate::ids;
use crate::text;

/// Room for many thousand packages; whatever is longer is no plan.
const LONGEST: u64 = 256 * 1024 * 1024;

pub(super) struct DeployInput {
    pub(super) packages: Selection,
    plan: Option<Box<Plan>>,
}

impl DeployInput {
    pub(super) fn of(args: &args::Deploy) -> Result<Self, Failure> {
        let Some(path) = &args.plan else {
            return Ok(Self { packages: ids::selection(&args.ids)?, plan: None });
        };
        let plan = read(path)?;
        let packages = Selection::new(plan.packages.iter().map(|planned| planned.id));
        let packages = packages.map_err(|error| no_plan(path, &error.to_string()))?;
        Ok(Self { packages, plan: Some(Box::new(plan)) })
    }

    pub(super) fn release(&self, same_service: bool) -> Release {
        match self.plan.clone() {
            Some(plan) => Release::Plan { plan, same_service },
            None => self.packages.clone().into(),
        }
    }

    /// Whether jobs start: by flag, or by the plan. Leaving it out means nothing.
    pub(super) fn start(&self, flag: Option<JobStart>) -> Result<JobStart, Failure> {
        match (self.plan.as_ref().and_then(|plan| plan.start), flag) {
            (Some(planned), Some(flag)) if planned != flag => {
                let (planned, flag) = (text::start(Some(planned)), text::start(Some(flag)));
                Err(Failure::refused(format!(
                    "the plan was made with --{planned}, not with --{flag}"
                ))
                .with_next(format!("omit --{flag}, or make another plan")))
            }
            (Some(start), _) | (None, Some(start)) => Ok(start),
            (None, None) => Err(Failure::usage(
                "whether jobs start is not chosen (the service's default is to start them)",
            )
            .with_next("add --start or --no-start")),
        }
    }

    /// The same id is another package elsewhere.
    pub(super) fn refuse_elsewhere(
        &self,
        here: &Settings<'_>,
        same_service: bool,
    ) -> Result<(), Failure> {
        let Some(plan) = &self.plan else { return Ok(()) };
        let here = PartialDestination {
            endpoints: Some(here.endpoints.clone()),
            project: Some(here.project.clone()),
            workspace: here.workspace.clone(),
        };
        here.refuse_other(
            "the plan",
            &plan.destination,
            same_service,
            "use the endpoint, project and workspace of the plan, or make another plan",
        )
    }
}

fn read(path: &Path) -> Result<Plan, Failure> {
    let mut bytes = Vec::new();
    let file = File::open(path);
    let read = file.and_then(|file| file.take(LONGEST + 1).read_to_end(&mut bytes));
    read.map_err(|error| Failure::usage(format!("--plan {}: {error}", path.display())))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > LONGEST) {
        return Err(no_plan(path, "it is too long for a plan"));
    }
    let text = String::from_utf8(bytes).map_err(|error| no_plan(path, &error.to_string()))?;
    dls::plan::from_json(&text).map_err(|error| no_plan(path, &error.to_string()))
}

fn no_plan(path: &Path, why: &str) -> Failure {
    let path = path.display();
    Failure::refused(format!("--plan {path}: {why}"))
        .with_next("make it with `dls plan ID… --out FILE`")
}
