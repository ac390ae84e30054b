//! What several test files share: a place, a way to decode a text, and strategies for all values.
#![allow(dead_code, reason = "each test file uses a part of it")]

use dls_model::*;
use http::{HeaderMap, StatusCode};
use proptest::prelude::*;

/// The documents' own example of a project id.
pub const PROJECT: &str = "b384b9e9ab9b4ee8994c8633aabc9505";

pub fn scope() -> Scope {
    Scope::new(PROJECT.parse().unwrap()).with_workspace("default".parse().unwrap())
}

pub fn id(number: u64) -> PackageId {
    number.try_into().unwrap()
}

pub fn ids(numbers: impl IntoIterator<Item = u64>) -> PackageIds {
    PackageIds::new(numbers.into_iter().map(id)).unwrap()
}

pub fn decode<O: Operation>(status: u16, body: impl AsRef<[u8]>) -> Result<O::Answer, AnswerError> {
    O::decode(
        StatusCode::from_u16(status).unwrap(),
        &HeaderMap::new(),
        body.as_ref(),
    )
}

/// The error of a `deploy` that was answered so.
pub fn service_error(status: u16, body: impl AsRef<[u8]>) -> ServiceError {
    match decode::<Deploy>(status, body) {
        Err(AnswerError::Service(error)) => error,
        other => panic!("no service error: {other:?}"),
    }
}

/// No regression files: what breaks a law becomes a test with a name.
pub fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

pub fn package_id() -> impl Strategy<Value = PackageId> {
    prop_oneof![1..=200_u64, 1..=PackageId::MAX.as_u64()].prop_map(id)
}

pub fn package_ids() -> impl Strategy<Value = PackageIds> {
    proptest::collection::hash_set(package_id(), 1..=100)
        .prop_map(|ids| PackageIds::new(ids).unwrap())
}

pub fn timestamp() -> impl Strategy<Value = Timestamp> {
    (1..=Timestamp::MAX.as_millis()).prop_map(|millis| Timestamp::from_millis(millis).unwrap())
}

fn thirteen_digits() -> impl Strategy<Value = Timestamp> {
    (1_000_000_000_000..=9_999_999_999_999_i64)
        .prop_map(|millis| Timestamp::from_millis(millis).unwrap())
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[0-9]{1,20}", "[a-z_]{0,12}"]
}

fn code() -> impl Strategy<Value = i64> {
    prop_oneof![-1..=9_i64, any::<i64>()]
}

fn user() -> impl Strategy<Value = Option<User>> {
    prop_oneof![
        Just(None),
        (text(), text(), 0..3).prop_map(|(id, name, known)| {
            let mut user = User::new(id, name);
            match known {
                0 => user.id = None,
                1 => user.name = None,
                _ => {}
            }
            Some(user)
        }),
    ]
}

fn maybe<T: std::fmt::Debug + Clone>(
    some: impl Strategy<Value = T>,
) -> impl Strategy<Value = Option<T>> {
    proptest::option::of(some)
}

pub fn package() -> impl Strategy<Value = Package> {
    let who = (user(), user(), proptest::collection::vec(user(), 0..3));
    let when = (maybe(timestamp()), maybe(timestamp()), maybe(any::<bool>()));
    let what = (
        maybe(package_id()),
        maybe(text()),
        maybe(code()),
        maybe(text()),
        maybe(text()),
    );
    (who, when, what).prop_map(|(who, when, what)| {
        let mut package = Package::default();
        (package.applicant, package.deployer, _) = (who.0, who.1, ());
        package.reviewers = who.2.into_iter().map(Option::unwrap_or_default).collect();
        (package.applied_at, package.deployed_at, package.deleted) = when;
        package.status = what.2.map(Status::from_code);
        (
            package.id,
            package.name,
            _,
            package.workspace_id,
            package.project_ref,
        ) = what;
        package
    })
}

pub fn task() -> impl Strategy<Value = Task> {
    let numbers = (maybe(code()), maybe(code()), maybe(code()), maybe(code()));
    let versions = (maybe(any::<i64>()), maybe(any::<i64>()));
    let texts = (maybe(text()), maybe(text()), maybe(text()), maybe(text()));
    (numbers, versions, texts, maybe(timestamp()), user()).prop_map(
        |(numbers, versions, texts, submitted_at, submitter)| {
            let mut task = Task::default();
            task.kind = numbers.0.map(TaskKind::from_code);
            task.change = numbers.1.map(Change::from_code);
            task.status = numbers.2.map(Status::from_code);
            task.start_status = numbers.3.map(StartStatus::from_code);
            (task.pending_version, task.deployed_version) = versions;
            (task.id, task.name, task.job_id, task.script_id) = texts;
            (task.submitted_at, task.submitter) = (submitted_at, submitter);
            task
        },
    )
}

