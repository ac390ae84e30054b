//! Throttling: a limit of requests in any span of one second, for each user and each operation.

use std::collections::{HashMap, VecDeque};

use dls_model::{HostFamily, Timestamp};

use crate::assumptions::UserRate;
use crate::refusal::Refusal;

/// How many requests per second are let through.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum RateLimit {
    /// The limits of pages `apiOverview_DLF_V2` and `_V1`: 10 per second for a user and 100 for an operation (V1: 30
    /// and 300). That they hold for deploy and revoke, too, is assumed.
    #[default]
    Documented,
    /// No limit.
    Off,
    /// The documented numbers times this, rounded, and at least 1.
    Scaled(f64),
}

impl RateLimit {
    /// The limits for a user and for an operation.
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

/// The cast saturates, and turns NaN into 0.
fn at_least_one(limit: f64) -> usize {
    (limit.round() as usize).max(1)
}

/// What is counted together: requests of a user, if there is one, to an operation or an API version.
type CountKey = (Option<String>, &'static str);

/// The requests of the last second.
pub(crate) struct Throttle {
    rate: RateLimit,
    user_rate: UserRate,
    /// The times of at most as many requests as the limit allows.
    recent: HashMap<CountKey, VecDeque<Timestamp>>,
}

impl Throttle {
    pub(crate) fn new(rate: RateLimit, user_rate: UserRate) -> Self {
        Self { rate, user_rate, recent: HashMap::new() }
    }

    /// Lets a request through and counts it, or refuses it and does not count it.
    pub(crate) fn check(
        &mut self,
        now: Timestamp,
        user: &str,
        family: HostFamily,
        call: &'static str,
    ) -> Result<(), Refusal> {
        let Some((of_user, of_call)) = self.rate.per_second(family) else {
            return Ok(());
        };
        let scope = match self.user_rate {
            UserRate::User => family.prefix(),
            UserRate::UserAndApi => call,
        };
        let user = (Some(user.to_owned()), scope);
        let call = (None, call);
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

    fn last_second(&mut self, whose: &CountKey, now: Timestamp) -> &mut VecDeque<Timestamp> {
        let times = self.recent.entry(whose.clone()).or_default();
        // Times in the future are dropped, too, in case the clock was set back.
        let age = |time: &Timestamp| now.as_millis() - time.as_millis();
        times.retain(|time| (0..1000).contains(&age(time)));
        times
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Throttle {
        /// How many of `count` requests at this time are let through.
        fn admitted(&mut self, at: i64, user: &str, call: &'static str, count: usize) -> usize {
            let now = Timestamp::from_millis(1_747_106_000_000 + at).unwrap();
            let family = if call == "task" { HostFamily::V1 } else { HostFamily::V2 };
            (0..count).filter(|_| self.check(now, user, family, call).is_ok()).count()
        }
    }

    #[test]
    fn a_user_has_ten_requests_in_any_second_and_thirty_of_v1() {
        let mut throttle = Throttle::new(RateLimit::Documented, UserRate::User);
        for (at, user, call, count, expected) in [
            (0, "a", "list", 4, 4),
            (900, "a", "list", 10, 6),
            (999, "a", "list", 10, 0),
            (1000, "a", "list", 10, 4),
            (1000, "b", "list", 10, 10),
            (1000, "a", "task", 40, 30),
            // The clock was set back.
            (0, "b", "list", 20, 10),
        ] {
            let admitted = throttle.admitted(at, user, call, count);
            assert_eq!(admitted, expected, "{at} {user} {call}");
        }
    }

    #[test]
    fn a_call_has_a_hundred_requests_in_any_second_whoever_asks() {
        let mut throttle = Throttle::new(RateLimit::Documented, UserRate::User);
        let users = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"];
        let mut of_user = |user: &&str| throttle.admitted(0, user, "list", 10);
        assert_eq!(users.iter().map(&mut of_user).sum::<usize>(), 100);
        assert_eq!(throttle.admitted(0, "k", "show", 1), 1, "another call");
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
            assert_eq!(throttle.admitted(0, "a", "list", 500), expected, "{rate:?}");
        }
    }
}
