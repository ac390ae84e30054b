//! The state to begin with: a built-in example, or a TOML file of the same form.

use std::fmt;

use serde::Deserialize;

/// Projects, users and packages to begin with.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seed {
    pub(crate) project: String,
    pub(crate) workspaces: Vec<String>,
    #[serde(rename = "user")]
    pub(crate) users: Vec<SeedUser>,
    #[serde(rename = "package")]
    pub(crate) packages: Vec<SeedPackage>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    Admin,
    Developer,
    Deployer,
    Operator,
    Viewer,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SeedUser {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) access_key: Option<String>,
    pub(crate) secret_key: Option<String>,
    pub(crate) token: Option<String>,
    #[serde(default)]
    pub(crate) token_expired: bool,
}

impl fmt::Debug for SeedUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SeedUser")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SeedStatus {
    #[default]
    ToBeReviewed,
    Successful,
    Failed,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SeedPackage {
    pub(crate) id: u64,
    pub(crate) name: String,
    #[serde(default = "default_workspace")]
    pub(crate) workspace: String,
    #[serde(default)]
    pub(crate) status: SeedStatus,
    /// The release will fail at its last task.
    #[serde(default)]
    pub(crate) fails: bool,
    /// Jobs will not start after the release.
    #[serde(default)]
    pub(crate) start_fails: bool,
    pub(crate) tasks: Vec<SeedTask>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SeedTask {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) kind: SeedKind,
    #[serde(default)]
    pub(crate) change: SeedChange,
    #[serde(default)]
    pub(crate) deployed_version: i64,
    #[serde(default = "first_version")]
    pub(crate) pending_version: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SeedKind {
    #[default]
    Job,
    Script,
    Resource,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SeedChange {
    Add,
    #[default]
    Modify,
    Delete,
}

fn default_workspace() -> String {
    "default".to_owned()
}

fn first_version() -> i64 {
    1
}

impl Seed {
    /// The built-in example as text, comments included.
    pub const BUILT_IN: &'static str = include_str!("seed.toml");

    /// The built-in example.
    ///
    /// # Errors
    ///
    /// Never, as a test sees to.
    pub fn built_in() -> Result<Self, InvalidSeed> {
        Self::from_toml(Self::BUILT_IN)
    }

    /// Reads a state in the form of [`BUILT_IN`](Self::BUILT_IN).
    ///
    /// # Errors
    ///
    /// What is wrong, and in which line.
    pub fn from_toml(text: &str) -> Result<Self, InvalidSeed> {
        toml::from_str(text).map_err(|error| {
            let before = error
                .span()
                .and_then(|span| text.get(..span.start))
                .unwrap_or_default();
            let message = error.message().lines().collect::<Vec<_>>().join(" ");
            InvalidSeed {
                line: before.matches('\n').count() + 1,
                message,
            }
        })
    }

    /// Adds packages to be reviewed, with ids from 1001, each with a job of its own.
    #[must_use]
    pub(crate) fn with_extra_packages(mut self, count: u32) -> Self {
        self.packages
            .extend((1001..).take(count as usize).map(|id: u64| SeedPackage {
                id,
                name: format!("extra_{id}"),
                workspace: default_workspace(),
                status: SeedStatus::ToBeReviewed,
                fails: false,
                start_fails: false,
                tasks: vec![SeedTask {
                    name: format!("job_extra_{id}"),
                    kind: SeedKind::Job,
                    change: SeedChange::Modify,
                    deployed_version: 1,
                    pending_version: 2,
                }],
            }));
        self
    }
}

/// A state that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidSeed {
    line: usize,
    message: String,
}

impl fmt::Display for InvalidSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl std::error::Error for InvalidSeed {}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn only_61_and_62_touch_the_same_object() {
        let seed = Seed::built_in().unwrap().with_extra_packages(5);
        let mut seen = HashSet::new();
        let again: Vec<&str> = seed
            .packages
            .iter()
            .flat_map(|package| {
                package
                    .tasks
                    .iter()
                    .map(|task| (&package.workspace, &task.name))
            })
            .filter(|object| !seen.insert(*object))
            .map(|(_, name)| name.as_str())
            .collect();
        assert_eq!(again, ["job_shared_daily"]);
    }

    #[test]
    fn the_packages_that_the_documents_name_are_there_and_harmless() {
        let seed = Seed::built_in().unwrap();
        for id in [12, 13, 23, 24, 31] {
            let package = seed.packages.iter().find(|it| it.id == id).unwrap();
            assert_eq!(package.status, SeedStatus::ToBeReviewed);
            assert_eq!(package.fails, id == 31);
            assert!(
                package
                    .tasks
                    .iter()
                    .all(|task| task.change != SeedChange::Delete)
            );
        }
        assert!(
            seed.packages
                .iter()
                .filter(|it| it.workspace == "default")
                .count()
                >= 25
        );
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        let text = Seed::BUILT_IN.replacen("status = \"successful\"", "statos = \"successful\"", 1);
        let error = Seed::from_toml(&text).unwrap_err();
        assert!(error.to_string().contains("statos"), "{error}");
        let line = text.lines().nth(error.line - 1).unwrap();
        assert!(line.contains("statos"), "{line}");
    }
}
