//! Operations and the times in them, and what cannot be encoded.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::{array, option};

use super::answers::status;
use super::ids::{package_id, package_ids, system_task_id};
use super::{maybe_text, text, texts};
use crate::deploy::{Deploy, DeployOptions, JobStart, PublishType};
use crate::list::{ListPackages, SortDirection};
use crate::revoke::Revoke;
use crate::show::ShowPackage;
use crate::system_task::ShowSystemTask;
use crate::time::Timestamp;

const MAX: u32 = i32::MAX.unsigned_abs();

/// Milliseconds that are no [`Timestamp`]: at or before the epoch, or after the year 9999.
pub fn invalid_timestamp() -> impl Strategy<Value = i64> {
    prop_oneof![i64::MIN..=0, Timestamp::MAX.as_millis() + 1..=i64::MAX, -1..=0_i64]
}

/// Either choice.
pub fn job_start() -> impl Strategy<Value = JobStart> {
    prop_oneof![Just(JobStart::Later), Just(JobStart::Immediately)]
}

/// A release, with and without a publish type.
pub fn deploy() -> impl Strategy<Value = Deploy> {
    let publish_type = option::of(Just(PublishType::Asynchronous));
    (package_ids(), job_start(), publish_type).prop_map(|(packages, start, publish_type)| {
        let mut options = DeployOptions::from(start);
        options.publish_type = publish_type;
        Deploy::new(packages, options)
    })
}

/// A request for a package.
pub fn show_package() -> impl Strategy<Value = ShowPackage> {
    package_id().prop_map(ShowPackage::new)
}

/// Packages to be taken back.
pub fn revoke() -> impl Strategy<Value = Revoke> {
    package_ids().prop_map(Revoke::new)
}

/// A request for a background task.
pub fn show_system_task() -> impl Strategy<Value = ShowSystemTask> {
    system_task_id().prop_map(ShowSystemTask::new)
}

/// A list with any filters that break no rule.
pub fn list_packages() -> impl Strategy<Value = ListPackages> {
    let thirteen_digits = (1_000_000_000_000..=9_999_999_999_999_i64)
        .prop_filter_map("a time", Timestamp::from_millis);
    let names = (maybe_text(), maybe_text(), maybe_text(), maybe_text());
    let times = array::uniform4(option::of(thirteen_digits));
    let statuses = option::of(vec(status(), 0..5));
    let direction = option::of(any::<bool>());
    let page = (option::of(1..=MAX), option::of(0..=MAX));
    (names, texts(), times, statuses, direction, page)
        .prop_map(|(names, others, times, statuses, direction, page)| {
            let list = with_names(ListPackages::new(), names, others);
            let list = with_times(list, times);
            let list = statuses.into_iter().fold(list, ListPackages::with_statuses);
            let list = direction.into_iter().fold(list, |list, ascending| {
                list.with_direction(match ascending {
                    true => SortDirection::Ascending,
                    false => SortDirection::Descending,
                })
            });
            let list = page.0.into_iter().fold(list, ListPackages::with_limit);
            page.1.into_iter().fold(list, ListPackages::with_offset)
        })
        .boxed()
}

type Names = (Option<String>, Option<String>, Option<String>, Option<String>);

/// Names by themselves and in sets: whoever is asked for alone stands in the set, too.
fn with_names(list: ListPackages, names: Names, others: Vec<String>) -> ListPackages {
    let (applicant, deployer, part, column) = names;
    let list = match applicant {
        Some(name) => list.with_applicant(&name).with_applicants(others.iter().chain([&name])),
        None => list,
    };
    let list = match deployer {
        Some(name) => list.with_deployer(name),
        None => list.with_deployers(others),
    };
    let list = part.into_iter().fold(list, ListPackages::with_name_part);
    column.into_iter().fold(list, ListPackages::with_order_column)
}

fn with_times(list: ListPackages, times: [Option<Timestamp>; 4]) -> ListPackages {
    let bounds = [
        ListPackages::with_applied_since,
        ListPackages::with_applied_until,
        ListPackages::with_deployed_since,
        ListPackages::with_deployed_until,
    ];
    let rows = times.into_iter().zip(bounds);
    rows.fold(list, |list, (time, with)| time.into_iter().fold(list, with))
}

/// A list that breaks one rule: a limit, an offset or a time out of its range, or somebody who is asked for and
/// does not stand in the set.
pub fn invalid_list_packages() -> impl Strategy<Value = ListPackages> {
    let limit = prop_oneof![Just(0), MAX + 1..=u32::MAX];
    let time =
        prop_oneof![1..1_000_000_000_000_i64, 10_000_000_000_000..=Timestamp::MAX.as_millis()]
            .prop_filter_map("a time", Timestamp::from_millis);
    prop_oneof![
        (list_packages(), limit).prop_map(|(list, limit)| list.with_limit(limit)),
        (list_packages(), MAX + 1..=u32::MAX).prop_map(|(list, offset)| list.with_offset(offset)),
        (list_packages(), time.clone()).prop_map(|(list, time)| list.with_applied_until(time)),
        (list_packages(), time).prop_map(|(list, time)| list.with_deployed_since(time)),
        (list_packages(), text()).prop_map(|(list, name)| {
            let other = format!("{name} and another");
            list.with_applicant(name).with_applicants([other])
        }),
        (list_packages(), text()).prop_map(|(list, name)| {
            let nobody: [String; 0] = [];
            list.with_deployer(name).with_deployers(nobody)
        }),
    ]
}
