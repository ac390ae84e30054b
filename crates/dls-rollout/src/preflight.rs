//! Which packages may be sent, by their status, the plan and the caller's options.

use dls_model::{PackageDetail, Status};

use crate::event::RunSpec;
use crate::guard::{Guard, holds};
use crate::options::IfReleased;
use crate::outcome::{NotSent, PackageOutcome};
use crate::package_state::{PackageState, differs, failed, succeeded};
use crate::plan::{deletions, drift};

/// The result of the checks before a package is sent.
pub(crate) enum Preflight {
    Send,
    /// Its release is under way already.
    Watch,
    Ends(PackageOutcome),
    /// It must not be sent, and stops the whole run.
    Blocked(NotSent),
}

/// Checks one package by the last observation of it.
pub(crate) fn preflight(state: &PackageState, spec: &RunSpec) -> Preflight {
    let options = &spec.options;
    let Some(now) = &state.latest else {
        return match holds(Guard::ObservedBeforeSend) {
            true => Preflight::Blocked(NotSent::WrongStatus(None)),
            false => Preflight::Send,
        };
    };
    if options.deploy.is_none() {
        return match now.package.status {
            Some(Status::Successful) => Preflight::Ends(already_released(now)),
            Some(Status::Failed) => Preflight::Ends(failed(now)),
            _ => Preflight::Watch,
        };
    }
    let planned = spec.plan.as_ref().and_then(|plan| plan.package(state.id));
    let presumed_ours = planned.is_some_and(|planned| differs(planned, now));
    match now.package.status {
        Some(Status::ToBeReviewed) => check_tasks(now, planned, spec),
        Some(Status::Successful | Status::BeingReleased) if !holds(Guard::NotReleasedYet) => {
            Preflight::Send
        }
        Some(Status::BeingReleased) => Preflight::Watch,
        // It was not released yet when our request was written.
        Some(Status::Successful) if state.sent => Preflight::Ends(succeeded(now)),
        Some(Status::Successful) if options.if_released == IfReleased::Ok || presumed_ours => {
            Preflight::Ends(already_released(now))
        }
        Some(Status::Successful) => Preflight::Blocked(NotSent::ReleasedBefore {
            by: deployer(now),
            at: now.package.deployed_at,
        }),
        Some(Status::Failed) if options.redeploy_failed => check_tasks(now, planned, spec),
        Some(Status::Failed) if planned.is_some_and(|planned| has_failed_since(planned, now)) => {
            Preflight::Ends(failed(now))
        }
        Some(Status::Failed) => Preflight::Blocked(NotSent::LastReleaseFailed),
        status => Preflight::Blocked(NotSent::WrongStatus(status)),
    }
}

/// Compares its tasks with the plan, and asks for consent to deletions.
fn check_tasks(now: &PackageDetail, planned: Option<&PackageDetail>, spec: &RunSpec) -> Preflight {
    let planned = planned.filter(|_| holds(Guard::UnchangedSincePlan));
    if let Some(kind) = planned.and_then(|planned| drift(planned, now)) {
        return Preflight::Blocked(NotSent::Drifted(kind));
    }
    let deleted: Vec<String> =
        deletions(now).map(|task| task.name.clone().unwrap_or_default()).collect();
    if !deleted.is_empty() && !spec.options.allow_delete {
        return Preflight::Blocked(NotSent::Deletes(deleted));
    }
    Preflight::Send
}

/// Whether the failure is newer than the plan: the package had not been released by then, or the failure has a
/// later time. Any other failure may be the one before the plan, shown by a status that lags.
fn has_failed_since(planned: &PackageDetail, now: &PackageDetail) -> bool {
    let (was, is) = (&planned.package, &now.package);
    was.status == Some(Status::ToBeReviewed)
        || was.deployed_at.zip(is.deployed_at).is_some_and(|(was, is)| was < is)
        || !holds(Guard::FailedSincePlan)
}

fn already_released(detail: &PackageDetail) -> PackageOutcome {
    PackageOutcome::AlreadyReleased { by: deployer(detail), at: detail.package.deployed_at }
}

fn deployer(detail: &PackageDetail) -> Option<String> {
    detail.package.deployer.as_ref().and_then(|user| user.name.clone())
}
