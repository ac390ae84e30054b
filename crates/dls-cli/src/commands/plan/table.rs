//! A plan for people.

use dls::model::Timestamp;

use crate::json::{ObjectRow, OverlapRow, PackageRow, PlanDocument, TaskRow};
use crate::text::{ago, count, shown};

pub(super) fn of(plan: &PlanDocument, now: Timestamp) -> String {
    let widest = |texts: &mut dyn Iterator<Item = &Option<String>>| {
        let widths = texts.map(|it| shown(it.as_deref().unwrap_or_default()).chars().count());
        widths.max().unwrap_or(0)
    };
    let tasks = || plan.packages.iter().flat_map(PackageRow::task_rows);
    let kind = widest(&mut tasks().map(|task| &task.kind));
    let name = widest(&mut tasks().map(|task| &task.name));
    let mut lines = Vec::new();
    for package in &plan.packages {
        lines.push(package_line(package, now));
        for task in package.task_rows() {
            let line = format!(
                "  {} {:kind$}  {:name$}  {}{}",
                sign(task),
                text(&task.kind),
                text(&task.name),
                versions(task),
                also_in(package, task, plan)
            );
            lines.push(line.trim_end().to_owned());
        }
    }
    lines.push(start_line(plan));
    lines.push(summary(plan));
    lines.extend(consents(plan));
    lines.join("\n")
}

fn package_line(package: &PackageRow, now: Timestamp) -> String {
    let mut parts =
        vec![format!("Package {}", text(&package.id)), text(&package.name), status(package, now)];
    if let Some(applicant) = &package.applied_by {
        let when = package.applied_at_ms.and_then(Timestamp::from_millis);
        let when = when.map(|at| format!(" {}", ago(at, now)));
        let when = when.unwrap_or_default();
        parts.push(format!("applied by {}{when}", shown(applicant)));
    }
    let reviewers: Vec<String> = package.reviewers.iter().map(text).collect();
    if !reviewers.is_empty() {
        parts.push(format!("reviewers: {}", reviewers.join(", ")));
    }
    parts.join("  ")
}

/// The status and, where somebody was there before us, who, since when, and what a release would do.
fn status(package: &PackageRow, now: Timestamp) -> String {
    let status = package.status.as_deref().unwrap_or("no status");
    let consequence = match status {
        "successful" => "nothing to do",
        "being-released" => "it would be watched, not sent",
        "failed" => "sent only with --redeploy-failed",
        _ => return status.to_owned(),
    };
    let by = package.released_by.as_deref();
    let by = by.map(|by| format!(" by {}", shown(by))).unwrap_or_default();
    let at = package.released_at_ms.and_then(Timestamp::from_millis);
    let at = at.map(|at| format!(" {}", ago(at, now))).unwrap_or_default();
    format!("{status}{by}{at} ({consequence})")
}

pub(super) fn sign(task: &TaskRow) -> &'static str {
    match task.change.as_deref() {
        Some("add") => "+",
        Some("modify") => "~",
        Some("delete") => "-",
        _ => "?",
    }
}

pub(super) fn versions(task: &TaskRow) -> String {
    let version = |version: Option<i64>| version.map(|version| format!("v{version}"));
    let before = version(task.deployed_version);
    let after = match task.change.as_deref() {
        Some("delete") => Some("(deleted in production)".to_owned()),
        _ => version(task.pending_version),
    };
    match (before, after) {
        (Some(before), Some(after)) => format!("{before} → {after}"),
        (None, Some(after)) => after,
        (Some(before), None) => format!("{before} → ?"),
        (None, None) => String::new(),
    }
}

