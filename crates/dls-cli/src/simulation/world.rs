//! What all processes of a case share: the service behind its faults, the clocks, and chance, which also
//! decides when a process dies.

use std::fmt;
use std::future::{pending, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use dls::run::Clock;
use dls::store::BoxFuture;
use dls::store::memory_disk::{DiskCall, DiskFaults, MemoryDisk};
use dls_emulator::{Engine, Sent};
use fastrand::Rng;
use tokio::time::{Instant, sleep};

/// 2025-06-01T00:00:00Z.
const BEGINNING: Duration = Duration::from_secs(1_748_736_000);
/// A process that dies again and again before it has observed everything would never end.
const MOST_DEATHS: u32 = 6;
/// How long a call of the disk takes if it takes longer than a run waits for its store.
const STUCK: Duration = Duration::from_secs(15);

/// A handle of the world of one case.
#[derive(Clone)]
pub(crate) struct World(Arc<Shared>);

struct Shared {
    started: Instant,
    disk: MemoryDisk,
    state: Mutex<State>,
}

pub(crate) struct State {
    pub(crate) engine: Engine,
    pub(crate) rng: Rng,
    /// The requests of which at least one byte was written.
    pub(crate) sent: Vec<Sent>,
    pub(crate) chances: Chances,
    /// The time for which the machine slept: it passes for everybody but for tokio.
    suspended: Duration,
    /// How far the machine's wall clock is from the true time, in milliseconds.
    wall_is_ahead: i64,
    is_dead: bool,
    pub(crate) deaths: u32,
}

/// How likely things happen at each step of a process.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Chances {
    /// The process dies.
    pub(crate) death: f64,
    /// The machine sleeps for a while, or its wall clock is set.
    pub(crate) clock: f64,
    /// Another process tries to do the same at the same time.
    pub(crate) rival: f64,
    /// The disk refuses a call, or takes too long.
    pub(crate) disk: f64,
    /// A bit on the disk is flipped, between two processes.
    pub(crate) flip: f64,
}

impl World {
    pub(crate) fn new(engine: Engine, rng: Rng, chances: Chances) -> Self {
        Self(Arc::new(Shared {
            started: Instant::now(),
            disk: MemoryDisk::default(),
            state: Mutex::new(State {
                engine,
                rng,
                sent: Vec::new(),
                chances,
                suspended: Duration::ZERO,
                wall_is_ahead: 0,
                is_dead: false,
                deaths: 0,
            }),
        }))
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The disk as a process of the case sees it.
    pub(crate) fn disk(&self) -> MemoryDisk {
        self.0.disk.clone().with_faults(self.clone())
    }

    /// The true time, by which the service lives.
    pub(crate) fn now(&self) -> SystemTime {
        UNIX_EPOCH + BEGINNING + self.0.started.elapsed() + self.state().suspended
    }

    /// A moment between two steps of a process: it may die here, and then nothing of it goes on.
    pub(crate) async fn step(&self) {
        if self.state().dies() {
            pending::<()>().await;
        }
    }

    /// What this work of a process comes to; `None` if the process dies of it.
    pub(crate) async fn outlived<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        poll_fn(|context| {
            let done = work.as_mut().poll(context);
            match self.state().is_dead {
                true => Poll::Ready(None),
                false => done.map(Some),
            }
        })
        .await
    }

    /// The process is gone, and another one may begin. Perhaps the machine went down with it.
    pub(crate) fn bury(&self, with_the_machine: bool) {
        self.state().is_dead = false;
        if with_the_machine {
            self.disk().crash();
        }
    }

    /// Time passes between two processes, and perhaps a bit on the disk is another then.
    pub(crate) async fn pass(&self, seconds: u64) {
        sleep(Duration::from_secs(seconds)).await;
        if self.happens(|chances| chances.flip) {
            self.disk().flip();
        }
    }

    pub(crate) fn happens(&self, chance: impl Fn(&Chances) -> f64) -> bool {
        let state = &mut *self.state();
        state.rng.f64() < chance(&state.chances)
    }
}

impl DiskFaults for World {
    /// The process may die before each change, and the change may take long or be refused.
    fn before(&self, call: DiskCall) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(async move {
            if call == DiskCall::Lock {
                return Ok(());
            }
            self.step().await;
            let (takes, done) = self.state().disk_call();
            sleep(takes).await;
            done
        })
    }

    fn random(&self) -> u64 {
        self.state().rng.u64(..)
    }
}

impl State {
    pub(crate) fn one_in(&mut self, many: u32) -> bool {
        self.rng.u32(0..many) == 0
    }

    /// How long the next call of the disk takes, and what comes of it.
    fn disk_call(&mut self) -> (Duration, io::Result<()>) {
        let takes = Duration::from_millis(self.rng.u64(0..4));
        match self.rng.f64() < self.chances.disk {
            false => (takes, Ok(())),
            true if self.one_in(4) => (STUCK, Ok(())),
            true => (takes, Err(io::Error::other("input/output error"))),
        }
    }

    fn dies(&mut self) -> bool {
        if self.is_dead {
            return true;
        }
        if self.deaths < MOST_DEATHS && self.rng.f64() < self.chances.death {
            self.is_dead = true;
            self.deaths += 1;
        }
        if self.rng.f64() < self.chances.clock {
            match self.rng.bool() {
                true => self.suspended += Duration::from_secs(self.rng.u64(1..7200)),
                false => self.wall_is_ahead = self.rng.i64(-600_000..600_000),
            }
        }
        self.is_dead
    }
}

impl Clock for World {
    fn wall(&self) -> SystemTime {
        let ahead = self.state().wall_is_ahead;
        let by = Duration::from_millis(ahead.unsigned_abs());
        match ahead < 0 {
            true => self.now() - by,
            false => self.now() + by,
        }
    }

    fn elapsed(&self) -> Duration {
        self.0.started.elapsed() + self.state().suspended
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").finish_non_exhaustive()
    }
}
