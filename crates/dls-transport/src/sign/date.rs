//! `X-Sdk-Date`: the one form of time that a signature knows.

use std::fmt;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::civil::DateTime;
use thiserror::Error;

/// The time of a signature in UTC, to the second: `YYYYMMDDTHHMMSSZ`, header `X-Sdk-Date`.
///
/// The service accepts a signature for 15 minutes around it. Years are 1 to 9999.
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
/// use dls_transport::sign::SdkDate;
///
/// let date: SdkDate = "20240429T081530Z".parse()?;
/// assert_eq!(date, SdkDate::from(UNIX_EPOCH + Duration::from_secs(1_714_378_530)));
/// assert_eq!(date.to_string(), "20240429T081530Z");
/// assert!("20240230T081530Z".parse::<SdkDate>().is_err());
/// # Ok::<(), dls_transport::sign::InvalidSdkDate>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SdkDate(DateTime);

const FORMAT: &str = "%Y%m%dT%H%M%SZ";
const FIRST: DateTime = DateTime::constant(1, 1, 1, 0, 0, 0, 0);
const LAST: DateTime = DateTime::constant(9999, 12, 31, 23, 59, 59, 0);
const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// Fractions of a second are cut. A time outside the years 1 to 9999 becomes the nearest inside.
impl From<SystemTime> for SdkDate {
    fn from(time: SystemTime) -> Self {
        let time = match time.duration_since(UNIX_EPOCH) {
            Ok(since) => EPOCH.saturating_add(since),
            Err(error) => EPOCH.saturating_sub(error.duration()),
        };
        let time = time.clamp(FIRST, LAST);
        Self(time.date().at(time.hour(), time.minute(), time.second(), 0))
    }
}

/// A date that the platform cannot hold (Windows before 1601) becomes the epoch.
impl From<SdkDate> for SystemTime {
    fn from(date: SdkDate) -> Self {
        let since = date.0.duration_since(EPOCH);
        let time = if since.is_negative() {
            UNIX_EPOCH.checked_sub(since.unsigned_abs())
        } else {
            UNIX_EPOCH.checked_add(since.unsigned_abs())
        };
        time.unwrap_or(UNIX_EPOCH)
    }
}

impl FromStr for SdkDate {
    type Err = InvalidSdkDate;

    fn from_str(text: &str) -> Result<Self, InvalidSdkDate> {
        let has_form = |(at, byte): (usize, u8)| match at {
            8 => byte == b'T',
            15 => byte == b'Z',
            _ => byte.is_ascii_digit(),
        };
        if text.len() != 16 || !text.bytes().enumerate().all(has_form) {
            return Err(InvalidSdkDate::Form);
        }
        match DateTime::strptime(FORMAT, text).map(Self) {
            // A leap second is read as the second before it.
            Ok(date) if date.0 >= FIRST && date.to_string() == text => Ok(date),
            _ => Err(InvalidSdkDate::NoSuchTime),
        }
    }
}

impl fmt::Display for SdkDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.strftime(FORMAT))
    }
}

/// Why a text is no [`SdkDate`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidSdkDate {
    /// Not of the form `YYYYMMDDTHHMMSSZ`.
    #[error("a date has the form YYYYMMDDTHHMMSSZ in UTC, such as 20240429T081530Z")]
    Form,
    /// Of the form, but no such day or hour exists (month 13, 30 February, 24:00, a leap second, year 0).
    #[error("no such time exists (YYYYMMDDTHHMMSSZ in UTC, such as 20240429T081530Z)")]
    NoSuchTime,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> SystemTime {
        let span = Duration::from_secs(seconds.unsigned_abs());
        if seconds < 0 { UNIX_EPOCH - span } else { UNIX_EPOCH + span }
    }

    /// Text and seconds since the epoch, as Python's `datetime` relates them.
    const KNOWN: [(&str, i64); 10] = [
        ("00010101T000000Z", -62_135_596_800),
        ("15821015T000000Z", -12_219_292_800),
        ("19000228T235959Z", -2_203_891_201),
        ("19000301T000000Z", -2_203_891_200),
        ("19691231T235959Z", -1),
        ("19700101T000000Z", 0),
        ("20000229T120000Z", 951_825_600),
        ("20240229T235959Z", 1_709_251_199),
        ("21000301T000000Z", 4_107_542_400),
        ("99991231T235959Z", 253_402_300_799),
    ];

    #[test]
    fn known_dates_are_read_and_written() {
        for (text, seconds) in KNOWN {
            let date = SdkDate::from(at(seconds));
            assert_eq!(text.parse(), Ok(date), "{text}");
            assert_eq!(date.to_string(), text);
            assert_eq!(SystemTime::from(date), at(seconds), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        let bad_form = [
            "",
            "2024-04-29T08:15:30Z",
            "20240429T081530",
            "20240429T081530z",
            "20240429 081530Z",
            "20240429T081530ZZ",
            " 20240429T081530Z",
            "+0240429T081530Z",
            "２0240429T081530Z",
            "20240429T08153\u{661}Z",
        ];
        for text in bad_form {
            assert_eq!(text.parse::<SdkDate>(), Err(InvalidSdkDate::Form), "{text}");
        }
        let no_such_time = [
            "00000101T000000Z",
            "20240029T000000Z",
            "20241301T000000Z",
            "20240400T000000Z",
            "20240431T000000Z",
            "20240230T000000Z",
            "20230229T000000Z",
            "19000229T000000Z",
            "20240429T240000Z",
            "20240429T006000Z",
            "20161231T235960Z",
        ];
        for text in no_such_time {
            assert_eq!(text.parse::<SdkDate>(), Err(InvalidSdkDate::NoSuchTime), "{text}");
        }
        for error in [InvalidSdkDate::Form, InvalidSdkDate::NoSuchTime] {
            assert!(error.to_string().contains("YYYYMMDDTHHMMSSZ"));
        }
    }

    #[test]
    fn a_fraction_is_cut_and_a_time_without_a_four_digit_year_becomes_the_nearest_with_one() {
        let (half, far) = (Duration::from_millis(500), Duration::from_secs(1 << 40));
        for (time, text) in [
            (UNIX_EPOCH + half, "19700101T000000Z"),
            (UNIX_EPOCH - half, "19691231T235959Z"),
            (UNIX_EPOCH + far, "99991231T235959Z"),
            (UNIX_EPOCH - far, "00010101T000000Z"),
        ] {
            assert_eq!(SdkDate::from(time).to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn every_date_survives_text_and_time(seconds in -62_135_596_800_i64..=253_402_300_799) {
            let date = SdkDate::from(at(seconds));
            prop_assert_eq!(date.to_string().parse(), Ok(date));
            prop_assert_eq!(SystemTime::from(date), at(seconds));
        }
    }
}
