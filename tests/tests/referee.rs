//! The referee: the official Python SDK drives the emulator, and what it decodes must be what our
//! client decodes. Both sides of our wire are ours; this one is not.
//!
//! Needs Python 3.10 or newer. The SDK is installed under `target/` on the first run.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test may fail loudly"
)]

use std::{path::Path, process::Command, sync::LazyLock, time::Duration};

use dls::{
    Client, Error, JobStart, PackageId, PackageIds,
    model::{InvalidPackageIds, ListPackages},
};
use dls_emulator::{Emulator, RateLimit};
use dls_tests::SECRET;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// An emulator that the SDK has driven, and what the SDK made of the answers.
struct Referee {
    emulator: Emulator,
    seen: Value,
    _runtime: Runtime,
}

static REFEREE: LazyLock<Referee> = LazyLock::new(|| {
    // The tests that need it are on runtimes of their own.
    let referee = std::thread::spawn(|| {
        let runtime = Runtime::new().unwrap();
        let emulator = runtime.block_on(emulator());
        let seen = drive(emulator.base_url());
        let seen = seen.unwrap_or_else(|reason| panic!("the SDK could not be run: {reason}"));
        Referee { emulator, seen, _runtime: runtime }
    });
    referee.join().expect("the SDK could not be run")
});

/// What the SDK decoded from the answer to the call of this name.
fn answer(call: &str) -> &'static Value {
    seen(call, "answer")
}

/// The SDK's exception for the call of this name.
fn error(call: &str) -> &'static Value {
    seen(call, "error")
}

fn seen(call: &str, kind: &str) -> &'static Value {
    let outcome = &REFEREE.seen[call];
    outcome.get(kind).unwrap_or_else(|| panic!("{call}: {outcome}"))
}

async fn emulator() -> Emulator {
    Emulator::builder()
        .release_time(Duration::from_millis(200))
        .rate_limit(RateLimit::Off)
        .start("127.0.0.1:0".parse().unwrap())
        .await
        .unwrap()
}

/// Lets the SDK make its calls, and reads what it prints.
fn drive(base_url: &str) -> Result<Value, Box<dyn std::error::Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let sdk = xtask::venv::programs(root, "target/referee-venv", "tests/referee/requirements.txt")?;
    // The SDK writes into the home folder, and its HTTP library would ask a proxy for loopback.
    let home = tempfile::tempdir()?;
    let output = Command::new(sdk.join("python"))
        .arg("-I")
        .arg(root.join("tests/referee/referee.py"))
        .arg(base_url)
        .env("HOME", home.path())
        .env("USERPROFILE", home.path())
        .env("NO_PROXY", "*")
        .output()?;
    if !output.status.success() {
        return Err(
            format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr)).into()
        );
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Our client, signing as the script does.
fn client(emulator: &Emulator, secret: &str) -> Client {
    let key = dls_tests::key("AKIDEXAMPLE", secret);
    dls_tests::client(emulator.base_url(), key).build().unwrap()
}

/// Our client of the emulator that the SDK has driven.
fn ours() -> Client {
    client(&REFEREE.emulator, SECRET)
}

fn id(number: u64) -> PackageId {
    PackageId::try_from(number).unwrap()
}

fn ids(numbers: &[u64]) -> PackageIds {
    PackageIds::new(numbers.iter().copied().map(id)).unwrap()
}

#[test]
fn the_sdk_deploys_once_and_the_ledger_shows_one_release() {
    let releases = REFEREE.emulator.ledger().releases;
    assert_eq!(releases.len(), 1, "{releases:?}");
    assert_eq!(releases[0].package_id, "23");
    assert_eq!(releases[0].outcome, Some("succeeded"));
    assert_eq!(releases[0].copy_of, None);
}

#[tokio::test]
async fn a_package_is_decoded_alike() {
    let ours = ours().package(id(23)).await.unwrap();
    let theirs = answer("show_when_over");
    assert_eq!(decoded(&ours.package), present(&theirs["release_package"]));
    assert_eq!(decoded(&ours.tasks), present(&theirs["task_details"]));
    assert_eq!(theirs["release_package"]["deploy_status"], 2, "released, as its page says");
}

#[tokio::test]
async fn a_list_is_decoded_alike() {
    let mut pager = ours().packages(ListPackages::new());
    let mut rows = Vec::new();
    while let Some(row) = pager.next().await.unwrap() {
        rows.push(row);
    }
    assert_eq!(json!(pager.total()), answer("list")["total"]);
    assert!(rows.len() > 10, "several pages");
    assert_eq!(decoded(&rows), present(&answer("list")["data"]));
}

