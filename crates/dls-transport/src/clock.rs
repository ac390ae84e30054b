//! The one place that reads the wall clock, and the seam to set another.

use std::sync::Arc;
use std::time::SystemTime;

/// Tells the time that requests are signed with. Limits use tokio's clock instead.
#[derive(Clone)]
pub(crate) struct Clock(Arc<dyn Fn() -> SystemTime + Send + Sync>);

impl Clock {
    pub(crate) fn new(now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    pub(crate) fn now(&self) -> SystemTime {
        (self.0)()
    }
}

impl Default for Clock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    fn default() -> Self {
        Self::new(SystemTime::now)
    }
}
