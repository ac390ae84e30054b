//! Feeds a rollout: does what it asks for and tells it what came of that.

use std::time::Duration;

use dls_model::{Deploy, Meaning, Origin, PackageId, ServiceError, meaning};
use dls_rollout::{Action, Event, LookFailure, Report, Rollout, SendFailure};
use dls_transport::Delivery;
use tokio::time::Instant;

use crate::client::Client;
use crate::error::Error;

/// A release under way.
///
/// Dropping it stops the watching and never takes back a release.
#[derive(Debug)]
pub struct Run {
    client: Client,
    rollout: Rollout,
    deadline: Option<Instant>,
}

impl Run {
    pub(crate) fn new(client: Client, rollout: Rollout) -> Self {
        Self {
            client,
            rollout,
            deadline: None,
        }
    }

    /// Stops after this time, counted from now, whatever was reached by then. A release that is
    /// under way goes on without us, and is reported as still running; a request that was just
    /// being written is unknown.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self {
            deadline: Instant::now().checked_add(timeout),
            ..self
        }
    }

    /// Does one thing and says what happened; `None` once every package has its verdict.
    pub async fn next_event(&mut self) -> Option<Event> {
        let event = match self.rollout.next() {
            Action::Done => return None,
            Action::Look(id) => in_time(self.deadline, self.look(id)).await,
            Action::Wait(time) => in_time(self.deadline, rest(time)).await,
            Action::Deploy(ids, start) => self.deploy(&Deploy::new(ids, start)).await,
            // An action of a later version of the fold, which this driver cannot do.
            _ => None,
        };
        let event = event.unwrap_or(Event::OutOfTime);
        self.rollout.fold(event.clone());
        Some(event)
    }

    /// Goes on to the end, and says what became of each package.
    pub async fn wait(mut self) -> Report {
        while self.next_event().await.is_some() {}
        self.rollout.report()
    }

    /// What is known now.
    #[must_use]
    pub fn report(&self) -> Report {
        self.rollout.report()
    }

    /// One step for the fold, in this order: connect, where a failure proves that nothing was sent;
    /// note the intention; sign and write. Nothing is decided in between.
    async fn deploy(&mut self, deploy: &Deploy) -> Option<Event> {
        let connected = match in_time(self.deadline, self.client.connect(deploy)).await? {
            Ok(connected) => connected,
            Err(error) => return Some(Event::SendFailed(send_failure(error))),
        };
        self.rollout.fold(Event::SendIntended);
        Some(
            match in_time(self.deadline, connected.send::<Deploy>()).await? {
                Ok(answer) => Event::Accepted(answer),
                Err(error) => Event::SendFailed(send_failure(error)),
            },
        )
    }

    async fn look(&self, id: PackageId) -> Event {
        match self.client.package(id).await {
            Ok(detail) => Event::Looked(id, Box::new(detail)),
            Err(error) => Event::LookFailed(id, look_failure(error)),
        }
    }
}

async fn rest(time: Duration) -> Event {
    tokio::time::sleep(time).await;
    Event::Waited
}

/// What the work came to, or `None` if the deadline came first.
async fn in_time<T>(deadline: Option<Instant>, work: impl Future<Output = T>) -> Option<T> {
    match deadline {
        Some(deadline) => tokio::time::timeout_at(deadline, work).await.ok(),
        None => Some(work.await),
    }
}

fn look_failure(error: Error) -> LookFailure {
    let text = error.in_full();
    if is_about_credentials(&error) {
        return LookFailure::NotAuthenticated(text);
    }
    match error.into_service() {
        Ok(service) => match service.status().as_u16() {
            408 | 429 | 500.. | ..400 => LookFailure::Unavailable(text),
            _ if is_about_a_missing_package(&service) => LookFailure::NotFound(Box::new(service)),
            _ => LookFailure::Refused(Box::new(service)),
        },
        Err(error) if error.status().is_some() => LookFailure::Unavailable(text),
        Err(_) => LookFailure::Unreachable(text),
    }
}

fn send_failure(error: Error) -> SendFailure {
    let text = error.in_full();
    if is_about_credentials(&error) {
        return SendFailure::NotAuthenticated(text);
    }
    if error.delivery() == Delivery::NotSent {
        return SendFailure::NotSent(text);
    }
    match error.into_service() {
        Ok(service) => SendFailure::Answered(Box::new(service)),
        Err(_) => SendFailure::Lost(text),
    }
}

/// A gateway's "no such API" is about the address, not about the package.
fn is_about_a_missing_package(error: &ServiceError) -> bool {
    error
        .code()
        .is_some_and(|code| code.origin() == Origin::Service && meaning(code) == Meaning::NotFound)
}

fn is_about_credentials(error: &Error) -> bool {
    use dls_transport::ErrorKind::{Credentials, Stopped};
    error
        .transport()
        .is_some_and(|error| matches!(error.kind(), Credentials | Stopped))
}
