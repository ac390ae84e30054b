//! `X-Sdk-Date`: the one form of time that a signature knows.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

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
pub struct SdkDate {
    /// Since 1970-01-01T00:00:00Z.
    seconds: i64,
}

/// 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z.
const FIRST: i64 = -62_135_596_800;
const LAST: i64 = 253_402_300_799;
const DAY: i64 = 86_400;

/// Fractions of a second are cut. A time outside the years 1 to 9999 becomes the nearest inside.
impl From<SystemTime> for SdkDate {
    fn from(time: SystemTime) -> Self {
        let seconds = match time.duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_secs()).unwrap_or(LAST),
            Err(error) => {
                let before = error.duration();
                let whole = i64::try_from(before.as_secs()).unwrap_or(LAST);
                -whole - i64::from(before.subsec_nanos() > 0)
            }
        };
        Self { seconds: seconds.clamp(FIRST, LAST) }
    }
}

/// A date that the platform cannot hold (Windows before 1601) becomes the epoch.
impl From<SdkDate> for SystemTime {
    fn from(date: SdkDate) -> Self {
        let span = Duration::from_secs(date.seconds.unsigned_abs());
        let time = if date.seconds < 0 {
            UNIX_EPOCH.checked_sub(span)
        } else {
            UNIX_EPOCH.checked_add(span)
        };
        time.unwrap_or(UNIX_EPOCH)
    }
}

impl FromStr for SdkDate {
    type Err = InvalidSdkDate;

    fn from_str(text: &str) -> Result<Self, InvalidSdkDate> {
        let [y1, y2, y3, y4, mo1, mo2, d1, d2, b'T', h1, h2, mi1, mi2, s1, s2, b'Z'] =
            text.as_bytes()
        else {
            return Err(InvalidSdkDate::Form);
        };
        let year = 100 * two_digits(*y1, *y2)? + two_digits(*y3, *y4)?;
        let month = two_digits(*mo1, *mo2)?;
        let day = two_digits(*d1, *d2)?;
        let (hour, minute, second) =
            (two_digits(*h1, *h2)?, two_digits(*mi1, *mi2)?, two_digits(*s1, *s2)?);

        let days = days_from_civil(year, month, day);
        let exists = year >= 1 && civil_from_days(days) == (year, month, day);
        if !exists || hour > 23 || minute > 59 || second > 59 {
            return Err(InvalidSdkDate::NoSuchTime);
        }
        Ok(Self { seconds: days * DAY + hour * 3600 + minute * 60 + second })
    }
}

impl fmt::Display for SdkDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil_from_days(self.seconds.div_euclid(DAY));
        let second = self.seconds.rem_euclid(DAY);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
    }
}

/// Why a text is no [`SdkDate`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidSdkDate {
    /// Not of the form `YYYYMMDDTHHMMSSZ`.
    Form,
    /// Of the form, but no such day or hour exists (month 13, 30 February, 24:00, a leap second, year 0).
    NoSuchTime,
}

impl fmt::Display for InvalidSdkDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => "a date has the form YYYYMMDDTHHMMSSZ in UTC, such as 20240429T081530Z",
            Self::NoSuchTime => {
                "no such time exists (YYYYMMDDTHHMMSSZ in UTC, such as 20240429T081530Z)"
            }
        })
    }
}

impl std::error::Error for InvalidSdkDate {}

fn two_digits(tens: u8, ones: u8) -> Result<i64, InvalidSdkDate> {
    if tens.is_ascii_digit() && ones.is_ascii_digit() {
        Ok(10 * i64::from(tens - b'0') + i64::from(ones - b'0'))
    } else {
        Err(InvalidSdkDate::Form)
    }
}

// The two calendar functions count in years that begin in March, so that a leap day ends its year,
// and in eras of 400 years (146,097 days), after which the Gregorian calendar repeats.

/// Days since 1970-01-01.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    year.div_euclid(400) * 146_097 + day_of_era - 719_468
}

/// Year, month, day.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = (shifted_month + 2) % 12 + 1;
    let year = days.div_euclid(146_097) * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
            let date = SdkDate { seconds };
            assert_eq!(text.parse(), Ok(date), "{text}");
            assert_eq!(date.to_string(), text);
            assert_eq!(SdkDate::from(SystemTime::from(date)), date, "{text}");
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
    fn a_fraction_of_a_second_is_cut_before_the_epoch_too() {
        let half = Duration::from_millis(500);
        assert_eq!(SdkDate::from(UNIX_EPOCH + half).to_string(), "19700101T000000Z");
        assert_eq!(SdkDate::from(UNIX_EPOCH - half).to_string(), "19691231T235959Z");
    }

    #[test]
    fn a_time_that_has_no_four_digit_year_becomes_the_nearest_that_has() {
        let far = Duration::from_secs(1 << 40);
        assert_eq!(SdkDate::from(UNIX_EPOCH + far).to_string(), "99991231T235959Z");
        assert_eq!(SdkDate::from(UNIX_EPOCH - far).to_string(), "00010101T000000Z");
    }

    proptest! {
        #[test]
        fn every_date_survives_text_and_time(seconds in FIRST..=LAST) {
            let date = SdkDate { seconds };
            prop_assert_eq!(date.to_string().parse(), Ok(date));
            prop_assert_eq!(SdkDate::from(SystemTime::from(date)), date);
        }

        #[test]
        fn the_next_day_is_the_next_date(days in FIRST / DAY..LAST / DAY) {
            let (year, month, day) = civil_from_days(days);
            let next = civil_from_days(days + 1);
            let candidates = [(year, month, day + 1), (year, month + 1, 1), (year + 1, 1, 1)];
            prop_assert!(candidates.contains(&next), "{next:?}");
        }
    }
}
