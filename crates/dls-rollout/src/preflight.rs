//! What may be sent: each package that waits, held against the plan, its status and the caller's
//! consents.

use std::collections::HashMap;

use dls_model::{PackageDetail, PackageId, Status};

use crate::entry::{Entry, differs, failed, succeeded};
use crate::event::RunSpec;
use crate::guard::{Guard, holds};
use crate::options::IfReleased;
use crate::outcome::{NotSent, PackageOutcome};
use crate::plan::{deletions, drift, overlaps};

/// What is to be done with a package that waits.
pub(crate) enum Preflight {
    Send,
    /// Its release is under way already.
    Watch,
    Ends(PackageOutcome),
    /// It stands in the way of the whole run.
    Against(NotSent),
}

/// The preflight of one package, by the last look at it.
pub(crate) fn preflight(entry: &Entry, spec: &RunSpec) -> Preflight {
    let options = &spec.options;
    let Some(now) = &entry.latest else {
        return match holds(Guard::BaselineFirst) {
            true => Preflight::Against(NotSent::WrongStatus(None)),
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
    let planned = spec.plan.as_ref().and_then(|plan| plan.package(entry.id));
    let presumed_ours = planned.is_some_and(|planned| differs(planned, now));
    match now.package.status {
        Some(Status::ToBeReviewed) => consented(now, planned, spec),
        Some(Status::Successful | Status::BeingReleased) if !holds(Guard::ReleasedIsNotSent) => {
            Preflight::Send
        }
        Some(Status::BeingReleased) => Preflight::Watch,
        // It was not released when the request of ours was written.
        Some(Status::Successful) if entry.sent => Preflight::Ends(succeeded(now)),
        Some(Status::Successful) if options.if_released == IfReleased::Ok || presumed_ours => {
            Preflight::Ends(already_released(now))
        }
        Some(Status::Successful) => Preflight::Against(released_before(now)),
        Some(Status::Failed) if options.redeploy_failed => consented(now, planned, spec),
        Some(Status::Failed) if planned.is_some_and(|planned| has_failed_since(planned, now)) => {
            Preflight::Ends(failed(now))
        }
        Some(Status::Failed) => Preflight::Against(NotSent::LastReleaseFailed),
        status => Preflight::Against(NotSent::WrongStatus(status)),
    }
}

fn consented(now: &PackageDetail, planned: Option<&PackageDetail>, spec: &RunSpec) -> Preflight {
    let planned = planned.filter(|_| holds(Guard::DriftIsNotSent));
    if let Some(kind) = planned.and_then(|planned| drift(planned, now)) {
        return Preflight::Against(NotSent::Drifted(kind));
    }
    let deleted: Vec<String> =
        deletions(now).map(|task| task.name.clone().unwrap_or_default()).collect();
    if !deleted.is_empty() && !spec.options.allow_delete {
        return Preflight::Against(NotSent::Deletes(deleted));
    }
    Preflight::Send
}

/// Of the packages that are to be sent, those that touch what another one of them touches.
pub(crate) fn overlapping<'a>(
    entries: impl Iterator<Item = &'a Entry>,
) -> HashMap<PackageId, NotSent> {
    let seen = entries.filter_map(|entry| Some((entry.id, entry.latest.as_ref()?)));
    let mut against = HashMap::new();
    for overlap in overlaps(seen) {
        for id in &overlap.packages {
            let others = overlap.packages.iter().filter(|other| *other != id);
            let why =
                NotSent::Overlaps { name: overlap.name.clone(), with: others.copied().collect() };
            against.entry(*id).or_insert(why);
        }
    }
    against
}

/// A failure of what had never been released by then, or one with a later time. Any other may be the
/// one before, which is shown again while the status lags.
fn has_failed_since(planned: &PackageDetail, now: &PackageDetail) -> bool {
    let (was, is) = (&planned.package, &now.package);
    was.status == Some(Status::ToBeReviewed)
        || was.deployed_at.zip(is.deployed_at).is_some_and(|(was, is)| was < is)
        || !holds(Guard::PlannedFailureIsOld)
}

fn already_released(detail: &PackageDetail) -> PackageOutcome {
    let package = &detail.package;
    PackageOutcome::AlreadyReleased {
        by: package.deployer.as_ref().and_then(|user| user.name.clone()),
        at: package.deployed_at,
    }
}

fn released_before(detail: &PackageDetail) -> NotSent {
    let deployer = detail.package.deployer.as_ref();
    NotSent::ReleasedBefore {
        by: deployer.and_then(|user| user.name.clone()),
        at: detail.package.deployed_at,
    }
}
