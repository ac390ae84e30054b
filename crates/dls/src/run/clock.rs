//! The clocks of a run: the wall clock for signatures, and a monotonic one for events.

use std::fmt;
use std::time::{Duration, SystemTime};

use dls_model::Timestamp;
use dls_transport::Transport;
use tokio::time::Instant;

/// The time for a [`Run`](super::Run). Sleeping and timeouts use tokio's clock.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The wall clock, which may be set forward and back at any time. Signatures contain it.
    fn wall(&self) -> SystemTime;

    /// The time since this clock was created. It never goes back, and includes the time for which the machine was
    /// suspended.
    fn elapsed(&self) -> Duration;
}

/// The machine's clocks; the transport's is the wall clock.
#[derive(Debug)]
pub(crate) struct SystemClock {
    transport: Transport,
    started: Instant,
    /// Includes the time for which the machine was suspended.
    started_since_boot: Duration,
}

impl SystemClock {
    pub(crate) fn new(transport: Transport) -> Self {
        Self { transport, started: Instant::now(), started_since_boot: since_boot() }
    }
}

impl Clock for SystemClock {
    fn wall(&self) -> SystemTime {
        self.transport.now()
    }

    /// The larger of two: tokio's clock, which a test can pause and advance, stops while the machine
    /// is suspended on most systems.
    fn elapsed(&self) -> Duration {
        let since_boot = since_boot().saturating_sub(self.started_since_boot);
        self.started.elapsed().max(since_boot)
    }
}

/// The time since the machine booted, suspend included; zero where the system has no such clock.
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

/// A clock whose event times never go back: the wall clock at the start, and the time that has passed since.
#[derive(Debug)]
pub(super) struct EventClock {
    clock: Box<dyn Clock>,
    wall_at_start: SystemTime,
    elapsed_at_start: Duration,
}

impl EventClock {
    pub(super) fn new(clock: impl Clock + 'static) -> Self {
        Self {
            wall_at_start: clock.wall(),
            elapsed_at_start: clock.elapsed(),
            clock: Box::new(clock),
        }
    }

    pub(super) fn wall(&self) -> SystemTime {
        self.clock.wall()
    }

    pub(super) fn now(&self) -> Timestamp {
        let passed = self.clock.elapsed().saturating_sub(self.elapsed_at_start);
        timestamp(self.wall_at_start + passed)
    }
}

/// Falls back to `MAX` when the date cannot be represented.
pub(super) fn timestamp(time: SystemTime) -> Timestamp {
    Timestamp::from_system_time(time).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use dls_transport::credentials::Environment;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_system_clock_advances_with_tokios_and_while_the_machine_is_suspended() {
        let transport = Transport::builder().credentials(Environment::new());
        let transport = transport.project_id("p-1").build().unwrap();
        let clock = SystemClock::new(transport.clone());
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert!(clock.elapsed() >= Duration::from_secs(3600));
        if cfg!(unix) {
            // As if the machine had been suspended since it booted.
            let started_since_boot = Duration::ZERO;
            let clock = SystemClock { started_since_boot, ..SystemClock::new(transport) };
            assert_eq!(clock.started.elapsed(), Duration::ZERO);
            assert!(clock.elapsed() > Duration::ZERO);
        }
    }
}
