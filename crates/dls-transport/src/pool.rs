//! How many connections may be open, and the idle ones that wait a short time for the next read.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::http1::Connection;
use crate::origin::Origin;

/// How long a connection may be idle. Servers close theirs later, often after 60 s.
const MAX_IDLE: Duration = Duration::from_secs(15);
/// How many connections to one origin may be idle.
const MAX_IDLE_PER_ORIGIN: usize = 4;

/// Each connection in use has a slot. Idle connections may have the slots that are left.
pub(crate) struct Pool {
    idle: Arc<Mutex<IdlePool>>,
    slots: Arc<Semaphore>,
}

/// The right to have one connection in use, until it was closed or kept.
pub(crate) struct Slot {
    // `None` only if the semaphore was closed, which nobody does.
    _permit: Option<OwnedSemaphorePermit>,
    generation: u64,
}

#[derive(Default)]
struct IdlePool {
    /// The longest idle first.
    connections: Vec<IdleConnection>,
    /// How often all connections were retired.
    generation: u64,
}

struct IdleConnection {
    origin: Origin,
    connection: Connection,
    /// When it is too old.
    end: Instant,
    /// Closes it then. The task ends with this value.
    _timer: JoinSet<()>,
}

impl Pool {
    pub(crate) fn new(connections: NonZeroUsize) -> Self {
        let slots = connections.get().min(Semaphore::MAX_PERMITS);
        Self { idle: Arc::default(), slots: Arc::new(Semaphore::new(slots)) }
    }

    /// Waits until one more connection may be in use. Who asks first goes first.
    pub(crate) async fn slot(&self) -> Slot {
        let permit = Arc::clone(&self.slots).acquire_owned().await;
        Slot { _permit: permit.ok(), generation: lock(&self.idle).generation }
    }

    /// Closes idle connections, the oldest first, until one more may be opened.
    pub(crate) fn make_room(&self) {
        let mut idle = lock(&self.idle);
        let surplus = idle.connections.len().saturating_sub(self.slots.available_permits());
        let surplus: Vec<IdleConnection> = idle.connections.drain(..surplus).collect();
        drop(idle);
        drop(surplus);
    }

    /// Closes all idle connections, and those in use when they would be kept.
    pub(crate) fn retire(&self) {
        let mut idle = lock(&self.idle);
        idle.generation += 1;
        let retired = std::mem::take(&mut idle.connections);
        drop(idle);
        drop(retired);
    }

    /// An idle connection to the origin on which nothing has arrived, neither an end nor data; others
    /// are closed. The last one kept comes first, so that the others grow old.
    pub(crate) async fn take(&self, origin: &Origin) -> Option<Connection> {
        loop {
            let mut connection = self.pop(origin)?;
            if connection.is_silent().await {
                return Some(connection);
            }
        }
    }

    fn pop(&self, origin: &Origin) -> Option<Connection> {
        let mut idle = lock(&self.idle);
        let now = Instant::now();
        let usable = |kept: &IdleConnection| kept.origin == *origin && now < kept.end;
        let index = idle.connections.iter().rposition(usable)?;
        Some(idle.connections.remove(index).connection)
    }

    /// Keeps a connection that was in use by this slot.
    pub(crate) fn keep(&self, origin: Origin, connection: Connection, slot: &Slot) {
        let mut idle = lock(&self.idle);
        if slot.generation != idle.generation {
            return;
        }
        let is_same = |kept: &IdleConnection| kept.origin == origin;
        let surplus = match idle.connections.iter().filter(|kept| is_same(kept)).count() {
            MAX_IDLE_PER_ORIGIN.. => idle.connections.iter().position(is_same),
            _ => None,
        };
        let surplus = surplus.map(|oldest| idle.connections.remove(oldest));
        let end = Instant::now() + MAX_IDLE;
        let pool = Arc::downgrade(&self.idle);
        let mut timer = JoinSet::new();
        timer.spawn(async move {
            sleep_until(end).await;
            if let Some(idle) = pool.upgrade() {
                close_old(&idle);
            }
        });
        idle.connections.push(IdleConnection { origin, connection, end, _timer: timer });
        drop(idle);
        drop(surplus);
    }
}

fn close_old(idle: &Mutex<IdlePool>) {
    let mut idle = lock(idle);
    let now = Instant::now();
    let count = idle.connections.partition_point(|kept| kept.end <= now);
    let old: Vec<IdleConnection> = idle.connections.drain(..count).collect();
    drop(idle);
    drop(old);
}

fn lock(idle: &Mutex<IdlePool>) -> MutexGuard<'_, IdlePool> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http1::tests::connection;
    use crate::origin::PlaintextHosts;

    #[tokio::test]
    async fn idle_connections_make_room_for_those_in_use_the_oldest_first() {
        let pool = Pool::new(NonZeroUsize::new(3).unwrap());
        for port in 1..=3 {
            let slot = pool.slot().await;
            let uri = format!("http://localhost:{port}/").parse().unwrap();
            let origin = Origin::of(&uri, PlaintextHosts::Loopback).unwrap();
            pool.keep(origin, connection().await.0, &slot);
        }
        let ports = || {
            let idle = lock(&pool.idle);
            let ports = idle.connections.iter().map(|kept| kept.origin.port);
            ports.collect::<Vec<_>>()
        };
        let mut slots = Vec::new();
        for left in [&[2, 3][..], &[3], &[]] {
            slots.push(pool.slot().await);
            pool.make_room();
            assert_eq!(ports(), left);
        }
    }
}