#[tokio::test]
async fn a_deploy_is_decoded_alike() {
    let fresh = emulator().await;
    let ours = client(&fresh, SECRET).deploy(ids(&[23]), JobStart::Later).await.unwrap();
    let theirs = &answer("deploy")["deploy_package_details"];
    assert_eq!(theirs.as_array().unwrap().len(), 1);
    let detail = ours.detail(id(23)).unwrap();
    assert_eq!(json!(detail.package_id.map(PackageId::as_u64)), theirs[0]["package_id"]);
    assert_eq!(json!(detail.subtask_count), theirs[0]["asy_subtask_num"]);
    // Another emulator gives another task another id.
    assert!(detail.task_id.is_some() && theirs[0]["asy_task_id"].is_string());
}

#[tokio::test]
async fn a_system_task_is_decoded_alike() {
    let id = answer("deploy")["deploy_package_details"][0]["asy_task_id"].as_str().unwrap();
    let mut ours = ours().system_task(id.parse().unwrap()).await.unwrap();
    assert_eq!(ours.status.as_ref().unwrap().word(), "SUCCESSFUL");
    // The SDK does not decode these.
    ours.project_id = None;
    ours.subtasks.iter_mut().for_each(|subtask| subtask.task_id = None);
    let mut ours = decoded(&ours).to_string();
    for (wire, theirs) in
        [("startTime", "start_time"), ("endTime", "end_time"), ("lastUpdate", "last_update")]
    {
        ours = ours.replace(wire, theirs);
    }
    assert_eq!(ours.parse::<Value>().unwrap(), present(answer("system_task")));
}

#[tokio::test]
async fn both_revoke_packages() {
    answer("cancel");
    let fresh = emulator().await;
    client(&fresh, SECRET).revoke(ids(&[12])).await.unwrap();
}

#[tokio::test]
async fn refusals_are_decoded_alike() {
    let client = ours();
    for (call, error) in [
        ("show_unknown", client.package(id(999_999)).await.unwrap_err()),
        ("deploy_unknown", client.deploy(ids(&[999_999]), JobStart::Later).await.unwrap_err()),
        ("cancel_released", client.revoke(ids(&[23])).await.unwrap_err()),
    ] {
        assert_eq!(refusal(&error), without_request_id(self::error(call)), "{call}");
    }
}

#[tokio::test]
async fn a_wrong_key_is_refused_alike() {
    let fresh = emulator().await;
    let ours = client(&fresh, "another-secret-key").package(id(24)).await.unwrap_err();
    let (ours, theirs) = (refusal(&ours), error("wrong_key"));
    // The text may tell what was signed, and so differs.
    assert_eq!((&ours["status"], &ours["code"]), (&theirs["status"], &theirs["code"]));
    assert_eq!(ours["status"], 401);
}

#[test]
fn the_service_refuses_101_ids_and_our_client_does_not_send_them() {
    assert_eq!(error("deploy_101")["status"], 400);
    let ours = PackageIds::new((1..=101).map(id)).unwrap_err();
    assert!(matches!(ours, InvalidPackageIds::TooMany(101)), "{ours:?}");
}

#[tokio::test]
async fn each_request_id_that_was_decoded_is_in_the_ledger() {
    let refused = ours().package(id(999_999)).await.unwrap_err();
    let shown = ours().package(id(24)).await.unwrap();
    let ours = [json!(refused.request_id()), json!(shown.request_id)];
    let errors = ["cancel_released", "show_unknown", "deploy_unknown", "deploy_101", "wrong_key"];
    let errors = errors.map(|call| error(call)["request_id"].clone());
    let answers = ["show", "list"].map(|call| answer(call)["x_request_id"].clone());
    let requests = REFEREE.emulator.ledger().requests;
    for request_id in ours.into_iter().chain(errors).chain(answers) {
        let is_there = requests.iter().any(|request| json!(request.request_id) == request_id);
        assert!(is_there, "{request_id}");
    }
}

/// What our client decoded, under the wire names, which the SDK uses for packages and tasks, too. That each is in the
/// right field is shown by the model's tests of the documents' examples.
fn decoded(ours: &(impl Serialize + ?Sized)) -> Value {
    serde_json::to_value(ours).unwrap()
}

/// What the SDK decoded, without the absent members.
fn present(theirs: &Value) -> Value {
    match theirs {
        Value::Object(members) => {
            let present = members.iter().filter(|(_, value)| !value.is_null());
            present.map(|(name, value)| (name.clone(), self::present(value))).collect()
        }
        Value::Array(list) => list.iter().map(present).collect(),
        scalar => scalar.clone(),
    }
}

/// The parts of a refusal that two requests have in common; each has a request id of its own.
fn refusal(ours: &Error) -> Value {
    let refusal = ours.service().unwrap_or_else(|| panic!("{ours:?}"));
    assert!(refusal.request_id().is_some(), "{refusal:?}");
    json!({
        "status": refusal.status().as_u16(),
        "code": refusal.code().map(|code| code.as_str()),
        "message": refusal.message(),
    })
}

fn without_request_id(theirs: &Value) -> Value {
    let mut parts = theirs.clone();
    parts.as_object_mut().unwrap().remove("request_id").expect("a request id");
    parts
}
