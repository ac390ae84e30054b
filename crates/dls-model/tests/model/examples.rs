//! The documents' own examples, and one answer with every documented member: what we write is what they
//! print, and what they print is read whole. The data names its sources.
use crate::support::{decode, id, ids, scope};
use dls_model::*;
use http::{Method, StatusCode};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

#[derive(Deserialize)]
struct Data {
    examples: Vec<Example>,
    complete: Vec<Complete>,
}

#[derive(Deserialize)]
struct Example {
    operation: String,
    method: String,
    path: String,
    request: Value,
    answer: Reply,
    failure: Reply,
}

#[derive(Deserialize)]
struct Reply {
    status: u16,
    body: Value,
}

impl Reply {
    fn bytes(&self) -> Vec<u8> {
        if self.body.is_null() { Vec::new() } else { serde_json::to_vec(&self.body).unwrap() }
    }
}

#[derive(Deserialize)]
struct Complete {
    operation: String,
    request: Option<Value>,
    answer: Option<Value>,
}

fn data() -> Data {
    serde_json::from_str(include_str!("../data/examples.json")).unwrap()
}

/// The examples of one operation; each is held against `request`.
fn examples<O: Operation>(request: &O) -> Vec<Example> {
    let mut examples = data().examples;
    examples.retain(|example| example.operation == O::NAME);
    assert!(!examples.is_empty());
    for example in &examples {
        let encoded = request.encode(&scope()).unwrap();
        assert_eq!(encoded.method(), example.method.as_str());
        assert_eq!(encoded.uri(), example.path.as_str());
        assert_eq!(encoded.headers()["workspace"], "default");
        if example.request.is_null() {
            assert!(encoded.body().is_empty());
            assert!(!encoded.headers().contains_key("content-type"));
        } else {
            let body: Value = serde_json::from_slice(encoded.body()).unwrap();
            assert_eq!(body, example.request);
            assert_eq!(encoded.headers()["content-type"], "application/json;charset=UTF-8");
        }
    }
    examples
}

/// Decodes the failure of an example and holds it against the documented pair.
fn assert_fails<O: Operation<Answer: std::fmt::Debug>>(example: &Example, meant: Meaning) {
    let error = decode::<O>(example.failure.status, example.failure.bytes()).unwrap_err();
    let error = error.service().unwrap();
    assert_eq!(error.status(), StatusCode::BAD_REQUEST);
    assert_eq!(error.code().unwrap().as_str(), example.failure.body["error_code"]);
    assert_eq!(error.message(), example.failure.body["error_msg"]);
    assert_eq!(error.meaning(), meant);
}

