//! Assumptions: behaviour that no document specifies, so that a client can be tested with each behaviour that the service
//! may have.

use std::time::Duration;

/// A behaviour of the emulator that the service's documents leave open, and the values that it can have.
///
/// ```
/// let row = dls_emulator::assumptions().iter().find(|row| row.name == "list-offset");
/// assert_eq!(row.map(|row| row.default), Some("pages"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Assumption {
    /// The name for [`EmulatorBuilder::assume`](crate::EmulatorBuilder::assume).
    pub name: &'static str,
    /// The question that it answers.
    pub meaning: &'static str,
    /// The default value.
    pub default: &'static str,
    /// The possible values. `N` stands for a whole number from 1, `TIME` for a whole number of `ms`, `s` or `m`.
    pub values: &'static [&'static str],
    /// What the documents say (with a page id), and the reason for the default.
    pub source: &'static str,
}

/// All assumptions, in the order in which a request is processed.
#[must_use]
pub fn assumptions() -> &'static [Assumption] {
    TABLE
}

/// An unknown assumption, or a value that it does not have. `Display` lists the valid ones.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidAssumption(String);

/// A type of value that an assumption can have.
trait AssumptionValue: Sized {
    const VALUES: &'static [&'static str];

    fn read(text: &str) -> Option<Self>;
}

macro_rules! value_enums {
    ($($name:ident { $($word:literal => $variant:ident),+ $(,)? })+) => {$(
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $name { $($variant),+ }

        impl AssumptionValue for $name {
            const VALUES: &'static [&'static str] = &[$($word),+];

            fn read(text: &str) -> Option<Self> {
                match text {
                    $($word => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    )+};
}

value_enums! {
    UnknownProject { "APIGW.0310" => Unavailable, "APIGW.0301" => Unauthenticated, "DLF.0819" => Workspace }
    ProjectHeader { "optional" => Optional, "required" => Required, "ignored" => Ignored }
    RoleRefusal { "DLF.6888" => Service, "APIGW.0302" => Gateway }
    UserRate { "per-user" => User, "per-user-and-api" => UserAndApi }
    Presence { "absent" => Absent, "present" => Present }
    Need { "required" => Required, "optional" => Optional }
    ListOffset { "pages" => Pages, "rows" => Rows }
    OverLimit { "refused" => Refused, "clamped" => Clamped }
    Permission { "allowed" => Allowed, "refused" => Refused }
    Partial { "whole" => Whole, "each" => Each, "each-but-refused" => EachButRefused }
    Duplicates { "refused" => Refused, "once" => Once }
    PublishType { "ignored" => Ignored, "required" => Required }
    UnknownPackage { "DLF.0810" => Short, "DLF.20810" => Long }
    Redeploy { "error" => Error, "no-op" => NoOp, "new-release" => NewRelease }
    NamedIds { "all" => All, "without-tasks" => WithoutTasks, "none" => None }
    ReleaseTime { "accepted" => Accepted, "finished" => Finished }
    BeforeRelease { "absent" => Absent, "zero" => Zero, "null" => Null }
    UnstartedJob { "absent" => Absent, "zero" => Zero }
    YesNo { "yes" => Yes, "no" => No }
    RevokeEffect { "gone" => Gone, "status-4" => Status4, "deleted-flag" => DeletedFlag }
}

impl AssumptionValue for u32 {
    const VALUES: &'static [&'static str] = &["N"];

    fn read(text: &str) -> Option<Self> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|number| digits && *number > 0)
    }
}

impl AssumptionValue for Option<u32> {
    const VALUES: &'static [&'static str] = &["N", "none"];

    fn read(text: &str) -> Option<Self> {
        match text {
            "none" => Some(None),
            _ => u32::read(text).map(Some),
        }
    }
}

impl AssumptionValue for Duration {
    const VALUES: &'static [&'static str] = &["TIME"];

    fn read(text: &str) -> Option<Self> {
        duration(text)
    }
}

/// A whole number of `ms`, `s` or `m`.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(end)?;
    let number: u64 = number.parse().ok()?;
    match unit {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_secs(number.checked_mul(60)?)),
        _ => None,
    }
}

/// One row for each assumption: its name, its field, its default as value and as text, its meaning, and its source.
macro_rules! table {
    ($($name:literal $field:ident: $type:ty = $default:expr, $word:literal, $meaning:literal, $source:literal;)+) => {
        const TABLE: &[Assumption] = &[$(Assumption {
            name: $name,
            meaning: $meaning,
            default: $word,
            values: <$type as AssumptionValue>::VALUES,
            source: $source,
        }),+];

        /// The value of each assumption.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub(crate) struct Assumptions {
            $(pub(crate) $field: $type,)+
        }

        impl Default for Assumptions {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }

        impl Assumptions {
            pub(crate) fn set(&mut self, name: &str, value: &str) -> Result<(), InvalidAssumption> {
                let set = match name {
                    $($name => AssumptionValue::read(value).map(|value| self.$field = value),)+
                    _ => None,
                };
                set.ok_or_else(|| invalid(name, value))
            }
        }
    };
}

