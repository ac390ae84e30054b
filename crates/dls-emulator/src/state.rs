//! The state of the emulated project: workspaces, users, packages, and the releases that were accepted.

use std::collections::BTreeMap;
use std::time::Duration;

use dls_model::{PackageId, ProjectId, Timestamp, User, WorkspaceId};

use crate::ledger::LedgerRelease;
use crate::package::Package;
use crate::release::{Cause, Release};
use crate::seed::{self, PastOutcome, Role, Seed};

/// The first id of packages that are added to a seed.
const FIRST_EXTRA: u64 = 1001;

pub(crate) struct State {
    pub(crate) project: ProjectId,
    workspaces: Vec<WorkspaceId>,
    users: Vec<seed::User>,
    pub(crate) packages: BTreeMap<PackageId, Package>,
    /// The releases that the emulator accepted, without those of the seed: the package, and the index among its releases.
    accepted: Vec<(PackageId, usize)>,
}

impl State {
    pub(crate) fn new(seed: Seed, extra_packages: u32) -> Self {
        fn rows<T>(rows: Vec<toml::Spanned<T>>) -> impl Iterator<Item = T> {
            rows.into_iter().map(toml::Spanned::into_inner)
        }
        let mut state = Self {
            project: seed.project,
            workspaces: rows(seed.workspaces).map(|row| row.id).collect(),
            users: rows(seed.users).collect(),
            packages: BTreeMap::new(),
            accepted: Vec::new(),
        };
        for row in rows(seed.packages) {
            state.add(row);
        }
        let free: Vec<PackageId> = (FIRST_EXTRA..)
            .map_while(|id| PackageId::try_from(id).ok())
            .filter(|id| !state.packages.contains_key(id))
            .take(usize::try_from(extra_packages).unwrap_or(usize::MAX))
            .collect();
        for id in free {
            state.add(extra_package(id, &state.users));
        }
        state
    }

    fn add(&mut self, row: seed::Package) {
        // The seed was checked: a package is in one of its workspaces. Only those that are added may not be.
        let workspace = self.workspace(row.workspace()).or(self.workspaces.first());
        let Some(workspace) = workspace.cloned() else {
            return;
        };
        let releases = row.release.iter();
        let releases = releases.map(|past| past_release(past, &row.tasks, self.user(&past.by)));
        let package = Package {
            id: row.id,
            workspace,
            name: row.name,
            applicant: self.user(&row.applicant),
            applied_at: row.applied_at.0,
            reviewers: row.reviewers.iter().map(|name| self.user(name)).collect(),
            releases: releases.collect(),
            tasks: row.tasks,
            revoked_at: None,
        };
        self.packages.insert(row.id, package);
    }

    pub(crate) fn workspace(&self, id: &str) -> Option<&WorkspaceId> {
        self.workspaces.iter().find(|known| known.as_str() == id)
    }

    pub(crate) fn role(&self, user: &str) -> Option<Role> {
        self.known_user(user).map(|user| user.role)
    }

    /// The user of an external action: the first admin, or the first user.
    pub(crate) fn external_user(&self) -> User {
        let admin = self.users.iter().find(|user| user.role == Role::Admin);
        reported(admin.or(self.users.first()))
    }

    pub(crate) fn user(&self, name: &str) -> User {
        reported(self.known_user(name))
    }

    fn known_user(&self, name: &str) -> Option<&seed::User> {
        self.users.iter().find(|user| user.name == name)
    }

    /// The package of this id in this workspace.
    pub(crate) fn package(&self, workspace: &WorkspaceId, id: PackageId) -> Option<&Package> {
        let package = self.packages.get(&id);
        package.filter(|package| package.workspace == *workspace)
    }

    /// Accepts a release of this package, whose tasks decide how it ends, and returns the number of its background task.
    pub(crate) fn release(&mut self, id: PackageId, release: &Release) -> usize {
        let number = self.accepted.len();
        if let Some(package) = self.packages.get_mut(&id) {
            self.accepted.push((id, package.releases.len()));
            package.releases.push(Release {
                tasks: package.tasks.len(),
                fails_at: package.tasks.iter().position(|task| task.fails),
                ..release.clone()
            });
        }
        number
    }

    /// The number of the background task of the package's last release here.
    pub(crate) fn last_task(&self, id: PackageId) -> Option<usize> {
        self.accepted.iter().rposition(|(package, _)| *package == id)
    }

    pub(crate) fn revoke(&mut self, id: PackageId, at: Timestamp) {
        if let Some(package) = self.packages.get_mut(&id) {
            package.revoked_at = Some(at);
        }
    }

    /// The package and the release that a background task is about.
    pub(crate) fn task(&self, number: usize) -> Option<(&Package, &Release)> {
        let (id, release) = self.accepted.get(number)?;
        let package = self.packages.get(id)?;
        Some((package, package.releases.get(*release)?))
    }

