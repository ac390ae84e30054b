//! Instants as the service writes them: milliseconds since 1970 in UTC.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize, Serializer};

use crate::lenient::{FromScalar, Scalar};

/// An instant in milliseconds since the Unix epoch, after it and before the year 10000 (13 digits today).
///
/// The service writes a number, some of its documents text; both are read. `0`, `null` and whatever is no
/// such instant read as "no time". [`Display`](fmt::Display) is RFC 3339 in UTC, with the milliseconds
/// only where there are any.
///
/// ```
/// use dls_model::Timestamp;
///
/// let time = Timestamp::from_millis(1_747_106_000_000).ok_or("no time")?;
/// assert_eq!(time.to_string(), "2025-05-13T03:13:20Z");
/// assert_eq!(Timestamp::from_millis(0), None);
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The last millisecond of the year 9999, the last year that RFC 3339 can write.
    pub const MAX: Self = Self(253_402_300_799_999);

    /// The instant so many milliseconds after the epoch, if it lies in `1..=MAX`.
    #[must_use]
    pub fn from_millis(millis: i64) -> Option<Self> {
        (1..=Self::MAX.0).contains(&millis).then_some(Self(millis))
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub fn as_millis(self) -> i64 {
        self.0
    }

    /// The instant of `time`, cut to the millisecond; `None` at and before the epoch and after [`Self::MAX`].
    #[must_use]
    pub fn from_system_time(time: SystemTime) -> Option<Self> {
        let since = time.duration_since(UNIX_EPOCH).ok()?;
        Self::from_millis(i64::try_from(since.as_millis()).ok()?)
    }

    /// The same instant for the standard library.
    #[must_use]
    pub fn to_system_time(self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.0.unsigned_abs())
    }
}

impl From<Timestamp> for SystemTime {
    fn from(time: Timestamp) -> Self {
        time.to_system_time()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, millis) = (self.0 / 1000, self.0 % 1000);
        let (year, month, day) = date(seconds / 86_400);
        let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        match millis {
            0 => f.write_str("Z"),
            _ => write!(f, ".{millis:03}Z"),
        }
    }
}

/// The Gregorian date so many days after 1970-01-01. Years are counted from March, which puts the odd day
/// of a leap year at the end of the year.
fn date(days: i64) -> (i64, i64, i64) {
    const DAYS_IN_400_YEARS: i64 = 146_097;
    const FROM_MARCH_OF_YEAR_0: i64 = 719_468;
    let days = days + FROM_MARCH_OF_YEAR_0;
    let (era, day_of_era) = (days / DAYS_IN_400_YEARS, days % DAYS_IN_400_YEARS);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

impl FromScalar for Timestamp {
    fn from_scalar(scalar: Scalar<'_>) -> Option<Self> {
        i64::from_scalar(scalar).and_then(Self::from_millis)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0)
    }
}

/// From a number or text.
impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_scalar(Scalar::deserialize(deserializer)?)
            .ok_or_else(|| de::Error::custom("not a time in milliseconds since 1970"))
    }
}
