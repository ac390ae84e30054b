//! What shows the changes of a run.

use dls::model::Timestamp;

use super::changes::RunChange;

/// Text, a live view, NDJSON, or the result alone: each shows of a run what it is there for.
pub(crate) trait Reporter {
    fn report(&mut self, change: &RunChange<'_>, at: Timestamp);
}
