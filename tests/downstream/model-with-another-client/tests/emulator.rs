//! The client against the emulator, whose ledger shows which requests arrived and what they did.

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

/// An emulator with a clock that the test moves.
struct Bench {
    emulator: Emulator,
    seconds: Arc<AtomicU64>,
    // The emulator runs on it.
    _runtime: Runtime,
}

impl Bench {
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
        let project = Scope::new("b384b9e9ab9b4ee8994c8633aabc9505".parse().unwrap());
        let scope = project.with_workspace("default".parse().unwrap());
        Client::new(self.emulator.base_url(), scope, token)
    }

    fn operations(&self) -> Vec<&'static str> {
        let requests = self.emulator.ledger().requests;
        requests.iter().filter_map(|request| request.operation).collect()
    }
}

fn ids(numbers: &[u64]) -> PackageIds {
    PackageIds::new(numbers.iter().map(|number| (*number).try_into().unwrap())).unwrap()
}

#[test]
fn packages_are_listed_released_and_shown_as_released() {
    let bench = Bench::new();
    let client = bench.client("example-token");

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
    bench.seconds.fetch_add(3600, Ordering::SeqCst);
    for id in &packages {
        let seen = client.call(&ShowPackage::new(*id)).unwrap();
        assert_eq!(seen.package.status, Some(Status::Successful));
        assert!(seen.tasks.iter().all(|task| task.start_status.is_none()));
    }

    let ledger = bench.emulator.ledger();
    let released = ledger.releases.iter().map(|it| it.package_id.as_str());
    assert_eq!(released.collect::<Vec<_>>(), ["23", "24"]);
}

#[test]
fn a_revoked_package_cannot_be_released() {
    let bench = Bench::new();
    let client = bench.client("example-token");
    client.call(&Revoke::new(ids(&[31]))).unwrap();

    let error = client.call(&Deploy::new(ids(&[31]), JobStart::Later)).unwrap_err();
    let Error::Answer(AnswerError::Service(error)) = error else { panic!("{error:?}") };
    assert_eq!(error.status(), 400);
    assert!(error.code().is_some());
    assert_eq!(bench.operations(), ["revoke", "deploy"]);
    assert!(bench.emulator.ledger().releases.is_empty());
}

#[test]
fn a_wrong_token_is_an_error_that_says_so() {
    let bench = Bench::new();
    let error = bench.client("no-such-token").call(&ListPackages::new()).unwrap_err();
    let Error::Answer(AnswerError::Service(error)) = error else { panic!("{error:?}") };
    assert_eq!(error.meaning(), Meaning::NotAuthenticated);
    assert!(error.request_id().is_some());
}
