//! A run over a service in memory that counts the requests.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use dls_model::{
    DeployAnswer, DeployDetail, JobStart, ListPackages, Package, PackageDetail, PackageId,
    PackageIds, Status, Timestamp,
};
use dls_rollout::{
    Action, Destination, Event, EventKind, ObserveError, Options, Rollout, RunOutcome, RunSpec,
    Selection, SendError,
};
use rollout_with_a_fake_service::{Service, drive};

const RELEASE: Duration = Duration::from_secs(20);

/// What becomes of a deploy request.
#[derive(Clone, Copy, PartialEq)]
enum Delivery {
    Answered,
    AnswerLost,
    RequestLost,
}

struct FakeService {
    now: Timestamp,
    delivery: Delivery,
    /// How releases end.
    end: Status,
    /// When each package was released, if it was.
    packages: BTreeMap<PackageId, Option<Timestamp>>,
    deploys: Vec<(PackageIds, JobStart)>,
}

impl FakeService {
    fn new(delivery: Delivery, end: Status) -> Self {
        Self {
            now: Timestamp::from_millis(1_747_106_000_000).unwrap(),
            delivery,
            end,
            packages: ids().map(|id| (id, None)).collect(),
            deploys: Vec::new(),
        }
    }
}

impl Service for FakeService {
    fn show(&mut self, id: PackageId) -> Result<PackageDetail, ObserveError> {
        let mut detail = PackageDetail::default();
        let deployed_at = self.packages[&id];
        detail.package.id = Some(id);
        detail.package.deployed_at = deployed_at;
        detail.package.status = Some(match deployed_at {
            None => Status::ToBeReviewed,
            Some(at) if self.now < later(at, RELEASE) => Status::BeingReleased,
            Some(_) => self.end,
        });
        Ok(detail)
    }

    fn list(&mut self, _: &ListPackages) -> Result<Vec<Package>, ObserveError> {
        panic!("two packages are observed one by one")
    }

    fn deploy(&mut self, ids: &PackageIds, start: JobStart) -> Result<DeployAnswer, SendError> {
        self.deploys.push((ids.clone(), start));
        if self.delivery == Delivery::RequestLost {
            return Err(SendError::Lost("connection reset".to_owned()));
        }
        for id in ids {
            self.packages.insert(*id, Some(self.now));
        }
        if self.delivery == Delivery::AnswerLost {
            return Err(SendError::Lost("connection reset".to_owned()));
        }
        let detail = |id: &PackageId| {
            let mut detail = DeployDetail::default();
            detail.package_id = Some(*id);
            detail
        };
        let mut answer = DeployAnswer::default();
        answer.details = Some(ids.iter().map(detail).collect());
        Ok(answer)
    }

    fn now(&self) -> Timestamp {
        self.now
    }

    fn wait(&mut self, time: Duration) {
        self.now = later(self.now, time);
    }
}

fn later(at: Timestamp, time: Duration) -> Timestamp {
    Timestamp::from_system_time(at.to_system_time() + time).unwrap()
}

fn ids() -> impl Iterator<Item = PackageId> {
    [23, 24].into_iter().map(|id| PackageId::try_from(id).unwrap())
}

/// The first event of a release of both packages.
fn beginning(at: Timestamp) -> Event {
    let (project, workspace) = ("p-1".parse().unwrap(), "default".parse().unwrap());
    let destination = Destination::new("https://dayu.example.com", project, workspace);
    let packages = Selection::new(ids()).unwrap();
    let spec = RunSpec::new(destination, packages, Options::new(JobStart::Later));
    Event::new(at, EventKind::RunCreated(Box::new(spec)))
}

#[test]
fn two_packages_are_named_by_one_request_whatever_becomes_of_it() {
    for (delivery, end, outcome, takes) in [
        (Delivery::Answered, Status::Successful, RunOutcome::Successful, RELEASE),
        (Delivery::Answered, Status::Failed, RunOutcome::Failed, RELEASE),
        (Delivery::AnswerLost, Status::Successful, RunOutcome::Successful, RELEASE),
        (Delivery::RequestLost, Status::Successful, RunOutcome::Unknown, Options::GRACE),
    ] {
        let mut service = FakeService::new(delivery, end);
        let started_at = service.now;
        let mut rollout = Rollout::replay([beginning(started_at)]).unwrap();
        let report = drive(&mut rollout, &mut service, |_| Ok::<_, Infallible>(())).unwrap();
        assert_eq!(report.outcome, outcome);
        let both = PackageIds::new(ids()).unwrap();
        assert_eq!(service.deploys, [(both, JobStart::Later)]);
        // Without an answer nobody knows whether the release is ours.
        let ours = delivery == Delivery::Answered;
        assert!(report.packages.iter().all(|package| package.ours == ours));
        assert!(service.now >= later(started_at, takes));
    }
}

#[test]
fn after_a_crash_right_before_the_request_a_replay_observes_the_packages() {
    let mut service = FakeService::new(Delivery::Answered, Status::Successful);
    let first = beginning(service.now);
    let mut rollout = Rollout::replay([first.clone()]).unwrap();
    // As a journal would keep them.
    let mut journal = vec![serde_json::to_string(&first).unwrap()];
    let crashed = drive(&mut rollout, &mut service, |event| {
        journal.push(serde_json::to_string(event).unwrap());
        match event.kind {
            EventKind::SendIntended { .. } => Err("crash"),
            _ => Ok(()),
        }
    });
    assert_eq!(crashed.err(), Some("crash"));

    let events = journal.iter().map(|line| serde_json::from_str::<Event>(line).unwrap());
    let mut rollout = Rollout::replay(events).unwrap();
    assert!(!matches!(rollout.next(), Action::Deploy { .. }));
    let options = &rollout.spec().options;
    let resumed = EventKind::Resumed {
        grace: options.grace,
        poll_interval: options.poll_interval,
        other_endpoint: None,
    };
    rollout.apply(Event::new(service.now, resumed));
    let report = drive(&mut rollout, &mut service, |_| Ok::<_, Infallible>(())).unwrap();
    assert!(service.deploys.is_empty());
    assert_eq!(report.outcome, RunOutcome::Unknown);
}
