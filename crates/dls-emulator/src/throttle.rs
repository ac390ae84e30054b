//! Throttling at the documented rates: so many requests in a second, an API and a user.

use std::collections::{HashMap, VecDeque};

use crate::reply::Refusal;

const SECOND: i64 = 1000;

#[derive(Debug, Default)]
pub(crate) struct Throttle(HashMap<String, VecDeque<i64>>);

impl Throttle {
    /// Counts one request of this user to this API, or refuses it.
    pub(crate) fn pass(
        &mut self,
        v1: bool,
        api: &str,
        user: &str,
        now: i64,
    ) -> Result<(), Refusal> {
        let (of_the_api, of_the_user) = if v1 { (300, 30) } else { (100, 10) };
        for (key, limit) in [
            (api.to_owned(), of_the_api),
            (format!("{api} {user}"), of_the_user),
        ] {
            let times = self.0.entry(key).or_default();
            while times.front().is_some_and(|time| now - time >= SECOND) {
                times.pop_front();
            }
            if times.len() >= limit {
                let text = format!("policy user over ratelimit,limit:{limit},time:1 second");
                return Err(Refusal::new(429, "APIGW.0308", text));
            }
            times.push_back(now);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_eleventh_request_of_a_second_is_throttled_and_the_next_second_is_free() {
        let mut throttle = Throttle::default();
        for _ in 0..10 {
            throttle.pass(false, "show", "a", 500).unwrap();
        }
        assert_eq!(
            throttle.pass(false, "show", "a", 999).unwrap_err().status,
            429
        );
        throttle.pass(false, "show", "b", 999).unwrap();
        throttle.pass(false, "show", "a", 1500).unwrap();
    }
}
