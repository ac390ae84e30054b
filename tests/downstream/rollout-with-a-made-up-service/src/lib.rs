//! A driver of a rollout over any service: it does what it is asked to, one thing after the other, and tells what
//! came of it. It decides nothing, and so is short.

use std::time::Duration;

use dls_model::{
    DeployAnswer, JobStart, ListPackages, Package, PackageDetail, PackageId, PackageIds, Timestamp,
};
use dls_rollout::{Action, Event, EventKind, ObserveError, Report, Rollout, SendError};

/// What a driver needs: three calls and a clock.
pub trait Service {
    /// Reads a package.
    fn show(&mut self, package: PackageId) -> Result<PackageDetail, ObserveError>;
    /// Reads all pages of a list.
    fn list(&mut self, list: &ListPackages) -> Result<Vec<Package>, ObserveError>;
    /// Releases packages. Called once for each time that the rollout asks for it.
    fn deploy(&mut self, packages: &PackageIds, start: JobStart)
    -> Result<DeployAnswer, SendError>;
    /// What time it is.
    fn now(&self) -> Timestamp;
    /// Lets time pass.
    fn wait(&mut self, time: Duration);
}

/// Does one thing. Each event is recorded before it is folded, and the intention to send before anything is sent;
/// an error of `record` is the end, with nothing done that is not written down.
///
/// False once every package has its verdict.
pub fn step<E>(
    rollout: &mut Rollout,
    service: &mut impl Service,
    record: &mut impl FnMut(&Event) -> Result<(), E>,
) -> Result<bool, E> {
    let mut note = |rollout: &mut Rollout, at, kind| {
        let event = Event::new(at, kind);
        record(&event)?;
        rollout.apply(event);
        Ok(())
    };
    let kind = match rollout.next() {
        Action::Observe(package) => match service.show(package) {
            Ok(seen) => rollout.observed(package, seen),
            Err(failure) => EventKind::ObserveFailed { package, failure },
        },
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
            note(rollout, signed_at, intended)?;
            let sent = match service.now() > fresh_until {
                true => Err(SendError::NotSent("the looks are too old".to_owned())),
                false => service.deploy(request.packages(), request.options().start),
            };
            match sent {
                Ok(answer) => EventKind::Accepted { request_id: answer.request_id.clone(), answer },
                Err(failure) => EventKind::SendFailed { failure },
            }
        }
        Action::Wait(time) => {
            service.wait(time);
            EventKind::Waited
        }
        Action::Done => return Ok(false),
        // An action of a later version, which this driver cannot do.
        _ => EventKind::OutOfTime,
    };
    note(rollout, service.now(), kind)?;
    Ok(true)
}

/// Goes on until every package has its verdict.
pub fn drive<E>(
    rollout: &mut Rollout,
    service: &mut impl Service,
    mut record: impl FnMut(&Event) -> Result<(), E>,
) -> Result<Report, E> {
    while step(rollout, service, &mut record)? {}
    Ok(rollout.report())
}
