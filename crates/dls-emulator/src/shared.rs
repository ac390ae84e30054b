//! The engine and the clock that all connections of a server share.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use http::Request;

use crate::engine::Engine;
use crate::faults::effect::{ConnectionEffect, ResponseEffect};
use crate::ledger::Ledger;

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

    pub(crate) fn ledger(&self) -> Ledger {
        let now = (self.clock)();
        self.with_engine(|engine| engine.ledger(now))
    }

    pub(crate) fn next_connection(&self) -> ConnectionEffect {
        self.with_engine(Engine::next_connection)
    }

    pub(crate) fn count_connection(&self) {
        self.with_engine(Engine::count_connection);
    }

    pub(crate) fn answer(&self, request: &Request<Vec<u8>>) -> ResponseEffect {
        let now = (self.clock)();
        self.with_engine(|engine| engine.answer_with_faults(now, request))
    }

    fn with_engine<T>(&self, f: impl FnOnce(&mut Engine) -> T) -> T {
        // A panic leaves the engine consistent: records are written last.
        f(&mut self.engine.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
