//! A plan for people.

use dls::PackageId;
use dls::model::{Change, JobStart, Status, Task, Timestamp};
use dls::rollout::PlannedPackage;

use super::review::Review;
use crate::json::{display, user_name};
use crate::text::{ago, count, ids, shown};

pub(super) fn of(review: &Review<'_>) -> String {
    let plan = review.plan;
    let tasks = || plan.packages.iter().flat_map(|it| &it.seen.tasks);
    let widest = |text: fn(&Task) -> String| {
        tasks().map(|task| text(task).chars().count()).max().unwrap_or(0)
    };
    let (kinds, names) = (widest(kind), widest(name));
    let mut lines = Vec::new();
    for package in &plan.packages {
        lines.push(package_line(package, plan.made_at));
        for task in &package.seen.tasks {
            let line = format!(
                "  {} {:kinds$}  {:names$}  {}{}",
                sign(task),
                kind(task),
                name(task),
                versions(task),
                also_in(package.id, task, review)
            );
            lines.push(line.trim_end().to_owned());
        }
    }
    lines.push(start_line(review));
    lines.push(summary(review));
    lines.extend(consents(review));
    lines.join("\n")
}

fn package_line(planned: &PlannedPackage, now: Timestamp) -> String {
    let package = &planned.seen.package;
    let mut parts = vec![
        format!("Package {}", planned.id),
        text(package.name.as_deref()),
        status(planned, now),
    ];
    if let Some(applicant) = user_name(package.applicant.as_ref()) {
        let when = package.applied_at.map(|at| format!(" {}", ago(at, now))).unwrap_or_default();
        parts.push(format!("applied by {}{when}", shown(applicant)));
    }
    let reviewers = package.reviewers.iter().map(|user| text(user.name.as_deref()));
    let reviewers: Vec<String> = reviewers.collect();
    if !reviewers.is_empty() {
        parts.push(format!("reviewers: {}", reviewers.join(", ")));
    }
    parts.join("  ")
}

/// The status and, if it is not to be reviewed any more, who changed it, since when, and what a release would do.
fn status(planned: &PlannedPackage, now: Timestamp) -> String {
    let package = &planned.seen.package;
    let Some(status) = package.status else { return "no status".to_owned() };
    let consequence = match status {
        Status::Successful => "nothing to do",
        Status::BeingReleased => "it would be watched, not sent",
        Status::Failed => "sent only with --redeploy-failed",
        _ => return status.to_string(),
    };
    let by = user_name(package.deployer.as_ref())
        .map(|by| format!(" by {}", shown(by)))
        .unwrap_or_default();
    let at = package.deployed_at.map(|at| format!(" {}", ago(at, now))).unwrap_or_default();
    format!("{status}{by}{at} ({consequence})")
}

pub(super) fn sign(task: &Task) -> &'static str {
    match task.change {
        Some(Change::Add) => "+",
        Some(Change::Modify) => "~",
        Some(Change::Delete) => "-",
        _ => "?",
    }
}

pub(super) fn versions(task: &Task) -> String {
    let version = |version: Option<i64>| version.map(|version| format!("v{version}"));
    let before = version(task.deployed_version);
    let after = match task.change {
        Some(Change::Delete) => Some("(deleted in production)".to_owned()),
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
fn also_in(package: PackageId, task: &Task, review: &Review<'_>) -> String {
    let overlap = review.overlaps.iter().find(|overlap| {
        overlap.packages.contains(&package)
            && (overlap.kind, Some(&overlap.name)) == (task.kind, task.name.as_ref())
    });
    let others = overlap.map(|overlap| overlap.packages.as_slice()).unwrap_or_default();
    let others = others.iter().filter(|other| **other != package).map(|other| {
        let seen = review.plan.package(*other);
        let mut tasks = seen.into_iter().flat_map(|seen| &seen.tasks);
        let same = tasks.find(|it| (it.kind, &it.name) == (task.kind, &task.name));
        match same.and_then(|task| task.pending_version) {
            Some(version) => format!("{other} (v{version})"),
            None => other.to_string(),
        }
    });
    let others: Vec<String> = others.collect();
    match others.is_empty() {
        true => String::new(),
        false => format!("      ! also in package {}: order matters", others.join(", ")),
    }
}

pub(super) fn start_line(review: &Review<'_>) -> String {
    let jobs: Vec<String> = review.jobs_that_start.iter().map(|(_, task)| name(task)).collect();
    let jobs = match jobs.is_empty() {
        true => "none".to_owned(),
        false => jobs.join(", "),
    };
    match review.plan.start {
        Some(JobStart::Immediately) => format!("Jobs that will start: {jobs}."),
        Some(JobStart::Later) => "Jobs will not be started.".to_owned(),
        None => format!(
            "Start after release: not chosen (the service's default is START: {jobs}). Choose \
             --start or --no-start."
        ),
    }
}

pub(super) fn summary(review: &Review<'_>) -> String {
    let counts = &review.counts;
    let kinds = [
        (counts.add, "add"),
        (counts.modify, "modify"),
        (counts.delete, "delete"),
        (counts.other, "other"),
    ];
    let kinds = kinds.iter().filter(|(number, _)| *number > 0);
    let kinds: Vec<String> = kinds.map(|(number, kind)| format!("{number} {kind}")).collect();
    let mut summary =
        format!("{}, {}", count(counts.packages, "package"), count(counts.tasks, "task"));
    if !kinds.is_empty() {
        summary.push_str(&format!(": {}", kinds.join(", ")));
    }
    summary.push('.');
    if counts.overlaps > 0 {
        summary.push_str(&format!(" {}.", count(counts.overlaps, "overlap")));
    }
    let idle = review.plan.packages.len().saturating_sub(counts.packages);
    if idle > 0 {
        summary.push_str(&format!(" Nothing to do for {}.", count(idle, "package")));
    }
    summary
}

/// The flags that `deploy` will need.
pub(super) fn consents(review: &Review<'_>) -> Vec<String> {
    let mut consents = Vec::new();
    if !review.deletions.is_empty() {
        let deleted = review
            .deletions
            .iter()
            .map(|(package, task)| format!("{} {} (package {package})", kind(task), name(task)));
        let deleted = deleted.collect::<Vec<_>>().join(", ");
        consents.push(format!("Deletes in production: {deleted}. deploy needs --allow-delete."));
    }
    if !review.overlaps.is_empty() {
        consents
            .push("Packages overlap. deploy needs --in-order to send them one by one.".to_owned());
    }
    let failed = review.plan.packages.iter();
    let failed = failed.filter(|it| it.seen.package.status == Some(Status::Failed));
    let failed = ids(failed.map(|it| it.id)).replace(' ', ", ");
    if !failed.is_empty() {
        consents.push(format!(
            "Failed when last released: package {failed}. deploy needs --redeploy-failed."
        ));
    }
    consents
}

pub(super) fn kind(task: &Task) -> String {
    display(task.kind).unwrap_or_default()
}

pub(super) fn name(task: &Task) -> String {
    text(task.name.as_deref())
}

pub(super) fn text(text: Option<&str>) -> String {
    shown(text.unwrap_or_default())
}
