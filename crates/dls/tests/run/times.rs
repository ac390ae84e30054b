//! The times of a run, by a clock that is set while it runs.

use std::time::Duration;

use dls::rollout::LookFailure;

use crate::bench::quick;
use crate::made_up::MadeUp;

#[tokio::test(start_paused = true)]
async fn events_never_bear_a_time_that_goes_back() {
    let service = MadeUp::new();
    service.state().observed = Err(LookFailure::Unreachable("nobody is there".to_owned()));
    let mut run = service.run(&[23], quick());
    let mut times = vec![run.began_at()];
    while let Some(event) = run.next_event().await {
        times.push(event.at);
        // Somebody sets the wall clock back.
        service.state().wall -= Duration::from_secs(3600);
    }
    assert!(times.len() > 3, "{times:?}");
    assert!(times.is_sorted(), "{times:?}");
    assert!(times.first() < times.last(), "the time does pass");
}
