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
    model::{InvalidPackageIds, ListPackages, Package, Subtask, SystemTask, Task, User},
    transport::credentials::{AccessKey, Credentials, SecretKey},
};
use dls_emulator::{Emulator, RateLimit};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// An emulator that the SDK has driven, and what the SDK made of the answers.
struct Referee {
    runtime: Runtime,
    emulator: Emulator,
    seen: Value,
}

static REFEREE: LazyLock<Result<Referee, String>> =
    LazyLock::new(|| Referee::new().map_err(|reason| reason.to_string()));

fn referee() -> &'static Referee {
    match &*REFEREE {
        Ok(referee) => referee,
        Err(reason) => panic!("the referee did not come: {reason}"),
    }
}

impl Referee {
    fn new() -> Result<Self, Box<dyn std::error::Error>> {
        let runtime = Runtime::new()?;
        let emulator = runtime.block_on(emulator());
        let seen = drive(emulator.base_url())?;
        Ok(Self { runtime, emulator, seen })
    }

    /// What the SDK decoded from the answer to the call of this name.
    fn answer(&self, call: &str) -> &'static Value {
        let outcome = &referee().seen[call];
        outcome.get("answer").unwrap_or_else(|| panic!("{call}: {outcome}"))
    }

    fn error(&self, call: &str) -> &'static Value {
        let outcome = &referee().seen[call];
        outcome.get("error").unwrap_or_else(|| panic!("{call}: {outcome}"))
    }
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
    let sdk = xtask::venv::Venv::open(
        root,
        Path::new("target/referee-venv"),
        Path::new("tests/referee/requirements.txt"),
    )?;
    // The SDK writes into the home folder, and its HTTP library would ask a proxy for loopback.
    let home = tempfile::tempdir()?;
    let output = Command::new(sdk.program("python"))
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
    let key = AccessKey::new("AKIDEXAMPLE", SecretKey::new(secret).unwrap()).unwrap();
    Client::builder()
        .endpoint(emulator.base_url().parse().unwrap())
        .project_id("b384b9e9ab9b4ee8994c8633aabc9505".parse().unwrap())
        .workspace("default".parse().unwrap())
        .credentials(Credentials::AccessKey(key))
        .build()
        .unwrap()
}

const SECRET: &str = "example-secret-key";

fn id(number: u64) -> PackageId {
    PackageId::try_from(number).unwrap()
}

fn ids(numbers: &[u64]) -> PackageIds {
    PackageIds::new(numbers.iter().copied().map(id)).unwrap()
}

#[test]
fn the_sdk_deploys_once_and_the_ledger_shows_one_release() {
    let releases = referee().emulator.ledger().releases;
    assert_eq!(releases.len(), 1, "{releases:?}");
    assert_eq!(releases[0].package_id, "23");
    assert_eq!(releases[0].outcome, Some("succeeded"));
    assert_eq!(releases[0].copy_of, None);
}

#[test]
fn a_package_is_decoded_alike() {
    let referee = referee();
    let ours = referee.runtime.block_on(client(&referee.emulator, SECRET).package(id(23))).unwrap();
    let theirs = referee.answer("show_when_over");
    assert_eq!(package(&ours.package), theirs["release_package"]);
    let tasks: Vec<Value> = ours.tasks.iter().map(task).collect();
    assert_eq!(Value::from(tasks), theirs["task_details"]);
    assert_eq!(theirs["release_package"]["deploy_status"], 2, "released, as its page says");
}

#[test]
fn a_list_is_decoded_alike() {
    let referee = referee();
    let ours: Vec<Value> = referee.runtime.block_on(async {
        let mut pager = client(&referee.emulator, SECRET).packages(ListPackages::new());
        let mut rows = Vec::new();
        while let Some(row) = pager.next().await.unwrap() {
            rows.push(package(&row));
        }
        assert_eq!(json!(pager.total()), referee.answer("list")["total"]);
        rows
    });
    assert!(ours.len() > 10, "several pages");
    assert_eq!(Value::from(ours), referee.answer("list")["data"]);
}

#[test]
fn a_deploy_is_decoded_alike() {
    let referee = referee();
    referee.runtime.block_on(async {
        let fresh = emulator().await;
        let ours = client(&fresh, SECRET).deploy(ids(&[23]), JobStart::Later).await.unwrap();
        let theirs = &referee.answer("deploy")["deploy_package_details"];
        assert_eq!(theirs.as_array().unwrap().len(), 1);
        let detail = ours.detail(id(23)).unwrap();
        assert_eq!(json!(detail.package_id.map(PackageId::as_u64)), theirs[0]["package_id"]);
        assert_eq!(json!(detail.subtask_count), theirs[0]["asy_subtask_num"]);
        // Another emulator gives another task another id.
        assert!(detail.task_id.is_some() && theirs[0]["asy_task_id"].is_string());
    });
}

#[test]
fn a_system_task_is_decoded_alike() {
    let referee = referee();
    let details = &referee.answer("deploy")["deploy_package_details"];
    let id = details[0]["asy_task_id"].as_str().unwrap();
    let client = client(&referee.emulator, SECRET);
    let ours = referee.runtime.block_on(client.system_task(id.parse().unwrap())).unwrap();
    assert_eq!(&system_task(&ours), referee.answer("system_task"));
    assert_eq!(ours.status.unwrap().word(), "SUCCESSFUL");
}

