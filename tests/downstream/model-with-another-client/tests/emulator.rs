//! The client against the emulator, whose ledger shows which requests arrived and what they did.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use std::time::{Duration, UNIX_EPOCH};

use dls_emulator::Emulator;
use dls_model::{
    AnswerError, Deploy, JobStart, ListPackages, Meaning, PackageIds, Scope, ShowPackage, Status,
};
use model_with_another_client::{Client, Error};
use tokio::runtime::Runtime;

#[test]
fn packages_are_listed_released_and_shown_as_released() {
    let runtime = Runtime::new().unwrap();
    let seconds = Arc::new(AtomicU64::new(1_747_900_000));
    let clock = seconds.clone();
    let emulator = Emulator::builder()
        .release_time(Duration::from_secs(60))
        .clock(move || UNIX_EPOCH + Duration::from_secs(clock.load(Ordering::SeqCst)))
        .start("127.0.0.1:0".parse().unwrap());
    let emulator = runtime.block_on(emulator).unwrap();
    let project = Scope::new("b384b9e9ab9b4ee8994c8633aabc9505".parse().unwrap());
    let scope = project.with_workspace("default".parse().unwrap());
    let client = Client::new(emulator.base_url(), scope.clone(), "example-token");

    let waiting = ListPackages::new().with_statuses([Status::ToBeReviewed]).with_limit(100);
    let found = client.call(&waiting).unwrap().packages;
    let packages = PackageIds::new([23, 24].map(|id| id.try_into().unwrap())).unwrap();
    assert!(packages.iter().all(|id| found.iter().any(|package| package.id == Some(*id))));

    let answer = client.call(&Deploy::new(packages.clone(), JobStart::Later)).unwrap();
    for id in &packages {
        assert!(answer.names(*id));
        let seen = client.call(&ShowPackage::new(*id)).unwrap();
        assert_eq!(seen.package.status, Some(Status::BeingReleased));
    }
    seconds.fetch_add(3600, Ordering::SeqCst);
    for id in &packages {
        let seen = client.call(&ShowPackage::new(*id)).unwrap();
        assert_eq!(seen.package.status, Some(Status::Successful));
        assert!(seen.tasks.iter().all(|task| task.start_status.is_none()));
    }
    let ledger = emulator.ledger();
    let released = ledger.releases.iter().map(|it| it.package_id.as_str());
    assert_eq!(released.collect::<Vec<_>>(), ["23", "24"]);

    let stranger = Client::new(emulator.base_url(), scope, "no-such-token");
    let error = stranger.call(&waiting).unwrap_err();
    let Error::Answer(AnswerError::Service(error)) = error else { panic!("{error:?}") };
    assert_eq!(error.meaning(), Meaning::NotAuthenticated);
    assert!(error.request_id().is_some());
}
