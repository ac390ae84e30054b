//! The initial state: users with their roles and keys, and packages. It is read from TOML and checked, so that all
//! references in a [`Seed`] are valid.

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;
use std::time::SystemTime;

use dls_model::{PackageId, ProjectId, Timestamp, WorkspaceId};
use dls_transport::credentials::{AccessKey, InvalidCredential, SecretKey, SecurityToken, Token};
use dls_transport::sign::SdkDate;
use serde::{Deserialize, Deserializer, de};
use toml::Spanned;
use toml::value::Datetime;

use crate::toml_error::InvalidToml;

/// The initial state of an emulator: project, workspaces, users with their keys and tokens, packages.
///
/// A seed is TOML; [`Seed::BUILT_IN`] is a complete example with comments. Everything in it is invented; `Debug` hides
/// secrets all the same.
///
/// ```
/// use dls_emulator::Seed;
///
/// let seed = Seed::from_toml(Seed::BUILT_IN)?;
/// assert_eq!(seed, Seed::built_in());
///
/// let error = Seed::from_toml("project = \"p-1\"\nworkspace = []\n").unwrap_err();
/// assert!(error.to_string().starts_with("line 2: unknown key \"workspace\", expected one of "));
/// # Ok::<(), dls_emulator::InvalidToml>(())
/// ```
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seed {
    pub(crate) project: ProjectId,
    pub(crate) workspaces: Vec<Spanned<Workspace>>,
    #[serde(default)]
    pub(crate) users: Vec<Spanned<User>>,
    #[serde(default)]
    pub(crate) access_keys: Vec<Spanned<Key>>,
    #[serde(default)]
    pub(crate) tokens: Vec<Spanned<UserToken>>,
    #[serde(default)]
    pub(crate) packages: Vec<Spanned<Package>>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Workspace {
    pub(crate) id: WorkspaceId,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) role: Role,
}