#[test]
fn both_revoke_packages() {
    let referee = referee();
    referee.answer("cancel");
    referee.runtime.block_on(async {
        let fresh = emulator().await;
        client(&fresh, SECRET).revoke(ids(&[12])).await.unwrap();
    });
}

#[test]
fn refusals_are_decoded_alike() {
    let referee = referee();
    let client = client(&referee.emulator, SECRET);
    referee.runtime.block_on(async {
        let error = client.package(id(999_999)).await.unwrap_err();
        assert_eq!(refusal(&error), without_request_id(referee.error("show_unknown")));
        let error = client.deploy(ids(&[999_999]), JobStart::Later).await.unwrap_err();
        assert_eq!(refusal(&error), without_request_id(referee.error("deploy_unknown")));
        let error = client.revoke(ids(&[23])).await.unwrap_err();
        assert_eq!(refusal(&error), without_request_id(referee.error("cancel_released")));
    });
}

#[test]
fn a_wrong_key_is_refused_alike() {
    let referee = referee();
    referee.runtime.block_on(async {
        let fresh = emulator().await;
        let error = client(&fresh, "another-secret-key").package(id(24)).await.unwrap_err();
        let ours = refusal(&error);
        let theirs = without_request_id(referee.error("wrong_key"));
        // The text may tell what was signed, and so differs.
        assert_eq!((&ours["status"], &ours["code"]), (&theirs["status"], &theirs["code"]));
        assert_eq!(ours["status"], 401);
    });
}

#[test]
fn the_service_refuses_101_ids_and_our_client_does_not_send_them() {
    let theirs = referee().error("deploy_101");
    assert_eq!(theirs["status"], 400);
    let ours = PackageIds::new((1..=101).map(id)).unwrap_err();
    assert!(matches!(ours, InvalidPackageIds::TooMany { count: 101 }), "{ours:?}");
}

#[test]
fn each_request_id_that_was_decoded_is_in_the_ledger() {
    let referee = referee();
    let ours = referee.runtime.block_on(async {
        let client = client(&referee.emulator, SECRET);
        let error = client.package(id(999_999)).await.unwrap_err();
        let answer = client.package(id(24)).await.unwrap();
        [json!(error.request_id()), json!(answer.request_id)]
    });
    let errors = ["cancel_released", "show_unknown", "deploy_unknown", "deploy_101", "wrong_key"];
    let errors = errors.map(|call| referee.error(call)["request_id"].clone());
    let answers = ["show", "list"].map(|call| referee.answer(call)["x_request_id"].clone());
    let requests = referee.emulator.ledger().requests;
    for request_id in ours.into_iter().chain(errors).chain(answers) {
        assert!(
            requests.iter().any(|request| json!(request.request_id) == request_id),
            "{request_id}"
        );
    }
}

// What our client decoded, under the SDK's names.

fn package(ours: &Package) -> Value {
    json!({
        "package_id": ours.id.map(|id| id.to_string()),
        "package_name": ours.name,
        "deploy_status": ours.status.map(|status| status.code()),
        "apply_timestamp": ours.applied_at.map(|time| time.as_millis()),
        "apply_user_id": of(&ours.applicant, |user| &user.id),
        "apply_user_name": of(&ours.applicant, |user| &user.name),
        "deploy_timestamp": ours.deployed_at.map(|time| time.as_millis()),
        "deploy_user_id": of(&ours.deployer, |user| &user.id),
        "deploy_user_name": of(&ours.deployer, |user| &user.name),
        "package_approvers": ours.reviewers.iter().map(user).collect::<Vec<_>>(),
        "delete_flag": ours.deleted.map(i64::from),
        "workspace_id": ours.workspace_id,
        "project_id": ours.project_ref,
    })
}

fn of(user: &Option<User>, part: fn(&User) -> &Option<String>) -> Value {
    json!(user.as_ref().map(part))
}

fn user(ours: &User) -> Value {
    json!({ "user_id": ours.id, "user_name": ours.name })
}

fn task(ours: &Task) -> Value {
    json!({
        "pending_item_id": ours.id,
        "item_name": ours.name,
        "task_type": ours.kind.map(|kind| kind.code()),
        "update_type": ours.change.map(|change| change.code()),
        "deploy_status": ours.status.map(|status| status.code()),
        "start_job_status": ours.start_status.map(|status| status.code()),
        "pending_version": ours.pending_version,
        "deployed_version": ours.deployed_version,
        "task_id": ours.job_id,
        "script_id": ours.script_id,
        "submit_timestamp": ours.submitted_at.map(|time| time.as_millis()),
        "submit_user_id": of(&ours.submitter, |user| &user.id),
        "submit_user_name": of(&ours.submitter, |user| &user.name),
    })
}

fn system_task(ours: &SystemTask) -> Value {
    json!({
        "id": ours.id,
        "name": ours.name,
        "status": ours.status.as_ref().map(|status| status.word()),
        "message": ours.message,
        "start_time": ours.started_at.map(|time| time.as_millis()),
        "end_time": ours.ended_at.map(|time| time.as_millis()),
        "last_update": ours.updated_at.map(|time| time.as_millis()),
        "subtasks": ours.subtasks.iter().map(subtask).collect::<Vec<_>>(),
    })
}

fn subtask(ours: &Subtask) -> Value {
    json!({
        "id": ours.id,
        "name": ours.name,
        "status": ours.status.as_ref().map(|status| status.word()),
        "message": ours.message,
        "last_update": ours.updated_at.map(|time| time.as_millis()),
    })
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
