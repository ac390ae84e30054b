//! Runs a rollout over any service: does one action after the other and applies what happened. It decides nothing.

use std::time::Duration;

use dls_model::{
    DeployAnswer, JobStart, ListPackages, Package, PackageDetail, PackageId, PackageIds, Timestamp,
};
use dls_rollout::{Action, Event, EventKind, ObserveError, Report, Rollout, SendError};

/// What a run needs: three calls and a clock.
pub trait Service {
    /// Reads a package.
    fn show(&mut self, package: PackageId) -> Result<PackageDetail, ObserveError>;
    /// Reads all pages of a list.
    fn list(&mut self, list: &ListPackages) -> Result<Vec<Package>, ObserveError>;
    /// Releases packages, once per call.
    fn deploy(&mut self, packages: &PackageIds, start: JobStart)
    -> Result<DeployAnswer, SendError>;
    /// The time.
    fn now(&self) -> Timestamp;
    /// Waits.
    fn wait(&mut self, time: Duration);
}

/// Goes on until every package has its outcome. Each event is recorded before it is applied, and the intention to send
/// before anything is sent. Stops at an error of `record`.
pub fn drive<E>(
    rollout: &mut Rollout,
    service: &mut impl Service,
    mut record: impl FnMut(&Event) -> Result<(), E>,
) -> Result<Report, E> {
    let mut apply = |rollout: &mut Rollout, at, kind| {
        let event = Event::new(at, kind);
        record(&event)?;
        rollout.apply(event);
        Ok(())
    };
    loop {
        let kind = match rollout.next() {
            Action::Observe(package) => {
                let started_at = service.now();
                match service.show(package) {
                    Ok(seen) => rollout.observed(package, started_at, seen),
                    Err(failure) => EventKind::ObserveFailed { package, failure },
                }
            }
            Action::List(list) => match service.list(&list) {
                Ok(rows) => rollout.listed(rows),
                Err(failure) => EventKind::ListFailed { failure },
            },
            Action::Deploy { request, fresh_until } => {
                let signed_at = service.now();
                let intended = EventKind::SendIntended {
                    packages: request.packages().clone(),
                    signed_at,
                    with_token: false,
                };
                apply(rollout, signed_at, intended)?;
                let sent = match service.now() > fresh_until {
                    true => Err(SendError::NotSent("the observations are too old".to_owned())),
                    false => service.deploy(request.packages(), request.options().start),
                };
                match sent {
                    Ok(answer) => {
                        EventKind::Accepted { request_id: answer.request_id.clone(), answer }
                    }
                    Err(failure) => EventKind::SendFailed { failure },
                }
            }
            Action::Wait(time) => {
                service.wait(time);
                EventKind::Waited
            }
            Action::Done => return Ok(rollout.report()),
            // An action of a later version.
            _ => EventKind::OutOfTime,
        };
        apply(rollout, service.now(), kind)?;
    }
}
