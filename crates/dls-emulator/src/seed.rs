//! The state to start with: who may do what, and which packages there are. Read from TOML and checked,
//! so that whatever holds a [`Seed`] can rely on its references.

use std::collections::HashSet;
use std::error::Error;
use std::fmt;
use std::hash::Hash;
use std::ops::Range;
use std::str::FromStr;
use std::time::SystemTime;

use dls_model::{PackageId, ProjectId, Timestamp, WorkspaceId};
use dls_transport::credentials::{AccessKey, SecretKey, SecurityToken, Token};
use dls_transport::sign::SdkDate;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use toml::Spanned;
use toml::value::{Datetime, Offset};

use crate::toml_error::{self, TomlError};

/// The state that an emulator starts with: project, workspaces, users with their keys and tokens, packages.
///
/// Its form is TOML; [`Seed::BUILT_IN`] is an example of everything, with comments. All in it is made
/// up: `Debug` hides secrets nevertheless.
///
/// ```
/// use dls_emulator::Seed;
///
/// let seed = Seed::from_toml(Seed::BUILT_IN)?;
/// assert_eq!(seed, Seed::built_in());
///
/// let error = Seed::from_toml("project = \"p-1\"\nworkspace = []\n").unwrap_err();
/// assert!(error.to_string().starts_with("line 2: unknown key \"workspace\", expected one of "));
/// # Ok::<(), dls_emulator::InvalidSeed>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Workspace {
    pub(crate) id: WorkspaceId,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) role: Role,
}

