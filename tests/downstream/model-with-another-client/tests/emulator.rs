//! The client against the emulator, which is the judge of what was asked and what was done.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use std::time::{Duration, UNIX_EPOCH};

use dls_emulator::Emulator;
use dls_model::{
    AnswerError, Deploy, JobStart, ListPackages, Meaning, PackageIds, Revoke, Scope, ShowPackage,
    Status,
};
use model_with_another_client::{Client, Error};
use tokio::runtime::Runtime;

/// An emulator with a clock that stands still until it is moved.
struct Stand {
    emulator: Emulator,
    seconds: Arc<AtomicU64>,
    // The emulator runs on it.
    _runtime: Runtime,
}

impl Stand {
    fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let seconds = Arc::new(AtomicU64::new(1_747_900_000));
        let clock = seconds.clone();
        let emulator = Emulator::builder()
            .release_time(Duration::from_secs(60))
            .clock(move || UNIX_EPOCH + Duration::from_secs(clock.load(Ordering::SeqCst)))
            .start("127.0.0.1:0".parse().unwrap());
        Self { emulator: runtime.block_on(emulator).unwrap(), seconds, _runtime: runtime }
    }

    fn client(&self, token: &str) -> Client {
        let scope = project().with_workspace("default".parse().unwrap());
        Client::new(self.emulator.base_url(), scope, token)
    }

    fn operations(&self) -> Vec<&'static str> {
        let requests = self.emulator.ledger().requests;
        requests.iter().filter_map(|request| request.operation).collect()
    }
}

fn project() -> Scope {
    Scope::new("b384b9e9ab9b4ee8994c8633aabc9505".parse().unwrap())
}

fn ids(numbers: &[u64]) -> PackageIds {
    PackageIds::new(numbers.iter().map(|number| (*number).try_into().unwrap())).unwrap()
}

#[test]
fn packages_are_found_released_and_seen_to_be_released() {
    let stand = Stand::new();
    let client = stand.client("example-token");

    let waiting = ListPackages::new().with_statuses([Status::ToBeReviewed]).with_limit(100);
    let found = client.call(&waiting).unwrap().packages;
    let packages = ids(&[23, 24]);
    assert!(packages.iter().all(|id| found.iter().any(|package| package.id == Some(*id))));

    let answer = client.call(&Deploy::new(packages.clone(), JobStart::Later)).unwrap();
    for id in &packages {
        assert!(answer.names(*id));
        let seen = client.call(&ShowPackage::new(*id)).unwrap();
        assert_eq!(seen.package.status, Some(Status::BeingReleased));
    }
    stand.seconds.fetch_add(3600, Ordering::SeqCst);
    for id in &packages {
        let seen = client.call(&ShowPackage::new(*id)).unwrap();
        assert_eq!(seen.package.status, Some(Status::Successful));
        assert!(seen.tasks.iter().all(|task| task.start_status.is_none()));
    }

    let ledger = stand.emulator.ledger();
    let released = ledger.releases.iter().map(|it| it.package_id.as_str());
    assert_eq!(released.collect::<Vec<_>>(), ["23", "24"]);
}

#[test]
fn a_package_that_is_taken_back_cannot_be_released() {
    let stand = Stand::new();
    let client = stand.client("example-token");
    client.call(&Revoke::new(ids(&[31]))).unwrap();

    let error = client.call(&Deploy::new(ids(&[31]), JobStart::Later)).unwrap_err();
    let Error::Answer(AnswerError::Service(error)) = error else { panic!("{error:?}") };
    assert_eq!(error.status(), 400);
    assert!(error.code().is_some());
    assert_eq!(stand.operations(), ["revoke", "deploy"]);
    assert!(stand.emulator.ledger().releases.is_empty());
}

#[test]
fn a_wrong_token_is_an_error_that_says_so() {
    let stand = Stand::new();
    let error = stand.client("no-such-token").call(&ListPackages::new()).unwrap_err();
    let Error::Answer(AnswerError::Service(error)) = error else { panic!("{error:?}") };
    assert_eq!(error.meaning(), Meaning::NotAuthenticated);
    assert!(error.request_id().is_some());
}

#[test]
fn a_release_in_no_workspace_is_not_sent() {
    let stand = Stand::new();
    let client = Client::new(stand.emulator.base_url(), project(), "example-token");
    let error = client.call(&Deploy::new(ids(&[23]), JobStart::Later)).unwrap_err();
    assert!(matches!(error, Error::NotMade(_)), "{error:?}");
    assert_eq!(stand.emulator.ledger().connections, 0);
}
