//! Operations and the times in them, and what cannot be encoded.

use proptest::prelude::*;
use proptest::sample::select;
use proptest::{array, option};

use super::ids::{package_id, package_ids, system_task_id};
use super::text;
use crate::deploy::{Deploy, DeployOptions, JobStart, PublishType};
use crate::generate::Generate as _;
use crate::list::{ListPackages, SortDirection};
use crate::revoke::Revoke;
use crate::show::ShowPackage;
use crate::status::Status;
use crate::system_task::ShowSystemTask;
use crate::time::Timestamp;

const MAX: u32 = i32::MAX.unsigned_abs();

/// Milliseconds that are not a [`Timestamp`]: at or before the epoch, or after the year 9999.
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
    let direction = select(vec![SortDirection::Ascending, SortDirection::Descending]);
    let texts = array::uniform4(Option::<String>::generate());
    let times = array::uniform4(option::of(thirteen_digits));
    let filters = (Vec::<String>::generate(), Option::<Vec<Status>>::generate());
    let page = (option::of(direction), option::of(1..=MAX), option::of(0..=MAX));
    (texts, times, filters, page).prop_map(|(texts, times, (names, statuses), page)| {
        let [name_part, order_column, applicant, deployer] = texts;
        let [applied_since, applied_until, deployed_since, deployed_until] = times;
        let (direction, limit, offset) = page;
        // A single name must be in the set of names, if there is one.
        let applicants =
            applicant.iter().map(|name| [&names[..], std::slice::from_ref(name)].concat()).next();
        let deployers = deployer.is_none().then_some(names);
        ListPackages {
            name_part,
            order_column,
            applicant,
            applicants,
            deployer,
            deployers,
            applied_since,
            applied_until,
            deployed_since,
            deployed_until,
            statuses,
            direction,
            limit,
            offset,
        }
    })
}

/// A list that breaks one rule: a limit, an offset or a time out of its range, or a user name that the
/// set of names lacks.
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
