//! Background tasks of releases, as the operation "show system task" reports them.

use dls_model::{Status, Subtask, SystemTask, SystemTaskStatus, Timestamp};

use crate::package::Package;
use crate::release::Release;

/// Background tasks are numbered from 1 in the last half of their ids.
const TASK_PREFIX: &str = "ff8080818c81c8ab";

pub(crate) fn task_id(number: usize) -> String {
    format!("{TASK_PREFIX}{:016x}", number.saturating_add(1))
}

pub(crate) fn task_number(id: &str) -> Option<usize> {
    let digits = id.strip_prefix(TASK_PREFIX)?;
    let number = usize::from_str_radix(digits, 16).ok()?.checked_sub(1)?;
    (task_id(number) == id).then_some(number)
}

pub(crate) fn report(id: &str, package: &Package, release: &Release, now: Timestamp) -> SystemTask {
    let status = task_status(release.status(now));
    let mut task = SystemTask::default();
    task.id = Some(id.to_owned());
    task.name = Some(format!("Release the package {}.", package.name));
    if status == SystemTaskStatus::Failed {
        task.message = Some(format!("The release of {} failed.", package.name));
    }
    task.started_at = Some(release.accepted_at);
    task.ended_at = release.ends_at().filter(|end| *end <= now);
    task.updated_at = Some(release.last_change(now));
    let rows = package.tasks.iter().enumerate();
    task.subtasks = rows
        .map(|(index, row)| {
            // No status is documented for a subtask that waits, or that never runs.
            let own = match release.task_status(index, now) {
                Status::ToBeReviewed => status.clone(),
                other => task_status(other),
            };
            let mut subtask = Subtask::default();
            subtask.id = Some(format!("{id}-{index}"));
            subtask.name = Some(format!("Release {}.", row.name));
            subtask.status = Some(own);
            subtask.updated_at = match release.end_of(index).filter(|end| *end <= now) {
                Some(end) => Some(end.min(release.last_change(now))),
                None => Some(release.accepted_at),
            };
            subtask.task_id = Some(id.to_owned());
            subtask
        })
        .collect();
    task.status = Some(status);
    task
}

fn task_status(status: Status) -> SystemTaskStatus {
    match status {
        Status::Successful => SystemTaskStatus::Successful,
        Status::Failed => SystemTaskStatus::Failed,
        _ => SystemTaskStatus::Running,
    }
}
