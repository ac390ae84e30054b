//! Identifiers that are valid by construction, so that no request can carry a bad one.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize, Serializer};

use crate::lenient::{FromScalar, Scalar};

/// The id of a release package (wire: `package_id`): a whole number, `1..=i64::MAX`.
///
/// The service writes it as a number in some answers and as text in others; both are read. As text it
/// is ASCII digits alone: no sign, no space, no leading zero.
///
/// ```
/// use dls_model::PackageId;
///
/// let id: PackageId = "23".parse()?;
/// assert_eq!(id.to_string(), "23");
/// assert!("023".parse::<PackageId>().is_err());
/// # Ok::<(), dls_model::InvalidId>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageId(u64);

impl PackageId {
    /// The largest id: the wire type is a signed 64-bit number.
    pub const MAX: Self = Self(i64::MAX.unsigned_abs());

    /// The id as a number.
    #[must_use]
    pub fn as_u64(self) -> u64 {
        self.0
    }
}

impl TryFrom<u64> for PackageId {
    type Error = InvalidId;

    fn try_from(number: u64) -> Result<Self, InvalidId> {
        if (1..=Self::MAX.0).contains(&number) {
            Ok(Self(number))
        } else {
            Err(InvalidId::OutOfRange)
        }
    }
}

impl FromStr for PackageId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        check_characters(IdKind::Package, text, |c| c.is_ascii_digit())?;
        if text.is_empty() {
            return Err(InvalidId::Length { kind: IdKind::Package, length: 0 });
        }
        if text.len() > 1 && text.starts_with('0') {
            return Err(InvalidId::LeadingZero);
        }
        // Only a number too large for u64 fails here.
        text.parse::<u64>().map_err(|_| InvalidId::OutOfRange)?.try_into()
    }
}

impl fmt::Display for PackageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromScalar for PackageId {
    fn from_scalar(scalar: Scalar<'_>) -> Option<Self> {
        match scalar {
            Scalar::Number(number) => u64::try_from(number).ok()?.try_into().ok(),
            Scalar::Text(text) => text.parse().ok(),
            Scalar::Flag(_) | Scalar::Nothing => None,
        }
    }
}

/// As text, the form of requests, of the list and of a shown package.
impl Serialize for PackageId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// From text or a number.
impl<'de> Deserialize<'de> for PackageId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_scalar(Scalar::deserialize(deserializer)?)
            .ok_or_else(|| de::Error::custom("not a package id"))
    }
}

/// The ids of one request (wire: `package_ids`): 1 to 100 of them, each once, in the order given.
///
/// The limit of deploy is documented on page `dataartsstudio_02_0204`; for revoke it is assumed to be
/// the same.
///
/// ```
/// use dls_model::{InvalidPackageIds, PackageId, PackageIds};
///
/// let id = PackageId::try_from(23)?;
/// assert_eq!(PackageIds::new([id])?.len(), 1);
/// assert_eq!(PackageIds::new([id, id]), Err(InvalidPackageIds::Duplicate(id)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct PackageIds(Vec<PackageId>);

impl PackageIds {
    /// How many ids a request may carry.
    pub const MAX: usize = 100;

    /// Takes the ids in their order.
    ///
    /// # Errors
    ///
    /// No id, more than [`PackageIds::MAX`], or one of them twice (checked in this order).
    pub fn new(ids: impl IntoIterator<Item = PackageId>) -> Result<Self, InvalidPackageIds> {
        let mut rest = ids.into_iter();
        let ids: Vec<_> = rest.by_ref().take(Self::MAX).collect();
        let count = ids.len().saturating_add(rest.count());
        if count == 0 {
            return Err(InvalidPackageIds::Empty);
        }
        if count > Self::MAX {
            return Err(InvalidPackageIds::TooMany(count));
        }
        let mut seen = HashSet::with_capacity(ids.len());
        match ids.iter().find(|id| !seen.insert(**id)) {
            Some(&id) => Err(InvalidPackageIds::Duplicate(id)),
            None => Ok(Self(ids)),
        }
    }

    /// The ids in their order.
    pub fn iter(&self) -> std::slice::Iter<'_, PackageId> {
        self.0.iter()
    }

    /// How many there are, never 0.
    #[expect(clippy::len_without_is_empty, reason = "there is always an id")]
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether `id` is one of them.
    #[must_use]
    pub fn contains(&self, id: PackageId) -> bool {
        self.0.contains(&id)
    }
}

impl<'a> IntoIterator for &'a PackageIds {
    type Item = &'a PackageId;
    type IntoIter = std::slice::Iter<'a, PackageId>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl From<PackageId> for PackageIds {
    fn from(id: PackageId) -> Self {
        Self(vec![id])
    }
}

impl<'de> Deserialize<'de> for PackageIds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(Vec::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// Why a list of ids is not valid for one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidPackageIds {
    /// The list is empty.
    Empty,
    /// This many ids, more than [`PackageIds::MAX`].
    TooMany(usize),
    /// This id is given more than once.
    Duplicate(PackageId),
}

