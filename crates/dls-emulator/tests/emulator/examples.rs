//! The referee: requests and answers as the vendor's pages and the official SDK have them.

use dls_emulator::Seed;
use http::Request;
use serde_json::{Value, json};

use crate::support::*;

/// The state that the examples speak of.
const STATE: &str = r#"
project = "b384b9e9ab9b4ee8994c8633aabc9505"
workspaces = [{ id = "default" }, { id = "d1cd7861478748a6925bc02f47c69279" }]

[[users]]
name = "admin_user"
id = "7b71e498e75d44048c9a22dd3c54f978"
role = "admin"

[[users]]
name = "dev_user"
id = "f8ccc2ff3c7748e8a7bfede38ae1cffa"
role = "developer"

[[access_keys]]
access = "AKIDEXAMPLE"
secret = "example-secret-key"
user = "admin_user"

[[packages]]
id = 23
workspace = "d1cd7861478748a6925bc02f47c69279"
name = "job_0948_20250513112100"
applicant = "dev_user"
applied_at = 2025-05-13T03:13:20Z
reviewers = ["admin_user"]
tasks = [
    { id = 26, kind = "job", name = "job_0948", change = "modify", object_id = "868641", pending_version = 3, deployed_version = 2, submitted_at = 2025-05-13T03:11:40Z },
]

[[packages]]
id = 12
workspace = "d1cd7861478748a6925bc02f47c69279"
name = "a"
applicant = "dev_user"
applied_at = 2025-05-01T00:00:00Z

[[packages]]
id = 13
workspace = "d1cd7861478748a6925bc02f47c69279"
name = "b"
applicant = "dev_user"
applied_at = 2025-05-01T00:00:00Z
"#;

const RELEASE: &str =
    "release = { by = \"admin_user\", at = 2025-05-13T03:30:00Z, outcome = \"successful\" }\n";

fn world(released: bool) -> World {
    let state = match released {
        true => STATE.replacen("tasks = [", &format!("{RELEASE}tasks = ["), 1),
        false => STATE.to_owned(),
    };
    World::of(builder().seed(Seed::from_toml(&state).unwrap()))
}

/// The first example of an operation.
struct Example {
    request: Value,
    response: (u16, Value),
    failure: (u16, Value),
}

fn example(id: &str) -> Example {
    let all: Value = serde_json::from_str(include_str!("../data/examples.json")).unwrap();
    let operations = all["operations"].as_array().unwrap();
    let operation = operations.iter().find(|operation| operation["id"] == id).unwrap();
    let example = &operation["examples"][0];
    let response = |part: &Value| {
        let status = part["status"].as_u64().unwrap();
        (u16::try_from(status).unwrap(), part["body"].clone())
    };
    Example {
        request: example["request"].clone(),
        response: response(&example["response"]),
        failure: response(&example["failure"]),
    }
}

/// Status and body of the response to a request to the workspace of the examples.
fn response(world: &mut World, ask: Ask) -> (u16, Value) {
    let received = world.ask(ask.with("workspace", OTHER_WORKSPACE));
    (received.status, received.body)
}

/// The members of an object, and of what is in it, with the type of each.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), shape(value))).collect()
        }
        Value::Array(rows) => rows.iter().take(1).map(shape).collect(),
        Value::String(_) => json!("text"),
        Value::Number(_) => json!("number"),
        Value::Bool(_) | Value::Null => value.clone(),
    }
}

#[test]
fn the_example_of_deploy_is_answered_in_its_shape() {
    let example = example("deploy");
    let mut world = world(false);
    let unknown = post(packages("/deploy"), &json!({"package_ids": ["999"]}));
    assert_eq!(response(&mut world, unknown), example.failure);

    let ours = response(&mut world, post(packages("/deploy"), &example.request));
    assert_eq!((ours.0, shape(&ours.1)), (example.response.0, shape(&example.response.1)));
    let [ours, theirs] = [&ours, &example.response].map(|it| &it.1["deploy_package_details"][0]);
    assert_eq!(ours["package_id"], theirs["package_id"]);
    assert_eq!(ours["asy_subtask_num"], theirs["asy_subtask_num"]);
    let length = |row: &Value| row["asy_task_id"].as_str().unwrap().len();
    assert_eq!(length(ours), length(theirs));
}

#[test]
fn the_examples_of_list_and_show_are_answered_to_the_letter() {
    let of_list = example("list");
    assert_eq!(response(&mut world(false), list(of_list.request)), of_list.response);
    assert_eq!(response(&mut world(false), list(json!({"limit": -1}))), of_list.failure);

    let of_show = example("show");
    assert_eq!(response(&mut world(true), show("23")), of_show.response);
    assert_eq!(response(&mut world(true), show("999")), of_show.failure);
}

#[test]
fn the_example_of_revoke_is_answered_with_nothing() {
    let example = example("cancel");
    let ask = post(packages("/unpack"), &example.request).with("workspace", OTHER_WORKSPACE);
    let received = world(false).ask(ask);
    assert!(received.response.body().is_empty());
    assert_eq!((received.status, received.body), example.response);
    assert_eq!(response(&mut world(true), revoke(&["23"])), example.failure);
}

#[test]
fn a_system_task_is_answered_in_the_shape_of_its_example() {
    let example = example("show_system_task");
    let mut world = world(false);
    let (_, deployed) = response(&mut world, deploy(&["23"]));
    let id = deployed["deploy_package_details"][0]["asy_task_id"].as_str().unwrap();
    world.pass(2000);
    let ours = response(&mut world, system_task(id));
    assert_eq!((ours.0, shape(&ours.1)), (example.response.0, shape(&example.response.1)));
    assert_eq!(ours.1["status"], example.response.1["status"]);

    let unknown = system_task("008aae2e67abe2ff0167abe3a28f0000");
    assert_eq!(response(&mut world, unknown), example.failure);
}

#[test]
fn requests_that_the_official_signer_signed_are_accepted() {
    let all: Value = serde_json::from_str(include_str!("../data/signed-requests.json")).unwrap();
    let requests = all["requests"].as_array().unwrap();
    assert_eq!(requests.len(), 6);
    for row in requests {
        let text = |name: &str| row[name].as_str().unwrap().to_owned();
        let mut request = Request::builder().method(text("method").as_str()).uri(text("uri"));
        for header in row["headers"].as_array().unwrap() {
            request = request.header(header[0].as_str().unwrap(), header[1].as_str().unwrap());
        }
        let request = request.body(text("body").into_bytes()).unwrap();
        let mut world = world(false);
        // 2024-04-29T08:15:30Z, which they are signed for.
        world.now = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_714_378_530);
        let seen = world.send(&request);
        // In two of them the workspace is `default`, which has no packages here; the task is nobody's.
        let expected = match text("note").as_str() {
            "deploy" | "cancel" | "list packages" | "list packages, body {}" => (200, ""),
            "deploy without workspace" => (400, "DLF.0810"),
            "system task on the V1 host" => (400, "DLF.20810"),
            other => panic!("{other}"),
        };
        assert_eq!((seen.status, seen.code()), expected, "{}: {}", row["note"], seen.body);
        assert_eq!(world.ledger().requests[0].user.as_deref(), Some("admin_user"));
    }
}
