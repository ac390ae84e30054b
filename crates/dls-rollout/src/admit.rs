//! What may be sent: each package that waits, held against the plan, its status and the caller's
//! consents.

use std::collections::HashMap;

use dls_model::{PackageDetail, PackageId, Status};

use crate::entry::{Entry, differs, failed, succeeded};
use crate::event::Began;
use crate::guard::{Guard, holds};
use crate::options::IfReleased;
use crate::plan::{deletions, drift, overlaps};
use crate::verdict::{NotSent, Verdict};

/// What is to be done with a package that waits.
pub(crate) enum Standing {
    Send,
    /// Its release is under way already.
    Watch,
    Ends(Verdict),
    /// It stands in the way of the whole run.
    Against(NotSent),
}

/// The standing of one package, by the last look at it.
pub(crate) fn standing(entry: &Entry, began: &Began) -> Standing {
    let options = &began.options;
    let Some(now) = &entry.latest else {
        return match holds(Guard::BaselineFirst) {
            true => Standing::Against(NotSent::WrongStatus(None)),
            false => Standing::Send,
        };
    };
    if options.start.is_none() {
        return match now.package.status {
            Some(Status::Successful) => Standing::Ends(already_released(now)),
            Some(Status::Failed) => Standing::Ends(failed(now)),
            _ => Standing::Watch,
        };
    }
    let planned = began.plan.as_ref().and_then(|plan| plan.package(entry.id));
    let presumed_ours = planned.is_some_and(|planned| differs(planned, now));
    match now.package.status {
        Some(Status::ToBeReviewed) => consented(now, planned, began),
        Some(Status::Successful | Status::BeingReleased) if !holds(Guard::ReleasedIsNotSent) => {
            Standing::Send
        }
        Some(Status::BeingReleased) => Standing::Watch,
        // It was not released when the request of ours was written.
        Some(Status::Successful) if entry.sent => Standing::Ends(succeeded(now)),
        Some(Status::Successful) if options.if_released == IfReleased::Ok || presumed_ours => {
            Standing::Ends(already_released(now))
        }
        Some(Status::Successful) => Standing::Against(released_before(now)),
        Some(Status::Failed) if options.again => consented(now, planned, began),
        Some(Status::Failed) if planned.is_some_and(|planned| has_failed_since(planned, now)) => {
            Standing::Ends(failed(now))
        }
        Some(Status::Failed) => Standing::Against(NotSent::LastReleaseFailed),
        status => Standing::Against(NotSent::WrongStatus(status)),
    }
}

fn consented(now: &PackageDetail, planned: Option<&PackageDetail>, began: &Began) -> Standing {
    let planned = planned.filter(|_| holds(Guard::DriftIsNotSent));
    if let Some(what) = planned.and_then(|planned| drift(planned, now)) {
        return Standing::Against(NotSent::Drifted(what));
    }
    let deleted: Vec<String> =
        deletions(now).map(|task| task.name.clone().unwrap_or_default()).collect();
    if !deleted.is_empty() && !began.options.allow_delete {
        return Standing::Against(NotSent::Deletes(deleted));
    }
    Standing::Send
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

fn already_released(detail: &PackageDetail) -> Verdict {
    let package = &detail.package;
    Verdict::AlreadyReleased {
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