fn time(millis: i64) -> Option<Timestamp> {
    Timestamp::from_millis(millis)
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn deploy_is_what_the_page_prints() {
    let mut options = DeployOptions::from(JobStart::Later);
    options.publish_type = Some(PublishType::Asynchronous);
    let request = Deploy::new(ids([23]), options);
    let examples = examples(&request);
    let [example] = &examples[..] else { panic!("one example") };
    assert_eq!(Deploy::METHOD, Method::POST);

    let answer = decode::<Deploy>(example.answer.status, example.answer.bytes()).unwrap();
    let mut detail = DeployDetail::default();
    detail.package_id = Some(id(23));
    detail.task_id = some("ff8080818c81c8ab018c8b43f85d0008");
    detail.subtask_count = Some(1);
    assert_eq!(answer.details.as_deref(), Some(&[detail.clone()][..]));
    assert_eq!(answer.detail(id(23)), Some(&detail));
    assert!(answer.names(id(23)) && !answer.names(id(24)));
    assert_fails::<Deploy>(example, Meaning::NotFound);
}

/// Package 23 of the examples, as it was submitted.
fn package_23() -> Package {
    let mut package = Package::default();
    package.id = Some(id(23));
    package.name = some("job_0948_20250513112100");
    package.status = Some(Status::ToBeReviewed);
    package.applied_at = time(1_747_106_000_000);
    package.applicant = Some(User::new("f8ccc2ff3c7748e8a7bfede38ae1cffa", "dev_user"));
    package.reviewers = vec![User::new("7b71e498e75d44048c9a22dd3c54f978", "admin_user")];
    package.deleted = Some(false);
    package.workspace_id = some("d1cd7861478748a6925bc02f47c69279");
    package.project_ref =
        some("b384b9e9ab9b4ee8994c8633aabc9505-workspace-d1cd7861478748a6925bc02f47c69279");
    package
}

#[test]
fn list_is_what_the_tables_say() {
    let request = ListPackages::new()
        .with_name_part("job")
        .with_statuses([Status::ToBeReviewed, Status::BeingReleased])
        .with_direction(SortDirection::Descending)
        .with_order_column("apply_timestamp")
        .with_limit(10)
        .with_offset(0);
    let examples = examples(&request);
    let [example] = &examples[..] else { panic!("one example") };

    let page = decode::<ListPackages>(example.answer.status, example.answer.bytes()).unwrap();
    assert_eq!(page.packages, [package_23()]);
    assert_eq!(page.total, Some(1));
    assert_fails::<ListPackages>(example, Meaning::InvalidRequest);
}

#[test]
fn show_is_what_the_tables_say() {
    let examples = examples(&ShowPackage::new(id(23)));
    let [example] = &examples[..] else { panic!("one example") };

    let detail = decode::<ShowPackage>(example.answer.status, example.answer.bytes()).unwrap();
    let mut package = package_23();
    package.status = Some(Status::Successful);
    package.deployed_at = time(1_747_107_000_000);
    package.deployer = Some(User::new("7b71e498e75d44048c9a22dd3c54f978", "admin_user"));
    assert_eq!(detail.package, package);

    let mut task = Task::default();
    task.id = some("26");
    task.name = some("job_0948");
    task.kind = Some(TaskKind::Job);
    task.change = Some(Change::Modify);
    task.status = Some(Status::Successful);
    task.start_status = Some(StartStatus::Started);
    (task.pending_version, task.deployed_version) = (Some(3), Some(3));
    (task.job_id, task.script_id) = (some("868641"), some(""));
    task.submitted_at = time(1_747_105_900_000);
    task.submitter = Some(User::new("f8ccc2ff3c7748e8a7bfede38ae1cffa", "dev_user"));
    assert_eq!(detail.tasks, [task]);
    assert_fails::<ShowPackage>(example, Meaning::NotFound);
}

#[test]
fn revoke_is_what_the_pages_print() {
    let examples = examples(&Revoke::new(ids([12, 13])));
    let [released, unknown] = &examples[..] else { panic!("two examples") };
    for example in &examples {
        let answer = decode::<Revoke>(example.answer.status, example.answer.bytes()).unwrap();
        assert_eq!(answer, Revoked::default());
    }
    assert_fails::<Revoke>(released, Meaning::AlreadyReleased);
    assert_fails::<Revoke>(unknown, Meaning::NotFound);
}

#[test]
fn system_task_is_what_the_page_prints() {
    let request = ShowSystemTask::new("008aae2e67abe2ff0167abe3a28f0000".parse().unwrap());
    let examples = examples(&request);
    let [example] = &examples[..] else { panic!("one example") };
    assert_eq!(ShowSystemTask::HOST, HostFamily::V1);

    let answer = decode::<ShowSystemTask>(example.answer.status, example.answer.bytes()).unwrap();
    let mut expected = SystemTask::default();
    expected.id = some("008aae2e67abe2ff0167abe3a28f0000");
    expected.name = some("Import the job from obs://aaaaa/job_batch.zip.");
    expected.status = Some(SystemTaskStatus::Successful);
    expected.started_at = time(1_544_777_081_000);
    expected.ended_at = time(1_544_777_083_000);
    expected.updated_at = time(1_544_777_083_000);
    expected.project_id = some(crate::support::PROJECT);
    let mut subtask = Subtask::default();
    subtask.id = some("008aae2e67abe2ff0167abe3a7e70002");
    subtask.name = some("Import the job_batch job.");
    subtask.status = Some(SystemTaskStatus::Successful);
    subtask.updated_at = time(1_544_777_083_000);
    subtask.task_id = some("008aae2e675d3bcb01675d40ab3f0005");
    expected.subtasks = vec![subtask];
    assert_eq!(answer, expected);
    assert_fails::<ShowSystemTask>(example, Meaning::NotFound);
}

/// What comes back when a JSON text is read as `T` and written again.
fn through<T: DeserializeOwned + Serialize>(json: &Value) -> Value {
    serde_json::to_value(serde_json::from_str::<T>(&json.to_string()).unwrap()).unwrap()
}

#[test]
fn no_documented_member_is_lost() {
    for complete in data().complete {
        let operation = complete.operation.as_str();
        if let Some(request) = complete.request {
            let again = match operation {
                Deploy::NAME => through::<Deploy>(&request),
                ListPackages::NAME => through::<ListPackages>(&request),
                Revoke::NAME => through::<Revoke>(&request),
                other => panic!("{other} has no body"),
            };
            assert_eq!(again, request, "request of {operation}");
        }
        if let Some(answer) = complete.answer {
            let again = match operation {
                Deploy::NAME => through::<DeployAnswer>(&answer),
                ListPackages::NAME => through::<PackagePage>(&answer),
                ShowPackage::NAME => through::<PackageDetail>(&answer),
                ShowSystemTask::NAME => through::<SystemTask>(&answer),
                other => panic!("{other} has no body"),
            };
            assert_eq!(again, answer, "answer of {operation}");
        }
    }
}
