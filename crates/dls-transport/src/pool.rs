//! Connections that an exchange left behind, kept for a short time for the next read.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::hyper_exchange::Connection;
use crate::origin::Origin;

/// How long a connection may lie idle. Servers close theirs after some more, often 60 s.
pub(crate) const MAX_IDLE: Duration = Duration::from_secs(15);
/// How many may lie idle for one origin.
pub(crate) const MAX_KEPT: usize = 4;

#[derive(Default)]
pub(crate) struct Pool(Arc<Mutex<Shelf>>);

#[derive(Default)]
struct Shelf {
    /// The longest idle first.
    kept: Vec<Kept>,
    /// Whether a task will come by to throw away what is too old.
    is_watched: bool,
}

struct Kept {
    origin: Origin,
    connection: Connection,
    since: Instant,
}

impl Pool {
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
        let mut shelf = lock(&self.0);
        let now = Instant::now();
        let young = |kept: &Kept| kept.origin == *origin && now < kept.since + MAX_IDLE;
        let index = shelf.kept.iter().rposition(young)?;
        Some(shelf.kept.remove(index).connection)
    }

    pub(crate) fn keep(&self, origin: Origin, connection: Connection) {
        let mut shelf = lock(&self.0);
        let mut same = shelf
            .kept
            .iter()
            .enumerate()
            .filter(|(_, kept)| kept.origin == origin);
        let oldest = same.next().map(|(index, _)| index);
        let surplus = match oldest {
            Some(oldest) if same.count() + 1 >= MAX_KEPT => Some(shelf.kept.remove(oldest)),
            _ => None,
        };
        shelf.kept.push(Kept {
            origin,
            connection,
            since: Instant::now(),
        });
        if !shelf.is_watched {
            shelf.is_watched = true;
            tokio::spawn(watch(Watch(Arc::downgrade(&self.0))));
        }
        drop(shelf);
        drop(surplus);
    }
}

/// Says that the shelf is watched no more, also when the runtime throws the task away.
struct Watch(Weak<Mutex<Shelf>>);

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(shelf) = self.0.upgrade() {
            lock(&shelf).is_watched = false;
        }
    }
}

/// Closes connections that nobody asked for in time, until none is left.
async fn watch(mut watch: Watch) {
    while let Some(next) = throw_away_old(&watch.0) {
        sleep_until(next).await;
    }
    // The flag is taken down already, and may be up again for another.
    watch.0 = Weak::new();
}

/// When to come again.
fn throw_away_old(shelf: &Weak<Mutex<Shelf>>) -> Option<Instant> {
    let shelf = shelf.upgrade()?;
    let mut shelf = lock(&shelf);
    let now = Instant::now();
    let young = shelf
        .kept
        .partition_point(|kept| now >= kept.since + MAX_IDLE);
    let old: Vec<Kept> = shelf.kept.drain(..young).collect();
    let next = shelf.kept.first().map(|kept| kept.since + MAX_IDLE);
    shelf.is_watched = next.is_some();
    drop(shelf);
    drop(old);
    next
}

fn lock(shelf: &Mutex<Shelf>) -> MutexGuard<'_, Shelf> {
    shelf.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hyper_exchange::tests::connection;
    use crate::origin::PlaintextHosts;

    #[test]
    fn a_runtime_that_ends_takes_the_watch_along_and_the_next_one_sets_another() {
        let pool = Pool::default();
        let uri = "http://localhost/".parse().unwrap();
        let origin = Origin::of(&uri, PlaintextHosts::Loopback).unwrap();
        for kept in 1..=2 {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            let runtime = runtime.unwrap();
            runtime.block_on(async {
                pool.keep(origin.clone(), connection().await.0);
            });
            assert!(lock(&pool.0).is_watched);
            assert_eq!(lock(&pool.0).kept.len(), kept);
            drop(runtime);
            assert!(!lock(&pool.0).is_watched);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_watch_ends_with_the_last_connection_or_with_the_pool() {
        let pool = Pool::default();
        let shelf = Arc::downgrade(&pool.0);
        let uri = "http://localhost/".parse().unwrap();
        let origin = Origin::of(&uri, PlaintextHosts::Loopback).unwrap();
        for _ in 0..2 {
            pool.keep(origin.clone(), connection().await.0);
            tokio::time::sleep(MAX_IDLE + Duration::from_millis(1)).await;
            assert!(lock(&pool.0).kept.is_empty());
            assert!(!lock(&pool.0).is_watched);
        }
        pool.keep(origin, connection().await.0);
        drop(pool);
        assert!(shelf.upgrade().is_none());
    }
}
