//! The clock of a run, as a seam: the wall clock for signatures, and one that never goes back for
//! events.

use std::fmt;
use std::time::{Duration, SystemTime};

use dls_model::Timestamp;
use tokio::time::Instant;

/// Tells a [`Run`](super::Run) the time. Sleeping and time limits are tokio's.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The wall clock, which may be set forward and back at any time. Signatures bear it.
    fn wall(&self) -> SystemTime;

    /// The time since this clock was made. It never goes back, and it counts the time for which the
    /// machine was suspended.
    fn elapsed(&self) -> Duration;
}

/// The machine's clocks, with a wall clock that can be set from outside.
pub(crate) struct SystemClock<W> {
    wall: W,
    started: Instant,
    /// The clock that counts suspend, when this one was made.
    started_since_boot: Duration,
}

impl<W: Fn() -> SystemTime + Send + Sync> SystemClock<W> {
    pub(crate) fn new(wall: W) -> Self {
        Self { wall, started: Instant::now(), started_since_boot: since_boot() }
    }
}

impl<W: Fn() -> SystemTime + Send + Sync> Clock for SystemClock<W> {
    fn wall(&self) -> SystemTime {
        (self.wall)()
    }

    /// The larger of two: tokio's clock, which a test can pause and advance, stops while the machine
    /// is suspended on most systems.
    fn elapsed(&self) -> Duration {
        let since_boot = since_boot().saturating_sub(self.started_since_boot);
        self.started.elapsed().max(since_boot)
    }
}

impl<W> fmt::Debug for SystemClock<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SystemClock").field("started", &self.started).finish_non_exhaustive()
    }
}

/// The time since the machine was started, suspend included; zero where the system does not tell it.
#[cfg(unix)]
fn since_boot() -> Duration {
    use rustix::time::{ClockId, clock_gettime};

    #[cfg(any(target_os = "android", target_os = "linux"))]
    const COUNTS_SUSPEND: ClockId = ClockId::Boottime;
    // On Apple's systems this one counts suspend; on others there is none that rustix knows.
    #[cfg(not(any(target_os = "android", target_os = "linux")))]
    const COUNTS_SUSPEND: ClockId = ClockId::Monotonic;

    let time = clock_gettime(COUNTS_SUSPEND);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanos = u32::try_from(time.tv_nsec).unwrap_or_default();
    Duration::new(seconds, nanos)
}

#[cfg(not(unix))]
fn since_boot() -> Duration {
    Duration::ZERO
}

/// The times of a run's events: the wall clock as it was at the beginning, and what has passed since.
/// So they never go back, whatever happens to the wall clock meanwhile.
#[derive(Debug)]
pub(super) struct EventTimes {
    wall_at_start: SystemTime,
    elapsed_at_start: Duration,
}

impl EventTimes {
    pub(super) fn new(clock: &dyn Clock) -> Self {
        Self { wall_at_start: clock.wall(), elapsed_at_start: clock.elapsed() }
    }

    pub(super) fn now(&self, clock: &dyn Clock) -> Timestamp {
        let passed = clock.elapsed().saturating_sub(self.elapsed_at_start);
        timestamp(self.wall_at_start + passed)
    }
}

/// The last time that can be written stands in for one that cannot.
pub(super) fn timestamp(time: SystemTime) -> Timestamp {
    Timestamp::from_system_time(time).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::UNIX_EPOCH;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_system_clock_passes_with_tokios() {
        let clock = SystemClock::new(|| UNIX_EPOCH);
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert!(clock.elapsed() >= Duration::from_secs(3600));
    }

    #[tokio::test(start_paused = true)]
    #[cfg(unix)]
    async fn the_system_clock_passes_while_tokios_stands_still() {
        let mut clock = SystemClock::new(|| UNIX_EPOCH);
        assert!(clock.started_since_boot > Duration::ZERO);
        // As if the machine had been suspended since.
        clock.started_since_boot = Duration::ZERO;
        assert_eq!(clock.started.elapsed(), Duration::ZERO);
        assert!(clock.elapsed() > Duration::ZERO);
    }

    #[derive(Debug)]
    struct Set(Mutex<(SystemTime, Duration)>);

    impl Clock for Set {
        fn wall(&self) -> SystemTime {
            self.0.lock().unwrap().0
        }

        fn elapsed(&self) -> Duration {
            self.0.lock().unwrap().1
        }
    }

    #[test]
    fn the_times_of_events_go_on_when_the_wall_clock_is_set_back() {
        let day = Duration::from_secs(86_400);
        let clock = Set(Mutex::new((UNIX_EPOCH + day, day)));
        let times = EventTimes::new(&clock);
        let before = times.now(&clock);
        assert_eq!(before.to_system_time(), UNIX_EPOCH + day);
        *clock.0.lock().unwrap() = (UNIX_EPOCH, day + Duration::from_secs(5));
        let after = times.now(&clock);
        assert_eq!(after.as_millis() - before.as_millis(), 5000);
    }
}