fn invalid(name: &str, value: &str) -> InvalidAssumption {
    InvalidAssumption(match TABLE.iter().find(|row| row.name == name) {
        Some(row) => {
            let values = row.values.join(", ");
            format!("{value:?} is not a value of {name:?}, expected one of {values}")
        }
        None => {
            let names = TABLE.iter().map(|row| row.name).collect::<Vec<_>>().join(", ");
            format!("unknown assumption {name:?}, expected one of {names}")
        }
    })
}

table! {
    "host-signed" host_signed: Need = Need::Required, "required",
        "whether a signature must cover the Host header",
        "devg-apisign: the algorithm page signs Host, another page calls only X-Sdk-Date mandatory";
    "key-lock-after" key_lock_after: u32 = 5, "5",
        "after how many wrong signatures in a row an access key is locked for five minutes",
        "api-sign-0001: more than 5 failures lock the key for 5 minutes; what counts as one is not documented";
    "canonical-request-echo" canonical_request_echo: YesNo = YesNo::No, "no",
        "whether the refusal of a signature repeats the canonical request, line ends as |",
        "devg-apisign: some texts show it; when is not documented";
    "user-rate" user_rate: UserRate = UserRate::User, "per-user",
        "whether a user's requests are counted over all operations of an API version, or for each operation",
        "apiOverview_DLF_V1, _V2: a number per user, without its scope; the default is the stricter reading";
    "retry-after" retry_after: Presence = Presence::Absent, "absent",
        "whether a 429 carries Retry-After (one second)",
        "no page mentions the header";
    "unknown-project" unknown_project: UnknownProject = UnknownProject::Unavailable, "APIGW.0310",
        "the error code for a path with another project",
        "devg-apisign: 0310 is \"project unavailable\"; whether it is used here is not documented";
    "project-header" project_header: ProjectHeader = ProjectHeader::Optional, "optional",
        "whether X-Project-Id is required with an access key; unless it is ignored it must name the project of the path",
        "dataartsstudio_03_0404: without it a sub-project answers \"Workspace does not exists\"";
    "role-refusal" role_refusal: RoleRefusal = RoleRefusal::Service, "DLF.6888",
        "the error code for a call that the user's role does not permit",
        "dataartsstudio_02_0313 lists DLF.6888, devg-apisign APIGW.0302; which one is used is not documented";
    "unknown-package" unknown_package: UnknownPackage = UnknownPackage::Short, "DLF.0810",
        "the error code for an unknown package",
        "dataartsstudio_02_0204, _0205 list DLF.0810 without a cause; _0096 has both codes for tasks";
    "duplicate-ids" duplicate_ids: Duplicates = Duplicates::Refused, "refused",
        "whether a duplicate id in one call is refused (DLF.3051) or counts once",
        "not documented";
    "publish-type" publish_type: PublishType = PublishType::Ignored, "ignored",
        "whether a deploy needs publish_type \"asy\"",
        "dataartsstudio_02_0204: in an example of 2024 only, in no table";
    "deploy-partial" deploy_partial: Partial = Partial::Whole, "whole",
        "whether one bad id refuses the whole deploy, is left out of a 200, or is answered with a 400 while the others are released",
        "not documented (dataartsstudio_02_0204)";
    "deploy-names-ids" deploy_names_ids: NamedIds = NamedIds::All, "all",
        "whether the answer to a deploy names all accepted ids, names them without asy_task_id, or has no details",
        "dataartsstudio_02_0204: no member of the answer is mandatory";
    "redeploy-running" redeploy_running: Redeploy = Redeploy::Error, "error",
        "the result of deploying a package that is being released (5): DLF.20990, nothing, or a second release",
        "not documented";
    "redeploy-released" redeploy_released: Redeploy = Redeploy::Error, "error",
        "the result of deploying a package that is released (2): DLF.20990, nothing, or a second release",
        "not documented; the code is the one of dataartsstudio_02_0205 for a package that is released";
    "redeploy-failed" redeploy_failed: Redeploy = Redeploy::NewRelease, "new-release",
        "the result of deploying a package whose release failed (3): DLF.20990, nothing, or a new release",
        "not documented";
    "deploy-timestamp" deploy_timestamp: ReleaseTime = ReleaseTime::Accepted, "accepted",
        "whether deploy_timestamp is when the release was accepted (shown in 5, too) or when it ended",
        "dataartsstudio_02_0195 calls it the release time";
    "before-release" before_release: BeforeRelease = BeforeRelease::Absent, "absent",
        "the values of deploy_timestamp and deploy_user_* before a release: absent, zero and empty, or null",
        "not documented (dataartsstudio_02_0195)";
    "start-status-later" start_status_later: UnstartedJob = UnstartedJob::Absent, "absent",
        "the value of start_job_status if no start was requested: absent, or 0",
        "dataartsstudio_02_0196 names 2 and 3 only";
    "status-lag" status_lag: Duration = Duration::ZERO, "0s",
        "how long list and show lag behind the real state",
        "not documented";
    "system-task-pollable" system_task_pollable: YesNo = YesNo::Yes, "yes",
        "whether asy_task_id can be read as a system task",
        "dataartsstudio_02_0204: \"for polling\"; _0096 mentions imports only";
    "list-offset" list_offset: ListOffset = ListOffset::Pages, "pages",
        "whether offset counts pages or rows",
        "dataartsstudio_02_0195: \"start page\", default 0";
    "list-max-limit" list_max_limit: Option<u32> = Some(100), "100",
        "the maximum limit of a list",
        "dataartsstudio_02_0195 names none; the neighbouring lists take at most 100";
    "list-over-limit" list_over_limit: OverLimit = OverLimit::Refused, "refused",
        "whether a greater limit is refused (DLF.3051) or reduced to the maximum",
        "not documented";
    "list-ascending" list_ascending: Permission = Permission::Allowed, "allowed",
        "whether sorted_direction may be asc",
        "dataartsstudio_02_0195 names desc only";
    "revoke-partial" revoke_partial: Partial = Partial::Whole, "whole",
        "whether one bad id refuses the whole revoke, is ignored, or is answered with a 400 while the others are revoked",
        "not documented (dataartsstudio_02_0205)";
    "revoke-failed" revoke_failed: Permission = Permission::Allowed, "allowed",
        "whether a package whose release failed can be revoked",
        "dataartsstudio_02_0205 refuses only what has been released";
    "revoke-max-ids" revoke_max_ids: Option<u32> = Some(100), "100",
        "the maximum number of ids in a revoke",
        "dataartsstudio_02_0205 names no limit; a deploy takes 100";
    "revoke-effect" revoke_effect: RevokeEffect = RevokeEffect::Gone, "gone",
        "the effect of a revoke on the package: absent, deploy_status 4, or delete_flag 1",
        "not documented; no page explains status 4";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_default_is_its_documented_value_and_names_are_unique() {
        for (index, row) in TABLE.iter().enumerate() {
            let mut assumptions = Assumptions::default();
            assumptions.set(row.name, row.default).unwrap();
            assert_eq!(assumptions, Assumptions::default(), "{}", row.name);
            assert!(TABLE[..index].iter().all(|other| other.name != row.name), "{}", row.name);
            assert!(!row.meaning.is_empty() && !row.source.is_empty(), "{}", row.name);
        }
    }

    #[test]
    fn an_unknown_name_lists_the_names_and_an_unknown_value_the_values() {
        let mut assumptions = Assumptions::default();
        let unknown = assumptions.set("list-offsets", "rows").unwrap_err().to_string();
        let expected = "unknown assumption \"list-offsets\", expected one of host-signed, ";
        assert!(unknown.starts_with(expected) && unknown.contains(" list-offset, "), "{unknown}");
        let value = assumptions.set("list-offset", "row").unwrap_err().to_string();
        assert_eq!(value, "\"row\" is not a value of \"list-offset\", expected one of pages, rows");
        assert_eq!(assumptions, Assumptions::default());
    }

    #[test]
    fn numbers_and_times_are_read_strictly() {
        let mut assumptions = Assumptions::default();
        for bad in ["0", "+3", "", "none"] {
            assert!(assumptions.set("key-lock-after", bad).is_err(), "{bad}");
        }
        for bad in ["-1", "None"] {
            assert!(assumptions.set("list-max-limit", bad).is_err(), "{bad}");
        }
        let too_long = ["99999999999999999999s", "9999999999999999999m"];
        for bad in ["5", "s", "1.5s", "1h", "5 s", ""].into_iter().chain(too_long) {
            assert_eq!(duration(bad), None, "{bad}");
        }
        assert_eq!(duration("1500ms"), Some(Duration::from_millis(1500)));
        assert_eq!(duration("2m"), Some(Duration::from_secs(120)));
        assumptions.set("key-lock-after", "7").unwrap();
        assumptions.set("list-max-limit", "none").unwrap();
        assert_eq!((assumptions.key_lock_after, assumptions.list_max_limit), (7, None));
    }
}