/// A role, which holds in all workspaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Role {
    Admin,
    Developer,
    Deployer,
    Operator,
    Viewer,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Key {
    pub(crate) access: String,
    #[serde(deserialize_with = "secret_key")]
    pub(crate) secret: Secret,
    #[serde(default, deserialize_with = "security_token")]
    pub(crate) security_token: Option<Secret>,
    pub(crate) user: String,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserToken {
    #[serde(deserialize_with = "token")]
    pub(crate) token: Secret,
    pub(crate) user: String,
    pub(crate) expires_at: Option<UtcTime>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Package {
    pub(crate) id: PackageId,
    /// The default is the workspace `default`.
    pub(crate) workspace: Option<WorkspaceId>,
    pub(crate) name: String,
    pub(crate) applicant: String,
    pub(crate) applied_at: UtcTime,
    #[serde(default)]
    pub(crate) reviewers: Vec<String>,
    pub(crate) release: Option<PastRelease>,
    #[serde(default)]
    pub(crate) tasks: Vec<Task>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PastRelease {
    pub(crate) by: String,
    pub(crate) at: UtcTime,
    pub(crate) outcome: PastOutcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum PastOutcome {
    Successful,
    Failed,
    Running,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Task {
    pub(crate) id: u64,
    pub(crate) kind: Kind,
    pub(crate) name: String,
    pub(crate) change: Change,
    /// The id of the job or of the script.
    pub(crate) object_id: Option<String>,
    pub(crate) pending_version: Option<i64>,
    pub(crate) deployed_version: Option<i64>,
    /// The default is the time of the package's application.
    pub(crate) submitted_at: Option<UtcTime>,
    #[serde(default)]
    pub(crate) fails: bool,
    #[serde(default)]
    pub(crate) start_fails: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    Job,
    Script,
    Resource,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Change {
    Add,
    Modify,
    Delete,
}

impl Seed {
    /// The built-in example as TOML with comments: what `dls emulator seed` prints.
    pub const BUILT_IN: &str = include_str!("seed.toml");

    /// The built-in example.
    ///
    /// # Panics
    ///
    /// It does not: the text is a part of this crate, and a test reads it.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the text is a part of this crate, and a test reads it")]
    pub fn built_in() -> Self {
        Self::from_toml(Self::BUILT_IN).expect("the built-in example is valid")
    }

    /// Reads a seed of the form of [`Seed::BUILT_IN`].
    ///
    /// # Errors
    ///
    /// The text is not TOML of that form (unknown keys are errors), an id or user is defined twice, or a user or
    /// workspace that is named is not defined. The error is one line that names line and key.
    pub fn from_toml(text: &str) -> Result<Self, InvalidToml> {
        let seed: Self = InvalidToml::parse(text)?;
        match seed.check() {
            Err((span, message)) => Err(InvalidToml::at(text, &span, &message)),
            Ok(()) => Ok(seed),
        }
    }

    /// Checks the rules between rows.
    fn check(&self) -> Result<(), RowError> {
        let mut workspaces = HashSet::new();
        each(&self.workspaces, |row| {
            let id = row.id.as_str();
            unique(workspaces.insert(id), format_args!("workspace {id}"))
        })?;
        let mut users = HashSet::new();
        each(&self.users, |user| {
            let name = user.name.as_str();
            unique(users.insert(name), format_args!("user {name}"))
        })?;
        let known_user = |key: &str, name: &str| match users.contains(name) {
            true => Ok(()),
            false => Err(format!("key {key:?}: there is no user {name:?}")),
        };
        let mut keys = HashSet::new();
        each(&self.access_keys, |key| {
            unique(keys.insert(&key.access), format_args!("access key {}", key.access))?;
            key.access_key().map_err(|error| format!("key \"access\": {error}"))?;
            known_user("user", &key.user)
        })?;
        each(&self.tokens, |token| known_user("user", &token.user))?;
        let (mut packages, mut tasks) = (HashSet::new(), HashSet::new());
        each(&self.packages, |package| {
            let id = package.id;
            unique(packages.insert(id), format_args!("package {id}"))?;
            let mut check = || {
                let workspace = package.workspace();
                if !workspaces.contains(workspace) {
                    return Err(format!("key \"workspace\": there is no workspace {workspace:?}"));
                }
                for task in &package.tasks {
                    unique(tasks.insert(task.id), format_args!("task {}", task.id))?;
                }
                known_user("applicant", &package.applicant)?;
                package.reviewers.iter().try_for_each(|name| known_user("reviewers", name))?;
                let mut release = package.release.iter();
                release.try_for_each(|release| known_user("release.by", &release.by))
            };
            check().map_err(|error| format!("package {id}: {error}"))
        })
    }
}

impl Key {
    pub(crate) fn access_key(&self) -> Result<AccessKey, InvalidCredential> {
        AccessKey::new(&self.access, SecretKey::new(&self.secret.0)?)
    }
}

impl Package {
    pub(crate) fn workspace(&self) -> &str {
        self.workspace.as_ref().map_or(DEFAULT_WORKSPACE, WorkspaceId::as_str)
    }
}

/// The id of the workspace of a request without the header.
pub(crate) const DEFAULT_WORKSPACE: &str = "default";

/// What is wrong with a row, and where the row is.
type RowError = (Range<usize>, String);

fn each<'s, T>(
    rows: &'s [Spanned<T>],
    mut check: impl FnMut(&'s T) -> Result<(), String>,
) -> Result<(), RowError> {
    let mut rows = rows.iter();
    rows.try_for_each(|row| check(row.as_ref()).map_err(|message| (row.span(), message)))
}

fn unique(is_new: bool, what: impl fmt::Display) -> Result<(), String> {
    if is_new { Ok(()) } else { Err(format!("{what} is defined twice")) }
}

/// The text of a valid credential, which `Debug` does not show.
#[derive(Clone, PartialEq)]
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) fn matches(&self, given: &[u8]) -> bool {
        self.0.as_bytes() == given
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

fn secret<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    check: fn(String) -> Result<T, InvalidCredential>,
) -> Result<Secret, D::Error> {
    let text = String::deserialize(deserializer)?;
    check(text.clone()).map_err(de::Error::custom)?;
    Ok(Secret(text))
}

fn secret_key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    secret(deserializer, SecretKey::new)
}

fn security_token<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    secret(deserializer, SecurityToken::new).map(Some)
}

fn token<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    secret(deserializer, Token::new)
}

/// A date and time of TOML in UTC, in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Datetime")]
pub(crate) struct UtcTime(pub(crate) Timestamp);

impl TryFrom<Datetime> for UtcTime {
    type Error = String;

    fn try_from(time: Datetime) -> Result<Self, String> {
        let date: Option<SdkDate> = time.to_string().replace(['-', ':'], "").parse().ok();
        let time_of = |date| Timestamp::from_system_time(SystemTime::from(date)).map(Self);
        date.and_then(time_of).ok_or_else(|| {
            format!("{time} is not a time in UTC after 1970, such as 2025-05-13T03:13:20Z")
        })
    }
}
