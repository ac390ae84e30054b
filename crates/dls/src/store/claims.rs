//! Which packages an open run claims.

use dls_model::PackageId;
use dls_rollout::RunSpec;

use super::{StoreError, StoredRun};

/// Fails if an open run claims a package of a new run.
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

/// Whether another run, of which only the first entry is readable, may claim a package of a new one.
pub(super) fn may_touch(spec: &RunSpec, other: &RunSpec) -> bool {
    let mut packages = other.packages.iter();
    is_same_workspace(spec, other) && packages.any(|it| spec.packages.contains(*it))
}

/// Addresses are not compared: one service has several, and project and workspace identify its packages.
fn is_same_workspace(a: &RunSpec, b: &RunSpec) -> bool {
    (&a.destination.project, &a.destination.workspace)
        == (&b.destination.project, &b.destination.workspace)
}
