//! What a release would change, and whether that is still so.

use std::collections::BTreeMap;

use dls_model::{
    Change, JobStart, PackageDetail, PackageId, ProjectId, Task, TaskKind, Timestamp, WorkspaceId,
};
use serde::{Deserialize, Serialize};

/// Where packages are released. The same id means another package elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Destination {
    /// The address of the service.
    pub endpoint: String,
    /// The project.
    pub project: ProjectId,
    /// The workspace.
    pub workspace: WorkspaceId,
}

impl Destination {
    /// The destination at this address.
    pub fn new(endpoint: impl Into<String>, project: ProjectId, workspace: WorkspaceId) -> Self {
        Self { endpoint: endpoint.into(), project, workspace }
    }
}

/// What releasing these packages would do, as the service described them at one time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Plan {
    /// Where the packages are released.
    #[serde(rename = "place")]
    pub destination: Destination,
    /// When it was made, by the local clock.
    pub made_at: Timestamp,
    /// Whether the jobs will be started; `None` if that was not chosen yet.
    #[serde(with = "start_word")]
    pub start: Option<JobStart>,
    /// The packages, in the order in which they will be sent.
    pub packages: Vec<PlannedPackage>,
}

/// A package as a plan saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PlannedPackage {
    /// The package.
    pub id: PackageId,
    /// What the service said of it. In serde's form it is as the service writes it.
    pub seen: PackageDetail,
}

impl PlannedPackage {
    /// What the service said of this package.
    #[must_use]
    pub fn new(id: PackageId, seen: PackageDetail) -> Self {
        Self { id, seen }
    }
}

/// Packages that change the same object, so that their order matters.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Overlap {
    /// The kind of the object.
    pub kind: Option<TaskKind>,
    /// Its name.
    pub name: String,
    /// The packages, in the order of the plan.
    pub packages: Vec<PackageId>,
}

/// What an approval of a plan covers: the destination, the packages with their names and tasks, and whether jobs start.
/// Not status, times and deployed versions, which change with each release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Identity<'a> {
    #[serde(rename = "place")]
    destination: &'a Destination,
    #[serde(with = "start_word")]
    start: Option<JobStart>,
    packages: Vec<(PackageId, Option<&'a str>, Vec<TaskIdentity<'a>>)>,
}

/// Kind and name of a task's object, and what happens to it.
type TaskIdentity<'a> = (Option<TaskKind>, Option<&'a str>, Option<Change>, Option<i64>);

impl Plan {
    /// A plan of these packages.
    #[must_use]
    pub fn new(
        destination: Destination,
        made_at: Timestamp,
        start: Option<JobStart>,
        packages: Vec<PlannedPackage>,
    ) -> Self {
        Self { destination, made_at, start, packages }
    }

    /// What a hash of the plan is computed over: the same for the same packages, tasks and choices, whatever their
    /// status.
    #[must_use]
    pub fn identity(&self) -> Identity<'_> {
        let packages = self.packages.iter().map(|planned| {
            let name = planned.seen.package.name.as_deref();
            (planned.id, name, task_identities(&planned.seen))
        });
        Identity { destination: &self.destination, start: self.start, packages: packages.collect() }
    }

    /// The package of this id as it was planned.
    #[must_use]
    pub fn package(&self, id: PackageId) -> Option<&PackageDetail> {
        let mut packages = self.packages.iter();
        packages.find(|planned| planned.id == id).map(|planned| &planned.seen)
    }

    /// The objects that more than one package changes, whether the packages are still to be released or not.
    #[must_use]
    pub fn overlaps(&self) -> Vec<Overlap> {
        overlaps(self.packages.iter().map(|it| (it.id, &it.seen)))
    }
}

/// The objects that more than one of these packages changes.
pub(crate) fn overlaps<'a>(
    packages: impl Iterator<Item = (PackageId, &'a PackageDetail)>,
) -> Vec<Overlap> {
    let mut touched: BTreeMap<(Option<TaskKind>, &str), Vec<PackageId>> = BTreeMap::new();
    for (id, detail) in packages {
        for task in &detail.tasks {
            let Some(name) = task.name.as_deref() else { continue };
            let by = touched.entry((task.kind, name)).or_default();
            if !by.contains(&id) {
                by.push(id);
            }
        }
    }
    let shared = touched.into_iter().filter(|(_, packages)| packages.len() > 1);
    shared
        .map(|((kind, name), packages)| Overlap { kind, name: name.to_owned(), packages })
        .collect()
}

/// The tasks of a package that remove something from production.
pub fn deletions(detail: &PackageDetail) -> impl Iterator<Item = &Task> {
    let tasks = detail.tasks.iter();
    tasks.filter(|task| task.change == Some(Change::Delete))
}

/// What has changed in a package since the plan, in one line; `None` if nothing that a plan covers has.
pub(crate) fn drift(planned: &PackageDetail, now: &PackageDetail) -> Option<String> {
    let (was, is) = (&planned.package.name, &now.package.name);
    if was != is {
        let text = |name: &Option<String>| name.clone().unwrap_or_else(|| "nothing".to_owned());
        return Some(format!("it is now named {} (plan: {})", text(is), text(was)));
    }
    let (old, new) = (task_identities(planned), task_identities(now));
    if old == new {
        return None;
    }
    let same_object = |a: &TaskIdentity<'_>, b: &TaskIdentity<'_>| (a.0, a.1) == (b.0, b.1);
    let came = new.iter().find(|task| !old.contains(task));
    let went = old.iter().find(|task| !new.contains(task));
    Some(match (came, went) {
        (Some(came), _) => match old.iter().find(|task| same_object(task, came)) {
            Some(was) => format!("{} is now {} (plan: {})", object(came), step(came), step(was)),
            None => format!("{} ({}) was added since the plan", object(came), step(came)),
        },
        (None, Some(went)) => {
            format!("{} ({}) was removed since the plan", object(went), step(went))
        }
        (None, None) => "the number of its tasks has changed since the plan".to_owned(),
    })
}

fn task_identities(detail: &PackageDetail) -> Vec<TaskIdentity<'_>> {
    let tasks = detail.tasks.iter();
    let mut tasks: Vec<_> =
        tasks.map(|it| (it.kind, it.name.as_deref(), it.change, it.pending_version)).collect();
    tasks.sort_unstable();
    tasks
}

fn object(task: &TaskIdentity<'_>) -> String {
    let kind = task.0.map_or_else(String::new, |kind| format!(" {kind}"));
    format!("task{kind} {}", task.1.unwrap_or("without a name"))
}

fn step(task: &TaskIdentity<'_>) -> String {
    let change = task.2.map(|change| change.to_string());
    let version = task.3.map(|version| format!("v{version}"));
    change.into_iter().chain(version).collect::<Vec<_>>().join(" ")
}

/// `start`, `no-start` or `not-chosen`.
mod start_word {
    use dls_model::JobStart;
    use serde::de::{self, Deserializer};
    use serde::{Deserialize as _, Serializer};

    pub(super) fn serialize<S: Serializer>(
        start: &Option<JobStart>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match start {
            Some(JobStart::Immediately) => "start",
            Some(JobStart::Later) => "no-start",
            None => "not-chosen",
        })
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<JobStart>, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "start" => Ok(Some(JobStart::Immediately)),
            "no-start" => Ok(Some(JobStart::Later)),
            "not-chosen" => Ok(None),
            _ => Err(de::Error::custom("it must be start, no-start or not-chosen")),
        }
    }
}