/// A role in all workspaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Role {
    Admin,
    Developer,
    Deployer,
    Operator,
    Viewer,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Key {
    pub(crate) access: String,
    pub(crate) secret: Secret<SecretKey>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) security_token: Option<Secret<SecurityToken>>,
    pub(crate) user: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserToken {
    pub(crate) token: Secret<Token>,
    pub(crate) user: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires_at: Option<Instant>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Package {
    pub(crate) id: PackageId,
    /// Absent means the one called `default`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) workspace: Option<WorkspaceId>,
    pub(crate) name: String,
    pub(crate) applicant: String,
    pub(crate) applied_at: Instant,
    #[serde(default)]
    pub(crate) reviewers: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) release: Option<PastRelease>,
    #[serde(default)]
    pub(crate) tasks: Vec<Task>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PastRelease {
    pub(crate) by: String,
    pub(crate) at: Instant,
    pub(crate) outcome: PastOutcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum PastOutcome {
    Successful,
    Failed,
    Running,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Task {
    pub(crate) id: u64,
    pub(crate) kind: Kind,
    pub(crate) name: String,
    pub(crate) change: Change,
    /// The id of the job or of the script.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) object_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pending_version: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) deployed_version: Option<i64>,
    /// Absent means when the package was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) submitted_at: Option<Instant>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) fails: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) start_fails: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    Job,
    Script,
    Resource,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Change {
    Add,
    Modify,
    Delete,
}

fn is_false(flag: &bool) -> bool {
    !flag
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
    /// Anything that is not TOML of that form (unknown keys, too), an id or user that stands twice, or a
    /// reference to a user or workspace that is not there. The error is one line that names line and key.
    pub fn from_toml(text: &str) -> Result<Self, InvalidSeed> {
        let seed: Self = toml_error::parse(text).map_err(InvalidSeed)?;
        match seed.broken_rule() {
            Some((span, message)) => Err(InvalidSeed(TomlError::at(text, &span, &message))),
            None => Ok(seed),
        }
    }

    /// The seed as TOML, without comments. Reading it back gives the same seed.
    #[must_use]
    pub fn to_toml(&self) -> String {
        // It was read from TOML, and so can be written.
        toml::to_string(self).unwrap_or_default()
    }

    /// The first rule between rows that does not hold, and where.
    fn broken_rule(&self) -> Option<(Range<usize>, String)> {
        first_twice(&self.workspaces, "workspace", |row| row.id.as_str())
            .or_else(|| first_twice(&self.users, "user", |row| row.name.as_str()))
            .or_else(|| first_twice(&self.access_keys, "access key", |row| row.access.as_str()))
            .or_else(|| first_twice(&self.packages, "package", |row| row.id))
            .or_else(|| self.access_keys.iter().find_map(|row| self.bad_key(row)))
            .or_else(|| self.tokens.iter().find_map(|row| self.bad_token(row)))
            .or_else(|| self.packages.iter().find_map(|row| self.bad_package(row)))
            .or_else(|| self.task_that_stands_twice())
    }

    fn bad_key(&self, row: &Spanned<Key>) -> Option<(Range<usize>, String)> {
        let key = row.as_ref();
        let message = match AccessKey::new(&key.access, key.secret.value.clone()) {
            Err(error) => format!("key \"access\": {error}"),
            Ok(_) => self.unknown_user("user", &key.user)?,
        };
        Some((row.span(), message))
    }

    fn bad_token(&self, row: &Spanned<UserToken>) -> Option<(Range<usize>, String)> {
        Some((row.span(), self.unknown_user("user", &row.as_ref().user)?))
    }

    fn bad_package(&self, row: &Spanned<Package>) -> Option<(Range<usize>, String)> {
        let package = row.as_ref();
        let message = self
            .unknown_workspace(package)
            .or_else(|| self.unknown_user("applicant", &package.applicant))
            .or_else(|| {
                let mut reviewers = package.reviewers.iter();
                reviewers.find_map(|name| self.unknown_user("reviewers", name))
            })
            .or_else(|| self.unknown_user("release.by", &package.release.as_ref()?.by))?;
        Some((row.span(), format!("package {}: {message}", package.id)))
    }

    fn unknown_workspace(&self, package: &Package) -> Option<String> {
        let id = package.workspace.as_ref().map_or(DEFAULT_WORKSPACE, WorkspaceId::as_str);
        let known = self.workspaces.iter().any(|row| row.as_ref().id.as_str() == id);
        (!known).then(|| format!("key \"workspace\": there is no workspace {id:?}"))
    }

    fn unknown_user(&self, key: &str, name: &str) -> Option<String> {
        let known = self.users.iter().any(|row| row.as_ref().name == name);
        (!known).then(|| format!("key {key:?}: there is no user {name:?}"))
    }

    fn task_that_stands_twice(&self) -> Option<(Range<usize>, String)> {
        let mut seen = HashSet::new();
        self.packages.iter().find_map(|row| {
            let mut tasks = row.as_ref().tasks.iter();
            let again = tasks.find(|task| !seen.insert(task.id))?;
            let package = row.as_ref().id;
            let message = format!("package {package}: task {} stands twice", again.id);
            Some((row.span(), message))
        })
    }
}

/// The id of the workspace that a request without the header means.
pub(crate) const DEFAULT_WORKSPACE: &str = "default";

fn first_twice<'a, T, K: Eq + Hash + fmt::Display>(
    rows: &'a [Spanned<T>],
    what: &str,
    key: impl Fn(&'a T) -> K,
) -> Option<(Range<usize>, String)> {
    let mut seen = HashSet::new();
    let mut keys = rows.iter().map(|row| (row, key(row.as_ref())));
    let (row, key) = keys.find_map(|(row, key)| {
        let message = key.to_string();
        (!seen.insert(key)).then_some((row, message))
    })?;
    Some((row.span(), format!("{what} {key} stands twice")))
}

/// Why a text is no [`Seed`]: one line that begins with the number of the line at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidSeed(TomlError);

impl InvalidSeed {
    /// The line at fault, counted from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.0.line()
    }
}

impl fmt::Display for InvalidSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for InvalidSeed {}

/// Text that is checked as a credential, and shown by nobody but [`Seed::to_toml`].
#[derive(Clone)]
pub(crate) struct Secret<T> {
    text: String,
    pub(crate) value: T,
}

impl<T> Secret<T> {
    pub(crate) fn matches(&self, given: &[u8]) -> bool {
        self.text.as_bytes() == given
    }
}

impl<T> PartialEq for Secret<T> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl<T> Serialize for Secret<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

/// The three kinds of credential that a seed holds.
trait Credential: Sized {
    fn check(text: &str) -> Result<Self, dls_transport::credentials::InvalidCredential>;
}

impl Credential for SecretKey {
    fn check(text: &str) -> Result<Self, dls_transport::credentials::InvalidCredential> {
        Self::new(text)
    }
}

impl Credential for SecurityToken {
    fn check(text: &str) -> Result<Self, dls_transport::credentials::InvalidCredential> {
        Self::new(text)
    }
}

impl Credential for Token {
    fn check(text: &str) -> Result<Self, dls_transport::credentials::InvalidCredential> {
        Self::new(text)
    }
}

impl<'de, T: Credential> Deserialize<'de> for Secret<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let value = T::check(&text).map_err(de::Error::custom)?;
        Ok(Self { text, value })
    }
}

/// A date and time of TOML, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Instant(pub(crate) Timestamp);

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.0.to_string();
        let time = Datetime::from_str(&text).map_err(ser::Error::custom)?;
        time.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let time = Datetime::deserialize(deserializer)?;
        instant(&time).ok_or_else(|| {
            de::Error::custom(format!(
                "{time} is no time in UTC after 1970, such as 2025-05-13T03:13:20Z"
            ))
        })
    }
}

fn instant(time: &Datetime) -> Option<Instant> {
    let (date, clock) = (time.date?, time.time?);
    if time.offset != Some(Offset::Z) {
        return None;
    }
    let (hour, minute, second) = (clock.hour, clock.minute, clock.second.unwrap_or_default());
    let date: SdkDate = format!(
        "{:04}{:02}{:02}T{hour:02}{minute:02}{second:02}Z",
        date.year, date.month, date.day
    )
    .parse()
    .ok()?;
    let millis = i64::from(clock.nanosecond.unwrap_or_default() / 1_000_000);
    let whole = Timestamp::from_system_time(SystemTime::from(date))?;
    Timestamp::from_millis(whole.as_millis().checked_add(millis)?).map(Instant)
}