impl fmt::Display for InvalidPackageIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("no package id is given"),
            Self::TooMany(count) => {
                write!(f, "{count} package ids are given, at most {} are allowed", PackageIds::MAX)
            }
            Self::Duplicate(id) => write!(f, "package id {id} is given twice"),
        }
    }
}

impl std::error::Error for InvalidPackageIds {}

/// Declares a text id with its own rules.
macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $kind:expr, $allowed:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(String);

        impl $name {
            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                text.to_owned().try_into()
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                check_text($kind, &text, $allowed)?;
                Ok(Self(text))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

text_id! {
    /// The id of an IAM project, which is part of every path (wire: `project_id`): 3 to 64 of
    /// `A-Z a-z 0-9 _ -`.
    ///
    /// The `project_id` of an answer is something else, see `Package::project_ref`.
    ProjectId, IdKind::Project, |c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}

text_id! {
    /// The id of a workspace (wire: the header `workspace`): 3 to 64 visible ASCII characters, no space.
    ///
    /// It is 32 hexadecimal digits in every documented example. Without the header the service takes
    /// the workspace called `default`.
    WorkspaceId, IdKind::Workspace, |c| c.is_ascii_graphic()
}

impl WorkspaceId {
    /// The workspace that the service takes for a request that names none.
    #[must_use]
    pub fn service_default() -> Self {
        Self("default".to_owned())
    }
}

text_id! {
    /// The id of a background task (wire: `asy_task_id`, `task_id`): 1 to 128 characters, none of them a
    /// control character, and neither `.` nor `..`.
    ///
    /// The documents give no limits; these keep it one segment of a path, where it is percent-escaped.
    SystemTaskId, IdKind::SystemTask, |c| !c.is_control()
}

fn check_text(kind: IdKind, text: &str, allowed: impl Fn(char) -> bool) -> Result<(), InvalidId> {
    let (_, min, max, _) = kind.rules();
    check_characters(kind, text, allowed)?;
    let length = text.chars().count();
    if !(min..=max).contains(&length) {
        return Err(InvalidId::Length { kind, length });
    }
    // A proxy may resolve such a segment, and the request would reach another resource.
    if matches!(text, "." | "..") {
        return Err(InvalidId::DotSegment(kind));
    }
    Ok(())
}

fn check_characters(
    kind: IdKind,
    text: &str,
    allowed: impl Fn(char) -> bool,
) -> Result<(), InvalidId> {
    match text.chars().zip(1..).find(|(c, _)| !allowed(*c)) {
        Some((character, position)) => Err(InvalidId::Character { kind, character, position }),
        None => Ok(()),
    }
}

/// Which kind of id an [`InvalidId`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IdKind {
    /// A [`PackageId`].
    Package,
    /// A [`ProjectId`].
    Project,
    /// A [`SystemTaskId`].
    SystemTask,
    /// A [`WorkspaceId`].
    Workspace,
}

impl IdKind {
    /// Its name, the fewest and the most characters, and which of them.
    fn rules(self) -> (&'static str, usize, usize, &'static str) {
        match self {
            Self::Package => ("package id", 1, 19, "digits"),
            Self::Project => ("project id", 3, 64, "letters, digits, '_' and '-'"),
            Self::SystemTask => ("system task id", 1, 128, "characters that can be seen"),
            Self::Workspace => ("workspace id", 3, 64, "visible ASCII characters"),
        }
    }
}

impl fmt::Display for IdKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.rules().0)
    }
}

/// Why text or a number is not a valid id. Its `Display` is one line of at most 200 characters that repeats no
/// more than one character of the input, escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidId {
    /// A character that this kind of id may not hold.
    Character {
        /// Which kind of id.
        kind: IdKind,
        /// The character.
        character: char,
        /// Its position, counted in characters from 1.
        position: usize,
    },
    /// `.` or `..`, which has a special meaning in a path.
    DotSegment(IdKind),
    /// A package id with a leading zero.
    LeadingZero,
    /// Too few or too many characters.
    Length {
        /// Which kind of id.
        kind: IdKind,
        /// How many characters it has.
        length: usize,
    },
    /// A package id outside `1..=i64::MAX`.
    OutOfRange,
}

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Character { kind, character, position } => {
                let (_, _, _, allowed) = kind.rules();
                write!(
                    f,
                    "{kind}: character {position} is {character:?}, but only {allowed} are allowed"
                )
            }
            Self::DotSegment(kind) => {
                write!(f, "{kind}: '.' and '..' have a special meaning in a path")
            }
            Self::LeadingZero => {
                write!(f, "{}: leading zeros are not allowed", IdKind::Package)
            }
            Self::Length { kind, length: 0 } => write!(f, "{kind}: it is empty"),
            Self::Length { kind, length } => {
                let (_, min, max, _) = kind.rules();
                write!(f, "{kind}: it has {length} characters, but must have {min} to {max}")
            }
            Self::OutOfRange => {
                write!(f, "{}: it must lie between 1 and {}", IdKind::Package, PackageId::MAX)
            }
        }
    }
}

impl std::error::Error for InvalidId {}
