//! What no source settles: each such behaviour has a name, a default and a switch.

use std::collections::BTreeMap;
use std::fmt;

/// A behaviour of the service that is inferred, or that no document settles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Assumption {
    /// Its name, as `--assume NAME=VALUE` takes it.
    pub name: &'static str,
    /// What it decides.
    pub meaning: &'static str,
    /// The value that holds unless another is chosen.
    pub default: &'static str,
    /// The values it takes; `N` stands for a whole number from 1.
    pub values: &'static [&'static str],
    /// Why it is open, and where one could look.
    pub source: &'static str,
}

/// All of them, by name.
#[must_use]
pub fn assumptions() -> &'static [Assumption] {
    &TABLE
}

const TABLE: [Assumption; 8] = [
    Assumption {
        name: "deploy-names-ids",
        meaning: "whether the answer to a deploy names the packages",
        default: "all",
        values: &["all", "none"],
        source: "dataartsstudio_02_0204 marks deploy_package_details as not mandatory",
    },
    Assumption {
        name: "deploy-partial",
        meaning: "whether one bad id refuses the whole deploy, or only itself",
        default: "whole",
        values: &["whole", "each"],
        source: "dataartsstudio_02_0204 says nothing of partial success",
    },
    Assumption {
        name: "key-lock-after",
        meaning: "how many failed signatures in a row lock a key for five minutes",
        default: "5",
        values: &["N"],
        source: "api-sign-0001 says \"more than 5\", and not what counts as one",
    },
    Assumption {
        name: "list-offset",
        meaning: "whether `offset` of the list counts pages or rows",
        default: "pages",
        values: &["pages", "rows"],
        source: "dataartsstudio_02_0195 calls it \"start page\"",
    },
    Assumption {
        name: "redeploy",
        meaning: "what a deploy of a released package, or of one being released, does",
        default: "error",
        values: &["error", "no-op", "new-release"],
        source: "not documented; DLF.20990 is printed for revoking a released package",
    },
    Assumption {
        name: "role-refusal",
        meaning: "how a call that the user's role does not allow is refused",
        default: "gateway",
        values: &["gateway", "service"],
        source: "APIGW.0302 (403) and DLF.6888 (400) both fit their descriptions",
    },
    Assumption {
        name: "system-task",
        meaning: "whether the task id of a deploy can be asked for",
        default: "pollable",
        values: &["pollable", "unknown"],
        source: "dataartsstudio_02_0096 speaks of imported jobs only",
    },
    Assumption {
        name: "unknown-project",
        meaning: "how a project that the user does not have is refused",
        default: "gateway",
        values: &["gateway", "service"],
        source: "APIGW.0302 (403) is inferred; a FAQ prints \"Workspace does not exists\"",
    },
];

/// The values that were chosen.
#[derive(Debug, Clone, Default)]
pub(crate) struct Assumed(BTreeMap<&'static str, String>);

impl Assumed {
    pub(crate) fn set(&mut self, name: &str, value: &str) -> Result<(), InvalidAssumption> {
        let Some(it) = TABLE.iter().find(|it| it.name == name) else {
            let names = TABLE.map(|it| it.name).join(", ");
            let name = name.escape_debug();
            return Err(InvalidAssumption(format!(
                "no assumption is called `{name}`; there are {names}"
            )));
        };
        let is_number = value.parse::<u32>().is_ok_and(|number| number > 0);
        if value == "N" || !(it.values.contains(&value) || (it.values == ["N"] && is_number)) {
            let (value, values) = (value.escape_debug(), it.values.join(", "));
            return Err(InvalidAssumption(format!(
                "`{name}` cannot be `{value}`; it takes {values}"
            )));
        }
        self.0.insert(it.name, value.to_owned());
        Ok(())
    }

    /// Whether this assumption has this value.
    pub(crate) fn is(&self, name: &str, value: &str) -> bool {
        self.value(name) == value
    }

    pub(crate) fn number(&self, name: &str) -> u32 {
        self.value(name).parse().unwrap_or(u32::MAX)
    }

    fn value(&self, name: &str) -> &str {
        let default = || TABLE.iter().find(|it| it.name == name).map(|it| it.default);
        self.0
            .get(name)
            .map(String::as_str)
            .or_else(default)
            .unwrap_or_default()
    }
}

/// An assumption that does not exist, or a value that it does not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidAssumption(String);

impl fmt::Display for InvalidAssumption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidAssumption {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_holds_until_another_value_is_chosen() {
        let mut assumed = Assumed::default();
        assert!(assumed.is("list-offset", "pages"));
        assumed.set("list-offset", "rows").unwrap();
        assert!(assumed.is("list-offset", "rows"));
        assumed.set("key-lock-after", "3").unwrap();
        assert_eq!(assumed.number("key-lock-after"), 3);
    }

    #[test]
    fn what_does_not_exist_is_answered_with_what_does() {
        let mut assumed = Assumed::default();
        let unknown = assumed.set("offset", "rows").unwrap_err().to_string();
        assert!(unknown.contains("list-offset"), "{unknown}");
        let wrong = assumed.set("list-offset", "bytes").unwrap_err().to_string();
        assert!(wrong.contains("pages, rows"), "{wrong}");
        assert!(assumed.set("list-offset", "3").is_err());
    }
}
