//! A run over a service and a clock that are made up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use dls::model::{Deploy, ListPackages, Package, PackageDetail};
use dls::rollout::{Began, LookFailure, Place, SendFailure};
use dls::run::{Clock, Connection, Service, ServiceFuture};
use dls::{PackageId, Run};

use crate::bench::{quick, selection};

/// Nobody answers.
#[derive(Debug)]
struct Silence;

impl Service for Silence {
    fn observe(&self, _: PackageId) -> ServiceFuture<'_, Result<PackageDetail, LookFailure>> {
        Box::pin(async { Err(LookFailure::Unreachable("nobody is there".to_owned())) })
    }

    fn list(&self, _: ListPackages) -> ServiceFuture<'_, Result<Vec<Package>, LookFailure>> {
        Box::pin(async { Err(LookFailure::Unreachable("nobody is there".to_owned())) })
    }

    fn connect<'a>(
        &'a self,
        _: &'a Deploy,
    ) -> ServiceFuture<'a, Result<Box<dyn Connection>, SendFailure>> {
        Box::pin(async { Err(SendFailure::NotSent("nobody is there".to_owned())) })
    }

    fn clock_skew(&self, _: PackageId) -> ServiceFuture<'_, Result<Option<Duration>, LookFailure>> {
        Box::pin(async { Ok(None) })
    }
}

/// Each time somebody looks at the wall clock it has been set back by another hour.
#[derive(Debug)]
struct SetBack {
    looks: Arc<AtomicU64>,
    started: tokio::time::Instant,
}

impl Clock for SetBack {
    fn wall(&self) -> SystemTime {
        let hours = self.looks.fetch_add(1, Ordering::Relaxed);
        UNIX_EPOCH + Duration::from_secs(1_748_736_000 - hours * 3600)
    }

    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}

#[tokio::test(start_paused = true)]
async fn events_never_bear_a_time_that_goes_back() {
    let place = Place::new(
        "http://service.example.com",
        "p-1".parse().unwrap(),
        "default".parse().unwrap(),
    );
    let clock = SetBack {
        looks: Arc::default(),
        started: tokio::time::Instant::now(),
    };
    let mut run = Run::over(Silence, clock, Began::new(place, selection(&[23]), quick()));
    let mut times = vec![run.began_at()];
    while let Some(event) = run.next_event().await {
        times.push(event.at);
    }
    assert!(times.len() > 3, "{times:?}");
    assert!(times.is_sorted(), "{times:?}");
    assert!(times.first() < times.last(), "the time does pass");
}
