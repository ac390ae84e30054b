//! Which packages an open run keeps away from others.

use dls_model::PackageId;
use dls_rollout::RunSpec;

use super::{StoreError, StoredRun};

/// Refuses a new run if an open one claims a package of it.
pub(super) fn refuse_conflict(spec: &RunSpec, other: &StoredRun) -> Result<(), StoreError> {
    if !is_same_workspace(spec, &other.spec) {
        return Ok(());
    }
    let open = other.report.packages.iter().filter(|it| it.is_open());
    let open = open.map(|package| package.id);
    let packages: Vec<PackageId> = open.filter(|it| spec.packages.contains(*it)).collect();
    if packages.is_empty() {
        return Ok(());
    }
    let endpoint = &other.spec.destination.endpoint;
    Err(StoreError::Conflict {
        run: other.id.clone(),
        packages,
        same_plan: spec.plan_hash.is_some() && spec.plan_hash == other.spec.plan_hash,
        other_endpoint: (*endpoint != spec.destination.endpoint).then(|| endpoint.clone()),
    })
}

/// Whether another run, of which only the beginning can be read, may touch a package of a new one.
pub(super) fn may_touch(spec: &RunSpec, other: &RunSpec) -> bool {
    let mut packages = other.packages.iter();
    is_same_workspace(spec, other) && packages.any(|it| spec.packages.contains(*it))
}

/// The address is not compared: one service has many, and only project and workspace make an id another
/// package.
fn is_same_workspace(a: &RunSpec, b: &RunSpec) -> bool {
    (&a.destination.project, &a.destination.workspace)
        == (&b.destination.project, &b.destination.workspace)
}