/// The other packages to be released that touch the same object, with the version that each brings.
fn also_in(package: &PackageRow, task: &TaskRow, plan: &PlanDocument) -> String {
    let Some(id) = &package.id else {
        return String::new();
    };
    let is_about_it = |overlap: &&OverlapRow| {
        let object = (&overlap.kind, Some(&overlap.name));
        object == (&task.kind, task.name.as_ref()) && overlap.packages.contains(id)
    };
    let overlaps = plan.overlaps.iter().filter(is_about_it);
    let others = overlaps.flat_map(|overlap| &overlap.packages).filter(|other| *other != id);
    let others: Vec<String> = others
        .map(|other| {
            let version = pending_version(plan, other, task);
            let version = version.map(|version| format!(" (v{version})"));
            format!("{other}{}", version.unwrap_or_default())
        })
        .collect();
    match others.is_empty() {
        true => String::new(),
        false => format!("      ! also in package {}: order matters", others.join(", ")),
    }
}

/// The version of the task's object that this package brings.
fn pending_version(plan: &PlanDocument, package: &str, task: &TaskRow) -> Option<i64> {
    let mut packages = plan.packages.iter();
    let package = packages.find(|it| it.id.as_deref() == Some(package))?;
    let mut tasks = package.task_rows().iter();
    let same = tasks.find(|it| (&it.kind, &it.name) == (&task.kind, &task.name))?;
    same.pending_version
}

pub(super) fn start_line(plan: &PlanDocument) -> String {
    let jobs: Vec<String> = plan.jobs_that_start.iter().map(|it| text(&it.name)).collect();
    let jobs = match jobs.is_empty() {
        true => "none".to_owned(),
        false => jobs.join(", "),
    };
    match plan.start {
        "start" => format!("Jobs that will start: {jobs}."),
        "no-start" => "Jobs will not be started.".to_owned(),
        _ => format!(
            "Start after release: not chosen (the service's default is START: {jobs}). Choose \
             --start or --no-start."
        ),
    }
}

pub(super) fn summary(plan: &PlanDocument) -> String {
    let summary = &plan.summary;
    let kinds = [
        (summary.add, "add"),
        (summary.modify, "modify"),
        (summary.delete, "delete"),
        (summary.other, "other"),
    ];
    let kinds = kinds.iter().filter(|(number, _)| *number > 0);
    let kinds: Vec<String> = kinds.map(|(number, kind)| format!("{number} {kind}")).collect();
    let tasks = count(summary.tasks, "task");
    let tasks = match kinds.is_empty() {
        true => tasks,
        false => format!("{tasks}: {}", kinds.join(", ")),
    };
    let overlaps = match summary.overlaps {
        0 => String::new(),
        overlaps => format!(" {}.", count(overlaps, "overlap")),
    };
    let idle = match plan.packages.len().saturating_sub(summary.packages) {
        0 => String::new(),
        idle => format!(" Nothing to do for {}.", count(idle, "package")),
    };
    let packages = count(summary.packages, "package");
    format!("{packages}, {tasks}.{overlaps}{idle}")
}

/// What `deploy` will want to be told.
pub(super) fn consents(plan: &PlanDocument) -> Vec<String> {
    let mut consents = Vec::new();
    if !plan.deletions.is_empty() {
        let deleted: Vec<String> = plan.deletions.iter().map(object).collect();
        consents.push(format!(
            "Deletes in production: {}. deploy needs --allow-delete.",
            deleted.join(", ")
        ));
    }
    if !plan.overlaps.is_empty() {
        consents
            .push("Packages overlap. deploy needs --in-order to send them one by one.".to_owned());
    }
    let failed = plan.packages.iter();
    let failed = failed.filter(|it| it.status.as_deref() == Some("failed"));
    let failed: Vec<String> = failed.map(|it| text(&it.id)).collect();
    if !failed.is_empty() {
        consents.push(format!(
            "Failed when last released: package {}. deploy needs --redeploy-failed.",
            failed.join(", ")
        ));
    }
    consents
}

fn object(object: &ObjectRow) -> String {
    format!("{} {} (package {})", text(&object.kind), text(&object.name), object.package)
}

pub(super) fn text(text: &Option<String>) -> String {
    shown(text.as_deref().unwrap_or_default())
}
