//! The engine and the clock that all connections of a server share.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use crate::engine::Engine;

pub(crate) type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

#[derive(Clone)]
pub(crate) struct SharedEngine {
    engine: Arc<Mutex<Engine>>,
    clock: Clock,
}

impl SharedEngine {
    pub(crate) fn new(engine: Engine, clock: Clock) -> Self {
        Self { engine: Arc::new(Mutex::new(engine)), clock }
    }

    /// Calls `f` with the engine and the time.
    pub(crate) fn with<T>(&self, f: impl FnOnce(&mut Engine, SystemTime) -> T) -> T {
        let now = (self.clock)();
        // A panic leaves the engine consistent: records are written last.
        f(&mut self.engine.lock().unwrap_or_else(PoisonError::into_inner), now)
    }
}
