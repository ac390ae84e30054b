//! The values of flags.

use std::time::Duration;

use dls::rollout::PollInterval;
use dls::transport::Rate;

/// A span of time as people write it: `30s`, `45m`, `1h 30m`, `500ms`.
pub(super) fn duration(text: &str) -> Result<Duration, &'static str> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let span: Option<jiff::SignedDuration> = text.parse().ok();
    let span = span.and_then(|span| Duration::try_from(span).ok());
    span.ok_or("it is not a duration, such as 500ms, 30s, 45m or 1h30m")
}

/// A limit that always holds: 0 does not mean none.
pub(super) fn limit(text: &str) -> Result<Duration, &'static str> {
    match duration(text)? {
        Duration::ZERO => Err("it must be above 0, such as 500ms, 30s or 5m"),
        time => Ok(time),
    }
}

/// One duration, or a range that grows.
pub(super) fn interval(text: &str) -> Result<PollInterval, &'static str> {
    let (initial, max) = text.split_once("..").unwrap_or((text, text));
    match (duration(initial)?, duration(max)?) {
        (initial, max) if !initial.is_zero() && initial <= max => {
            Ok(PollInterval::new(initial, max))
        }
        _ => Err("it must be MIN..MAX with 0 < MIN <= MAX, such as 1s..30s"),
    }
}

pub(super) fn rate(text: &str) -> Result<Rate, &'static str> {
    match text.parse::<f64>() {
        Ok(rate) if rate.is_finite() && rate > 0.0 => Ok(Rate::PerSecond(rate)),
        _ => Err("it is not a number above 0, such as 8 or 0.5"),
    }
}

/// A header in the form that curl uses. The space after the colon is not part of the value.
pub(super) fn header(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once(':').ok_or("it must be `NAME: VALUE`")?;
    Ok((name.to_owned(), value.strip_prefix(' ').unwrap_or(value).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_one_time_or_a_range_that_grows() {
        let second = Duration::from_secs;
        assert_eq!(interval("5s"), Ok(PollInterval::new(second(5), second(5))));
        assert_eq!(interval("1s..1m"), Ok(PollInterval::new(second(1), second(60))));
        for wrong in ["", "..", "1s..", "..1s", "0", "0s..1s", "2s..1s", "often"] {
            assert!(interval(wrong).is_err(), "{wrong}");
        }
    }
}
