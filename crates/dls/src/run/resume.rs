//! What may be otherwise when a run is taken up again.

use std::time::Duration;

use dls_rollout::Pace;

/// What is to be otherwise when a run is taken up again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Resume {
    /// How long a status may lag behind; as before if absent.
    pub grace: Option<Duration>,
    /// How long to rest between looks; as before if absent.
    pub pace: Option<Pace>,
    /// Whether the caller vouches that the client's address leads to the service that the run belongs to, should
    /// it be another one. The run records that address.
    pub same_service: bool,
}

impl Resume {
    /// Everything as before.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Another [grace](dls_rollout::Options::grace).
    #[must_use]
    pub fn with_grace(self, grace: Duration) -> Self {
        Self {
            grace: Some(grace),
            ..self
        }
    }

    /// Sets [`same_service`](Self::same_service).
    #[must_use]
    pub fn with_same_service(self, same_service: bool) -> Self {
        Self {
            same_service,
            ..self
        }
    }

    /// Another [pace](dls_rollout::Options::pace).
    #[must_use]
    pub fn with_pace(self, pace: Pace) -> Self {
        Self {
            pace: Some(pace),
            ..self
        }
    }
}
