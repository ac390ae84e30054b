//! Throttling: so many requests in any span of one second, by user and by call.

use std::collections::{HashMap, VecDeque};
use std::str::FromStr;

use dls_model::{HostFamily, Timestamp};

use crate::assumptions::UserRate;
use crate::refusal::Refusal;

/// How many requests a second are let through.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum RateLimit {
    /// As pages `apiOverview_DLF_V2` and `_V1` say: 10 a second for a user and 100 for a call (V1: 30
    /// and 300). That the rows of deploy and revoke are like the others is assumed.
    #[default]
    Documented,
    /// As many as come.
    Off,
    /// The documented numbers times this, rounded, and at least 1.
    Scaled(f64),
}

impl RateLimit {
    /// For a user and for a call.
    fn per_second(self, family: HostFamily) -> Option<(usize, usize)> {
        let factor = match self {
            Self::Off => return None,
            Self::Documented => 1.0,
            Self::Scaled(factor) => factor,
        };
        let (user, call) = match family {
            HostFamily::V2 => (10.0, 100.0),
            HostFamily::V1 => (30.0, 300.0),
        };
        Some((at_least_one(user * factor), at_least_one(call * factor)))
    }
}

/// The cast saturates, and makes 0 of what is no number.
fn at_least_one(limit: f64) -> usize {
    (limit.round() as usize).max(1)
}

/// `documented`, `off`, or a number greater than 0 to scale the documented rates by.
impl FromStr for RateLimit {
    type Err = InvalidRateLimit;

    fn from_str(text: &str) -> Result<Self, InvalidRateLimit> {
        match text {
            "documented" => Ok(Self::Documented),
            "off" => Ok(Self::Off),
            _ => match text.parse() {
                Ok(factor) if factor > 0.0 && f64::is_finite(factor) => Ok(Self::Scaled(factor)),
                _ => Err(InvalidRateLimit),
            },
        }
    }
}

/// A text that is no [`RateLimit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[error(
    "a rate limit is \"documented\", \"off\" or a number to scale the documented one by, such as 0.5"
)]
pub struct InvalidRateLimit;

/// Who is counted, and over what.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Counted {
    User(String, HostFamily),
    UserAndCall(String, &'static str),
    Call(&'static str),
}

/// The requests of the last second.
pub(crate) struct Throttle {
    rate: RateLimit,
    user_rate: UserRate,
    /// At most as many times as the limit allows are kept for each.
    recent: HashMap<Counted, VecDeque<Timestamp>>,
}

impl Throttle {
    pub(crate) fn new(rate: RateLimit, user_rate: UserRate) -> Self {
        Self { rate, user_rate, recent: HashMap::new() }
    }

    /// Lets a request through and counts it, or refuses it and does not.
    pub(crate) fn admit(
        &mut self,
        now: Timestamp,
        user: &str,
        family: HostFamily,
        call: &'static str,
    ) -> Result<(), Refusal> {
        let Some((of_user, of_call)) = self.rate.per_second(family) else {
            return Ok(());
        };
        let user = match self.user_rate {
            UserRate::User => Counted::User(user.to_owned(), family),
            UserRate::UserAndApi => Counted::UserAndCall(user.to_owned(), call),
        };
        let call = Counted::Call(call);
        if self.last_second(&user, now).len() >= of_user {
            return Err(Refusal::throttled(of_user, "user"));
        }
        if self.last_second(&call, now).len() >= of_call {
            return Err(Refusal::throttled(of_call, "api"));
        }
        self.last_second(&user, now).push_back(now);
        self.last_second(&call, now).push_back(now);
        Ok(())
    }

    fn last_second(&mut self, whose: &Counted, now: Timestamp) -> &mut VecDeque<Timestamp> {
        let times = self.recent.entry(whose.clone()).or_default();
        // Also drops what lies in the future, for a clock that was set back.
        let age = |time: &Timestamp| now.as_millis() - time.as_millis();
        times.retain(|time| (0..1000).contains(&age(time)));
        times
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_747_106_000_000 + millis).unwrap()
    }

    /// How many of `count` requests at this time get through.
    fn admitted(throttle: &mut Throttle, millis: i64, user: &str, count: usize) -> usize {
        let one = |_: &usize| throttle.admit(at(millis), user, HostFamily::V2, "list").is_ok();
        (0..count).filter(one).count()
    }

    #[test]
    fn a_user_has_ten_requests_in_any_second() {
        let mut throttle = Throttle::new(RateLimit::Documented, UserRate::User);
        assert_eq!(admitted(&mut throttle, 0, "a", 4), 4);
        assert_eq!(admitted(&mut throttle, 900, "a", 10), 6);
        assert_eq!(admitted(&mut throttle, 999, "a", 10), 0);
        assert_eq!(admitted(&mut throttle, 1000, "a", 10), 4);
        assert_eq!(admitted(&mut throttle, 1000, "b", 10), 10);
    }

    #[test]
    fn a_call_has_a_hundred_requests_in_any_second_whoever_asks() {
        let mut throttle = Throttle::new(RateLimit::Documented, UserRate::User);
        let users = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"];
        let total: usize = users.iter().map(|user| admitted(&mut throttle, 0, user, 10)).sum();
        assert_eq!(total, 100);
        let other = throttle.admit(at(0), "k", HostFamily::V2, "show");
        assert_eq!(other, Ok(()), "another call");
    }

    #[test]
    fn the_rates_of_v1_are_their_own_and_three_times_as_high() {
        let mut throttle = Throttle::new(RateLimit::Documented, UserRate::User);
        assert_eq!(admitted(&mut throttle, 0, "a", 11), 10);
        let one = |_: &usize| throttle.admit(at(0), "a", HostFamily::V1, "task").is_ok();
        assert_eq!((0..40).filter(one).count(), 30);
    }

    #[test]
    fn rates_can_be_scaled_and_turned_off() {
        for (rate, expected) in [
            (RateLimit::Off, 500),
            (RateLimit::Scaled(0.5), 5),
            (RateLimit::Scaled(0.0), 1),
            (RateLimit::Scaled(f64::NAN), 1),
            (RateLimit::Scaled(-3.0), 1),
        ] {
            let mut throttle = Throttle::new(rate, UserRate::User);
            assert_eq!(admitted(&mut throttle, 0, "a", 500), expected, "{rate:?}");
        }
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_lock_anybody_out() {
        let mut throttle = Throttle::new(RateLimit::Documented, UserRate::User);
        assert_eq!(admitted(&mut throttle, 5000, "a", 20), 10);
        assert_eq!(admitted(&mut throttle, 0, "a", 20), 10);
    }

    #[test]
    fn a_rate_is_read_from_text() {
        assert_eq!("documented".parse(), Ok(RateLimit::Documented));
        assert_eq!("off".parse(), Ok(RateLimit::Off));
        assert_eq!("0.5".parse(), Ok(RateLimit::Scaled(0.5)));
        for bad in ["", "on", "0", "-1", "inf", "NaN", "1/2"] {
            assert_eq!(bad.parse::<RateLimit>(), Err(InvalidRateLimit), "{bad}");
        }
    }
}