    fn accepted(&self) -> impl Iterator<Item = (&Package, &Release, &Cause)> {
        (0..self.accepted.len()).filter_map(|number| {
            let (package, release) = self.task(number)?;
            Some((package, release, release.cause.as_ref()?))
        })
    }

    /// The packages that a request released.
    pub(crate) fn released_by(&self, request_id: &str) -> Vec<String> {
        let accepted = self.accepted();
        let of_it = accepted.filter(|(.., it)| it.request_id.as_deref() == Some(request_id));
        of_it.map(|(package, ..)| package.id.to_string()).collect()
    }

    /// The packages that the seed has in status 5, which never ends.
    pub(crate) fn running_before(&self) -> Vec<String> {
        let running = self.packages.values().filter(|package| {
            let first = package.releases.first();
            first.is_some_and(|first| first.cause.is_none() && first.ends_at().is_none())
        });
        running.map(|package| package.id.to_string()).collect()
    }

    /// All releases that the emulator accepted, as of now.
    pub(crate) fn ledger_releases(&self, now: Timestamp) -> Vec<LedgerRelease> {
        let rows = self.accepted().map(|(package, release, cause)| {
            let finished_at = release.ends_at().filter(|end| *end <= now);
            LedgerRelease {
                package_id: package.id.to_string(),
                accepted_at: release.accepted_at.to_string(),
                accepted_ms: release.accepted_at.as_millis(),
                by: cause.by,
                request_id: cause.request_id.clone(),
                user: release.by.name.clone().unwrap_or_default(),
                copy_of: cause.copy_of.clone(),
                outcome: finished_at.map(|_| match release.fails_at {
                    Some(_) => "failed",
                    None => "succeeded",
                }),
                finished_at: finished_at.map(|end| end.to_string()),
                finished_ms: finished_at.map(Timestamp::as_millis),
            }
        });
        rows.collect()
    }
}

/// A user as list and show report it.
fn reported(user: Option<&seed::User>) -> User {
    user.map(|user| User::new(&user.id, &user.name)).unwrap_or_default()
}

fn past_release(past: &seed::PastRelease, tasks: &[seed::Task], by: User) -> Release {
    let first_bad = tasks.iter().position(|task| task.fails);
    let last = tasks.len().saturating_sub(1);
    Release {
        accepted_at: past.at.0,
        by,
        starts_jobs: true,
        length: match past.outcome {
            PastOutcome::Running => Duration::MAX,
            PastOutcome::Failed | PastOutcome::Successful => Duration::ZERO,
        },
        tasks: tasks.len(),
        fails_at: (past.outcome == PastOutcome::Failed).then(|| first_bad.unwrap_or(last)),
        cause: None,
    }
}

/// A package to be reviewed whose objects are in no other package.
fn extra_package(id: PackageId, users: &[seed::User]) -> seed::Package {
    let number = id.as_u64();
    let after = i64::try_from(number % 1_000_000).unwrap_or_default();
    let first = users.first().map(|user| user.name.clone()).unwrap_or_default();
    let task = |place: u64, kind, name: &str| seed::Task {
        id: number.saturating_mul(10).saturating_add(place),
        kind,
        name: format!("extra_{number}_{name}"),
        change: seed::Change::Modify,
        object_id: Some(format!("9{number}{place}")),
        pending_version: Some(2),
        deployed_version: Some(1),
        submitted_at: None,
        fails: false,
        start_fails: false,
    };
    // From 2025-07-01T00:00:00Z on, one a second.
    let applied_at = Timestamp::from_millis(1_751_328_000_000 + after * 1000);
    seed::Package {
        id,
        workspace: None,
        name: format!("extra_{number}"),
        applicant: first.clone(),
        applied_at: seed::UtcTime(applied_at.unwrap_or(Timestamp::MAX)),
        reviewers: vec![first],
        release: None,
        tasks: vec![task(0, seed::Kind::Job, "job"), task(1, seed::Kind::Script, "script")],
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;

    #[test]
    fn no_two_packages_touch_the_same_object_except_61_and_62_and_only_51_deletes() {
        let state = State::new(Seed::built_in(), 50);
        let mut owners: HashMap<_, Vec<u64>> = HashMap::new();
        let mut names: HashMap<_, HashSet<_>> = HashMap::new();
        for package in state.packages.values() {
            let id = package.id.as_u64();
            assert!(!package.tasks.is_empty(), "{id}");
            for task in &package.tasks {
                owners.entry((task.kind as u8, &task.name)).or_default().push(id);
                if let Some(object) = &task.object_id {
                    names.entry(object).or_default().insert(&task.name);
                }
            }
            let deletes = package.tasks.iter().any(|task| task.change == seed::Change::Delete);
            assert_eq!(deletes, id == 51, "{id}");
        }
        assert!(owners.len() > 130);
        let shared = owners.values().filter(|owners| owners.len() > 1);
        assert_eq!(shared.collect::<Vec<_>>(), [&[61, 62]]);
        assert!(names.values().all(|names| names.len() == 1), "an object has one name");
    }
}
