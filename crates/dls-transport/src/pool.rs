//! How many connections may be open, and those that an exchange left behind, kept for a short time for
//! the next read.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};

use crate::http1::Connection;
use crate::origin::Origin;

/// How long a connection may lie idle. Servers close theirs after some more, often 60 s.
pub(crate) const MAX_IDLE: Duration = Duration::from_secs(15);
/// How many may lie idle for one origin.
pub(crate) const MAX_IDLE_PER_ORIGIN: usize = 4;

/// Of the connections that may be open, those in use have a slot each; idle ones may have the rest.
pub(crate) struct Pool {
    idle: Arc<Mutex<IdlePool>>,
    slots: Arc<Semaphore>,
}

/// The right to have one connection in use. It ends after that connection was closed or kept.
pub(crate) struct Slot {
    // `None` would be of a semaphore that was closed, which nobody does.
    _permit: Option<OwnedSemaphorePermit>,
    generation: u64,
}

#[derive(Default)]
struct IdlePool {
    /// The longest idle first.
    connections: Vec<IdleConnection>,
    /// How often all connections were retired.
    generation: u64,
    /// Whether a task will come by to throw away what is too old.
    is_reaped: bool,
}

struct IdleConnection {
    origin: Origin,
    connection: Connection,
    since: Instant,
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

    /// Closes idle connections, the oldest first, until whoever has a slot may open another.
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

    /// A connection to the origin on which nothing has arrived, neither an end nor words that nobody
    /// asked for; others are closed. The last one kept comes first, so that the others grow old.
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
        let young = |connections: &IdleConnection| {
            connections.origin == *origin && now < connections.since + MAX_IDLE
        };
        let index = idle.connections.iter().rposition(young)?;
        Some(idle.connections.remove(index).connection)
    }

    /// Keeps a connection that was in use by this slot.
    pub(crate) fn keep(&self, origin: Origin, connection: Connection, slot: &Slot) {
        let mut idle = lock(&self.idle);
        if slot.generation != idle.generation {
            return;
        }
        let mut same = idle
            .connections
            .iter()
            .enumerate()
            .filter(|(_, connections)| connections.origin == origin);
        let oldest = same.next().map(|(index, _)| index);
        let surplus = match oldest {
            Some(oldest) if same.count() + 1 >= MAX_IDLE_PER_ORIGIN => {
                Some(idle.connections.remove(oldest))
            }
            _ => None,
        };
        idle.connections.push(IdleConnection { origin, connection, since: Instant::now() });
        if !idle.is_reaped {
            idle.is_reaped = true;
            tokio::spawn(reap(Reaper(Arc::downgrade(&self.idle))));
        }
        drop(idle);
        drop(surplus);
    }
}

/// Says that the shelf is watched no more, also when the runtime throws the task away.
struct Reaper(Weak<Mutex<IdlePool>>);

impl Drop for Reaper {
    fn drop(&mut self) {
        if let Some(idle) = self.0.upgrade() {
            lock(&idle).is_reaped = false;
        }
    }
}

/// Closes connections that nobody asked for in time, until none is left.
async fn reap(mut reap: Reaper) {
    while let Some(next) = close_old(&reap.0) {
        sleep_until(next).await;
    }
    // The flag is taken down already, and may be up again for another.
    reap.0 = Weak::new();
}

/// When to come again.
fn close_old(idle: &Weak<Mutex<IdlePool>>) -> Option<Instant> {
    let idle = idle.upgrade()?;
    let mut idle = lock(&idle);
    let now = Instant::now();
    let young = idle.connections.partition_point(|connections| now >= connections.since + MAX_IDLE);
    let old: Vec<IdleConnection> = idle.connections.drain(..young).collect();
    let next = idle.connections.first().map(|connections| connections.since + MAX_IDLE);
    idle.is_reaped = next.is_some();
    drop(idle);
    drop(old);
    next
}

fn lock(idle: &Mutex<IdlePool>) -> MutexGuard<'_, IdlePool> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http1::tests::connection;
    use crate::origin::PlaintextHosts;

    fn pool(connections: usize) -> Pool {
        Pool::new(NonZeroUsize::new(connections).unwrap())
    }

    fn origin(uri: &str) -> Origin {
        Origin::of(&uri.parse().unwrap(), PlaintextHosts::Loopback).unwrap()
    }

    #[tokio::test]
    async fn idle_connections_make_room_for_those_in_use_the_oldest_first() {
        let pool = pool(3);
        for port in 1..=3 {
            let slot = pool.slot().await;
            let origin = origin(&format!("http://localhost:{port}/"));
            pool.keep(origin, connection().await.0, &slot);
        }
        let ports = || {
            let idle = lock(&pool.idle);
            let ports = idle.connections.iter().map(|connections| connections.origin.port);
            ports.collect::<Vec<_>>()
        };
        let mut slots = Vec::new();
        for left in [&[2, 3][..], &[3], &[]] {
            slots.push(pool.slot().await);
            pool.make_room();
            assert_eq!(ports(), left);
        }
    }

    #[tokio::test]
    async fn a_connection_that_was_in_use_when_all_were_retired_is_not_kept() {
        let pool = pool(3);
        let origin = origin("http://localhost/");
        let (before, connections) = (pool.slot().await, connection().await);
        pool.keep(origin.clone(), connections.0, &before);
        pool.retire();
        assert!(pool.take(&origin).await.is_none());
        pool.keep(origin.clone(), connection().await.0, &before);
        assert!(pool.take(&origin).await.is_none());
        let (after, connections) = (pool.slot().await, connection().await);
        pool.keep(origin.clone(), connections.0, &after);
        assert!(pool.take(&origin).await.is_some());
    }

    #[test]
    fn a_runtime_that_ends_takes_the_watch_along_and_the_next_one_sets_another() {
        let pool = pool(64);
        let origin = origin("http://localhost/");
        for connections in 1..=2 {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.unwrap();
            runtime.block_on(async {
                pool.keep(origin.clone(), connection().await.0, &pool.slot().await);
            });
            assert!(lock(&pool.idle).is_reaped);
            assert_eq!(lock(&pool.idle).connections.len(), connections);
            drop(runtime);
            assert!(!lock(&pool.idle).is_reaped);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_watch_ends_with_the_last_connection_or_with_the_pool() {
        let pool = pool(64);
        let idle = Arc::downgrade(&pool.idle);
        let origin = origin("http://localhost/");
        for _ in 0..2 {
            pool.keep(origin.clone(), connection().await.0, &pool.slot().await);
            tokio::time::sleep(MAX_IDLE + Duration::from_millis(1)).await;
            assert!(lock(&pool.idle).connections.is_empty());
            assert!(!lock(&pool.idle).is_reaped);
        }
        pool.keep(origin, connection().await.0, &pool.slot().await);
        drop(pool);
        assert!(idle.upgrade().is_none());
    }
}
