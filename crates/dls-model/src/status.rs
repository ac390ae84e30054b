//! What a package, a task or a background task is doing: open enums that keep numbers and words which no
//! document names.

use std::fmt;

use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize, Serializer};

use crate::lenient::{FromScalar, Scalar};

/// Declares an enum over the numbers of the wire: variant, number, and the word that `Display` writes.
macro_rules! open_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $code:literal $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
            /// A number that no document names, kept unchanged.
            Unknown(i64),
        }

        impl $name {
            /// What this number of the wire means.
            #[must_use]
            pub fn from_code(code: i64) -> Self {
                match code {
                    $($code => Self::$variant,)+
                    other => Self::Unknown(other),
                }
            }

            /// The number of the wire.
            #[must_use]
            pub fn code(self) -> i64 {
                match self {
                    $(Self::$variant => $code,)+
                    Self::Unknown(code) => code,
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$variant => f.pad($word),)+
                    Self::Unknown(code) => f.pad(&format!("unknown({code})")),
                }
            }
        }

        impl FromScalar for $name {
            fn from_scalar(scalar: Scalar<'_>) -> Option<Self> {
                i64::from_scalar(scalar).map(Self::from_code)
            }
        }

        /// As the number of the wire.
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_i64(self.code())
            }
        }

        /// From a number, or a number written as text.
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::from_scalar(Scalar::deserialize(deserializer)?)
                    .ok_or_else(|| de::Error::custom("not a whole number"))
            }
        }
    };
}

open_enum! {
    /// The state of a package or of a task in it (wire: `deploy_status`, page `dataartsstudio_02_0195`).
    ///
    /// A number without a documented meaning, 4 for one, is never final.
    Status {
        /// Waiting for a reviewer.
        ToBeReviewed = 1 "to-be-reviewed",
        /// Released.
        Successful = 2 "successful",
        /// The release failed.
        Failed = 3 "failed",
        /// The release is under way.
        BeingReleased = 5 "being-released",
    }
}

impl Status {
    /// Whether nothing more happens by itself: [`Status::Successful`] and [`Status::Failed`].
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Successful | Self::Failed)
    }
}

open_enum! {
    /// What kind of object a task releases (wire: `task_type`, page `dataartsstudio_02_0196`).
    TaskKind {
        /// A job.
        Job = 1 "job",
        /// A script.
        Script = 2 "script",
        /// A resource.
        Resource = 3 "resource",
    }
}

open_enum! {
    /// What a task does to its object in production (wire: `update_type`, page `dataartsstudio_02_0196`).
    Change {
        /// It is new there.
        Add = 1 "add",
        /// It replaces an older version.
        Modify = 2 "modify",
        /// It is removed.
        Delete = 3 "delete",
    }
}

open_enum! {
    /// Whether the job of a task was started after the release (wire: `start_job_status`, page
    /// `dataartsstudio_02_0196`).
    StartStatus {
        /// Started.
        Started = 2 "started",
        /// The start failed.
        StartFailed = 3 "start-failed",
    }
}

/// The state of a background task or of a part of it (wire: `status`, page `dataartsstudio_02_0096`).
///
/// Written and read as the word of the wire; a word that no document names is kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SystemTaskStatus {
    /// `RUNNING`: not finished.
    Running,
    /// `SUCCESSFUL`: finished.
    Successful,
    /// `FAILED`: finished with an error.
    Failed,
    /// `WARNING`: only in the SDK's texts, assumed to mean finished with warnings.
    Warning,
    /// Another word, kept unchanged.
    Unknown(String),
}

impl SystemTaskStatus {
    /// What this word of the wire means.
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        match word {
            "RUNNING" => Self::Running,
            "SUCCESSFUL" => Self::Successful,
            "FAILED" => Self::Failed,
            "WARNING" => Self::Warning,
            other => Self::Unknown(other.to_owned()),
        }
    }

    /// The word of the wire.
    #[must_use]
    pub fn word(&self) -> &str {
        match self {
            Self::Running => "RUNNING",
            Self::Successful => "SUCCESSFUL",
            Self::Failed => "FAILED",
            Self::Warning => "WARNING",
            Self::Unknown(word) => word,
        }
    }
}

impl fmt::Display for SystemTaskStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl FromScalar for SystemTaskStatus {
    fn from_scalar(scalar: Scalar<'_>) -> Option<Self> {
        String::from_scalar(scalar).map(|word| Self::from_word(&word))
    }
}

impl Serialize for SystemTaskStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

impl<'de> Deserialize<'de> for SystemTaskStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|word| Self::from_word(&word))
    }
}
