//! The one place of the command that reads the clock.

use std::time::SystemTime;

use dls::model::Timestamp;

#[expect(
    clippy::disallowed_methods,
    reason = "signatures, ages and evidence are of now; nothing is decided by it"
)]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}

/// Falls back to `MAX` if the date cannot be represented.
pub(crate) fn timestamp() -> Timestamp {
    Timestamp::from_system_time(now()).unwrap_or(Timestamp::MAX)
}
