//! Whether an event can have happened at its position. A replay refuses what cannot, so a journal in which events are
//! missing, doubled or of another run is never believed.

use dls_model::PackageId;

use super::Rollout;
use crate::event::{EventKind, SendError};
use crate::package_state::PackageState;

impl Rollout {
    /// Checks that this event can follow those before it.
    pub(super) fn check(&self, kind: &EventKind) -> Result<(), &'static str> {
        match kind {
            EventKind::RunCreated(_) => Err("the run was created before"),
            EventKind::Observed { package, seen, .. } => {
                let state = self.known(*package)?;
                let is_known = seen.is_some() || state.latest.is_some();
                ensure(is_known, "it says \"as before\", and nothing was seen before")
            }
            EventKind::ObserveFailed { package, .. } => self.known(*package).map(drop),
            EventKind::Listed { rows, missing } => {
                let rows = rows.iter().filter_map(|row| row.id);
                rows.chain(missing.iter().copied()).try_for_each(|id| self.known(id).map(drop))
            }
            EventKind::SendIntended { packages, .. } => {
                ensure(!self.sending, "the request before it has no outcome")?;
                packages.iter().try_for_each(|id| {
                    let is_waiting = self.known(*id)?.is_waiting();
                    ensure(is_waiting, "it names a package that was not to be sent")
                })
            }
            EventKind::Accepted { .. }
            | EventKind::SendFailed { failure: SendError::Answered(_) | SendError::Lost(_) } => {
                ensure(self.sending, "no request was being sent")
            }
            // Consent counts for what is in doubt alone, and may name more.
            EventKind::ResendAllowed { packages, .. } => {
                packages.iter().try_for_each(|id| self.known(*id).map(drop))
            }
            EventKind::Forgotten { packages, .. } => packages.iter().try_for_each(|id| {
                let fits = self.known(*id)?.claim().may_be_given_up();
                ensure(fits, "it gives up a package that is being released or has ended")
            }),
            EventKind::ListFailed { .. }
            | EventKind::SendFailed { .. }
            | EventKind::Waited
            | EventKind::OutOfTime
            | EventKind::Resumed { .. } => Ok(()),
        }
    }

    fn known(&self, id: PackageId) -> Result<&PackageState, &'static str> {
        self.find(id).ok_or("it names a package that is not of this run")
    }
}

fn ensure(fits: bool, why: &'static str) -> Result<(), &'static str> {
    if fits { Ok(()) } else { Err(why) }
}