pub fn deploy_answer() -> impl Strategy<Value = DeployAnswer> {
    let detail = (maybe(package_id()), maybe(text()), maybe(any::<i64>())).prop_map(|parts| {
        let mut detail = DeployDetail::default();
        (detail.package_id, detail.task_id, detail.subtask_count) = parts;
        detail
    });
    maybe(proptest::collection::vec(detail, 0..5)).prop_map(|details| {
        let mut answer = DeployAnswer::default();
        answer.details = details;
        answer
    })
}

pub fn package_page() -> impl Strategy<Value = PackagePage> {
    (
        proptest::collection::vec(package(), 0..5),
        maybe(0..=u64::from(u32::MAX)),
    )
        .prop_map(|(packages, total)| {
            let mut page = PackagePage::default();
            (page.packages, page.total) = (packages, total);
            page
        })
}

/// Always with an id: a package of which nothing is known is no answer.
pub fn package_detail() -> impl Strategy<Value = PackageDetail> {
    (
        package(),
        package_id(),
        proptest::collection::vec(task(), 0..5),
    )
        .prop_map(|(package, id, tasks)| {
            let mut detail = PackageDetail::default();
            (detail.package, detail.tasks) = (package, tasks);
            detail.package.id = Some(id);
            detail
        })
}

fn system_task_status() -> impl Strategy<Value = SystemTaskStatus> {
    prop_oneof!["RUNNING|SUCCESSFUL|FAILED|WARNING", text()]
        .prop_map(|word| SystemTaskStatus::from_word(&word))
}

fn subtask() -> impl Strategy<Value = Subtask> {
    let texts = (maybe(text()), maybe(text()), maybe(text()), maybe(text()));
    let times = (maybe(timestamp()), maybe(timestamp()), maybe(timestamp()));
    (texts, times, maybe(system_task_status())).prop_map(|(texts, times, status)| {
        let mut subtask = Subtask::default();
        (subtask.id, subtask.name, subtask.message, subtask.task_id) = texts;
        (subtask.started_at, subtask.ended_at, subtask.updated_at) = times;
        subtask.status = status;
        subtask
    })
}

/// Always with an id, as [`package_detail`].
pub fn system_task() -> impl Strategy<Value = SystemTask> {
    (
        subtask(),
        text(),
        maybe(text()),
        proptest::collection::vec(subtask(), 0..4),
    )
        .prop_map(|(like, id, project_id, subtasks)| {
            let mut task = SystemTask::default();
            (task.id, task.name, task.message) = (Some(id), like.name, like.message);
            (task.status, task.started_at) = (like.status, like.started_at);
            (task.ended_at, task.updated_at) = (like.ended_at, like.updated_at);
            (task.project_id, task.subtasks) = (project_id, subtasks);
            task
        })
}

pub fn deploy() -> impl Strategy<Value = Deploy> {
    (package_ids(), any::<bool>(), any::<bool>()).prop_map(|(ids, later, asynchronous)| {
        let start = if later {
            JobStart::Later
        } else {
            JobStart::Immediately
        };
        let deploy = Deploy::new(ids, start);
        if asynchronous {
            deploy.with_publish_type(PublishType::Asynchronous)
        } else {
            deploy
        }
    })
}

/// Lists that break no rule.
pub fn list() -> impl Strategy<Value = ListPackages> {
    let texts = (maybe(text()), maybe(text()), maybe(text()), maybe(text()));
    let times = [0; 4]
        .map(|_| maybe(thirteen_digits()).boxed())
        .into_iter()
        .collect::<Vec<_>>();
    let others = proptest::collection::vec(text(), 0..3);
    let statuses = maybe(proptest::collection::vec(
        code().prop_map(Status::from_code),
        0..5,
    ));
    let max = i32::MAX.unsigned_abs();
    let pages = (maybe(any::<bool>()), maybe(1..=max), maybe(0..=max));
    (texts, times, others, statuses, pages).prop_map(|(texts, times, others, statuses, pages)| {
        let mut list = ListPackages::new();
        let set = |name: Option<&String>| others.iter().chain(name).cloned().collect::<Vec<_>>();
        if let Some(applicant) = &texts.0 {
            list = list
                .with_applicant(applicant)
                .with_applicants(set(Some(applicant)));
        }
        if let Some(deployer) = &texts.1 {
            list = list.with_deployer(deployer);
        } else {
            list = list.with_deployers(set(None));
        }
        for (time, with) in times.iter().zip([
            ListPackages::with_applied_since,
            ListPackages::with_applied_until,
            ListPackages::with_deployed_since,
            ListPackages::with_deployed_until,
        ]) {
            list = time.iter().fold(list, |list, time| with(list, *time));
        }
        list = texts.2.iter().fold(list, ListPackages::with_name_part);
        list = texts.3.iter().fold(list, ListPackages::with_order_column);
        list = statuses.into_iter().fold(list, ListPackages::with_statuses);
        list = pages.0.iter().fold(list, |list, ascending| {
            list.with_direction(match ascending {
                true => SortDirection::Ascending,
                false => SortDirection::Descending,
            })
        });
        list = pages.1.into_iter().fold(list, ListPackages::with_limit);
        pages.2.into_iter().fold(list, ListPackages::with_offset)
    })
}
