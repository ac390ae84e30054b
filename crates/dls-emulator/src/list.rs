//! List: filters, order and pages.

use dls_model::{Package as Row, PackageId, PackagePage, Timestamp, WorkspaceId};
use serde::Deserialize;

use crate::assumptions::{Assumptions, ListOffset, OverLimit, Permission};
use crate::package::{Package, Snapshot};
use crate::refusal::Refusal;
use crate::state::State;

/// The body of a list request. Every member is optional.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Query {
    key_word: Option<String>,
    apply_user_name: Option<String>,
    deploy_user_name: Option<String>,
    apply_begin_time: Option<i64>,
    apply_end_time: Option<i64>,
    deploy_begin_time: Option<i64>,
    deploy_end_time: Option<i64>,
    apply_user_name_filter: Option<Vec<String>>,
    deploy_user_name_filter: Option<Vec<String>>,
    deploy_status_filter: Option<Vec<i64>>,
    sorted_direction: Option<String>,
    order_column: Option<String>,
    limit: Option<i32>,
    offset: Option<i32>,
}

/// The page of packages that the query asks for.
pub(crate) fn list(
    state: &State,
    snapshot: Snapshot<'_>,
    workspace: &WorkspaceId,
    query: &Query,
) -> Result<PackagePage, Refusal> {
    let (skip, take) = query.check(snapshot.assumptions)?;
    let column = query.column()?;

    let packages = state.packages.values();
    let packages = packages.filter(|package| package.workspace == *workspace);
    let mut found: Vec<(Key<'_>, PackageId, &Package)> = packages
        .filter(|package| package.is_visible(snapshot) && query.matches(package, snapshot))
        .map(|package| (column(package, snapshot), package.id, package))
        .collect();
    found.sort_unstable_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
    if !query.ascending() {
        found.reverse();
    }

    let total = u64::try_from(found.len()).unwrap_or(u64::MAX);
    let page = found.into_iter().skip(skip).take(take);
    let rows = page.map(|(.., package)| package.report(snapshot, &state.project));
    let mut answer = PackagePage::default();
    answer.packages = rows.collect::<Vec<Row>>();
    answer.total = Some(total);
    Ok(answer)
}

/// The sort key of a package: a number or a text.
type Key<'a> = (i64, &'a str);

type Column = for<'a> fn(&'a Package, Snapshot<'_>) -> Key<'a>;

fn millis(time: Option<Timestamp>) -> Key<'static> {
    (time.map_or(0, Timestamp::as_millis), "")
}

fn text(text: Option<&String>) -> Key<'_> {
    (0, text.map_or("", String::as_str))
}

/// The documents do not list the columns; these are the members of a row.
const COLUMNS: [(&str, Column); 7] = [
    ("apply_timestamp", |package, _| millis(Some(package.applied_at))),
    ("apply_user_name", |package, _| text(package.applicant.name.as_ref())),
    ("deploy_status", |package, snapshot| (package.reported_status(snapshot).code(), "")),
    ("deploy_timestamp", |package, snapshot| millis(package.released_at(snapshot))),
    ("deploy_user_name", |package, snapshot| {
        text(package.deployer(snapshot.at).and_then(|user| user.name.as_ref()))
    }),
    ("package_id", |package, _| (i64::try_from(package.id.as_u64()).unwrap_or(i64::MAX), "")),
    ("package_name", |package, _| (0, &package.name)),
];

impl Query {
    /// How many rows to skip and to take.
    fn check(&self, assumptions: &Assumptions) -> Result<(usize, usize), Refusal> {
        const THIRTEEN_DIGITS: std::ops::Range<i64> = 1_000_000_000_000..10_000_000_000_000;
        let times = [
            self.apply_begin_time,
            self.apply_end_time,
            self.deploy_begin_time,
            self.deploy_end_time,
        ];
        let direction = match self.sorted_direction.as_deref() {
            None | Some("desc") => true,
            Some("asc") => assumptions.list_ascending == Permission::Allowed,
            Some(_) => false,
        };
        // Documented: a set of names must contain the single name, too.
        let in_set = |name: &Option<String>, set: &Option<Vec<String>>| {
            let both = name.as_ref().zip(set.as_ref());
            both.is_none_or(|(name, set)| set.contains(name))
        };
        let valid = direction
            && times.iter().flatten().all(|time| THIRTEEN_DIGITS.contains(time))
            && in_set(&self.apply_user_name, &self.apply_user_name_filter)
            && in_set(&self.deploy_user_name, &self.deploy_user_name_filter);
        if !valid {
            return Err(Refusal::INVALID_PARAMETER);
        }

        let invalid = |_| Refusal::INVALID_PARAMETER;
        let offset = usize::try_from(self.offset.unwrap_or(0)).map_err(invalid)?;
        let limit = usize::try_from(self.limit.unwrap_or(10)).map_err(invalid)?;
        let most = assumptions
            .list_max_limit
            .map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX));
        if limit == 0 || limit > most && assumptions.list_over_limit == OverLimit::Refused {
            return Err(Refusal::INVALID_PARAMETER);
        }
        let take = limit.min(most);
        Ok(match assumptions.list_offset {
            ListOffset::Pages => (offset.saturating_mul(take), take),
            ListOffset::Rows => (offset, take),
        })
    }

    fn column(&self) -> Result<Column, Refusal> {
        let wanted = self.order_column.as_deref().unwrap_or("apply_timestamp");
        let column = COLUMNS.iter().find(|(name, _)| *name == wanted);
        column.map(|(_, key)| *key).ok_or(Refusal::INVALID_PARAMETER)
    }

    fn ascending(&self) -> bool {
        self.sorted_direction.as_deref() == Some("asc")
    }

    fn matches(&self, package: &Package, snapshot: Snapshot<'_>) -> bool {
        let deployer = package.deployer(snapshot.at).and_then(|user| user.name.as_deref());
        let status = package.reported_status(snapshot).code();
        let statuses = self.deploy_status_filter.as_deref().unwrap_or_default();
        let applicant = package.applicant.name.as_deref();
        let users = [
            (applicant, &self.apply_user_name, &self.apply_user_name_filter),
            (deployer, &self.deploy_user_name, &self.deploy_user_name_filter),
        ];
        let times = [
            (Some(package.applied_at), self.apply_begin_time, self.apply_end_time),
            (package.released_at(snapshot), self.deploy_begin_time, self.deploy_end_time),
        ];
        self.key_word.as_ref().is_none_or(|part| package.name.contains(part))
            && (statuses.is_empty() || statuses.contains(&status))
            && users.into_iter().all(|(name, wanted, set)| {
                let set = set.as_deref().unwrap_or_default();
                let is_named = |wanted: &String| name == Some(wanted);
                wanted.as_ref().is_none_or(is_named) && (set.is_empty() || set.iter().any(is_named))
            })
            && times.into_iter().all(|(time, begin, end)| {
                let time = time.map(Timestamp::as_millis);
                begin.is_none_or(|begin| time.is_some_and(|time| begin <= time))
                    && end.is_none_or(|end| time.is_some_and(|time| time <= end))
            })
    }
}
