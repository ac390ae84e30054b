//! Whether an event can have happened where it stands among the others. A replay refuses what cannot, so that
//! a record in which events are missing, doubled or of another run is never taken for the truth.

use dls_model::{PackageId, PackageIds};

use super::Rollout;
use crate::entry::Entry;
use crate::event::{EventKind, SendError};

type Placed = Result<(), &'static str>;

impl Rollout {
    pub(super) fn place(&self, kind: &EventKind) -> Placed {
        match kind {
            EventKind::RunCreated(_) => Err("the run was created before"),
            EventKind::Observed { package, seen, .. } => {
                let entry = self.known(*package)?;
                let is_told = seen.is_some() || entry.latest.is_some();
                ensure(is_told, "it says \"as before\", and nothing was seen before")
            }
            EventKind::ObserveFailed { package, .. } => self.known(*package).map(drop),
            EventKind::Listed { rows, missing } => {
                let rows = rows.iter().filter_map(|row| row.id);
                rows.chain(missing.iter().copied()).try_for_each(|id| self.known(id).map(drop))
            }
            EventKind::SendIntended { packages, .. } => self.place_intention(packages),
            EventKind::Accepted { .. } => ensure(self.sending, "no request was being sent"),
            EventKind::SendFailed { failure } => {
                let is_local = matches!(
                    failure,
                    SendError::NotSent(_)
                        | SendError::NotAuthenticated(_)
                        | SendError::NotRecorded(_)
                );
                ensure(is_local || self.sending, "no request was being sent")
            }
            // Consent counts for what is in doubt alone, and may name more.
            EventKind::ResendAllowed { packages, .. } => {
                packages.iter().try_for_each(|id| self.known(*id).map(drop))
            }
            EventKind::Forgotten { packages, .. } => packages.iter().try_for_each(|id| {
                let fits = self.known(*id)?.claim().may_be_given_up();
                ensure(fits, "it gives up a package that is under way or has ended")
            }),
            EventKind::ListFailed { .. }
            | EventKind::Waited
            | EventKind::OutOfTime
            | EventKind::Resumed { .. } => Ok(()),
        }
    }

    fn place_intention(&self, packages: &PackageIds) -> Placed {
        ensure(!self.sending, "the request before it has no outcome")?;
        packages.iter().try_for_each(|id| {
            let entry = self.known(*id)?;
            ensure(entry.is_waiting(), "it names a package that was not to be sent")
        })
    }

    fn known(&self, id: PackageId) -> Result<&Entry, &'static str> {
        let entry = self.entries.iter().find(|entry| entry.id == id);
        entry.ok_or("it is about a package that is not of this run")
    }
}

fn ensure(fits: bool, why: &'static str) -> Placed {
    if fits { Ok(()) } else { Err(why) }
}
